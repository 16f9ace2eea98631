"""What people read and write their data with, on ``cs3://``: files made by those libraries themselves."""

import io
import secrets
from collections.abc import Iterator
from pathlib import Path

import dask.dataframe as dd
import fsspec
import h5py
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.dataset as pads
import pyarrow.parquet as pq
import pytest
import xarray as xr
import zarr
from fsspec.asyn import sync

from jupyter_mesh.fs import CS3FileSystem
from jupyter_mesh.testing.site import RunningSite, in_thread, run_node

ROWS = 5_000


@pytest.fixture(
    scope="module", params=["spaces", "paths", pytest.param("real site", marks=pytest.mark.site)]
)
def site(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningSite]:
    """A node with two users, or the site of ``--site``."""
    if request.param == "real site":
        yield request.getfixturevalue("real_site")
        return
    data = tmp_path_factory.mktemp("node")
    with in_thread(lambda: run_node(data, flavour=request.param, name=request.param)) as site:
        yield site


@pytest.fixture
def login(logins: list[str]) -> Iterator[None]:
    """The environment of a user's server: enough for every library to find the site."""
    yield
    CS3FileSystem.clear_instance_cache()


@pytest.fixture
def fs(login: None) -> CS3FileSystem:
    """The filesystem as fsspec makes it for a library."""
    return fsspec.filesystem("cs3")


@pytest.fixture
def folder(fs: CS3FileSystem) -> Iterator[str]:
    """The URL of a fresh folder; its name is not an easy one."""
    path = f"/home/libraries é # {secrets.token_hex(4)}"
    fs.mkdir(path)
    yield fs.unstrip_protocol(path)
    fs.rm(path, recursive=True)


@pytest.fixture
def frame() -> pd.DataFrame:
    """Some measurements of three stations."""
    random = np.random.default_rng(7)
    return pd.DataFrame(
        {
            "station": np.array(["north", "south", "west"])[np.arange(ROWS) % 3],
            "seconds": np.arange(ROWS, dtype="int64"),
            "flux": random.normal(size=ROWS),
        }
    )


@pytest.mark.parametrize("form", ["parquet", "csv", "csv.gz", "json", "feather"])
def test_pandas(folder: str, frame: pd.DataFrame, form: str) -> None:
    url = f"{folder}/frame.{form}"
    kind = form.partition(".")[0]
    options = {"index": False} if kind == "csv" else {}
    getattr(frame, f"to_{kind}")(url, **options)
    read = getattr(pd, f"read_{kind}")(url)
    pd.testing.assert_frame_equal(read, frame, check_dtype=False)


def test_pandas_leaves_no_half_file(fs: CS3FileSystem, folder: str, frame: pd.DataFrame) -> None:
    class Unprintable:
        def __str__(self) -> str:
            raise RuntimeError("no text")

    frame = frame.assign(bad=[*range(ROWS - 1), Unprintable()])
    with pytest.raises(RuntimeError, match="no text"):
        frame.to_csv(f"{folder}/frame.csv")
    assert fs.ls(folder, detail=False) == []


def test_one_column_of_a_parquet_file(fs: CS3FileSystem, folder: str) -> None:
    columns = {f"c{n}": np.random.default_rng(n).normal(size=200_000) for n in range(8)}
    path = fs._strip_protocol(f"{folder}/wide.parquet")
    pq.write_table(pa.table(columns), path, filesystem=fs)
    assert fs.size(path) > 8 << 20
    read = pd.read_parquet(f"{folder}/wide.parquet", columns=["c3"])
    assert read["c3"].tolist() == columns["c3"].tolist()


def test_pyarrow_datasets_in_partitions(
    fs: CS3FileSystem, folder: str, frame: pd.DataFrame
) -> None:
    top = fs._strip_protocol(f"{folder}/set")
    partitioning = pads.partitioning(pa.schema([("station", pa.string())]), flavor="hive")
    table = pa.Table.from_pandas(frame)
    pads.write_dataset(table, top, format="parquet", partitioning=partitioning, filesystem=fs)
    assert sorted(fs.ls(top, detail=False)) == [
        f"{top}/station={name}" for name in ("north", "south", "west")
    ]
    stored = pads.dataset(top, format="parquet", partitioning=partitioning, filesystem=fs)
    south = stored.to_table(filter=pads.field("station") == "south", columns=["seconds"])
    assert sorted(south["seconds"].to_pylist()) == list(range(1, ROWS, 3))
    assert stored.count_rows() == ROWS


def test_zarr_is_written_and_read(fs: CS3FileSystem, folder: str) -> None:
    values = np.arange(60 * 70, dtype="float32").reshape(60, 70)
    group = zarr.open_group(f"{folder}/cube.zarr", mode="w")
    array = group.create_array("t", shape=values.shape, chunks=(16, 16), dtype=values.dtype)
    array[:] = values
    array.attrs["unit"] = "K"
    again = zarr.open_group(f"{folder}/cube.zarr", mode="r")["t"]
    assert np.array_equal(again[:], values)
    assert np.array_equal(again[5:20, 60:], values[5:20, 60:])
    assert again.attrs["unit"] == "K"
    # Some chunks anew, and one less.
    more = zarr.open_group(f"{folder}/cube.zarr", mode="a")
    more["t"][:16, :16] = -1
    del more["t"]
    assert list(zarr.open_group(f"{folder}/cube.zarr", mode="r")) == []


def test_h5py_reads_and_writes_through_a_file(fs: CS3FileSystem, folder: str) -> None:
    values = np.random.default_rng(1).normal(size=(300, 400))
    with fs.open(f"{folder}/run.h5", "wb") as target:
        memory = io.BytesIO()
        with h5py.File(memory, "w") as made:
            made.create_dataset("d", data=values, chunks=(50, 50), compression="gzip")
        target.write(memory.getvalue())
    with (
        fs.open(f"{folder}/run.h5", "rb", cache_type="blockcache") as source,
        h5py.File(source, "r") as read,
    ):
        assert np.array_equal(read["d"][120:130, 33:77], values[120:130, 33:77])
        assert np.array_equal(read["d"][:], values)


@pytest.mark.filterwarnings("ignore:Consolidated metadata is currently not part")
@pytest.mark.parametrize("form", ["zarr", "h5netcdf"])
def test_xarray(fs: CS3FileSystem, folder: str, form: str, tmp_path: Path) -> None:
    made = xr.Dataset(
        {"flux": (("time", "freq"), np.random.default_rng(3).normal(size=(20, 30)))},
        coords={"time": np.arange(20), "freq": np.linspace(100, 200, 30)},
    )
    if form == "zarr":
        made.to_zarr(f"{folder}/flux.zarr")
        read = xr.open_zarr(f"{folder}/flux.zarr", chunks=None)
    else:
        made.to_netcdf(tmp_path / "flux.nc", engine="h5netcdf")
        fs.put(str(tmp_path / "flux.nc"), f"{folder}/flux.nc")
        read = xr.open_dataset(fs.open(f"{folder}/flux.nc"), engine="h5netcdf")
    with read:
        xr.testing.assert_identical(read.load(), made)


@pytest.mark.filterwarnings("ignore:The inplace keyword in DataFrame")
def test_dask_without_a_cluster(fs: CS3FileSystem, folder: str, frame: pd.DataFrame) -> None:
    dd.from_pandas(frame, npartitions=4).to_parquet(f"{folder}/frame")
    read = dd.read_parquet(f"{folder}/frame")
    assert read.npartitions == 4
    means = read.groupby("station").flux.mean().compute(scheduler="threads")
    assert means.to_dict() == pytest.approx(frame.groupby("station").flux.mean().to_dict())


@pytest.mark.parametrize("cache", ["simplecache", "filecache"])
def test_chained_caches(fs: CS3FileSystem, folder: str, cache: str, tmp_path: Path) -> None:
    path = fs._strip_protocol(folder) + "/a::b.txt"
    fs.pipe(path, b"first" * 1000)
    url = f"{cache}::{fs.unstrip_protocol(path)}"
    with fsspec.open(url, "rb", **{cache: {"cache_storage": str(tmp_path)}}) as file:
        assert file.read() == b"first" * 1000


def test_a_cache_of_files_sees_a_new_version(
    fs: CS3FileSystem, folder: str, tmp_path: Path
) -> None:
    options = {"filecache": {"cache_storage": str(tmp_path), "check_files": True}}
    # Of the same length, within the same second.
    for content in (b"one", b"two"):
        fs.pipe(f"{folder}/a.txt", content)
        with fsspec.open(f"filecache::{folder}/a.txt", "rb", **options) as file:
            assert file.read() == content


def test_local_and_mesh_are_copied_by_fsspec(
    fs: CS3FileSystem, folder: str, tmp_path: Path
) -> None:
    (tmp_path / "all").mkdir()
    for number in range(20):
        (tmp_path / f"all/{number}.bin").write_bytes(bytes([number]) * 1000)
    fs.put(str(tmp_path / "all"), f"{folder}/", recursive=True)
    fs.get(f"{folder}/all/", str(tmp_path / "back"), recursive=True)
    assert {path.name for path in (tmp_path / "back").iterdir()} == {
        f"{number}.bin" for number in range(20)
    }
    assert (tmp_path / "back/7.bin").read_bytes() == b"\7" * 1000
    assert sync(fs.loop, fs._cat_file, f"{fs._strip_protocol(folder)}/all/3.bin") == b"\3" * 1000
