"""``cs3://`` for fsspec: the files of the mesh for pandas, Dask, pyarrow, zarr and all others that open by URL."""

from jupyter_mesh.fs.filesystem import CS3FileSystem

__all__ = ["CS3FileSystem"]
