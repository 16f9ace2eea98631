"""``python -m jupyter_mesh.cli``: the same program where the script is not on the PATH."""

import sys

from jupyter_mesh.cli import main

sys.exit(main())
