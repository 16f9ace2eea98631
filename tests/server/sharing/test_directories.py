"""Signed lists of institutions in the settings of a server."""

import pytest
from traitlets import TraitError

from jupyter_mesh.server.app import MeshExtension


def test_a_list_is_taken():
    facts = {"url": "https://lists.example/sites", "key": "/etc/mesh/key.pem"}
    assert MeshExtension(directories=[facts]).directories == [facts]


@pytest.mark.parametrize(
    ("facts", "says"),
    [
        pytest.param({"url": "https://lists.example/"}, '"key"', id="without a key"),
        pytest.param({"url": "http://lists.example/", "key": "k"}, "https://", id="not encrypted"),
        pytest.param({"url": "https://a/", "key": "k", "more": "x"}, '"key"', id="unknown"),
    ],
)
def test_what_cannot_be_a_list_is_refused(facts, says):
    with pytest.raises(TraitError, match=says):
        MeshExtension(directories=[facts])
