"""``jupyter mesh completion SHELL``: the Tab key for verbs, options and paths of the mesh.

A script asks this verb again for each Tab. Whatever goes wrong then, nothing is offered and nothing is said.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Sequence

    from click.shell_completion import CompletionItem

BASH = r"""# jupyter mesh: completion for bash
_jupyter_mesh() {
    local kind value folders=1
    compopt +o default +o bashdefault 2>/dev/null
    COMPREPLY=()
    while IFS=$'\t' read -r kind value; do
        if [[ $kind == file ]]; then
            while IFS= read -r value; do COMPREPLY+=("$value"); done < <(compgen -f -- "$value")
        else
            COMPREPLY+=("$value")
            [[ $value == */ ]] || folders=0
        fi
    done < <(jupyter-mesh completion bash "--answer=$COMP_WORDBREAKS" "--answer=${COMP_LINE:0:COMP_POINT}" 2>/dev/null)
    compopt -o filenames 2>/dev/null
    [[ ${#COMPREPLY[@]} == 1 && $folders == 1 ]] && compopt -o nospace 2>/dev/null
    return 0
}
_jupyter_mesh_or_other() {
    if [[ ${COMP_WORDS[1]} == mesh && $COMP_CWORD -gt 1 ]]; then
        _jupyter_mesh
    elif [[ -n $_jupyter_mesh_other ]]; then
        "$_jupyter_mesh_other" "$@"
    fi
}
_jupyter_mesh_other=$(complete -p jupyter 2>/dev/null | sed -n 's/.* -F \([^ ]*\) .*/\1/p')
[[ $_jupyter_mesh_other == _jupyter_mesh_or_other ]] && _jupyter_mesh_other=
complete -o nosort -F _jupyter_mesh jupyter-mesh
complete -o nosort -o bashdefault -o default -F _jupyter_mesh_or_other jupyter
"""

ZSH = r"""#compdef jupyter-mesh
# jupyter mesh: completion for zsh
_jupyter_mesh() {
    local kind value
    local -a asked folders others
    asked=("${(@Q)words[1,CURRENT]}")
    while IFS=$'\t' read -r kind value; do
        case $kind:$value in
            file:*) _files ;;
            */) folders+=("$value") ;;
            *) others+=("$value") ;;
        esac
    done < <(jupyter-mesh completion zsh "--answer=${(@)^asked}" 2>/dev/null)
    compadd -S '' -- "${folders[@]}"
    compadd -- "${others[@]}"
}
_jupyter_mesh_or_other() {
    if [[ ${words[2]} == mesh && $CURRENT -gt 2 ]]; then
        _jupyter_mesh
    elif [[ -n $_jupyter_mesh_other ]]; then
        $_jupyter_mesh_other "$@"
    else
        _default
    fi
}
if [[ ${_comps[jupyter]} != _jupyter_mesh_or_other ]]; then
    _jupyter_mesh_other=${_comps[jupyter]}
fi
compdef _jupyter_mesh jupyter-mesh
compdef _jupyter_mesh_or_other jupyter
"""

FISH = r"""# jupyter mesh: completion for fish
function __jupyter_mesh
    set -l asked (commandline -opc) (commandline -ct | string unescape)
    test (count $asked) -gt (count (commandline -opc)); or set -a asked ''
    for line in (jupyter-mesh completion fish --answer=$asked 2>/dev/null)
        set -l parts (string split -m 1 \t -- $line)
        if test $parts[1] = file
            __fish_complete_path $parts[2]
        else
            echo $parts[2]
        end
    end
end
complete -c jupyter-mesh -f -a '(__jupyter_mesh)'
complete -c jupyter -n 'set -l words (commandline -opc); test "$words[2]" = mesh' -f -a '(__jupyter_mesh)'
"""

SCRIPTS = {"bash": BASH, "zsh": ZSH, "fish": FISH}


@click.command
@click.argument("shell", type=click.Choice(list(SCRIPTS)))
@click.option("--answer", "asked", multiple=True, hidden=True)
def completion(shell: str, asked: tuple[str, ...]) -> None:
    """Print the script that makes a shell complete verbs, options and paths of the mesh.

    Paths are asked of the site, for two seconds at most, and remembered for twenty. Where a site does not answer or
    there is no login, nothing is offered and nothing is said.

    \b
    For every new shell, add a line:
      bash  eval "$(jupyter-mesh completion bash)"      to ~/.bashrc
      zsh   eval "$(jupyter-mesh completion zsh)"       to ~/.zshrc, after compinit
      fish  jupyter-mesh completion fish | source       to ~/.config/fish/config.fish

    \b
    Examples:
      jupyter mesh completion bash
    """
    if not asked:
        print(SCRIPTS[shell], end="")
        return
    # Nobody looks at what a Tab key says: a line of an error would stand in the middle of a command.
    with suppress(Exception):
        _answer(shell, asked)


def _answer(shell: str, asked: Sequence[str]) -> None:
    cut = 0
    words = list(asked)
    if shell == "bash":
        words, cut = split_line(asked[1], breaks=asked[0])
    typed = words[-1]
    program = 2 if words[0].rpartition("/")[2] == "jupyter" else 1
    for item in _completions(words[program:-1], typed):
        # Of a local file the shell needs all that was typed.
        value = str(item.value) if item.type == "file" else str(item.value)[cut:]
        print(f"{item.type}\t{value}")


def _completions(words: list[str], typed: str) -> list[CompletionItem]:
    from click.shell_completion import ShellComplete

    from jupyter_mesh.cli import PROGRAM, program

    found = ShellComplete(program, {}, PROGRAM, "").get_completions(words, typed)
    return [item for item in found if str(item.value).isprintable()]


def split_line(line: str, breaks: str) -> tuple[list[str], int]:
    """The words of a half-typed bash line without their quotes; the last is the one the cursor is in, perhaps "".

    Beside them, how much of the last word readline keeps: all up to a character of ``breaks`` without quotes,
    such as the colon in ``cs3://``.
    """
    words: list[str] = []
    word, cut, quote, escaped, begun = "", 0, "", False, False
    for character in line:
        if escaped:
            word, escaped = word + character, False
        elif quote:
            if character == quote:
                quote = ""
            elif character == "\\" and quote == '"':
                escaped = True
            else:
                word += character
        elif character.isspace():
            if begun:
                words.append(word)
            word, cut, begun = "", 0, False
            continue
        elif character in "'\"":
            quote = character
        elif character == "\\":
            escaped = True
        else:
            word += character
            if character in breaks:
                cut = len(word)
        begun = True
    return [*words, word], cut
