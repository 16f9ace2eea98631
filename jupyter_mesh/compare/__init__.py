"""Two states of a file, side by side. The work is done in a process of its own: see ``process.py``."""
