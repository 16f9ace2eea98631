"""Notebooks that run without a browser: papermill executes them, the result is saved beside them as it grows.

``run_notebook`` does one run in this process; ``python -m jupyter_mesh.batch`` does one that it is told on
standard input, for a server that must go on meanwhile. Needs the extra ``batch``.
"""

from jupyter_mesh.batch.run import Progress, Result, Task, run_notebook

__all__ = ["Progress", "Result", "Task", "run_notebook"]
