# Every target sets up what it needs in .venv by itself; nothing but Python >= 3.11 and make is assumed.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
WORKERS ?= 3

.DEFAULT_GOAL := help

help: ## Show the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  %-14s %s\n", $$1, $$2}'

install: $(READY) ## Set everything up in .venv, from the locked versions

$(READY): requirements-dev.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Jembatan needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) --version 2>&1). Try: make PYTHON=python3.11 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

demo: $(READY) ## Play the whole journey on an embedded PostgreSQL, then keep serving (Ctrl-C ends it)
	$(BIN)/jembatan demo

test: $(READY) ## Run the tests on an embedded PostgreSQL
	$(BIN)/pytest -q -n $(WORKERS) --dist loadscope

test-noun: $(READY) ## Run the tests of one noun in every layer: make test-noun NOUN=orders
	@test -n "$(NOUN)" || { echo "Which noun? Try: make test-noun NOUN=orders"; exit 1; }
	$(BIN)/pytest -q -n $(WORKERS) --dist loadscope --noun $(NOUN)

test-long: $(READY) ## Run the tests that take minutes: readers stopped, processes frozen, commands on a live log
	$(BIN)/pytest -q -m long

lint: $(READY) ## Ruff, mypy strict, who may import whom, and that no name is used by nobody
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest -q tests/architecture/test_unused_names.py

check: lint test ## Lint and test; CI runs this and then conformance

conformance: $(READY) ## Try clients of others, of OAuth and of subscriptions, against a real server (Node's are skipped where Node is absent)
	@if command -v npm >/dev/null; then cd tests/conformance && npm ci --silent; else echo "Node is absent: its clients are not tried."; fi
	$(BIN)/pytest -q -rs -m conformance tests/conformance

schema: $(READY) ## Write schema/schema.graphql anew from the code
	$(BIN)/python -m schema.rendering

settings: $(READY) ## Write docs/settings.md and .env.example anew from the code
	$(BIN)/python -m gateway.settings_reference

revision: $(READY) ## Draft an Alembic revision from the models: make revision MESSAGE="what changes"
	$(BIN)/python -m migrations.draft "$(MESSAGE)"

bench: $(READY) ## Run the benchmarks; each prints ratios taken side by side in one run
	$(BIN)/python -m bench

lock: ## Resolve the locked versions anew (needs uv on the PATH)
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header \
		--extra dev pyproject.toml -o requirements-dev.lock
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header \
		-c requirements-dev.lock pyproject.toml -o requirements.lock

clean: ## Remove what was set up or left behind, but no data
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build *.egg-info

.PHONY: help install demo test test-noun test-long lint check conformance schema settings revision bench lock clean
