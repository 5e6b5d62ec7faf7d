# Everything works on a fresh machine that has Python 3.11 or newer: each target makes what it needs.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
SHELL = /bin/bash
.DEFAULT_GOAL = help
.PHONY: help demo test lint types imports unit clean bench bench-quick

help:  ## Show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

demo: $(VENV)/.installed  ## Call the recording-opt-out flow with a simulated FreeSWITCH: you are the caller
	@if [ -t 0 ] && [ -t 1 ]; then \
	  $(BIN)/fsflows call conf/flows/recording_opt_out; \
	else \
	  $(BIN)/fsflows call conf/flows/recording_opt_out --script conf/flows/recording_opt_out/demo.call; \
	fi

test: lint types imports unit  ## Everything that CI runs

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.installed-dev
	$(BIN)/mypy

imports: $(VENV)/.installed-dev
	$(BIN)/lint-imports

unit: $(VENV)/.installed-dev
	$(BIN)/python -m pytest -n auto --dist loadfile --cov --cov-report=
	$(BIN)/coverage report

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "fsflows needs Python 3.11 or newer: make PYTHON=python3.12 ..." >&2; exit 1; }
	@echo "Making a virtual environment in $(VENV) ..."
	@$(PYTHON) -m venv $(VENV) 2>/dev/null || { rm -rf $(VENV); $(PYTHON) -m virtualenv -q $(VENV); } || \
	  { echo "This Python can't make virtual environments: install python3-venv (or virtualenv)." >&2; exit 1; }

$(VENV)/.installed: setup.cfg pyproject.toml $(VENV)/bin/python
	@echo "Installing fsflows (once) ..."
	@$(BIN)/python -m pip install -q --disable-pip-version-check --use-pep517 -e .
	@touch $@

$(VENV)/.installed-dev: setup.cfg pyproject.toml $(VENV)/bin/python
	@echo "Installing fsflows with its test tools (once) ..."
	@$(BIN)/python -m pip install -q --disable-pip-version-check --use-pep517 -e '.[dev]'
	@touch $@ $(VENV)/.installed

bench: $(VENV)/.installed  ## Measure fsflows beside its peers (20 minutes): table, JSON, picture; into docs/performance.md
	$(BIN)/python benchmarks/versus --docs

bench-quick: $(VENV)/.installed  ## The main rows of it, in two minutes
	$(BIN)/python benchmarks/versus --quick

clean:  ## Remove what these targets made
	rm -rf $(VENV) .venv-peers build dist *.egg-info .coverage .coverage.* .mypy_cache .ruff_cache .pytest_cache .hypothesis
