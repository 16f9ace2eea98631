import pytest

CONTENT = bytes(range(256)) * 40
TEXT = "0123456789" * 1000


@pytest.fixture
async def file(site, signed_in):
    async with site.client() as mesh:
        await mesh.upload("home/bytes.bin", CONTENT)
        await mesh.upload("home/line.txt", b"a line\n")
        await mesh.upload("home/text.txt", TEXT.encode())
    return "home/bytes.bin"


@pytest.fixture
def cat(program):
    async def cat(*argv):
        process = await program("cat", *argv)
        out, error = await process.communicate()
        return process.returncode, out, error.decode()

    return cat


async def test_files_one_after_the_other(cat, file):
    assert await cat(file, "home/line.txt") == (0, CONTENT + b"a line\n", "")


@pytest.mark.parametrize(
    ("part", "text"),
    [
        pytest.param("0-9", TEXT[:10], id="first"),
        pytest.param("15-19", TEXT[15:20], id="middle"),
        pytest.param("9993-", TEXT[9993:], id="to the end"),
        pytest.param("-7", TEXT[-7:], id="last"),
        pytest.param("0-99999", TEXT, id="beyond the end"),
        pytest.param("-99999", TEXT, id="more than there is"),
    ],
)
async def test_ranges(run, file, part, text):
    assert await run("cat", "--bytes", part, "home/text.txt") == (0, text, "")


@pytest.mark.parametrize("part", ["9-1", "-", "a-b", "5", "1-2-3", "٣-٤"])
async def test_what_is_no_range_is_wrong_usage(run, file, part):
    code, out, error = await run("cat", "--bytes", part, file)
    assert (code, out) == (2, "")
    assert "--bytes" in error


async def test_beyond_the_end_is_an_error_and_no_empty_result(run, file):
    code, out, error = await run("cat", "--bytes", "20000-", file)
    assert (code, out) == (1, "")
    assert "20000" in error


async def test_a_folder_and_a_missing_file(run, signed_in):
    for path in ("home", "home/none"):
        code, out, error = await run("cat", path)
        assert (code, out, error.count("\n")) == (1, "", 1)


async def test_an_earlier_version(site, run, file):
    async with site.client() as mesh:
        await mesh.upload("home/line.txt", b"another\n")
        (version, *_) = await mesh.versions("home/line.txt")
    assert await run("cat", "--version", version.key, "home/line.txt") == (0, "a line\n", "")
