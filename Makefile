# Each target works on a bare machine that has Python 3.11 and make: it makes its own environment from the lock.
PYTHON ?= python3.11
VENV := .venv
SPARK := .venv-spark
BIN := $(VENV)/bin
STORES ?= aws,vault,env
SET_UP := $(PYTHON) .ci/bootstrap.py
LOCK := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
  --no-emit-index-url --no-emit-find-links
without = $$(sed -n 's/^\([A-Za-z0-9._-]*\)==.*/--no-emit-package \1/p' $(1))
PRODUCT_LOCKS := requirements.lock requirements-drill-vault.lock
VAULT_HERE := $(notdir $(shell command -v bao || command -v vault))
DRILL_READY := $(VENV)/.drill-$(STORES)$(addprefix -,$(VAULT_HERE))

FUZZED := tests/hardening/test_hostile_files.py tests/hardening/test_hostile_stripe.py tests/unit/test_alerts.py \
  tests/unit/test_approvals.py tests/unit/test_evidence_check.py tests/unit/test_http_address.py tests/unit/test_inventory.py \
  tests/unit/test_inventory_made.py tests/unit/test_reference.py tests/unit/test_report_hostile.py tests/unit/test_secret.py

.PHONY: drill test lint check bench linear spark soak hands endurance cuts raft fuzz mutants findings samples docs pictures lock clean

drill: $(DRILL_READY)  ## a whole rotation in an embedded world; STORES=aws,env leaves Vault out
	$(BIN)/ir drill stripe --stores $(STORES)

test: export PYTHONDONTWRITEBYTECODE =
test: $(VENV)/.tests  ## all tests, against real servers on loopback
	$(BIN)/python -m pytest -n 6 --dist loadgroup

lint: $(VENV)/.develop
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

check: lint test  ## everything that must hold

bench: $(VENV)/.develop  ## ratios within one run
	$(BIN)/python -m benchmarks.start_up
	$(BIN)/python -m benchmarks.rotate
	$(BIN)/python -m benchmarks.review

linear: $(VENV)/.develop  ## the review of 50,000,000 lines, made by DuckDB, costs per line what that of 5,000,000 costs; half an hour, 4 GB of disk
	$(BIN)/python -m benchmarks.review --times $(or $(TIMES),10) --seed $(or $(SEED),7)

spark: $(SPARK)/.ready  ## the review's SQL on Spark local[2] gives what DuckDB gives; needs Java 17, takes minutes
	$(SPARK)/bin/python -m pytest tests/review/test_review_engines.py -k spark

soak: $(VENV)/.product  ## 2,000 drills in simulated time, in which anything may go wrong; SEED=N begins elsewhere
	$(BIN)/ir drill stripe --faults all --runs $(or $(RUNS),2000) --seed $(or $(SEED),1)

hands: $(VENV)/.develop  ## badly timed people at real terminals, 20 of 300 in a real browser; SEED=N begins elsewhere; an hour
	$(BIN)/python -m tests.hands --seed $(or $(SEED),1) --runs $(or $(RUNS),300) --append docs/endurance.md

endurance: $(VENV)/.develop soak  ## the large sizes of what `make test` runs small: hours
	HYPOTHESIS_PROFILE=nightly $(BIN)/python -m pytest -n 2 tests/hardening/test_state_machine.py
	IR_BOUNDARIES=all IR_RACES=100 IR_KILLS=30 $(BIN)/python -m pytest -n 2 tests/hardening/test_kill_everywhere.py tests/hardening/test_kill_hosts.py tests/hardening/test_kill.py
	IR_BAD_ANSWERS=all $(BIN)/python -m pytest -n 2 tests/contract/test_bad_answers.py
	$(BIN)/python -m tests.hardening.matrix

cuts: $(VENV)/.develop  ## PostgreSQL taken away 100 times, for up to 12 s, at random moments; CUTS=N for another number
	IR_CUTS=$(or $(CUTS),100) $(BIN)/python -m pytest -n 2 tests/hardening/test_database_cuts.py

raft: $(VENV)/.develop  ## 20 whole rotations by a standby of three OpenBao nodes; RUNS=N for another number
	IR_RAFT=$(or $(RUNS),20) $(BIN)/python -m pytest tests/contract/test_raft.py

fuzz: $(VENV)/.develop  ## hostile files, answers and texts: 200 times as many examples; TIMES=N for another number
	IR_FUZZ=$(or $(TIMES),200) $(BIN)/python -m pytest -n 2 $(FUZZED)

mutants: $(VENV)/.develop  ## faults planted in our own code, each caught by a test
	$(BIN)/python -m tests.hardening.mutants

findings: $(VENV)/.develop  ## surprises of the libraries and tools that we stand on, each shown by a script; outside of `make test`
	@failed=0; for script in findings/*.sh; do \
	  if said=$$(PATH="$(CURDIR)/$(BIN):$$PATH" bash "$$script" 2>&1); then echo "pass  $$script"; \
	  else failed=1; echo "FAIL  $$script"; echo "$$said"; fi; done; exit $$failed

samples: $(VENV)/.develop  ## logs that real programs write, for the tests of the review: nginx, HAProxy, Squid, Caddy, mitmproxy, Stripe's libraries
	$(BIN)/python -m tests.review.write_samples

docs: $(VENV)/.develop  ## write the generated parts of the README anew
	$(BIN)/python -m docs.generate

pictures: $(VENV)/.develop  ## draw the README's pictures anew, from drills; needs Chromium
	$(BIN)/ir drill stripe --picture docs/drill.svg
	IR_HOME=$(CURDIR)/$(VENV)/pictures $(BIN)/ir drill stripe --policy exploited
	$(BIN)/python -m docs.page_picture $(VENV)/pictures/drill-report.html docs/report.webp
	$(BIN)/python -m docs.keys_picture docs/keys-page.webp

lock:  ## resolve dependencies anew; needs uv
	echo pip | $(LOCK) --output-file requirements-pip.lock -
	$(LOCK) --group build --output-file requirements.lock pyproject.toml
	$(LOCK) --extra drill-vault --constraint requirements.lock $(call without,requirements.lock) \
	  --output-file requirements-drill-vault.lock pyproject.toml
	$(LOCK) --group build --group dev --extra drill $(addprefix --constraint ,$(PRODUCT_LOCKS)) \
	  --output-file requirements-dev.lock pyproject.toml

$(VENV)/.product: requirements.lock pyproject.toml .ci/bootstrap.py
	$(SET_UP) product
	touch $@

$(DRILL_READY): $(PRODUCT_LOCKS) pyproject.toml .ci/bootstrap.py
	$(SET_UP) drill --stores $(STORES)
	touch $@

$(VENV)/.develop: requirements-dev.lock pyproject.toml .ci/bootstrap.py
	$(SET_UP) develop
	touch $@

# What the tests import is compiled once here, not by each of their processes.
$(VENV)/.tests: export PYTHONDONTWRITEBYTECODE =
$(VENV)/.tests: $(VENV)/.develop $(shell find ir tests -name '*.py')
	$(BIN)/python -m compileall -q -j 0 ir & \
	  if ! $(BIN)/python -m pytest --collect-only -qq > $@; then cat $@; rm $@; exit 1; fi; wait

$(SPARK)/.ready: requirements-dev.lock pyproject.toml
	$(PYTHON) -m venv $(SPARK)
	$(SPARK)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements-dev.lock
	$(SPARK)/bin/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --editable ".[spark]"
	touch $@

clean:
	rm -rf $(VENV) $(SPARK) dist build
