# Every target builds what it needs in .venv from the tested versions in constraints.txt. Only git, make and Python are assumed.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ifeq ($(OS),Windows_NT)
BIN := $(VENV)/Scripts
endif
STAMP := $(VENV)/.citygis-installed

.PHONY: help venv demo test lint format types coverage docs wheel lowest bench sample-data clean

help:           ## what can be made
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*##/:/' | awk -F: '{printf "make %-12s %s\n", $$1, $$2}'

venv: $(STAMP)  ## the virtual environment, in .venv

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -c "import sys; sys.exit(0 if sys.version_info >= (3, 11) else 'citygis needs Python 3.11 or newer: make PYTHON=python3.12')"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[test]'
	@touch $(STAMP)

demo: $(STAMP)  ## the whole story on the sample city, into demo/
	$(BIN)/citygis demo demo --overwrite

test: $(STAMP)  ## all tests
	$(BIN)/python -m pytest -q -n auto --dist loadfile

lint: $(STAMP)  ## style and layout of the code
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: $(STAMP)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

types: $(STAMP) ## types of the public names
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[types]'
	$(BIN)/python -m mypy

coverage: $(STAMP) ## which lines no test reaches, into htmlcov/
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[types]'
	$(BIN)/python -m pytest -q -n auto --dist loadfile --cov --cov-report=term --cov-report=html

docs: $(STAMP)  ## the documentation site, into site/
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[docs]'
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict

wheel: $(STAMP) ## the wheel, built, installed afresh and tried
	$(BIN)/python scripts/check_wheel.py --versions tested

lowest: $(STAMP) ## the same with the lowest versions of its dependencies
	$(BIN)/python scripts/check_wheel.py --versions lowest

bench: $(STAMP) ## seconds and peak memory, beside peers in the same run
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[bench]'
	$(BIN)/python scripts/bench/pipeline.py
	$(BIN)/python scripts/bench/gps.py
	$(BIN)/python scripts/bench/quality.py --parcels 10000 200000
	$(BIN)/python scripts/bench/analysis.py
	$(BIN)/python scripts/bench/sheets.py

sample-data: $(STAMP) ## write sample_data/ again from its generator
	$(BIN)/python scripts/make_sample_data.py

clean:          ## what make has made
	rm -rf $(VENV) demo out site docs/generated htmlcov .coverage .mypy_cache .pytest_cache .ruff_cache
