# Each target works on a bare machine that has Python 3.11 and make: it makes its own environment from the lock.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: drill test lint check docs lock clean

drill: $(READY)  ## a whole rotation in an embedded world
	$(BIN)/ir drill stripe

test: $(READY)  ## all tests, against real servers on loopback
	$(BIN)/python -m pytest -n 2 --dist loadgroup

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

check: lint test  ## everything that must hold

docs: $(READY)  ## write the generated parts of the README anew
	$(BIN)/python -m docs.generate

lock:  ## resolve dependencies anew; needs uv
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
	  --no-emit-index-url --no-emit-find-links --extra drill --group dev --output-file requirements.lock pyproject.toml

$(READY): requirements.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $(READY)

clean:
	rm -rf $(VENV) dist build
