# make demo | make run | make test: each sets up what it needs first, in .venv, and again when the requirements change.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export HF_HUB_OFFLINE ?= 1
export TOKENIZERS_PARALLELISM ?= false

.PHONY: help setup setup-dev demo run test lint format types contracts check clean
help:
	@echo "make demo      the whole job once: a catalogue in, a ranker trained, everybody's digest mailed to a local outbox"
	@echo "make run       the site with its worker, schedule and broker, on what the demo left"
	@echo "make test      the whole suite"
	@echo "make lint      ruff, djade; make types: mypy; make contracts: import-linter; make check: all of them"

$(VENV)/.runtime: requirements.txt constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Broadsheet needs Python 3.11 or newer (PYTHON=python3.12 make ...)"; exit 2; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	touch $@

$(VENV)/.dev: $(VENV)/.runtime requirements-dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	touch $@

setup: $(VENV)/.runtime
setup-dev: $(VENV)/.dev

demo: setup
	$(BIN)/python -m config.demo $(ARGS)

run: setup
	$(BIN)/python -m config.run $(ARGS)

test: setup-dev
	$(BIN)/python -m pytest -n 2 --dist loadgroup $(ARGS)

lint: setup-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	git ls-files 'templates/*.html' | xargs -r $(BIN)/djade --target-version 5.2 --check

format: setup-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	git ls-files 'templates/*.html' | xargs -r $(BIN)/djade --target-version 5.2 || true

types: setup-dev
	$(BIN)/mypy

contracts: setup-dev
	$(BIN)/lint-imports

check: lint types contracts
	$(BIN)/python manage.py makemigrations --check --dry-run
	$(BIN)/python manage.py check

clean:
	rm -rf var staticfiles .pytest_cache .mypy_cache .ruff_cache
