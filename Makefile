# Two commands do all the set-up: `make run` and `make test`. Both need only Python >= 3.11 and make.
PYTHON ?= python3
TORCH ?= torch==2.13.0
VENV ?= .venv

BIN := $(VENV)/bin
WORKERS ?= $(shell $(PYTHON) -c "import os; print(min(4, (os.cpu_count() or 1) + 1))")

.PHONY: run test test-slow test-slurm torture check bench clean

run: $(VENV)/.installed ## train ten hiragana on the embedded handwriting and show them
	$(BIN)/etlgan run hiragana-a-ka

# One more test at a time than there are cores: a fifth of a test's time it waits for others.
test: $(VENV)/.installed-dev ## the whole default suite
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal

test-slow: $(VENV)/.installed-dev ## the long quality and speed runs too
	$(BIN)/python -m pytest -m "not torture" --timeout=3600

torture: $(VENV)/.installed-dev ## a quarter of an hour of kills, full disks and damaged files; ends with a table
	$(BIN)/python -m pytest tests/torture -m "torture or not torture" --timeout=900

test-slurm: $(VENV)/.installed-dev ## runs on a real Slurm of two nodes, installed here from Debian's packages (as root)
	test -z "$$(tests/slurm/cluster.sh missing)" || tests/slurm/cluster.sh install
	ETLGAN_TEST_SLURM=1 $(BIN)/python -m pytest tests/slurm -rs --timeout=900

check: $(VENV)/.installed-dev ## format, lint, types, import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.installed ## the speed figures of this machine
	$(BIN)/etlgan bench train

clean: ## remove the environment, never a run
	rm -rf $(VENV) build *.egg-info

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "etlgan needs Python 3.11 or newer: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv $(VENV)

# torch first and pinned: an open range would bring gigabytes of CUDA packages to a machine without a GPU
$(VENV)/.installed: pyproject.toml $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check $(TORCH)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e .
	touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	touch $@
