"""Errors of the mesh as answers of the contents REST."""

import logging

import pytest
from tornado.web import HTTPError

from jupyter_mesh import errors
from jupyter_mesh.contents.answers import answers

ERRORS = [getattr(errors, name) for name in errors.__all__ if name != "BY_CS3_CODE"]


class Manager:
    """Something with a log that fails."""

    log = logging.getLogger("answers")

    def __init__(self, error):
        self.error = error

    @answers
    async def get(self, path):
        raise self.error from ValueError("the cause")


@pytest.mark.parametrize("kind", ERRORS, ids=lambda kind: kind.__name__)
async def test_every_error_has_its_status_and_its_sentence(kind, caplog):
    error = kind("Could not open 100% a.txt: try again.")
    with pytest.raises(HTTPError) as caught:
        await Manager(error).get("a.txt")
    answer = caught.value
    assert (answer.status_code, answer.log_message) == (kind.status, str(error))
    assert "100% a.txt" in str(answer)
    assert answer.__cause__ is error
    # Causes are for the operator: they stand in the log, and only where the user is not the one to act.
    assert ("the cause" in caplog.text) == (kind.status >= 500)


async def test_a_mistake_of_ours_is_not_shown(caplog):
    with pytest.raises(HTTPError) as caught:
        await Manager(TypeError("NoneType")).get("a.txt")
    assert caught.value.status_code == 500
    assert "NoneType" not in str(caught.value)
    assert "NoneType" in caplog.text


async def test_an_answer_passes_as_it_is():
    answer = HTTPError(418, "no coffee")
    with pytest.raises(HTTPError) as caught:
        await Manager(answer).get("a.txt")
    assert caught.value is answer
