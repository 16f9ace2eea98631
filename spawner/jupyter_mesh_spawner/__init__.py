"""The hub side of jupyter-mesh: spawners, logins, token hand-over."""
