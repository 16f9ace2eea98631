"""Random writes against a model in memory: what a file holds, in the mount and at the site, is what was written."""

import os
import random

import pytest

OPERATIONS = 400
LARGEST = 300_000


@pytest.mark.timeout(240)
@pytest.mark.parametrize("seed", range(5))
def test_no_byte_differs(mounted, place, seed):
    folder, path = place
    chance = random.Random(seed)  # noqa: S311 - the same each time
    model = bytearray()
    name = folder / "f"
    file = os.open(name, os.O_RDWR | os.O_CREAT)
    try:
        for number in range(OPERATIONS):
            doing = chance.choice(
                ["write", "write", "read", "read", "append", "truncate", "reopen", "flush"]
            )
            at = chance.randrange(LARGEST)
            size = chance.randrange(1, 30_000)
            where = f"seed {seed}, operation {number}: {doing} {size} at {at}"
            if doing == "write":
                data = chance.randbytes(size)
                assert os.pwrite(file, data, at) == size, where
                model.extend(bytes(max(0, at - len(model))))
                model[at : at + size] = data
            elif doing == "append":
                data = chance.randbytes(size)
                if len(model) + size <= LARGEST:
                    with name.open("ab") as end:
                        end.write(data)
                    model += data
            elif doing == "read":
                assert os.pread(file, size, at) == model[at : at + size], where
            elif doing == "truncate":
                os.ftruncate(file, at)
                del model[at:]
                model.extend(bytes(at - len(model)))
            else:
                os.close(file)
                if doing == "flush" and chance.random() < 0.1:
                    # Uploaded, and read again from what the site has.
                    mounted.flush(path)
                file = os.open(name, os.O_RDWR)
            assert os.fstat(file).st_size == len(model), where
        assert os.pread(file, LARGEST * 2, 0) == model
    finally:
        os.close(file)
    assert name.read_bytes() == model
    mounted.flush(path)
    assert mounted.site.read(f"{path}/f") == model
