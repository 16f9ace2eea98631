"""Our side of Open Cloud Mesh: what a site says to other sites over HTTP."""
