# The one task runner. `make help` lists the targets; each is described by the comment after it.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

UV_VERSION := 0.13.9
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.install-stamp
UV := VIRTUAL_ENV=$(CURDIR)/$(VENV) $(BIN)/uv
PACKAGES := libs/common libs/simulators $(sort $(wildcard services/*))
PROJECTS := pyproject.toml $(addsuffix /pyproject.toml,$(PACKAGES))
DISTRIBUTIONS := $(addprefix too-,$(notdir $(PACKAGES)))
# Another interpreter: make install PYTHON=/path/to/python3.12
PYTHON ?=
# Of pytest: make test PYTEST_ARGS="-k rota -x"
PYTEST_ARGS ?=
TEST_WORKERS ?= auto
# make chaos CHAOS_ROUNDS=3; TOO_CHAOS_SEED=<the seed that it printed> kills the same again
CHAOS_ROUNDS ?= 30
# make lock LOCK_ARGS=--upgrade takes the newest of everything
LOCK_ARGS ?=

export PIP_DISABLE_PIP_VERSION_CHECK := 1
OLD_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11))

.PHONY: help install up reset test chaos check format-check lint format types imports \
	migrations-check schemas schemas-check openapi openapi-check lock lock-kafka bench bench-ingest bench-maps fuzz \
	k8s-check images screenshots clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# -- environment -----------------------------------------------------------------------------

install: $(STAMP) ## make the local environment (.venv) from requirements.lock

$(STAMP): requirements.lock $(PROJECTS)
	@found=""; \
	for python in $(or $(PYTHON),python3 python3.13 python3.12 python3.11); do \
	  if "$$python" -c '$(OLD_ENOUGH)' 2>/dev/null; then found="$$python"; break; fi; \
	done; \
	if [ -z "$$found" ]; then \
	  echo "Python 3.11 or newer is needed; $(or $(PYTHON),python3) is:" \
	    "$$($(or $(PYTHON),python3) --version 2>&1 || true)"; \
	  echo "Install one, or name it: make install PYTHON=/path/to/python3.12"; exit 1; \
	fi; \
	if $(BIN)/python -c '$(OLD_ENOUGH)' 2>/dev/null \
	  && { [ -x $(BIN)/uv ] || $(BIN)/python -m pip --version >/dev/null 2>&1; }; then \
	  echo "[1/4] environment $(VENV) is there"; \
	else \
	  echo "[1/4] environment $(VENV) with $$("$$found" --version)"; \
	  rm -rf $(VENV); \
	  "$$found" -m venv $(VENV) || { rm -rf $(VENV); \
	    echo "Python's venv module is missing; on Debian and Ubuntu: apt-get install python3-venv"; \
	    echo "Or name another Python: make install PYTHON=/path/to/python3.12"; exit 1; }; \
	fi
	@echo "[2/4] uv $(UV_VERSION)"
	@test "$$($(BIN)/uv --version 2>/dev/null | cut -d' ' -f2)" = "$(UV_VERSION)" \
	  || $(BIN)/python -m pip install --quiet "uv==$(UV_VERSION)" \
	  || { echo "uv could not be installed: is the package index reachable?"; exit 1; }
	@echo "[3/4] packages of requirements.lock (about 1.1 GB on disk, the first time some minutes)"
	@$(UV) pip sync --require-hashes requirements.lock
	@echo "[4/4] the marshal itself"
	@$(UV) pip install --quiet --no-deps --no-build-isolation $(addprefix -e ./,$(PACKAGES))
	@touch $@

lock: ## resolve the dependencies into requirements.lock (LOCK_ARGS=--upgrade: all the newest)
	@printf '%s\n' "-e ./libs/common[local]" \
	  $(foreach package,$(filter-out libs/common,$(PACKAGES)),"-e ./$(package)") \
	| $(UV) pip compile - --group pyproject.toml:dev --output-file requirements.lock $(LOCK_ARGS) \
	  --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --custom-compile-command "make lock" $(addprefix --no-emit-package ,$(DISTRIBUTIONS)) \
	  > /dev/null
	@echo "requirements.lock: $$(grep -c '^[a-z].*==' requirements.lock) packages"
	@printf '%s\n' hatchling \
	  $(foreach package,$(filter-out libs/simulators,$(PACKAGES)),"-e ./$(package)") \
	| $(UV) pip compile - --output-file deploy/requirements.lock $(LOCK_ARGS) \
	  --constraint requirements.lock \
	  --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --custom-compile-command "make lock" $(addprefix --no-emit-package ,$(DISTRIBUTIONS)) \
	  > /dev/null
	@echo "deploy/requirements.lock: $$(grep -c '^[a-z].*==' deploy/requirements.lock) packages"

lock-kafka: install ## resolve Apache Kafka's jars into kafka.lock
	@$(BIN)/python -m too_common.local.kafka_jars --lock

clean: ## remove the environment and caches (not var/: that is `make reset`)
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -not -path './var/*' -prune -exec rm -rf {} +

# -- local stack -----------------------------------------------------------------------------

up: install ## start everything: PostgreSQL, Kafka, simulators, six services; Ctrl-C stops it
	@exec $(BIN)/too up

reset: install ## forget all data of the local stack (var/)
	@$(BIN)/too reset

# -- tests and checks ------------------------------------------------------------------------

test: install ## run all tests on a real PostgreSQL and a real Kafka
	TOO_REQUIRE_KAFKA=1 $(BIN)/pytest -n $(TEST_WORKERS) --dist load $(PYTEST_ARGS)

chaos: install ## kill services, broker and database at random moments (CHAOS_ROUNDS=30)
	TOO_REQUIRE_KAFKA=1 TOO_CHAOS_ROUNDS=$(CHAOS_ROUNDS) \
	TOO_CHAOS_SEED=$${TOO_CHAOS_SEED:-$$(date +%N | cut -c1-6 | sed 's/^0*//')} $(BIN)/pytest tests/chaos -v --show-capture=no $(PYTEST_ARGS)

check: install format-check lint types imports migrations-check schemas-check openapi-check ## what a reviewer looks at first

format-check:
	$(BIN)/ruff format --check .

format: install ## format the code and sort imports
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix --select I .

lint: install ## lint and spelling
	$(BIN)/ruff check .
	$(BIN)/codespell

types: install ## mypy --strict
	$(BIN)/mypy

imports: install ## the architecture's import rules
	$(BIN)/lint-imports

migrations-check: install ## do the migrations make the tables that the code has?
	$(BIN)/too dev migrations --check

schemas: install ## write the JSON Schemas of the event contracts
	$(BIN)/too dev schemas

schemas-check:
	$(BIN)/too dev schemas --check

openapi: install ## write the OpenAPI documents
	$(BIN)/too dev openapi

openapi-check:
	$(BIN)/too dev openapi --check

# -- measuring, containers, pictures ---------------------------------------------------------

bench-planner: install ## score the planner on the kit named by TOO_TEST_BENCH (BENCH_ARGS=--help)
	$(BIN)/python -m benchmarks.planner $(BENCH_ARGS)

bench: install ## run the benchmarks
	$(BIN)/python -m benchmarks

# Folder of maps: TOO_TEST_DATA/skymaps, or make bench-maps MAPS_ARGS="--folder FOLDER"
MAPS_ARGS ?=

bench-maps: install ## map facts against ligo.skymap: deviations, time, memory; huge flat files
	$(BIN)/python -m benchmarks.maps $(MAPS_ARGS)
	$(BIN)/python -m benchmarks.maps --large

FUZZ_INPUTS ?= 1000000
FUZZ_SECONDS ?= 300
FUZZ_STORED ?= 2000

fuzz: install ## break the parsers of notices: mutations, atheris, and through the real way in
	nice $(BIN)/python -m benchmarks fuzz --inputs $(FUZZ_INPUTS) --coverage $(FUZZ_SECONDS)
	TOO_FUZZ_STORED=$(FUZZ_STORED) nice $(BIN)/pytest -q tests/integration/too_ingest/test_fuzz_intake.py

bench-ingest: install ## notices a second and memory of ingest, with 1, 2 and 4 consumers
	$(BIN)/python -m benchmarks ingest

k8s-check: install ## render deploy/k8s and check it against the Kubernetes schemas
	$(BIN)/python tools/k8s_check.py

images: install ## build the six images and run each read-only and non-root (podman)
	$(BIN)/python tools/images.py

screenshots: install ## make the pictures of the pages with the system's Chromium
	$(BIN)/python tools/screenshots.py
