import asyncio
import sys

import pytest


@pytest.fixture
def login(site, run, tmp_path):
    """Signs the first user in; gives exit code, output, errors."""

    async def login(
        password, token_file=tmp_path / "token", gateway=site.gateway, user=site.users[0].name
    ):
        words = ("login", "--gateway", gateway, "--username", user, "--token-file", token_file)
        return await run(*words, stdin=password)

    return login


async def test_the_token_is_for_its_owner_alone(signed_in):
    assert signed_in.stat().st_mode & 0o777 == 0o600
    assert signed_in.read_text().strip().isascii()


async def test_the_password_is_nowhere_to_be_seen(login, site, tmp_path):
    code, out, error = await login(site.users[0].password + "\n")
    assert code == 0
    assert site.users[0].password not in out + error
    assert [file.name for file in tmp_path.iterdir()] == ["token"]
    assert site.users[0].password not in (tmp_path / "token").read_text()


@pytest.mark.parametrize("stdin", ["wrong\n", "wrong"], ids=["line", "no line end"])
async def test_a_wrong_password_leaves_the_older_token(login, signed_in, stdin):
    before = signed_in.read_bytes()
    code, out, error = await login(stdin, signed_in)
    assert (code, out) == (1, "")
    assert error.startswith("jupyter mesh login: ")
    assert "does not accept this user name and password" in error
    assert error.count("\n") == 1
    assert signed_in.read_bytes() == before


async def test_an_unknown_user_gets_the_same_sentence(login):
    _, _, wrong = await login("wrong\n")
    _, _, unknown = await login("wrong\n", user="nobody")
    assert wrong == unknown


async def test_no_password_is_told_of(login):
    code, _, error = await login("")
    assert code == 1
    assert "No password was given" in error


async def test_a_site_that_does_not_answer_is_named(login):
    code, _, error = await login("x\n", gateway="127.0.0.1:1")
    assert code == 1
    assert "no site answers at 127.0.0.1:1. Check the address" in error
    assert "Traceback" not in error


async def test_a_file_in_the_way_is_told_of(login, site, tmp_path):
    (tmp_path / "file").touch()
    code, _, error = await login(site.users[0].password + "\n", tmp_path / "file" / "token")
    assert code == 1
    assert "choose another place" in error


async def test_debug_tells_the_cause_and_no_secret(site):
    """In a process of its own: there the program sets the logging up."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "jupyter_mesh.cli", "--debug", "login", "--gateway", site.gateway),
        *("--username", site.users[0].name, "--token-file", "unused"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    _, error = await process.communicate(b"marker-of-a-password\n")
    assert process.returncode == 1
    assert b"The cause" in error
    assert b"marker-of-a-password" not in error
