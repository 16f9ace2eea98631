"""Downloads: whole files, ranges, and what comes with them."""

import pytest

CONTENT = bytes(range(256)) * 8


@pytest.fixture
async def reader(einstein):
    assert await einstein.put("f.bin", CONTENT) == 200
    return einstein


RANGES = [
    ("bytes=0-9", 206, slice(0, 10)),
    ("bytes=100-", 206, slice(100, None)),
    ("bytes=-5", 206, slice(-5, None)),
    ("bytes=-99999", 206, slice(None)),
    ("bytes=2000-99999", 206, slice(2000, None)),
    ("bytes=2048-", 416, None),
    ("bytes=-0", 416, None),
    ("bytes=5-2", 200, slice(None)),
    ("bytes=0-1,5-6", 200, slice(None)),
    ("lines=1-2", 200, slice(None)),
]


@pytest.mark.parametrize(("header", "status", "part"), RANGES, ids=[case[0] for case in RANGES])
async def test_range(spaces_site, header, status, part):
    client = await spaces_site.client()
    await client.put("f.bin", CONTENT)
    answer, content, headers = await client.fetch(
        await client.start_download("f.bin"), Range=header
    )
    assert answer == status
    if part is None:
        assert headers["Content-Range"] == "bytes */2048"
    else:
        assert content == CONTENT[part]
    if status == 206:
        start, stop, _ = part.indices(len(CONTENT))
        assert headers["Content-Range"] == f"bytes {start}-{stop - 1}/2048"


async def test_a_site_of_paths_has_no_ranges(paths_site):
    client = await paths_site.client()
    await client.put("f.bin", CONTENT)
    status, _, headers = await client.fetch(await client.start_download("f.bin"), Range="bytes=0-9")
    assert (status, headers["Accept-Ranges"]) == (416, "bytes")


async def test_what_comes_with_it(reader, flavour):
    status, content, headers = await reader.fetch(await reader.start_download("f.bin"))
    info = await reader.info("f.bin")
    assert (status, content, headers["Content-Length"]) == (200, CONTENT, "2048")
    if flavour == "spaces":
        assert headers["ETag"] == info.etag
        assert headers["OC-FileId"].endswith(info.id.opaque_id)
        assert headers["OC-Checksum"] == f"SHA1:{info.checksum.sum}"
        assert headers["Accept-Ranges"] == "bytes"
    else:
        assert not {"ETag", "Last-Modified", "Accept-Ranges"} & set(headers)


async def test_head(reader):
    status, content, headers = await reader.fetch(
        await reader.start_download("f.bin"), method="HEAD"
    )
    assert (status, content, headers["Content-Length"]) == (200, b"", "2048")


async def test_if_none_match(reader, flavour):
    started = await reader.start_download("f.bin")
    etag = (await reader.info("f.bin")).etag
    assert (await reader.fetch(started, If_None_Match=etag))[0] == (
        304 if flavour == "spaces" else 200
    )
    assert (await reader.fetch(started, If_None_Match='"other"'))[0] == 200


async def test_tokens(site, reader):
    other = await site.client("marie")
    protocol = (await reader.start_download("f.bin")).protocols[0]

    async def get(**headers):
        async with reader.web.get(protocol.download_endpoint, headers=headers) as reply:
            return reply.status

    assert await get(**{"X-Reva-Transfer": protocol.token}) == 401
    assert await get(**{"x-access-token": reader.token}) == 403
    assert await get(**{"X-Reva-Transfer": protocol.token, "x-access-token": other.token}) == 404
    assert (
        await get(**{"X-Reva-Transfer": protocol.token, "Authorization": f"Bearer {reader.token}"})
        == 200
    )
    assert await get(**reader.headers(protocol)) == 200, "a download token can be used again"


async def test_an_upload_token_does_not_read(reader):
    protocol = (await reader.start_upload("f.bin", 3)).protocols[0]
    async with reader.web.get(protocol.upload_endpoint, headers=reader.headers(protocol)) as reply:
        assert reply.status == 404


async def test_a_save_meanwhile_does_not_disturb(reader):
    big = b"a" * 30_000_000
    await reader.put("big", big)
    protocol = (await reader.start_download("big")).protocols[0]
    async with reader.web.get(
        protocol.download_endpoint, headers=reader.headers(protocol)
    ) as reply:
        first = await reader.put("big", b"new"), await reply.content.readexactly(1000)
        rest = await reply.read()
    assert first == (200, big[:1000])
    assert rest == big[1000:]
    assert await reader.get("big") == b"new"


async def test_a_reader_who_leaves_is_no_error(einstein, site, caplog):
    await einstein.put("big", bytes(30_000_000))
    protocol = (await einstein.start_download("big")).protocols[0]
    async with einstein.web.get(
        protocol.download_endpoint, headers=einstein.headers(protocol)
    ) as reply:
        await reply.content.readexactly(1000)
        reply.close()
    assert (await einstein.fetch(await einstein.start_download("big"), method="HEAD"))[0] == 200
    await site.node.stop()  # waits for the reader's request to end
    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == []
