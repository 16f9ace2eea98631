"""The Tab key, in real shells."""

import asyncio
import json
import os
import shutil
import sys

import pytest

from jupyter_mesh.cli.completion import split_line

BREAKS = " \t\n\"'@><=;|&(:"
READY = "ready$"


@pytest.fixture(scope="module")
async def files(site):
    async with site.client() as mesh:
        for path in ("home/tab/results", "home/tab/My Data", "home/tab/year=2026"):
            await mesh.mkdir(path, parents=True)
        await mesh.upload("home/tab/readme.md", b"text of the readme\n")
        await mesh.upload("home/tab/results/inside.txt", b"x")
        await mesh.upload("home/tab/My Data/blank.txt", b"x")
        await mesh.upload("home/tab/evil\x1b[31m.txt", b"x")
        await mesh.upload("home/tab/year=2026/part.csv", b"x")
    return "home/tab"


@pytest.fixture
def environment(tmp_path):
    """Of a shell of somebody who is signed in, and has nothing of their own."""
    path = f"{os.path.dirname(sys.executable)}:{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "HOME": str(tmp_path), "TERM": "dumb", "PS1": READY}


@pytest.fixture
def ask(environment, run):
    """What is offered for a line of bash."""

    async def ask(line, breaks=BREAKS):
        code, out, error = await run("completion", "bash", f"--answer={breaks}", f"--answer={line}")
        assert (code, error) == (0, "")
        return [tuple(line.split("\t")) for line in out.splitlines()]

    return ask


@pytest.mark.parametrize(
    ("line", "words", "kept"),
    [
        pytest.param("jupyter mesh ls ho", ["jupyter", "mesh", "ls", "ho"], 0, id="plain"),
        pytest.param("jupyter-mesh ls ", ["jupyter-mesh", "ls", ""], 0, id="a new word"),
        pytest.param(r"x home/My\ Da", ["x", "home/My Da"], 0, id="escaped blank"),
        pytest.param("x 'home/My Da", ["x", "home/My Da"], 0, id="open quote"),
        pytest.param('x "a\\"b" c', ["x", 'a"b', "c"], 0, id="quote in quotes"),
        pytest.param("x cs3://alpine/h", ["x", "cs3://alpine/h"], 4, id="colon"),
        pytest.param("x 'cs3://alpine/h", ["x", "cs3://alpine/h"], 0, id="colon in quotes"),
        pytest.param("x home/year=20", ["x", "home/year=20"], 10, id="equals sign"),
        pytest.param(r"x home/year\=20", ["x", "home/year=20"], 0, id="escaped equals sign"),
        pytest.param("x ''", ["x", ""], 0, id="nothing in quotes"),
    ],
)
def test_a_half_typed_line_is_understood(line, words, kept):
    assert split_line(line, BREAKS) == (words, kept)


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        pytest.param("jupyter mesh vers", [("plain", "versions")], id="verb"),
        pytest.param("jupyter-mesh ls --js", [("plain", "--json")], id="option"),
        pytest.param("jupyter-mesh bin re", [("plain", "restore")], id="part of a verb"),
        pytest.param("jupyter-mesh ls pro", [("plain", "projects/")], id="area"),
        pytest.param("jupyter-mesh ls cs", [("plain", "cs3://alpine/")], id="site"),
        pytest.param("jupyter-mesh ls cs3://al", [("plain", "//alpine/")], id="site of a URL"),
        pytest.param("jupyter-mesh ls home/tab/re", None, id="path"),
        pytest.param(
            "jupyter-mesh ls cs3://alpine/home/tab/My",
            [("plain", "//alpine/home/tab/My%20Data/")],
            id="path of a URL",
        ),
        pytest.param("jupyter-mesh ls home/tab/evil", [], id="control characters"),
        pytest.param("jupyter-mesh ls home/nothing/x", [], id="no such folder"),
        pytest.param("jupyter-mesh ls nothing/x", [], id="no such area"),
        pytest.param("jupyter-mesh ls 'home/\0", [], id="no path at all"),
        pytest.param("jupyter-mesh nothing x", [], id="no such verb"),
    ],
)
async def test_what_is_offered(ask, files, signed_in, line, offered):
    if offered is None:
        offered = [("plain", "home/tab/readme.md"), ("plain", "home/tab/results/")]
    assert await ask(line) == offered


async def test_local_files_are_offered_by_the_shell(ask, files, signed_in):
    assert await ask("jupyter-mesh put home/tab/re") == [("file", "home/tab/re")]


async def test_names_are_remembered_for_a_while_and_for_their_owner(
    ask, files, signed_in, site, environment, monkeypatch, tmp_path
):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    first = await ask("jupyter-mesh ls home/tab/re")
    asked = site.calls["ListContainer"]
    assert await ask("jupyter-mesh ls home/tab/r") == first
    assert site.calls["ListContainer"] == asked
    (kept,) = (tmp_path / "cache" / "jupyter-mesh" / "completion").iterdir()
    assert kept.stat().st_mode & 0o777 == 0o600
    assert "readme.md" in json.loads(kept.read_text())
    os.utime(signed_in, ns=(0, 0))
    await ask("jupyter-mesh ls home/tab/re")
    assert site.calls["ListContainer"] == asked + 1


async def test_without_a_site_or_a_login_nothing_is_said(ask, signed_in, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("MESH_GATEWAY", "127.0.0.1:1")
    assert await ask("jupyter-mesh ls home/") == []
    signed_in.unlink()
    assert await ask("jupyter-mesh ls home/") == []
    for name in ("MESH_SITE", "MESH_GATEWAY", "MESH_TOKEN_FILE"):
        monkeypatch.delenv(name)
    assert await ask("jupyter-mesh ls home/") == []


SHELLS = {
    "bash": (["bash", "--norc", "--noprofile", "-i"], 'eval "$(jupyter-mesh completion bash)"'),
    "zsh": (
        ["zsh", "-f", "-i"],
        'PROMPT="$PS1"; autoload -U compinit; compinit -u; eval "$(jupyter-mesh completion zsh)"',
    ),
    "fish": (
        ["fish", "--no-config", "-i"],
        "function fish_prompt; echo -n $PS1; end; jupyter-mesh completion fish | source",
    ),
}

TYPED = [
    pytest.param("jupyter mesh versi\t--help", "Usage: jupyter mesh versions", id="verb"),
    pytest.param("jupyter-mesh ls home/tab/res\t", "inside.txt", id="folder"),
    pytest.param("jupyter mesh cat home/tab/read\t", "text of the readme", id="file"),
    pytest.param("jupyter mesh ls home/tab/My\t", "blank.txt", id="blank in a name"),
    pytest.param("jupyter-mesh ls home/tab/year=20\t", "part.csv", id="equals sign"),
    pytest.param("jupyter mesh ls cs3://alpine/home/tab/res\t", "inside.txt", id="URL"),
]


@pytest.mark.timeout(180)
@pytest.mark.parametrize("shell", SHELLS)
async def test_tab_in_a_shell(shell, files, signed_in, environment, tmp_path, terminal, subtests):
    """What is half typed and completed does what it says."""
    argv, setup = SHELLS[shell]
    if shutil.which(shell) is None:
        pytest.skip(f"there is no {shell} on this machine")
    environment |= {name: os.environ[name] for name in os.environ if name.startswith("MESH_")}
    window = terminal(argv, environment, tmp_path)

    def enter(line, shows):
        """Type a line; wait for what it shows, and for the end of it."""
        seen = len(window.text)
        window.type(f"{line}; printf 'o%s\\n' k\n")
        window.wait_for(shows, since=seen)
        window.wait_for(READY, since=window.wait_for("ok\r\n", since=seen).index("ok\r\n", seen))

    await asyncio.to_thread(enter, setup, "ok\r\n")
    # Quotes and colons are what bash does otherwise.
    for case in TYPED if shell == "bash" else TYPED[:4:2] + TYPED[3:4]:
        with subtests.test(case.id):
            await asyncio.to_thread(enter, *case.values)
