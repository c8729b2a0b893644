# Everything is done from here; `make help` lists it.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Where pip finds torch. Set it to an index of CPU builds to spare a machine without a GPU the CUDA packages.
TORCH_INDEX ?=

.PHONY: help setup run test lint test-fast test-slow peers bench clean

help: ## Show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'
