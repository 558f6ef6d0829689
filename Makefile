# Concord's commands. Assumed: Python 3.11 or newer, make and git; the rest comes from the lock into .venv.

VENV  := .venv
BIN   := $(VENV)/bin
STAMP := $(VENV)/.from-lock
PY    := engine channels mpi docs/generate.py tests
LOCK  := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url

TESTS    ?= tests
SEEDS    ?= 1 2 3 4 5
MESSAGES ?= 20000

# An environment is bound to its folder: one that was copied or moved here would run the code of the old place.
MOVED := $(shell [ ! -f $(STAMP) ] || [ "$$(cat $(STAMP))" = "$(CURDIR)" ] || rm -rf $(VENV))

export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_NO_INPUT := 1
export PIP_ROOT_USER_ACTION := ignore

.DEFAULT_GOAL := help
.PHONY: help setup demo test check bench soak docs lock clean

help: ## list the commands
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' Makefile

setup: $(STAMP) ## create .venv from the lock (done again only when the lock changes)
	@:

$(STAMP): requirements-dev.lock
	@python=$$(for name in $(PYTHON) python3.11 python3.12 python3.13 python3.14 python3 python; do \
	    if $$name -c 'import sys, venv; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; \
	    then echo $$name; break; fi; done); \
	if [ -z "$$python" ]; then \
	    echo 'Concord needs Python 3.11 or newer, with its venv module, and found none.' >&2; \
	    echo 'Install one, or name it: make setup PYTHON=/path/to/python3' >&2; exit 1; \
	fi; \
	echo "setup: creating $(VENV) with $$($$python --version)"; \
	$$python -m venv $(VENV)
	@echo 'setup: installing the locked packages, each checked against its hash (a minute or two)'
	@$(BIN)/python -m pip install --quiet --require-hashes --requirement requirements-dev.lock
	@echo 'setup: installing Concord itself, in place'
	@$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@echo "$(CURDIR)" > $@
	@echo 'setup: done'

demo: setup ## start Concord with three simulated hospitals
	@$(BIN)/concord demo $(ARGS)

check: setup ## format, lint, types, import contracts, dependencies
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy $(PY)
	$(BIN)/lint-imports --no-logo
	$(BIN)/deptry .

test: setup check ## everything that has to hold (TESTS=tests/unit for a part)
	$(BIN)/pytest -n 2 --dist worksteal -m "not soak" $(TESTS)

bench: setup ## the speed of everything on this machine, as one table (ARGS=--quick)
	@$(BIN)/python -m tests.benchmark.table $(ARGS)

soak: setup ## long traffic with kills, seed by seed (SEEDS="1 2 3" MESSAGES=20000)
	@for seed in $(SEEDS); do echo "== seed $$seed"; \
	    $(BIN)/concord demo --headless --messages $(MESSAGES) --seed $$seed --crash --json || exit 1; done
	HYPOTHESIS_PROFILE=search $(BIN)/pytest tests/property
	$(BIN)/pytest -m soak tests

docs: setup ## write the pages and schemas that follow from the code
	$(BIN)/python docs/generate.py

lock: ## write both lock files again; they hold hashes and no addresses
	@rm -rf $(VENV)-lock && python3 -m venv $(VENV)-lock && $(VENV)-lock/bin/python -m pip install --quiet uv
	$(VENV)-lock/bin/$(LOCK) $(UPGRADE) pyproject.toml -o requirements.lock
	$(VENV)-lock/bin/$(LOCK) $(UPGRADE) --extra dev pyproject.toml -o requirements-dev.lock
	@rm -rf $(VENV)-lock

clean: ## remove what can be made again, .venv included
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist
	find engine channels mpi tests -name __pycache__ -type d -prune -exec rm -rf {} +
