"""On a terminal: questions, progress, colours, and names that would like to drive it."""

import asyncio
import os
import sys

import pytest

from jupyter_mesh.cli.terminal import escaped, print_json, size_text

HOSTILE = "evil\x1b]0;title\x07\x1b[2Jü\u202etxt.csv"


@pytest.fixture
async def files(site, signed_in):
    async with site.client() as mesh:
        await mesh.mkdir("home/people/folder", parents=True, exist_ok=True)
        await mesh.upload("home/people/a.txt", b"text")
        await mesh.upload("home/people/picture.png", b"\x89PNG\0\x1b[31m")
        await mesh.upload(f"home/people/{HOSTILE}", b"x")
    return "home/people"


@pytest.fixture
def person(terminal, tmp_path):
    """Runs the program in a terminal; gives it."""

    def person(*argv, **environment):
        env = {**os.environ, "TERM": "xterm", **environment}
        if "NO_COLOR" not in environment:
            env.pop("NO_COLOR", None)
        command = [sys.executable, "-m", "jupyter_mesh.cli", *(str(word) for word in argv)]
        return terminal(command, env, tmp_path)

    return person


async def end(window):
    return await asyncio.to_thread(window.end)


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (9_949, "9.9 kB"),
        (9_950, "10 kB"),
        (999_499, "999 kB"),
        (999_500, "1.0 MB"),
        (34 * 10**15, "34 PB"),
        (10**20, "100000 PB"),
    ],
)
def test_sizes_for_people(size, text):
    assert size_text(size) == text


def test_what_drives_a_terminal_is_shown_instead():
    assert escaped(HOSTILE) == r"evil\x1b]0;title\x07\x1b[2Jü\u202etxt.csv"
    assert escaped("a\nb\u2028c\udcff") == r"a\nb\u2028c\udcff"


def test_json_holds_the_name_exactly_and_no_control_character(capsys):
    import json

    print_json({"name": HOSTILE + "\x9b"})
    out = capsys.readouterr().out
    assert json.loads(out) == {"name": HOSTILE + "\x9b"}
    assert [char for char in out if char != "\n" and not char.isprintable()] == []
    assert "ü" in out


@pytest.mark.parametrize("argv", [["ls"], ["ls", "-l"], ["tree"], ["stat"]])
async def test_hostile_names_on_a_terminal(person, files, argv):
    path = f"{files}/*.csv" if argv == ["stat"] else files
    code, shown = await end(person(*argv, path))
    assert code == 0
    assert r"evil\x1b]0;title\x07\x1b[2Jü\u202etxt.csv" in shown
    for forbidden in ("\x1b]", "\x07", "\x1b[2J", "\u202e"):
        assert forbidden not in shown


async def test_hostile_names_in_an_error(run, person, files):
    for code, shown in (
        (await end(person("stat", "home/\x1b[2Jx"))),
        (await run("stat", "home/\x1b[2Jx"))[::2],
    ):
        assert code == 1
        assert r"\x1b[2Jx" in shown
        assert "\x1b[2J" not in shown


async def test_a_program_gets_names_as_they_are(run, files):
    _, out, _ = await run("ls", files)
    assert HOSTILE in out


async def test_folders_have_a_colour_on_a_terminal_unless_it_is_not_wanted(run, person, files):
    assert "\x1b[34m" in (await end(person("ls", files)))[1]
    assert "\x1b[" not in (await end(person("ls", files, NO_COLOR="1")))[1]
    assert "\x1b[" not in (await end(person("ls", files, TERM="dumb")))[1]
    assert "\x1b[3" not in (await run("ls", "--json", files))[1]


async def test_a_picture_is_not_written_to_a_terminal(person, files):
    code, shown = await end(person("cat", f"{files}/picture.png"))
    assert code == 1
    assert "is no text" in shown
    assert "PNG" not in shown
    assert (await end(person("cat", f"{files}/a.txt"))) == (0, "text")


@pytest.mark.parametrize(
    ("answer", "code", "there"),
    [
        pytest.param("y\n", 0, False, id="yes"),
        pytest.param("n\n", 1, True, id="no"),
        pytest.param("\n", 1, True, id="return"),
        pytest.param("\x03", 130, True, id="Ctrl-C"),
        pytest.param("\x04", 130, True, id="end of input"),
    ],
)
async def test_rm_asks_a_person(site, person, files, answer, code, there):
    window = person("rm", f"{files}/a.txt")
    await asyncio.to_thread(window.wait_for, "Move home/people/a.txt to the bin? [y/N]")
    window.type(answer)
    assert (await end(window))[0] == code
    async with site.client() as mesh:
        assert await mesh.exists(f"{files}/a.txt") == there


async def test_rm_does_not_ask_when_told(person, files):
    code, shown = await end(person("rm", "-y", f"{files}/a.txt"))
    assert code == 0
    assert "?" not in shown


async def test_what_is_for_ever_is_asked_for(person, files, run):
    await run("rm", f"{files}/a.txt")
    window = person("bin", "purge", f"{files}/a.txt")
    await asyncio.to_thread(window.wait_for, "for ever? [y/N]")
    window.type("y\n")
    assert (await end(window))[0] == 0


async def test_progress_is_for_people_alone(person, program, files, tmp_path):
    path = tmp_path / "some [red]data.bin"
    path.write_bytes(os.urandom(3 << 20))
    code, shown = await end(person("put", path, f"{files}/[bold]x.bin"))
    assert code == 0
    assert "[bold]x.bin" in shown
    assert "3.1 MB" in shown
    assert "\x1b[3" in shown
    assert "\x1b[3" not in (await end(person("put", path, f"{files}/y.bin", NO_COLOR="1")))[1]
    quiet = await program("put", path, f"{files}/z.bin")
    assert await quiet.communicate() == (f"{files}/z.bin\n".encode(), b"")
