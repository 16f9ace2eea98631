"""``cs3://`` for fsspec."""
