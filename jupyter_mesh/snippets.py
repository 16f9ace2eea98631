"""The Python that opens a file or folder of the mesh, by the type that its name tells. Nothing is imported or asked.

Tables open with pandas, netCDF with xarray, Zarr, HDF5, NumPy and Arrow with their own libraries, JSON and text
with Python alone, all else as bytes. Whatever understands ``cs3://`` by itself gets the URL, the rest a file.
"""

from __future__ import annotations

import json
import mimetypes
from dataclasses import dataclass
from typing import NamedTuple

__all__ = ["Address", "quoted", "snippet"]


class _Recipe(NamedTuple):
    modules: tuple[str, ...]
    """As they stand behind ``import``."""
    variable: str
    """What the result is called."""
    action: str
    """``NAME`` is that variable, ``PLACE`` the quoted path or URL, ``FILE`` something to read from."""


def _pandas(call: str) -> _Recipe:
    return _Recipe(("pandas as pd",), "df", f"NAME = pd.{call}")


RECIPES = {
    ".csv": _pandas("read_csv(PLACE)"),
    ".tsv": _pandas('read_csv(PLACE, sep="\\t")'),
    ".jsonl": _pandas("read_json(PLACE, lines=True)"),
    ".ndjson": _pandas("read_json(PLACE, lines=True)"),
    ".parquet": _pandas("read_parquet(PLACE)"),
    ".pq": _pandas("read_parquet(PLACE)"),
    ".feather": _pandas("read_feather(PLACE)"),
    ".orc": _pandas("read_orc(PLACE)"),
    ".xlsx": _pandas("read_excel(PLACE)"),
    ".xls": _pandas("read_excel(PLACE)"),
    ".arrow": _Recipe(("pyarrow as pa",), "table", "NAME = pa.ipc.open_file(FILE).read_all()"),
    ".nc": _Recipe(("xarray as xr",), "ds", "NAME = xr.open_dataset(FILE)"),
    ".nc4": _Recipe(("xarray as xr",), "ds", "NAME = xr.open_dataset(FILE)"),
    ".zarr": _Recipe(("zarr",), "data", 'NAME = zarr.open(PLACE, mode="r")'),
    ".h5": _Recipe(("h5py",), "file", 'NAME = h5py.File(FILE, "r")'),
    ".hdf5": _Recipe(("h5py",), "file", 'NAME = h5py.File(FILE, "r")'),
    ".npy": _Recipe(("numpy as np",), "array", "NAME = np.load(FILE)"),
    ".npz": _Recipe(("numpy as np",), "arrays", "NAME = np.load(FILE)"),
}
FOLDERS = (".parquet", ".zarr")
"""Types that are also kept as folders."""

COMPRESSED = (".gz", ".bz2", ".xz", ".zst")
"""What pandas reads through, for these types."""
READ_THROUGH = (".csv", ".tsv", ".jsonl", ".ndjson")

JSON = (".json", ".geojson", ".ipynb")
TEXT = (".cfg", ".ini", ".log", ".md", ".rst", ".toml", ".yaml", ".yml")
"""Text that the table of media types does not call text everywhere."""

PATH = "from pathlib import Path"


@dataclass(frozen=True, slots=True)
class Address:
    """Where code finds one file or folder."""

    text: str
    """A path on the disk of the kernel, or a ``cs3://`` URL."""
    name: str
    """Its own name, which tells the type."""
    is_folder: bool = False

    @property
    def is_url(self) -> bool:
        """True for what has no place on the disk."""
        return self.text.startswith("cs3://")


def quoted(text: str) -> str:
    """``text`` as a literal of Python in double quotes, readable where it can be."""
    return json.dumps(text, ensure_ascii=False)


def snippet(addresses: list[Address]) -> list[str]:
    """The lines that open all of these: the imports, then one line for each, under names of their own.

    For one address there are two lines.
    """
    modules: set[str] = set()
    froms: set[str] = set()
    actions = []
    counts: dict[str, int] = {}
    for address in addresses:
        recipe = _recipe(address)
        for module in recipe.modules:
            (froms if module == PATH else modules).add(module)
        number = counts[recipe.variable] = counts.get(recipe.variable, 0) + 1
        name = recipe.variable if number == 1 else f"{recipe.variable}{number}"
        literal = quoted(address.text)
        file = literal
        if address.is_url:
            file = f"fsspec.open({literal}).open()"
            if "FILE" in recipe.action:
                modules.add("fsspec")
        # What the user named comes last: it may hold any of these words.
        action = recipe.action.replace("NAME", name)
        before, word, after = action.partition("FILE" if "FILE" in action else "PLACE")
        actions.append(before + (file if word == "FILE" else literal) + after)
    imports = [f"import {', '.join(sorted(modules))}"] if modules else []
    return [*imports, *sorted(froms), *actions]


def _recipe(address: Address) -> _Recipe:
    stem, ending = _split(address.name)
    if ending in COMPRESSED and _split(stem)[1] in READ_THROUGH:
        ending = _split(stem)[1]
    if ending in RECIPES and (not address.is_folder or ending in FOLDERS):
        return RECIPES[ending]
    if address.is_folder:
        if address.is_url:
            return _Recipe(("fsspec",), "folder", "fs, NAME = fsspec.url_to_fs(PLACE)")
        return _Recipe((PATH,), "folder", "NAME = Path(PLACE)")
    if ending in JSON:
        if address.is_url:
            action = "with fsspec.open(PLACE) as file: NAME = json.load(file)"
            return _Recipe(("fsspec", "json"), "data", action)
        return _Recipe(("json",), "data", "with open(PLACE) as file: NAME = json.load(file)")
    if _is_text(address.name, ending):
        if address.is_url:
            action = 'with fsspec.open(PLACE, "r") as file: NAME = file.read()'
            return _Recipe(("fsspec",), "text", action)
        return _Recipe((PATH,), "text", "NAME = Path(PLACE).read_text()")
    if address.is_url:
        return _Recipe(("fsspec",), "data", "with fsspec.open(PLACE) as file: NAME = file.read()")
    return _Recipe((PATH,), "data", "NAME = Path(PLACE).read_bytes()")


def _split(name: str) -> tuple[str, str]:
    stem, dot, ending = name.rpartition(".")
    return (stem, f".{ending.lower()}") if dot and stem else (name, "")


def _is_text(name: str, ending: str) -> bool:
    media, encoding = mimetypes.guess_type(name)
    return ending in TEXT or (encoding is None and (media or "").startswith("text/"))
