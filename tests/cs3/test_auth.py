"""Token sources, token files, and the filter that keeps secrets out of logs."""

import asyncio
import base64
import json
import logging
import os
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from jupyter_mesh import auth
from jupyter_mesh.auth import (
    FileToken,
    PasswordToken,
    RedactingFilter,
    StaticToken,
    check_token,
    expiry_of,
    redact,
    write_token_file,
)
from jupyter_mesh.errors import InvalidRequest, LoginEnded


def jwt(**claims: object) -> str:
    """An unsigned token with these claims."""
    text = json.dumps(claims).encode()
    return f"e30.{base64.urlsafe_b64encode(text).decode().rstrip('=')}.c2ln"


NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("token", "expected"),
    [
        (jwt(exp=NOON.timestamp()), NOON),
        (jwt(exp=str(NOON.timestamp())), NOON),
        (jwt(), None),
        (jwt(exp="soon"), None),
        (jwt(exp=10**400), None),
        (jwt(exp=None), None),
        ("a.b.c", None),
        ("opaque-hash-of-a-token", None),
        ("", None),
    ],
)
def test_expiry_is_read_where_there_is_one(token: str, expected: datetime | None) -> None:
    assert expiry_of(token) == expected


@pytest.mark.parametrize("text", ["", "  \n", "two lines\nhere", "caf\u00e9", "a b", "nul\0"])
def test_what_cannot_be_a_token_is_refused_before_grpc_sees_it(text: str) -> None:
    with pytest.raises(InvalidRequest):
        check_token(text)


def test_white_space_around_a_token_does_not_count() -> None:
    assert check_token(" token-1 \n") == "token-1"


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    path = tmp_path / "token"
    write_token_file(path, "token-one")
    return path


async def test_a_token_file_is_read_again_when_it_changes(token_file: Path) -> None:
    source = FileToken(token_file)
    assert await source.token() == "token-one"
    write_token_file(token_file, "token-two")
    assert await source.token(refresh=True) == "token-two"
    token_file.write_text("token-three\n")
    source._looked = float("-inf")
    assert await source.token() == "token-three"
    assert "token" not in repr(source).replace(str(token_file), "").lower().replace("filetoken", "")


async def test_a_token_file_is_believed_for_a_moment(token_file: Path) -> None:
    source = FileToken(token_file)
    await source.token()
    token_file.unlink()
    assert await source.token() == "token-one"
    with pytest.raises(LoginEnded, match="no token to read"):
        await source.token(refresh=True)


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660])
async def test_a_token_file_that_others_can_read_is_refused(token_file: Path, mode: int) -> None:
    token_file.chmod(mode)
    with pytest.raises(InvalidRequest, match="chmod 600"):
        await FileToken(token_file).token()


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"two\nlines"])
async def test_a_token_file_with_something_else(token_file: Path, content: bytes) -> None:
    token_file.write_bytes(content)
    with pytest.raises(InvalidRequest, match="not a token"):
        await FileToken(token_file).token()


def test_a_token_file_is_its_owners_alone_from_the_start(tmp_path: Path) -> None:
    path = tmp_path / "new" / "token"
    old = os.umask(0)
    try:
        write_token_file(path, "token-one")
    finally:
        os.umask(old)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert [entry.name for entry in path.parent.iterdir()] == ["token"]


def test_a_token_file_stays_when_the_new_token_is_bad(token_file: Path) -> None:
    with pytest.raises(InvalidRequest):
        write_token_file(token_file, "not a token")
    assert token_file.read_text() == "token-one\n"
    assert [entry.name for entry in token_file.parent.iterdir()] == ["token"]


class Logins:
    """A login that hands out tokens of a given life, and counts."""

    def __init__(self, life: timedelta | None) -> None:
        self.life = life
        self.count = 0

    async def __call__(self) -> str:
        self.count += 1
        await asyncio.sleep(0)
        if self.life is None:
            return f"opaque-token-{self.count}"
        return jwt(exp=(datetime.now(UTC) + self.life).timestamp(), number=self.count)


@pytest.mark.parametrize("life", [None, timedelta(hours=1)], ids=["opaque", "jwt"])
async def test_a_password_logs_in_once_for_all_who_ask(life: timedelta | None) -> None:
    logins = Logins(life)
    source = PasswordToken(logins)
    tokens = await asyncio.gather(*(source.token() for _ in range(20)))
    assert (len(set(tokens)), logins.count) == (1, 1)
    renewed = await asyncio.gather(*(source.token(refresh=True) for _ in range(20)))
    assert (len(set(renewed)), logins.count) == (1, 2)
    assert set(renewed).isdisjoint(tokens)


async def test_a_password_logs_in_again_before_the_token_ends(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    logins = Logins(timedelta(hours=1))
    source = PasswordToken(logins)
    first = await source.token()
    real = auth.time.time
    monkeypatch.setattr(auth.time, "time", lambda: real() + 3600 - 59)
    assert await source.token() != first


async def test_a_static_token_stays() -> None:
    source = StaticToken("the-one-token")
    assert await source.token() == await source.token(refresh=True) == "the-one-token"
    assert "the-one-token" not in repr(source)


def test_known_secrets_leave_logs(caplog: pytest.LogCaptureFixture) -> None:
    secret = check_token("marker-secret-of-this-test")
    caplog.handler.addFilter(guard := RedactingFilter())
    try:
        log = logging.getLogger("tests.redaction")
        log.warning("plain %s and %r", secret, {"token": secret})
        try:
            raise ValueError(f"failed with {secret}")  # noqa: TRY301  the traceback is what is tested
        except ValueError:
            log.exception("it failed")
        log.warning("harmless %d", 3)
    finally:
        caplog.handler.removeFilter(guard)
    assert secret not in caplog.text
    assert "plain [secret] and {'token': '[secret]'}" in caplog.text
    assert "failed with [secret]" in caplog.text
    assert "harmless 3" in caplog.text
    assert redact("abc") == "abc"
