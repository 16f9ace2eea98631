FROM python:3.13-slim
RUN apt-get update && apt-get install -y --no-install-recommends npm && rm -rf /var/lib/apt/lists/* \
 && npm install -g configurable-http-proxy@5 \
 && pip install --no-cache-dir "jupyter-mesh-spawner[docker]"
COPY jupyterhub_config.py /etc/jupyterhub/
WORKDIR /srv/jupyterhub
CMD ["jupyterhub", "-f", "/etc/jupyterhub/jupyterhub_config.py"]
