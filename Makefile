# `make up` needs make and Python 3.11 or newer, nothing else: what is missing comes from the lock into .venv.

# The one that is installed already is asked first: it starts at once, which a version manager's shim does not.
PYTHON ?= $(shell .venv/bin/python -ES -c '' 2>/dev/null && echo .venv/bin/python || command -v python3)
BIN := .venv/bin
NAME ?= signups
UV ?= uv
ARGS ?=

.PHONY: help up install dev test benchmark lint format lock clean
.DEFAULT_GOAL := help

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' Makefile

# `exec` and the option make this one program for whoever started make: a signal to it, or its end, reaches the service.
up: ## Start everything on this machine: form, mailbox, workers, database; ARGS go to `newsletter up`
	@$(PYTHON) -ES scripts/bootstrap.py runtime
	@exec $(BIN)/newsletter up --with-parent $(ARGS)

install: ## Install what running needs into .venv
	@$(PYTHON) -ES scripts/bootstrap.py runtime

dev: ## Install what running, testing and checking need into .venv
	@$(PYTHON) -ES scripts/bootstrap.py dev

test: dev ## Run every test, with real servers; ARGS go to pytest
	@exec $(BIN)/python -m pytest -n auto --dist loadgroup $(ARGS)

benchmark: dev ## Measure: NAME=signups (else send, freeze, compose, poll, latency, memory, crash, inbound, pages, bulk); ARGS go to it
	@exec $(BIN)/python -m benchmarks.$(NAME) $(ARGS)

lint: dev ## Check style, types and the layers
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check .
	$(BIN)/python -m mypy
	$(BIN)/python -c 'import sys; from importlinter.cli import lint_imports_command; sys.exit(lint_imports_command())'

format: dev ## Put the source into its common form
	$(BIN)/python -m ruff check --fix .
	$(BIN)/python -m ruff format .

lock: ## Renew the lock and the two lists made from it (needs uv)
	$(UV) lock
	$(UV) export -q --frozen --all-extras --no-dev --no-emit-project --no-header --no-annotate -o requirements/runtime.txt
	$(UV) export -q --frozen --all-extras --group dev --no-emit-project --no-header --no-annotate -o requirements/dev.txt

clean: ## Remove what was installed and made by tools; the data directory stays
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .coverage dist
	find newsletter worker tests scripts benchmarks -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true
