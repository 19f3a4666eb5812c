# Everything a newcomer or CI needs. `make help` lists the targets.

PYTHON ?= $(shell for p in python3.14 python3.13 python3.12 python3.11 python3; do \
	command -v $$p >/dev/null 2>&1 && $$p -c 'import sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& echo $$p && break; done)
VENV := .venv
BIN := $(VENV)/bin
TOOLS := .tools/bin
OPA_VERSION := v1.22.0
H2SPEC_VERSION := v2.2.1+incompatible
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
# One process of tests for each core, four at most; a file's tests share one gateway, so they stay together.
AT_ONCE := --numprocesses auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

export PATH := $(CURDIR)/$(TOOLS):$(PATH)

.DEFAULT_GOAL := help
.PHONY: help demo test lint tools bench bench-quick golden docs wheel compiled test-compiled clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(VENV)/.runtime ## install what runs, start a gateway with mock providers, send it real requests
	@$(BIN)/forebay demo

test: $(VENV)/.test ## install the test extras, run the whole suite
	@$(BIN)/python -m pytest $(AT_ONCE)

lint: $(VENV)/.lint ## ruff, mypy, import contracts
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

tools: $(TOOLS)/.opa-$(OPA_VERSION) $(TOOLS)/.h2spec-$(H2SPEC_VERSION) ## command-line tools that some tests use, into .tools (needs Go)

bench: $(VENV)/.test $(TOOLS)/load ## what the gateway costs beside Envoy alone (needs Go, wrk and nginx; a quiet machine)
	@$(BIN)/python bench/compare.py

bench-quick: $(VENV)/.test $(TOOLS)/load ## the most telling part of it, in under two minutes
	@$(BIN)/python bench/compare.py --quick

golden: $(VENV)/.test ## write the golden files anew; read the diff before you commit it
	@$(BIN)/python -m pytest tests/golden --update-golden

docs: $(VENV)/.test ## write the generated pages anew
	@$(BIN)/python -m forebay.cli.reference > docs/cli.md

compiled: $(VENV)/.lint ## the wheel with its hot path compiled, into dist/ (needs a C compiler, takes minutes)
	@$(PIP) 'setuptools==84.2.1'
	@rm -rf build dist/forebay-*-cp*.whl
	@FOREBAY_COMPILED=1 $(BIN)/python -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir dist .
	@$(BIN)/python -m zipfile -e dist/forebay-*-cp*.whl build/compiled

# Detectors and policies are not compiled. One test copies transactions half-way, which compiled ones cannot; the table
# that it walks is the same. Two look at the sources and the pages beside them.
test-compiled: compiled ## the tests of what is compiled, run on it
	@PYTHONPATH=build/compiled $(BIN)/python -P -c 'import sys; from extproc.compiled import is_compiled; sys.exit(not is_compiled())'
	@PYTHONPATH=build/compiled $(BIN)/pytest $(AT_ONCE) tests/unit/extproc tests/spec/extproc tests/unit/forebay/record \
		--ignore tests/unit/extproc/detectors --ignore tests/unit/extproc/policy \
		--ignore tests/spec/extproc/test_a_transaction_always_ends_once.py --ignore tests/unit/forebay/record/test_pages.py \
		--deselect tests/unit/forebay/record/test_publish.py::test_the_module_reads_no_file_and_no_clock

wheel: $(VENV)/.runtime ## build the wheel into dist/
	@$(BIN)/python -m pip wheel --quiet --no-deps --wheel-dir dist .

clean: ## remove what the other targets made
	@rm -rf $(VENV) .tools build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache

# Each stamp stands for one set of packages; a second run does nothing.
$(VENV)/.made:
	@test -n "$(PYTHON)" || { echo "Forebay needs Python 3.11 or newer with venv: install one, or name it with 'make PYTHON=/path/to/python'." >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "Python's venv does not work here (on Debian: apt install python3-venv)." >&2; exit 1; }
	@touch $@

$(VENV)/.runtime: $(VENV)/.made pyproject.toml
	@echo "Installing Forebay into $(VENV) ..."
	@$(PIP) --editable .
	@touch $@

$(VENV)/.test: $(VENV)/.made pyproject.toml
	@echo "Installing Forebay and its test extras into $(VENV) ..."
	@$(PIP) --editable '.[test]'
	@touch $@ $(VENV)/.runtime

$(VENV)/.lint: $(VENV)/.made pyproject.toml
	@echo "Installing Forebay and its linters into $(VENV) ..."
	@$(PIP) --editable '.[test,lint]'
	@touch $@ $(VENV)/.test $(VENV)/.runtime

$(TOOLS)/.opa-$(OPA_VERSION): | $(TOOLS)/.go
	GOBIN=$(CURDIR)/$(TOOLS) go install github.com/open-policy-agent/opa@$(OPA_VERSION)
	@touch $@

$(TOOLS)/.h2spec-$(H2SPEC_VERSION): | $(TOOLS)/.go
	GOBIN=$(CURDIR)/$(TOOLS) go install github.com/summerwind/h2spec/cmd/h2spec@$(H2SPEC_VERSION)
	@touch $@

$(TOOLS)/load: bench/load/*.go | $(TOOLS)/.go
	cd bench/load && go build -o $(CURDIR)/$@ .

$(TOOLS)/.go:
	@command -v go >/dev/null || { echo "Building tools needs Go (go.dev); tests that use them are skipped without it." >&2; exit 1; }
	@mkdir -p $(TOOLS)
	@touch $@
