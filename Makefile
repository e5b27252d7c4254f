# Two commands matter: `make run` and `make test`. `make help` lists the rest.
PYTHON ?= python3
BIN := .venv/bin
NPM := $(shell command -v npm 2>/dev/null)

# Each of many processes would compile everything anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup run test coverage torture bench check format schema lock clean

help: ## List the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.venv/run.stamp: requirements/run.lock pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/run.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

.venv/dev.stamp: .venv/run.stamp requirements/dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.lock
	@touch $@

playground/dist/index.html: playground/package-lock.json $(wildcard playground/*.mjs playground/src/*)
ifdef NPM
	cd playground && npm ci --no-audit --no-fund --loglevel=error && npm run --silent build
else
	@echo "npm was not found: the API runs, the playground page will say what to install."
endif

setup: .venv/run.stamp playground/dist/index.html ## Install the server and the playground's assets

run: setup ## Run the shop on http://127.0.0.1:8000/graphql
	@exec $(BIN)/orderwire serve

test: setup .venv/dev.stamp ## Run every test, on real PostgreSQL and Valkey
	$(BIN)/python -m pytest -n auto --dist loadfile

coverage: setup .venv/dev.stamp ## Run every test and count the lines and branches it runs, which takes longer
	$(BIN)/python -m pytest -n auto --dist loadfile --cov --cov-report=term

MINUTES ?= 5

torture: setup .venv/dev.stamp ## Run the proofs under load, each for MINUTES (5 unless you say)
	ORDERWIRE_TORTURE_MINUTES=$(MINUTES) $(BIN)/python -m pytest tests/proofs --durations=0

bench/peers/node_modules/.package-lock.json: bench/peers/package-lock.json
ifdef NPM
	cd bench/peers && npm ci --no-audit --no-fund --loglevel=error
	@touch $@
else
	@echo "npm was not found: the servers to compare with cannot be installed."; exit 1
endif

BENCHES ?= peers/run orders execution collector growth start stream sign_ins attacks

bench: setup .venv/dev.stamp bench/peers/node_modules/.package-lock.json ## Measure everything, or BENCHES: peers/run sets the server beside others
	@for each in $(BENCHES); do echo; echo "bench/$$each.py"; PYTHONPATH=. $(BIN)/python bench/$$each.py || exit 1; done

check: setup .venv/dev.stamp ## Formatting, lint, types, import contracts, schema, migrations, documents, vulnerabilities
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/basedpyright --warnings
	$(BIN)/lint-imports
	$(BIN)/python requirements/audit.py
	$(BIN)/python -m pytest -q -n 2 -m check

format: .venv/dev.stamp ## Format the code and mend what the linter can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

schema: .venv/run.stamp ## Print schema.graphql from the code
	$(BIN)/orderwire schema > schema.graphql

lock: .venv/dev.stamp ## Pin the newest versions, with hashes and without addresses
	for name in run dev; do $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --upgrade \
	  --generate-hashes --no-emit-index-url --no-header --no-annotate requirements/$$name.in -o requirements/$$name.lock; done

clean: ## Remove what was installed and built (the data in .orderwire stays)
	rm -rf .venv playground/node_modules playground/dist bench/peers/node_modules .pytest_cache .ruff_cache .hypothesis .coverage*
