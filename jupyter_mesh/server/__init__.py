"""The Jupyter Server extension: wires the site to REST and pages. Nothing here knows gRPC."""
