# Everything a contributor runs. `make help` lists it.
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

# A uv that pip put there is found too.
export PATH := $(HOME)/.local/bin:$(PATH)

BIN := .venv/bin
ENV := .venv/.in-sync
# Further arguments of a target's program, e.g. `make up ARGS='--workers 4'`.
ARGS ?=
# Tests of servers mostly wait: three processes, each with servers of its own, share the files between them, and the long
# files come first, so that none waits for another at the end.
PARALLEL ?= --numprocesses 3 --dist loadfile --no-loadscope-reorder
LONG := tests/scenarios/ tests/docs/ tests/integration/
# Folders to leave out, e.g. `make test SKIP=tests/unit/` right after `make check`.
SKIP ?=
TESTS := $(filter-out $(SKIP),$(LONG) $(filter-out $(LONG) tests/faults/ tests/compose/,$(wildcard tests/*/)))

.PHONY: help up demo check test faults bench test-compose fix clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

up: $(ENV) ## Run PostgreSQL, Kafka, the api and two workers on this machine; Ctrl-C stops them
	@exec $(BIN)/jobstream up $(ARGS)

demo: $(ENV) ## Play jobs of every example type through both doors, and watch them
	@exec $(BIN)/jobstream demo $(ARGS)

check: $(ENV) ## Format, lint, types, import rules, unit tests: what every change must pass
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest tests/unit $(ARGS)

test: $(ENV) ## All tests but the fault suite and compose, on a real PostgreSQL and a real Kafka
	$(BIN)/pytest $(TESTS) $(PARALLEL) $(ARGS)

faults: $(ENV) ## The long suite: kill workers, apis, Kafka and PostgreSQL while jobs run; large backlogs (JOBSTREAM_FAULT_SEEDS=20)
	$(BIN)/pytest tests/faults $(ARGS)

bench: $(ENV) ## Measure rates, latencies and costs against their targets; five minutes (ARGS=--list shows what there is)
	$(BIN)/python -m bench $(ARGS)

test-compose: $(ENV) ## The images and docker-compose.yml, on a Docker engine: five minutes
	$(BIN)/pytest tests/compose $(ARGS)

fix: $(ENV) ## Format, and repair what the linter can
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean: ## Remove the local cluster's data and the caches
	rm -rf .jobstream .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis

# The environment, from uv.lock alone; made again when a dependency changes.
$(ENV): uv.lock pyproject.toml shared/pyproject.toml services/api/pyproject.toml services/worker/pyproject.toml
	@command -v uv >/dev/null || $(MAKE) install-uv
	uv sync --frozen
	@touch $@

.PHONY: install-uv
install-uv:
	@echo "uv is missing; installing it for this user"
	@pipx install uv 2>/dev/null \
	  || python3 -m pip install --user --quiet uv 2>/dev/null \
	  || python3 -m pip install --user --quiet --break-system-packages uv \
	  || { echo "uv could not be installed: install it, or pip (python3-pip), and try again" >&2; exit 1; }
