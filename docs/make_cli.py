"""Writes docs/cli.md from the commands. Run it after changing one: ``python docs/make_cli.py``."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from jupyter_mesh.cli import PROGRAM, SECTIONS, program

if TYPE_CHECKING:
    from collections.abc import Iterator

HEAD = """\
# Command line

Made by `python docs/make_cli.py`; change the help of a command, not this page.

`jupyter mesh VERB` and `jupyter-mesh VERB` are the same program. It comes with `pip install jupyter-mesh`; `jupyter mesh VERB --help`
tells what stands here.

## Addresses

| written | means |
|---|---|
| `home/data/a.csv`, `projects/lofar/…`, `shares/…` | a place at the default site |
| `cs3://alpine/home/data/a.csv` | a place at the site alpine; `%`-encoded, as every URL |
| `'home/data/*.csv'` | all that fit: `*`, `?` and `[…]` in any part; in quotes, or your shell takes it for local files |
| `-` | standard input or output, in `get` and `put` |
| everything else, where a local path may stand | a local path; write `./home` for a local folder named home |

The default site is that of the server you are in (`MESH_SITE`), else the default of those you have signed in to (`jupyter mesh login`).

## Conventions

- **Exit codes**: 0 done · 1 something failed, or was refused; one sentence on standard error says what · 2 wrong usage · 130 stopped by Ctrl-C.
  Of several paths, one that fails does not hold up the others.
- **`--json`** prints one JSON document and nothing else: sizes in bytes, times in ISO 8601, `null` for what the site does not tell.
  New keys may come; those listed here stay.
- **Terminals**: colours and progress bars only on a terminal, progress on standard error, no colours with `NO_COLOR`. Nobody is asked
  anything unless both standard input and standard error are a terminal. Names with control characters are shown as escapes.
- **Passwords** are never arguments: they are typed without echo, or read from standard input.
- **Nothing is lost**: what is replaced stays as a version, what is deleted goes to the bin, and a file has its name only once it is complete.

| variable | what |
|---|---|
| `MESH_SITE`, `MESH_GATEWAY`, `MESH_TOKEN_FILE`, `MESH_CA_FILE`, `MESH_DATA_HOSTS` | the site of this environment: see [Settings](settings.md) |
| `NO_COLOR` | any value: no colours |
| `XDG_CONFIG_HOME` | `~/.config`; below it `jupyter-mesh/`: `sites.toml` and the logins, readable by you alone |
| `XDG_STATE_HOME` | `~/.local/state`; below it `jupyter-mesh/`: transfers that can be resumed, mounts |
| `XDG_CACHE_HOME` | `~/.cache`; below it `jupyter-mesh/`: names for the completion, for a few seconds |
"""


def page() -> str:
    """The whole page."""
    context = click.Context(program, info_name=PROGRAM)
    parts = [HEAD]
    for section, verbs in SECTIONS.items():
        parts.append(f"## {section}\n")
        for name in verbs:
            command = cast("click.Command", program.get_command(context, name))
            parts.extend(_pages(command, click.Context(command, info_name=name, parent=context), 3))
    return "\n".join(parts)


def _pages(command: click.Command, context: click.Context, level: int) -> Iterator[str]:
    path = context.command_path
    yield f"{'#' * level} {path}\n"
    usage = " ".join(command.collect_usage_pieces(context))
    yield f"```text\n{path} {usage}\n```\n"
    yield _text(command.help or "")
    options = [
        record
        for parameter in command.get_params(context)
        if "--help" not in parameter.opts
        and (record := parameter.get_help_record(context)) is not None
        and record[1]
    ]
    if options:
        yield "| option | |\n|---|---|"
        for names, text in options:
            yield f"| `{_cell(names)}` | {_cell(text)} |"
        yield ""
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            part = cast("click.Command", command.get_command(context, name))
            yield from _pages(
                part, click.Context(part, info_name=name, parent=context), min(level + 1, 4)
            )


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _text(text: str) -> str:
    """The help of a command as Markdown: its blocks as code, the examples as what is typed."""
    parts = []
    for paragraph in re.split(r"\n\s*\n", inspect.cleandoc(text)):
        if not paragraph.startswith("\b"):
            parts.append(" ".join(paragraph.split()))
            continue
        title, _, block = paragraph.strip("\b\n").partition("\n")
        lines = "\n".join(line.removeprefix("  ") for line in block.splitlines())
        kind = "console" if title == "Examples:" else "text"
        if kind == "console":
            lines = re.sub("^(?=jupyter )", "$ ", lines, flags=re.MULTILINE)
        else:
            parts.append(title)
        parts.append(f"```{kind}\n{lines}\n```")
    return "\n\n".join(parts) + "\n"


if __name__ == "__main__":
    Path(__file__).with_name("cli.md").write_text(page())
