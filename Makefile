# The verbs of jupyter-mesh. Everything lands in .venv; nothing is installed elsewhere.
PYTHON ?= python3
BIN := .venv/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: demo test lint bench build clean

.venv/.python: pyproject.toml spawner/pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install -q --upgrade "pip>=25.1"
	$(BIN)/python -m pip install -q uv || echo "uv cannot be had here: pip installs instead, more slowly"
	if [ -x $(BIN)/uv ]; then install="$(BIN)/uv pip install -q"; else install="$(BIN)/python -m pip install -q"; fi; \
	HATCH_JUPYTER_BUILDER_SKIP_NPM=1 $$install -e ".[lab,node]" -e ./spawner --group dev
	touch $@
