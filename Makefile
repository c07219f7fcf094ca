.DEFAULT_GOAL := help
VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3 python; do \
	$$p -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null && echo $$p && break; done)
RUN_READY := $(VENV)/.ready-run
DEV_READY := $(VENV)/.ready-dev
TESTBED_READY := .testbed/.ready
AWS_READY := .testbed/.ready-aws
NODE_READY := .testbed/.ready-node
OGX_READY := .testbed/.ready-ogx
VECTORS_READY := .testbed/.ready-pgvector
PAGE_READY := .testbed/.ready-page
REDIS_READY := .testbed/.ready-redis
PROMETHEUS_READY := .testbed/.ready-prometheus
TORCH_READY := .testbed/.ready-torch

# Installs a requirements file and says every PROGRESS_S seconds how far it is; the second argument
# is for pip. The loop ends with the shell that started it.
PROGRESS_S ?= 10
installed = shell=$$$$; seconds=0; \
	( while sleep $(PROGRESS_S) && kill -0 $$shell 2>/dev/null; do \
		seconds=$$((seconds + $(PROGRESS_S))); \
		there=$$(ls -d $(VENV)/lib/python3*/site-packages/*.dist-info 2>/dev/null | wc -l); \
		echo "  $$seconds s: $$there of about $$(grep -hc '==' $(1)) packages are installed" >&2; \
	done ) & progress=$$!; \
	$(BIN)/python -m pip install --quiet $(2) --disable-pip-version-check --require-hashes -r $(1); \
	code=$$?; kill $$progress 2>/dev/null; exit $$code

.PHONY: help preview test prove prove-torch testbed check golden schemas starter dist bench accuracy clean

help:  ## show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12

preview: $(RUN_READY)  ## size workloads/chat.yaml and preview its infrastructure, offline
	@$(BIN)/sizewright preview workloads/chat.yaml

test: $(DEV_READY)  ## run every test that this machine can run
	@$(BIN)/python -m pytest

prove: $(DEV_READY)  ## run the longer proofs: every claim of every service, five times the examples of each law
	@SIZEWRIGHT_PROVE=1 $(BIN)/python -m pytest -m "prove or hypothesis"

prove-torch: $(TORCH_READY)  ## build and call each image and video model, small, on the CPU, and count their weights (6 GB, minutes)
	@.testbed/torch/bin/python -m pytest -c bench/diffusion/proofs/pytest.ini bench/diffusion/proofs

testbed:  ## build the Pulumi engine and a Kubernetes control plane, and install stand-ins of AWS services and OGX, so that `make test` also runs them
	@$(MAKE) --no-print-directory --keep-going $(TESTBED_READY) $(AWS_READY) $(NODE_READY) $(OGX_READY) $(VECTORS_READY) $(PAGE_READY) $(REDIS_READY) $(PROMETHEUS_READY)

check: $(DEV_READY)  ## ruff format, ruff, mypy strict, import direction
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy sizing templates components sizewright testbed release __main__.py
	@$(BIN)/python -m pytest tests/test_import_direction.py

golden: $(DEV_READY)  ## rewrite the golden files and the picture; read the diff before you commit it
	@$(BIN)/python -m pytest tests/golden --snapshot-update
	@$(BIN)/sizewright size workloads/chat.yaml --svg docs/fleet.svg >/dev/null

schemas: $(RUN_READY)  ## rewrite docs/schema, docs/workload.md and docs/stack.md from the models
	@$(BIN)/sizewright schema --directory docs/schema
	@$(BIN)/sizewright schema workload --markdown >docs/workload.md
	@$(BIN)/sizewright schema site --markdown >docs/stack.md

starter: $(RUN_READY)  ## rewrite what the catalog decides in the repository that `sizewright new` creates
	@PYTHONPATH=. $(BIN)/python release/starter_project.py

dist: $(RUN_READY)  ## build the wheel and the source archive into dist/
	@rm -rf dist && mkdir dist
	@PYTHONPATH=release $(BIN)/python -c 'import wheel_backend as b; b.build_sdist("dist"); b.build_wheel("dist")' >/dev/null
	@ls dist

bench: $(DEV_READY)  ## measure speed as ratios in one run; AGAINST=REVISION compares sizing with that Git revision
	@$(BIN)/python bench/speed.py $(if $(AGAINST),--against $(AGAINST))

accuracy: $(DEV_READY)  ## how wrong the step-time model is on models and GPUs it has not seen; rewrites its picture (minutes)
	@$(BIN)/python bench/accuracy.py --svg docs/accuracy.svg

clean:  ## remove the environment and caches
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis *.egg-info .testbed build dist

$(RUN_READY): requirements.txt pyproject.toml
	@test -n "$(PYTHON)" || { echo "sizewright needs Python 3.11, 3.12 or 3.13 with venv; none found. Name one: make PYTHON=/path/to/python" >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "making $(VENV) from requirements.txt, once: one to two minutes on two idle cores" >&2
	@$(call installed,requirements.txt,--no-compile)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@echo "compiling the modules that a preview uses: most of the AWS SDK is never used" >&2
	@PYTHONDONTWRITEBYTECODE= $(BIN)/sizewright preview workloads/chat.yaml >/dev/null 2>&1 || true
	@touch $@

$(DEV_READY): $(RUN_READY) requirements-dev.txt
	@echo "adding requirements-dev.txt, once" >&2
	@$(call installed,requirements-dev.txt)
	@touch $@

$(TESTBED_READY): testbed/build.sh $(wildcard testbed/go.* testbed/*/go.*)
	@testbed/build.sh
	@touch $@

$(AWS_READY): testbed/aws/requirements.txt
	@test -n "$(PYTHON)" || { echo "the stand-ins of AWS services need Python 3.11, 3.12 or 3.13 with venv" >&2; exit 1; }
	@echo "installing stand-ins of SQS, S3 and DynamoDB, once" >&2
	@$(PYTHON) -m venv --clear .testbed/aws
	@.testbed/aws/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

$(TORCH_READY): bench/diffusion/requirements.txt
	@test -n "$(PYTHON)" || { echo "the proofs with PyTorch need Python 3.11, 3.12 or 3.13 with venv" >&2; exit 1; }
	@echo "installing PyTorch and diffusers, once: 6 GB" >&2
	@$(PYTHON) -m venv --clear .testbed/torch
	@.testbed/torch/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

$(VECTORS_READY): testbed/pgvector/requirements.txt
	@test -n "$(PYTHON)" || { echo "PostgreSQL with pgvector needs Python 3.11, 3.12 or 3.13 with venv" >&2; exit 1; }
	@echo "installing PostgreSQL with pgvector, once" >&2
	@$(PYTHON) -m venv --clear .testbed/pgvector
	@.testbed/pgvector/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

# Without npm there is nothing to install: the tests of the function for Node.js are skipped.
$(NODE_READY): testbed/node/package-lock.json testbed/node/package.json
	@command -v npm >/dev/null || echo "no npm: the tests of the function for Node.js are skipped" >&2
	@if command -v npm >/dev/null; then \
		rm -rf .testbed/node && mkdir -p .testbed/node && cp testbed/node/package*.json .testbed/node && \
		npm ci --prefix .testbed/node --ignore-scripts --no-audit --no-fund --silent && touch $@; fi

# OGX needs Python 3.12; without it there is nothing to install: the tests of the application are skipped.
$(OGX_READY): testbed/ogx/requirements.txt
	@python=$$(for p in python3.13 python3.12 "$$(pyenv root 2>/dev/null)"/versions/3.1[23]*/bin/python; do \
		$$p -c 'import sys, venv, ensurepip; sys.exit(not (3, 12) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null && echo $$p && break; done); \
	if test -z "$$python"; then \
		echo "no Python 3.12 or 3.13 with venv: the tests of the application are skipped" >&2; \
	else \
		echo "installing OGX, once" >&2; \
		$$python -m venv --clear .testbed/ogx && \
		.testbed/ogx/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $< && \
		touch $@; fi

# Where Redis is not installed, Debian's packages are unpacked: nothing is installed. Without them, the tests of the
# cache are skipped.
REDIS_PACKAGES := redis-server redis-tools libhiredis0.14 libjemalloc2 liblua5.1-0 liblzf1 lua-bitop lua-cjson
$(REDIS_READY):
	@mkdir -p .testbed
	@if command -v redis-server >/dev/null && command -v redis-cli >/dev/null; then touch $@; else \
		echo "unpacking Debian's Redis, once" >&2; \
		rm -rf .testbed/redis && mkdir .testbed/redis && ( cd .testbed/redis && \
			apt-get download -qq $(REDIS_PACKAGES) && for package in *.deb; do dpkg-deb -x "$$package" . || exit; done && rm -- *.deb ) && \
		touch $@ || echo "no Redis: the tests of the cache are skipped" >&2; fi

# Where Prometheus and its tools are not installed, Debian's packages are unpacked: nothing is installed. Without them,
# the tests of measurements and of rules are skipped.
PROMETHEUS_PROGRAMS := prometheus promtool prometheus-alertmanager amtool
$(PROMETHEUS_READY):
	@mkdir -p .testbed
	@if ( for each in $(PROMETHEUS_PROGRAMS); do command -v $$each || exit; done ) >/dev/null; then touch $@; else \
		echo "unpacking Debian's Prometheus, once" >&2; \
		rm -rf .testbed/prometheus && mkdir .testbed/prometheus && ( cd .testbed/prometheus && \
			apt-get download -qq prometheus prometheus-alertmanager && for package in *.deb; do dpkg-deb -x "$$package" . || exit; done && rm -- *.deb ) && \
		touch $@ || echo "no Prometheus: the tests of measurements and of rules are skipped" >&2; fi

# Open WebUI needs Python 3.12; without it there is nothing to install: the tests of the chat page are skipped.
# Guard: the list is whole. pip of Python 3.12 refuses pins without the extras of those who need them.
$(PAGE_READY): testbed/page/requirements.txt testbed/page/page.txt
	@python=$$(for p in python3.12 "$$(pyenv root 2>/dev/null)"/versions/3.12*/bin/python; do \
		$$p -c 'import sys, venv, ensurepip; sys.exit(sys.version_info[:2] != (3, 12))' 2>/dev/null && echo $$p && break; done); \
	if test -z "$$python"; then \
		echo "no Python 3.12 with venv: the tests of the chat page are skipped" >&2; \
	else \
		echo "installing Open WebUI, once" >&2; \
		$$python -m venv --clear .testbed/page && \
		.testbed/page/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r $< && \
		.testbed/page/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r testbed/page/page.txt && \
		touch $@; \
	fi
