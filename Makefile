# `make` alone lists the targets. Everything lives in .venv; nothing is installed outside of it,
# except by test-system, which says so.

PYTHON ?= python3
SUDO ?= $(if $(filter 0,$(shell id -u)),,sudo)
VENV := .venv
BIN := $(VENV)/bin
PYTEST_JOBS ?= 2

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: $(VENV)/.run-stamp ## run real jobs in a scratch store, under a minute
	@$(BIN)/jobsched demo
	@echo "The program is $(BIN)/jobsched"

.PHONY: test
test: check ## check, then every test that needs only Python and PyPI
	$(BIN)/pytest -n $(PYTEST_JOBS)

.PHONY: test-system
test-system: $(VENV)/.dev-stamp ## tests against Debian's packages, which it installs with apt-get (needs root or sudo)
	$(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get -q update
	$(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get -qy install --no-install-recommends \
		$$(sed 's/#.*//' tests/system/packages.txt)
	PATH="$$PATH:/usr/sbin:/sbin" $(BIN)/pytest tests/system

.PHONY: check
check: $(VENV)/.dev-stamp ## lint, format, types, and who may import whom
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	PYTHONPATH=.dev $(BIN)/lint-imports

.PHONY: bench
bench: $(VENV)/.run-stamp ## measure throughput and latency on this machine, beside raw Postgres
	@for what in drain enqueue latency pinned; do $(BIN)/jobsched bench $$what || exit; done

.PHONY: generated
generated: $(VENV)/.dev-stamp ## write what is made from the code: completions, parts of documents
	JOBSCHED_TEST_WRITE_GENERATED=1 $(BIN)/pytest -q tests/test_docs.py tests/test_reference.py tests/cli/test_schema.py tests/cli/test_session.py tests/store/test_schema.py -k generated

.PHONY: pictures
pictures: $(VENV)/.dev-stamp ## accept how the screens look now: tests compare them with these pictures
	JOBSCHED_TEST_WRITE_GENERATED=1 $(BIN)/pytest -q tests/tui/test_snapshots.py

.PHONY: clean
clean: ## remove everything that can be made again
	rm -rf $(VENV) .dev build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# uv installs in seconds what takes pip a minute; where it cannot be had, or does not know the index
# that pip was configured with, pip does it.
define install
	@$(BIN)/python -m pip --quiet --disable-pip-version-check install uv 2>/dev/null && \
		$(BIN)/uv --quiet pip install --python $(BIN)/python --editable '$(1)' 2>/dev/null || \
		$(BIN)/python -m pip --quiet --disable-pip-version-check install --editable '$(1)'
endef

$(VENV)/.run-stamp: pyproject.toml | $(BIN)/python
	@echo "installing jobsched into $(VENV)"
	$(call install,.)
	@touch $@

# mypy and import-linter find the package `jobsched`, which is this folder, through the link.
$(VENV)/.dev-stamp: pyproject.toml | $(BIN)/python
	@echo "installing jobsched and its development tools into $(VENV)"
	$(call install,.[dev])
	@mkdir -p .dev && ln -sfn .. .dev/jobsched
	@touch $@ $(VENV)/.run-stamp

$(BIN)/python:
	@command -v $(PYTHON) >/dev/null || { \
		echo "$(PYTHON) was not found — jobsched needs Python 3.11 or newer: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "$$($(PYTHON) --version) is too old — jobsched needs 3.11 or newer: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
		echo "$(PYTHON) cannot make a virtual environment — on Debian: apt-get install python3-venv" >&2; exit 1; }
