import json

import pytest

from jupyter_mesh.testing.site import run_node

KEYS = {
    *("path", "url", "name", "kind", "size", "modified", "etag", "id", "mimetype"),
    *("checksum", "permissions", "owner", "locked", "locked_by", "processing"),
}


@pytest.fixture(scope="module", params=["spaces", "paths"])
async def site(request, tmp_path_factory):
    data = tmp_path_factory.mktemp("site") / "data"
    async with run_node(data, flavour=request.param) as site, site.client() as mesh:
        await mesh.mkdir("home/list/sub/deep", parents=True)
        for path in ("a.csv", "b.csv", ".hidden.csv", "sub/c.txt", "sub/deep/d.txt", "odd [1].txt"):
            await mesh.upload(f"home/list/{path}", path.encode())
        yield site


async def test_ls_of_several(run, signed_in):
    code, out, error = await run("ls", "home/list/sub", "home/list/a.csv")
    assert (code, error) == (0, "")
    assert out == "home/list/sub:\ndeep/\nc.txt\nhome/list/a.csv\n"


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        pytest.param("home/list/*.csv", ["a.csv", "b.csv"], id="star"),
        pytest.param("home/list/?.csv", ["a.csv", "b.csv"], id="question mark"),
        pytest.param("home/list/[!a].csv", ["b.csv"], id="set"),
        pytest.param("home/list/.*.csv", [".hidden.csv"], id="hidden when asked for"),
        pytest.param("home/*/a.csv", ["a.csv"], id="in the middle"),
        pytest.param("home/list/odd [1].txt", ["odd [1].txt"], id="a name that looks like one"),
        pytest.param("cs3://alpine/home/list/*.csv", ["a.csv", "b.csv"], id="in a URL"),
    ],
)
async def test_patterns(told, signed_in, pattern, names):
    assert [entry["name"] for entry in await told("stat", pattern)] == names


async def test_a_pattern_that_fits_nothing(run, signed_in):
    code, out, error = await run("ls", "home/list/*.none")
    assert (code, out) == (1, "")
    assert error == 'jupyter mesh ls: Nothing at alpine fits "home/list/*.none".\n'


async def test_ls_json_has_all_keys_of_all_entries(told, signed_in):
    entries = await told("ls", "home/list/sub", "home/list/a.csv")
    assert [entry["path"].removeprefix("home/list/") for entry in entries] == [
        *("sub/deep", "sub/c.txt", "a.csv"),
    ]
    assert [set(entry) for entry in entries] == [KEYS] * 3
    assert [(entry["kind"], entry["size"]) for entry in entries[1:]] == [("file", 9), ("file", 5)]
    assert entries[1]["url"] == "cs3://alpine/home/list/sub/c.txt"


async def test_one_that_fails_does_not_hold_up_the_others(run, signed_in):
    code, out, error = await run("stat", "--json", "home/list/none", "home/list/a.csv")
    assert code == 1
    assert [entry["name"] for entry in json.loads(out)] == ["a.csv"]
    assert error.startswith("jupyter mesh stat: Could not open home/list/none")
    assert error.count("\n") == 1


async def test_stat_for_people(run, signed_in):
    code, out, _ = await run("stat", "home/list/a.csv")
    facts = dict(line.split(maxsplit=1) for line in out.splitlines() if line)
    assert (code, facts["name"], facts["size"]) == (0, "a.csv", "5")


async def test_tree(run, signed_in):
    assert await run("tree", "home/list/sub") == (
        0,
        "home/list/sub/\n├── deep/\n│   └── d.txt\n└── c.txt\n",
        "",
    )
    assert await run("tree", "-L", "1", "home/list/sub") == (
        0,
        "home/list/sub/\n├── deep/\n└── c.txt\n",
        "",
    )


async def test_tree_json(told, signed_in):
    whole = await told("tree", "home/list/sub")
    assert set(whole) == KEYS | {"children"}
    deep, file = whole["children"]
    assert [child["name"] for child in deep["children"]] == ["d.txt"]
    assert "children" not in file
    flat = await told("tree", "-L", "1", "home/list/sub")
    assert "children" not in flat["children"][0]


async def test_tree_of_a_file_is_the_file(run, signed_in):
    assert await run("tree", "home/list/a.csv") == (0, "home/list/a.csv\n", "")


async def test_who_has_seen_enough_ends_it_quietly(program, signed_in):
    process = await program("ls", "home/list")
    process.stdout._transport.close()
    _, error = await process.communicate()
    assert (process.returncode, error) == (0, b"")
