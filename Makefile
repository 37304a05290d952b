# Two commands: `make run` and `make test`. Both set up what they need. See README.md for Windows.
PYTHON ?= python3
INBOX ?= inbox
# Another inbox gets a home of its own, so that real and synthetic data never share a mart.
QI_HOME ?= $(if $(filter inbox,$(INBOX)),qi_home,qi_home_$(notdir $(patsubst %/,%,$(INBOX))))
export QI_HOME
export QI_INBOX = $(INBOX)
export DO_NOT_TRACK = 1
export DAGSTER_DISABLE_TELEMETRY = 1
# Imports take most of a quiet night; compiled once, they take half as long.
export UV_COMPILE_BYTECODE = 1
UV = .venv-uv/bin/uv
QI = $(UV) run --frozen --no-dev qi
DEV = $(UV) run --frozen

.PHONY: run test setup lint types unit integration dbt-unit benchmarks recovery spark browser fuzz dev clean help

help: ## list the commands
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/'

run: $(UV) ## take in the inbox (the demo when it is empty), build, audit, publish
	$(QI) run --demo-if-empty

test: setup ## every test but the long benchmarks and fuzzing
	$(DEV) pytest -n 2 --no-loadscope-reorder

setup: $(UV)
	$(UV) sync --frozen --quiet

$(UV):
	$(PYTHON) -m venv .venv-uv
	.venv-uv/bin/pip install --quiet --disable-pip-version-check "uv>=0.9,<1"

lint: setup ## style of Python and SQL
	$(DEV) ruff check .
	$(DEV) ruff format --check .
	QI_LAKE=lake QI_BUILD=build QI_WAREHOUSE=:memory: DBT_TARGET_PATH=$(CURDIR)/dbt_project/target/lint \
		$(DEV) sqlfluff lint dbt_project --disable-progress-bar

types: setup ## type check
	$(DEV) pyright

recovery: setup ## how often intervals hold what the demo plants, 200 seeds (minutes)
	$(DEV) python -m tests.recovery

benchmarks: setup ## how fast, against a peer in the same run (minutes)
	$(DEV) --group benchmark pytest tests/benchmarks -s

spark: setup ## build the lake of QI_HOME on Spark too and compare every table (minutes); needs Java 17
	$(DEV) --group spark python -m tests.spark $(QI_HOME)

browser: ## open the pages of QI_HOME (or QI_SITE) in Chromium; needs Chromium, Node and npm
	npm ci --prefix tests/browser --no-fund --no-audit --silent
	QI_SITE=$${QI_SITE:-$(abspath $(QI_HOME))/site/current} node --test tests/browser/*.test.mjs

fuzz: setup ## damaged files of every format for FUZZ_SECONDS (an hour), random nights and kills (FUZZ_NIGHTS), charts (FUZZ_CHARTS x 180)
	FUZZ_SECONDS=$${FUZZ_SECONDS:-3600} $(DEV) pytest tests/fuzz -s
	QI_FUZZ_EXAMPLES=$${FUZZ_NIGHTS:-500} $(DEV) pytest tests/integration/test_conservation.py
	QI_FUZZ_CHARTS=$${FUZZ_CHARTS:-100} $(DEV) pytest tests/unit/test_spc_restated.py

dev: setup ## Dagster's pages on http://localhost:3000
	$(DEV) qi dev

clean: ## remove environments and caches; keeps inbox and home
	rm -rf .venv .venv-uv .pytest_cache .ruff_cache dbt_project/target dbt_project/logs
