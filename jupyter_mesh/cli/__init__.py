"""``jupyter mesh <verb>``: what the mesh can do, in a terminal.

Each verb is a click command in a module of this room, and is imported when it runs: ``jupyter mesh --help``
loads none of them. A command returns None or an exit code. What it raises is told here, in one place.
"""

from __future__ import annotations

import importlib
import io
import logging
import os
import sys
from typing import TYPE_CHECKING, Any, NamedTuple

import click
import click.shell_completion

from jupyter_mesh._version import __version__
from jupyter_mesh.errors import MeshError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["ALIASES", "SECTIONS", "main", "program"]

log = logging.getLogger(__name__)

PROGRAM = "jupyter mesh"


class Verb(NamedTuple):
    """Where a verb is: ``module:command`` below this package, and its line in the help."""

    place: str
    help: str


SECTIONS: dict[str, dict[str, Verb]] = {
    "Files": {
        "ls": Verb("listing:ls", "List folders."),
        "tree": Verb("listing:tree", "Show a folder with all that is below it."),
        "stat": Verb("listing:stat", "Tell all that the site tells of files and folders."),
        "cat": Verb("cat:cat", "Write files to standard output."),
        "get": Verb("files:get", "Copy files from the mesh to here."),
        "put": Verb("files:put", "Copy local files to the mesh."),
        "cp": Verb("files:cp", "Copy files, to and from here or within the mesh."),
        "sync": Verb("files:sync", "Make one folder what another one is."),
        "mv": Verb("moving:mv", "Move or rename files and folders."),
        "rm": Verb("moving:rm", "Move files and folders to the bin."),
        "mkdir": Verb("moving:mkdir", "Make folders."),
    },
    "Earlier contents": {
        "versions": Verb("past:versions", "List the earlier contents of a file."),
        "restore": Verb("past:restore", "Make an earlier version the content again."),
        "bin": Verb("past:bin", "See what was deleted, put it back, delete it for ever."),
    },
    "Around files": {
        "quota": Verb("notes:quota", "Tell the room that is left."),
        "tag": Verb("notes:tag", "List, add and remove tags."),
        "open": Verb("notes:open_link", "Print the link that opens a place in JupyterLab."),
        "transfers": Verb("transfers:transfers", "See, cancel and retry what is moved."),
    },
    "Sharing": {
        "share": Verb("sharing:share", "Share with people, groups and other institutions."),
        "unshare": Verb("sharing:unshare", "Stop sharing."),
        "shares": Verb("sharing:shares", "See what is shared; accept or decline it."),
        "link": Verb("links:link", "Make, list, change and end public links."),
        "invite": Verb("contacts:invite", "Invite somebody at another institution."),
        "accept": Verb("contacts:accept", "Accept an invitation."),
        "contacts": Verb("contacts:contacts", "See and remove people at other institutions."),
        "project": Verb("projects:project", "Folders with members at several institutions."),
    },
    "Notebooks": {
        "run": Verb("run:run", "Run a notebook with parameters, without a browser."),
    },
    "Mount": {
        "mount": Verb("mount:mount", "Mount your files on a folder, or tell how mounts are."),
        "unmount": Verb("mount:unmount", "Upload what waits, and unmount."),
    },
    "Sites and logins": {
        "login": Verb("login:login", "Sign in to a site and keep the login."),
        "logout": Verb("login:logout", "Sign out: revoke the login and delete it here."),
        "whoami": Verb("sites:whoami", "Tell who you are at a site."),
        "sites": Verb("sites:sites", "List the sites that are known here, or all of the mesh."),
    },
    "Set-ups": {
        "doctor": Verb("doctor:doctor", "Check a set-up and say what to do."),
        "place": Verb("place:place", "Tell where a server would run, and why."),
        "demo": Verb("demo:demo", "Two sites with a JupyterHub each on this machine."),
        "node": Verb("node:node", "Run a site of your own in one process."),
        "completion": Verb("completion:completion", "Print the script that completes commands."),
    },
}
"""All verbs, in the order of the help. To add one: a command in a module of this room, and its line here."""

ALIASES: dict[str, tuple[str, ...]] = {
    "share-create": ("share",),
    "share-list": ("shares", "by-me"),
    "share-list-received": ("shares", "received"),
    "share-remove": ("unshare",),
    "public-share-create": ("link", "create"),
    "public-share-list": ("link", "list"),
    "public-share-remove": ("link", "remove"),
    "ocm-invite-generate": ("invite",),
    "ocm-invite-forward": ("accept",),
    "ocm-find-accepted-users": ("contacts", "list"),
    "ocm-remove-accepted-user": ("contacts", "remove"),
    "ocm-share-create": ("share",),
    "ocm-share-list": ("shares", "by-me"),
    "ocm-share-list-received": ("shares", "received"),
    "ocm-share-remove": ("unshare",),
}
"""The words of Reva's own program for the same, for fingers that know them. Options are those of ours."""

CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


class Verbs(click.Group):
    """A group whose commands are imported when they are needed; their lines in the help stand in SECTIONS."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All verbs, as the help shows them."""
        return [name for verbs in SECTIONS.values() for name in verbs]

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """Import the module of a verb, or of what an alias stands for, and return its command."""
        name, *rest = ALIASES.get(name, (name,))
        for verbs in SECTIONS.values():
            if name in verbs:
                module, _, command = verbs[name].place.partition(":")
                found = getattr(importlib.import_module(f"{__name__}.{module}"), command)
                for word in rest:
                    found = found.commands[word]
                assert isinstance(found, click.Command)  # noqa: S101  the tables above say so
                return found
        return None

    def shell_complete(
        self, ctx: click.Context, incomplete: str
    ) -> list[click.shell_completion.CompletionItem]:
        """The verbs that begin so, without importing any, or the options."""
        if incomplete.startswith("-"):
            return super().shell_complete(ctx, incomplete)
        item = click.shell_completion.CompletionItem
        return [item(name) for name in self.list_commands(ctx) if name.startswith(incomplete)]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the verbs by section, without importing any."""
        for section, verbs in SECTIONS.items():
            with formatter.section(section):
                formatter.write_dl([(name, verb.help) for name, verb in verbs.items()])


@click.command(cls=Verbs, context_settings=CONTEXT, subcommand_metavar="VERB …")
@click.version_option(__version__, message="jupyter-mesh %(version)s")
@click.option("--debug", is_flag=True, help="Tell what happens, with the cause of an error.")
def program(debug: bool) -> None:
    """Notebooks that run where the data lives: the files of the science mesh, in a terminal.

    "jupyter mesh VERB --help" tells all about a verb.
    """
    from jupyter_mesh.auth import RedactingFilter

    logging.basicConfig(
        level=logging.DEBUG if debug else logging.WARNING,
        format="%(asctime)s %(levelname).1s %(name)s: %(message)s",
    )
    for handler in logging.getLogger().handlers:
        # Programs that call main() again and again must not pay for one more each time.
        if not any(isinstance(each, RedactingFilter) for each in handler.filters):
            handler.addFilter(RedactingFilter())


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb and return the exit code: 0 done, 1 refused or failed, 2 wrong usage, 130 stopped by Ctrl-C."""
    words = list(sys.argv[1:] if argv is None else argv)
    verb = next((word for word in words if not word.startswith("-")), "")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # Names of local files need not be text, and not every terminal has all characters.
            stream.reconfigure(errors="backslashreplace")
    try:
        code = _run(words)
        sys.stdout.flush()
        return code
    except MeshError as error:
        log.debug("The cause, for whoever asked with --debug:", exc_info=True)
        _complain(verb, error)
        return 1
    except ModuleNotFoundError as error:
        log.debug("The cause, for whoever asked with --debug:", exc_info=True)
        _complain(
            verb,
            f'The package "{error.name}" is missing. '
            'Install what this verb needs: pip install "jupyter-mesh[lab,node]"',
        )
        return 1
    except (KeyboardInterrupt, click.Abort):
        return 130
    except BrokenPipeError:
        # `jupyter mesh ls | head`: the reader has enough. Python would complain at exit, flushing stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _complain(verb: str, message: object) -> None:
    from jupyter_mesh.cli.terminal import complain

    complain(verb, message)


def _run(words: list[str]) -> int:
    # What click's own main does, without its words about Ctrl-C and its way to end the process.
    try:
        with program.make_context(PROGRAM, words) as context:
            code: Any = program.invoke(context)
            return code or 0
    except click.exceptions.Exit as done:
        return done.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
