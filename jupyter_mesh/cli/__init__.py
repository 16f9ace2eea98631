"""``jupyter mesh <verb>``: what the mesh can do, in a terminal.

Each verb is a module with ``add_parser(verbs)``; the parser it adds carries ``func(args) -> int``. Whatever is
heavy (grpc, jupyter) is imported inside ``func``, so that ``jupyter mesh --help`` answers at once.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
from typing import TYPE_CHECKING

from jupyter_mesh._version import __version__
from jupyter_mesh.auth import RedactingFilter
from jupyter_mesh.errors import MeshError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main"]

log = logging.getLogger(__name__)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb and return the exit code: 0 done, 1 refused or failed, 2 wrong usage, 130 stopped by Ctrl-C."""
    args = _parser().parse_args(argv)
    logging.basicConfig(
        level=logging.DEBUG if args.debug else logging.WARNING,
        format="%(asctime)s %(levelname).1s %(name)s: %(message)s",
    )
    for handler in logging.getLogger().handlers:
        handler.addFilter(RedactingFilter())
    try:
        return int(args.func(args))
    except MeshError as error:
        log.debug("The cause, for whoever asked with --debug:", exc_info=True)
        print(f"jupyter mesh {args.verb}: {error}", file=sys.stderr)
        return 1
    except ModuleNotFoundError as error:
        log.debug("The cause, for whoever asked with --debug:", exc_info=True)
        print(
            f'jupyter mesh {args.verb}: The package "{error.name}" is missing. '
            'Install what this verb needs: pip install "jupyter-mesh[lab,node]"',
            file=sys.stderr,
        )
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # `jupyter mesh ls | head`: the reader has enough. Python would complain at exit, flushing stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _parser() -> argparse.ArgumentParser:
    from jupyter_mesh.cli import demo, doctor, files, login, node

    parser = argparse.ArgumentParser(
        prog="jupyter mesh",
        description="Notebooks that run where the data lives: the files of the science mesh in Jupyter.",
    )
    parser.add_argument("--version", action="version", version=f"jupyter-mesh {__version__}")
    parser.add_argument(
        "--debug", action="store_true", help="tell what happens, with the cause of an error"
    )
    verbs = parser.add_subparsers(dest="verb", metavar="<verb>", required=True)
    for module in (demo, node, doctor, login, files):
        module.add_parser(verbs)
    return parser
