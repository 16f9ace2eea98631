"""Documents <-> their JSON in Jupyter's contents API, for a process of its own. Imports nothing of the server."""
