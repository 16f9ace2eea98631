import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

RULES = """
c = get_config()
c.MeshPlacement.here = "Alpine University"
c.MeshPlacement.placements = {
    "gpu": {"title": "GPU hall", "has": "80 GB", "match": {"path": "projects/dimuon"}, "override": {"image": "secret"}},
    "vault": {"title": "Vault", "groups": ["staff"]},
}
"""


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "jupyterhub_config.py"
    path.write_text(RULES)
    return path


async def test_the_rules_of_a_file(run, told, signed_in, config):
    facts = await told("place", "projects/dimuon", "--config", config)
    assert [each["name"] for each in facts["placements"]] == ["gpu", "here"]
    assert facts["placements"][0] == {
        "name": "gpu",
        "title": "GPU hall",
        "has": "80 GB",
        "reason": '"dimuon" is stored there.',
        "near": True,
    }
    facts = await told("place", "cs3://alpine/home", "--config", config, "--group", "staff")
    assert [each["name"] for each in facts["placements"]] == ["here", "gpu", "vault"]
    code, out, _ = await run("place", "projects/dimuon", "--config", config)
    assert (code, out.splitlines()[0]) == (
        0,
        'dimuon would run at GPU hall · 80 GB (gpu). "dimuon" is stored there.',
    )


@pytest.mark.parametrize(
    ("words", "rules", "sentence"),
    [
        pytest.param(("home",), None, "Which rules?", id="no rules"),
        pytest.param(("home",), "raise ValueError('a mistake')", "a mistake", id="fails"),
        pytest.param(("home",), "import sys; sys.exit('Set X.')", "Set X.", id="ends"),
        pytest.param(
            ("home",), "c.MeshPlacement.placements = {'x': {'mach': {}}}", "mach", id="misspelt"
        ),
        pytest.param(("home/gone",), "", "gone", id="not there"),
        pytest.param(("https://github.com/a/b",), "", "out of the mesh", id="not of the mesh"),
    ],
)
async def test_what_cannot_be_decided_says_why(run, signed_in, config, words, rules, sentence):
    if rules is not None:
        config.write_text(f"c = get_config()\n{rules}\n")
        words = (*words, "--config", config)
    code, out, error = await run("place", *words)
    assert (code, out) == (1, "")
    assert sentence in error


class FakeHub(BaseHTTPRequestHandler):
    """Answers for one user with one token, as tests/hub/test_links.py sees a real one answer."""

    def do_GET(self):
        self.server.asked.append((self.path, self.headers["Authorization"]))
        body = json.dumps(self.server.answer).encode()
        self.send_response(self.server.status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


@pytest.fixture
def hub(monkeypatch):
    server = HTTPServer(("127.0.0.1", 0), FakeHub)
    server.asked, server.status = [], 200
    offer = {"name": "gpu", "title": "GPU hall", "has": "", "reason": "", "near": False}
    server.answer = {"resource": "", "name": "home", "placements": [offer], "problem": ""}
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/hub/api"
    monkeypatch.setenv("JUPYTERHUB_API_URL", url)
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", "t0ken")
    monkeypatch.setenv("JUPYTERHUB_USER", "a+b@x")
    yield server
    server.shutdown()
    server.server_close()


async def test_in_a_server_the_hub_decides(run, hub):
    assert await run("place", "home") == (0, "home would run at GPU hall (gpu).\n", "")
    ((path, token),) = hub.asked
    assert path == "/hub/api/mesh/users/a%2Bb@x/placements?resource=home"
    assert token == "token t0ken"


async def test_what_the_hub_says_is_told(run, hub):
    hub.answer["problem"] = "alpine does not answer."
    code, out, error = await run("place", "home")
    assert (code, out) == (1, "")
    assert "alpine does not answer." in error
    hub.status, hub.answer = 500, {"status": 500}
    assert "The hub answers with 500." in (await run("place", "home"))[2]
