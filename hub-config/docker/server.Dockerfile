# For servers, and for the containers that mount their files: these need fuse3 and rclone, which [mount] brings.
FROM python:3.13-slim
RUN apt-get update && apt-get install -y --no-install-recommends fuse3 git && rm -rf /var/lib/apt/lists/* \
 && pip install --no-cache-dir "jupyter-mesh[lab,mount]" jupyterhub \
 && useradd --uid 1000 --gid 100 --create-home --shell /bin/bash jovyan
USER 1000:100
WORKDIR /home/jovyan
CMD ["jupyterhub-singleuser"]
