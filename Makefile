# Everything is done from here; `make help` lists it.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Extra options for pip, such as an index of CPU builds of torch that spares a machine without a GPU the CUDA packages.
PIP_OPTIONS ?=

.PHONY: help setup run test lint test-fast test-slow test-long test-properties test-offline peers chaos chaos-long sbom audit clean

help: ## Show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

setup: $(VENV)/.installed ## Make .venv and install Mentee into it

$(VENV)/.installed: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --upgrade pip
	$(BIN)/pip install $(PIP_OPTIONS) --editable .
	touch $@

run: setup ## Start the bot with the demo knowledge, and print the page's address
	$(BIN)/mentee run --demo

$(VENV)/.dev: $(VENV)/.installed
	$(BIN)/pip install $(PIP_OPTIONS) --editable '.[dev]'
	touch $@

peers: node_modules/local-slack-linux-x64 ## Fetch the servers that the tests talk to

node_modules/local-slack-linux-x64:
	npm install --no-save --no-audit --no-fund local-slack-linux-x64@0.1.8

lint: $(VENV)/.dev ## Style, types and architecture
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test-fast: $(VENV)/.dev peers ## The quick tests (about 4 minutes)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m 'not slow' -n 2 --dist loadfile

# One thread each: two processes whose threads wait for each other's cores take longer than one. In the folders' order,
# so that the last files are short ones and neither process waits long for the other.
test-slow: $(VENV)/.dev peers ## Real models, PostgreSQL, a real browser
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m 'slow and not long' -n 2 --dist loadfile --no-loadscope-reorder

chaos: $(VENV)/.dev ## Kill, fill, lock and overload it; count what that costs
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.chaos --json chaos.json

chaos-long: $(VENV)/.dev ## The same for a night
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.chaos --long --json chaos.json

test-long: $(VENV)/.dev peers ## What takes a quarter of an hour and more
	$(BIN)/python -m pytest -m long -o faulthandler_timeout=7200

test-properties: $(VENV)/.dev peers ## What must always hold, with 20 times as many examples
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m hypothesis --hypothesis-profile thorough -n 2 -o faulthandler_timeout=7200

test-offline: $(VENV)/.dev peers ## The quick tests without a network: only this machine is there (Linux)
	unshare --map-root-user --net sh -c 'ip link set lo up && OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m "not slow" -n 2 --dist loadfile'

test: lint test-fast test-slow ## All checks and tests but `test-long`, from nothing

$(VENV)/.safety: $(VENV)/.installed
	$(BIN)/pip install $(PIP_OPTIONS) --quiet 'cyclonedx-bom>=7,<8' 'pip-audit>=2.9,<3'
	touch $@

sbom: $(VENV)/.safety ## Write what is installed as a bill of materials (CycloneDX)
	$(BIN)/cyclonedx-py environment $(VENV)/bin/python --pyproject pyproject.toml --output-reproducible -o sbom.json
	@echo "sbom.json"

audit: $(VENV)/.safety ## Ask the advisory database about what deploy/requirements.lock pins; needs the network
	@$(BIN)/pip-audit --strict --requirement deploy/requirements.lock --disable-pip --no-deps \
	|| { echo "Something was found, or not everything could be asked about: see above. It needs the network."; exit 1; }

clean: ## Remove what was installed and built here; data and models stay
	rm -rf $(VENV) node_modules .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
