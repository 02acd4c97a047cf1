# Every target sets up what it needs in .venv; only Python >= 3.11 and make are required.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
WORKERS ?= 3

.DEFAULT_GOAL := help

help: ## Show the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  %-14s %s\n", $$1, $$2}'

install: $(READY) ## Set everything up in .venv, with the locked versions

$(READY): requirements-dev.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Jembatan needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) --version 2>&1). Try: make PYTHON=python3.11 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

demo: $(READY) ## Play the whole journey on an embedded PostgreSQL, then keep serving until Ctrl-C
	$(BIN)/jembatan demo

test: $(READY) ## Run the tests on an embedded PostgreSQL
	$(BIN)/pytest -q -n $(WORKERS) --dist loadscope

test-noun: $(READY) ## Run the tests of one noun in every layer: make test-noun NOUN=orders
	@test -n "$(NOUN)" || { echo "Which noun? Try: make test-noun NOUN=orders"; exit 1; }
	$(BIN)/pytest -q -n $(WORKERS) --dist loadscope --noun $(NOUN)

test-long: $(READY) ## Run the tests that take minutes: stalled readers, frozen processes, every column of every table
	$(BIN)/pytest -q -m long

differential: $(READY) ## Compare compiled reads with the ordinary ones for ten minutes, over new ledgers and operations
	$(BIN)/pytest -q -m differential tests/integration/gateway/operations

lint: $(READY) ## Run ruff, mypy strict, the import rules, and the check for unused names
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest -q tests/architecture/test_unused_names.py

check: lint test ## Lint and test; CI runs this, then conformance

conformance: $(READY) ## Test third-party clients and the examples against a real server (those for Node only if it is installed)
	@if command -v npm >/dev/null; then cd tests/conformance && npm ci --silent; else echo "Node is not installed; its clients are skipped."; fi
	$(BIN)/pytest -q -rs -m conformance tests/conformance

schema: $(READY) ## Regenerate schema/schema.graphql and the table in docs/graph.md from the code
	$(BIN)/python -m schema.rendering

settings: $(READY) ## Regenerate docs/settings.md and .env.example from the code
	$(BIN)/python -m gateway.settings_reference

changelog: $(READY) ## Regenerate CHANGELOG.md from docs/changes
	$(BIN)/python docs/changes/render.py

revision: $(READY) ## Draft an Alembic revision from the records: make revision MESSAGE="what changes"
	$(BIN)/python -m migrations.draft "$(MESSAGE)"

bench: $(READY) ## Run the benchmarks beside the gateway's peers, for over an hour, and write docs/benchmarks.md
	$(BIN)/python -m bench --write

lock: ## Update the locked versions (needs uv on the PATH)
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header \
		--extra dev pyproject.toml -o requirements-dev.lock
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header \
		-c requirements-dev.lock pyproject.toml -o requirements.lock
	echo "setuptools" | uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
		-c requirements-dev.lock - -o requirements-build.lock

clean: ## Remove the environment, caches and build files, but no data
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build *.egg-info

.PHONY: help install demo test test-noun test-long differential lint check conformance schema settings changelog revision bench lock clean
