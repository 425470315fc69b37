# Everything a contributor types. `make help` lists it.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help install run test check check-style check-types check-imports check-dependencies bench drill contracts story clean
PYTHON ?= python3
# uv comes with the system, or is installed once into .bootstrap/.
UV := $(shell command -v uv 2>/dev/null || echo .bootstrap/bin/uv)
BIN := .venv/bin

help: ## list what there is
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

.bootstrap/bin/uv:
	@$(PYTHON) -c 'import sys; sys.exit("Kith needs Python 3.11 or newer; this is " + sys.version.split()[0] + ". Try: make PYTHON=python3.12 run") if sys.version_info < (3, 11) else None'
	@echo "bringing uv …"
	@$(PYTHON) -m venv .bootstrap && .bootstrap/bin/pip install --quiet --disable-pip-version-check 'uv>=0.9'

.venv/.installed: uv.lock pyproject.toml $(wildcard services/*/pyproject.toml libs/*/pyproject.toml gateway/pyproject.toml) | $(filter .bootstrap/%,$(UV))
	@echo "installing …"
	@$(UV) sync --frozen --python $(PYTHON) --compile-bytecode --quiet
	@touch $@

install: .venv/.installed ## bring uv and install everything into .venv

run: .venv/.installed ## the whole system on this machine, with a demo community; Ctrl-C stops it
	@exec $(BIN)/kith up

test: .venv/.installed ## every test, on real PostgreSQL and NATS
	@$(BIN)/pytest -n 3 $(ARGS)

check: .venv/.installed ## format, lint, types, imports, dependencies
	@$(MAKE) --no-print-directory -j2 --output-sync=target check-style check-types check-imports check-dependencies

check-style:
	@$(BIN)/ruff format --check --quiet . && $(BIN)/ruff check --quiet . && $(BIN)/yamllint --strict deploy && echo "style: clean"

check-types:
	@$(BIN)/mypy --no-error-summary && echo "types: clean"

check-imports:
	@$(BIN)/lint-imports --no-logo 2>&1 | tail -n +1 | grep -E 'KEPT|BROKEN|kept|->|not allowed' ; test $${PIPESTATUS[0]} -eq 0

# Each deployable and library declares what it imports, and imports what it declares.
check-dependencies:
	@for each in services/* gateway libs/*; do \
	  (cd $$each && $(CURDIR)/$(BIN)/deptry --no-ansi --known-first-party "$$(ls -d kith_*)" kith_* 2>&1 | grep -vE '^(Scanning|Success|$$|Assuming)' ; test $${PIPESTATUS[0]} -eq 0) || exit 1; \
	done; echo "dependencies: clean"

bench: .venv/.installed ## measure; ONLY=area for one area
	@$(BIN)/python -m bench $(if $(ONLY),--only $(ONLY))

drill: .venv/.installed ## faults under load: what is lost or doubled; ARGS="--rounds 5 --seed 2"
	@$(BIN)/python -m drill $(ARGS)

contracts: .venv/.installed ## write contracts/ anew from the code
	@$(BIN)/python -m kith_testkit.contracts

story: .venv/.installed ## the main job end to end; MEMBERS=file.csv
	@$(BIN)/kith story $(if $(MEMBERS),--members $(MEMBERS))

clean: ## remove what was installed and built (keeps .kith/, where the data is)
	@rm -rf .venv .bootstrap build .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
