# make scan: look for miners on this host.  make test: the whole test suite.  Both make .venv first.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
# What an installation compiles or copies; all else is used where it lies.
SOURCES := pyproject.toml setup.py $(wildcard src/davy/host/native/*.c)
ROOT   := $(if $(filter 0,$(shell id -u)),,$(shell command -v sudo))

.PHONY: scan test check bench clean

scan: $(VENV)/.installed
	@$(ROOT) $(BIN)/davy scan; status=$$?; [ $$status -le 1 ]

test: $(VENV)/.tested
	$(ROOT) $(BIN)/python -m pytest $(ARGS)

check: $(VENV)/.checked
	$(BIN)/ruff check setup.py src tests bench
	$(BIN)/ruff format --check setup.py src tests bench
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.tested
	$(ROOT) $(BIN)/python -m bench.scan
	$(ROOT) $(BIN)/python -m bench.sweep
	$(ROOT) $(BIN)/python -m bench.rounding

$(VENV)/.python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "davy needs Python 3.11 or later; name one with: make PYTHON=python3.12" >&2; exit 2; }
	@$(PYTHON) -m venv $(VENV) 2>/dev/null || \
	  { rm -rf $(VENV); echo "davy needs the package python3-venv (apt-get install python3-venv)" >&2; exit 2; }
	@touch $@

$(VENV)/.installed: $(VENV)/.python $(SOURCES)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@$(BIN)/python -m compileall -q src
	@touch $@

$(VENV)/.tested: $(VENV)/.python $(SOURCES)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test]'
	@$(BIN)/python -m compileall -q src
	@touch $@ $(VENV)/.installed

$(VENV)/.checked: $(VENV)/.python $(SOURCES)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[check]'
	@$(BIN)/python -m compileall -q src
	@touch $@ $(VENV)/.installed $(VENV)/.tested

clean:
	rm -rf $(VENV) dist src/davy.egg-info src/davy/host/_steps*.so .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
