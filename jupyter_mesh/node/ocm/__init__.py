"""The node among its peers: Open Cloud Mesh 1.4 over HTTP (``facts/ocm.md``, ``facts/ocm-wire.md``).

``Federation`` (``federation.py``) holds the parts together; ``site.federation`` is the one of a running node.
"""
