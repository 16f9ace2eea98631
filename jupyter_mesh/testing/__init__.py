"""Tests for any site and any client, shipped: the contracts, sites to run them on, and traps.

Import what you need from ``jupyter_mesh.testing.site``, ``.client``, ``.contents`` and ``.traps``. Needs
pytest with anyio, and the ``node`` extra where a node is started.
"""
