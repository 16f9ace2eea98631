"""The code that opens a file: right for its type, and right for every name that a file can have."""

import ast
import json

import numpy
import pandas
import pytest

from jupyter_mesh.snippets import Address, quoted, snippet

ODD = [
    "data.csv",
    "two words.csv",
    "it's.csv",
    'the "best".csv',
    "back\\slash.csv",
    "100%.csv",
    "a#b?c=d&e.csv",
    "{name} PLACE FILE NAME.csv",
    "line\nbreak.csv",
    "tab\there.csv",
    "Messdaten-März.csv",
    "δ::x.csv",
    "🜁.csv",
    "\x7f\x1f.csv",
]

TABLE = {
    "data.csv": ("df", "pd.read_csv"),
    "data.CSV": ("df", "pd.read_csv"),
    "data.csv.gz": ("df", "pd.read_csv"),
    "data.tsv": ("df", "pd.read_csv"),
    "data.jsonl": ("df", "pd.read_json"),
    "data.jsonl.zst": ("df", "pd.read_json"),
    "data.parquet": ("df", "pd.read_parquet"),
    "data.feather": ("df", "pd.read_feather"),
    "data.xlsx": ("df", "pd.read_excel"),
    "data.arrow": ("table", "pa.ipc.open_file"),
    "data.nc": ("ds", "xr.open_dataset"),
    "data.zarr": ("data", "zarr.open"),
    "data.h5": ("file", "h5py.File"),
    "data.hdf5": ("file", "h5py.File"),
    "data.npy": ("array", "np.load"),
    "data.npz": ("arrays", "np.load"),
    "data.json": ("data", "json.load"),
    "fit.ipynb": ("data", "json.load"),
    "README.md": ("text", "read"),
    "notes.txt": ("text", "read"),
    "fit.py": ("text", "read"),
    "run.log": ("text", "read"),
    "data.txt.gz": ("data", "read"),
    "data.bin": ("data", "read"),
    "README": ("data", "read"),
    ".csv": ("data", "read"),
}


def addresses(name):
    return [Address(f"/mesh/home/{name}", name), Address(f"cs3://alpine/home/{name}", name)]


@pytest.mark.parametrize("name", TABLE)
def test_a_type_is_opened_with_its_library_in_two_lines(name):
    variable, call = TABLE[name]
    for address in addresses(name):
        imports, action = snippet([address])
        ast.parse(f"{imports}\n{action}")
        assert imports.split()[0] in ("import", "from")
        assert f"{variable} = " in action
        assert call in action
        assert address.is_url == ("cs3://" in action)


@pytest.mark.parametrize("is_url", [False, True], ids=["path", "url"])
@pytest.mark.parametrize("name", ["sub", "data.csv", "data.zarr", "data.parquet"])
def test_a_folder_is_a_folder_unless_its_type_is_kept_in_one(name, is_url):
    address = Address(addresses(name)[is_url].text, name, is_folder=True)
    imports, action = snippet([address])
    ast.parse(f"{imports}\n{action}")
    expected = {"data.zarr": "zarr.open", "data.parquet": "pd.read_parquet"}
    assert expected.get(name, "url_to_fs" if is_url else "Path(") in action


@pytest.mark.parametrize("name", ODD, ids=ascii)
def test_every_name_is_quoted(name):
    assert ast.literal_eval(quoted(name)) == name
    (call,) = (
        node
        for node in ast.walk(ast.parse("\n".join(snippet([Address(name, name)]))))
        if isinstance(node, ast.Call)
    )
    assert call.args[0].value == name


def test_several_files_have_one_import_and_names_of_their_own():
    names = ["a.csv", "b.csv", "c.json", "d.txt"]
    lines = snippet([Address(name, name) for name in names])
    assert lines == [
        "import json, pandas as pd",
        "from pathlib import Path",
        'df = pd.read_csv("a.csv")',
        'df2 = pd.read_csv("b.csv")',
        'with open("c.json") as file: data = json.load(file)',
        'text = Path("d.txt").read_text()',
    ]


def test_one_library_for_a_file_of_the_site_needs_fsspec_too():
    url = "cs3://alpine/home/run.h5"
    assert snippet([Address(url, "run.h5")]) == [
        "import fsspec, h5py",
        f'file = h5py.File(fsspec.open("{url}").open(), "r")',
    ]


@pytest.mark.parametrize(
    "name", [*ODD, "t.tsv", "l.jsonl", "a.npy", "j.json", "t.txt", "b.bin"], ids=ascii
)
def test_the_lines_run(name, tmp_path):
    path = tmp_path / name.replace("/", "_")
    frame = pandas.DataFrame({"x": [1, 2]})
    write = {
        "csv": lambda: frame.to_csv(path, index=False),
        "tsv": lambda: frame.to_csv(path, index=False, sep="\t"),
        "jsonl": lambda: frame.to_json(path, orient="records", lines=True),
        "npy": lambda: numpy.save(path, numpy.array([1, 2])),
        "json": lambda: path.write_text(json.dumps({"x": 1})),
        "txt": lambda: path.write_text("text"),
        "bin": lambda: path.write_bytes(b"bytes"),
    }
    write[name.rpartition(".")[2]]()
    names: dict = {}
    exec("\n".join(snippet([Address(str(path), name)])), names)  # noqa: S102  it is what is tested
    if "df" in names:
        assert names["df"].equals(frame)
    elif "array" in names:
        assert names["array"].tolist() == [1, 2]
    else:
        assert names.get("data", names.get("text")) in ({"x": 1}, "text", b"bytes")
