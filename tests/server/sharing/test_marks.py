"""``/api/mesh/marks``: what rows of files say of sharing."""

import pytest

pytestmark = pytest.mark.parametrize("sites", ["spaces", "paths"], indirect=True, scope="session")


async def test_what_is_shared_and_linked_is_counted_and_names_nobody(ask, key_of, folder):
    path = f"mesh/{folder}"
    marie = await key_of("marie")
    body = {"path": path, "with": marie, "role": "viewer"}
    status, _ = await ask("POST", "shares", json_body=body)
    assert status == 201
    status, marks = await ask("GET", "marks")
    assert status == 200, marks
    (mark,) = [each for each in marks["given"] if each["path"] == path]
    assert mark == {"path": path, "people": 1, "groups": 0, "byLink": False}
    status, _ = await ask("POST", "links", json_body={"path": path, "role": "viewer"})
    assert status == 201
    _, marks = await ask("GET", "marks")
    (mark,) = [each for each in marks["given"] if each["path"] == path]
    assert (mark["people"], mark["byLink"]) == (1, True)
    assert "marie" not in str(marks["given"])
