# Two commands do everything: `make demo` and `make test`. Each sets up its own environment first.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo compiled test test-fast lint types imports rewritten bench chaos scenarios lock clean help

help: ## What can be made here
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/'

$(VENV)/.runtime: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Baton needs Python 3.11 or newer; say make PYTHON=python3.12 ..."; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.runtime requirements-dev.lock
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements-dev.lock
	@touch $@

# Installing would compile; an editable installation does not, and who may not write bytecode himself
# (PYTHONDONTWRITEBYTECODE, as in many images) would compile hundreds of modules whenever a process starts.
compiled: $(VENV)/.runtime
	@$(BIN)/python -m compileall -q api agents graphs orchestrator tests

demo: compiled ## Watch real workflows run, lose their engine to kill -9, and finish
	$(BIN)/baton demo

test: $(VENV)/.dev compiled ## Everything that must hold
	$(MAKE) --jobs=2 lint types imports rewritten
	$(BIN)/python -m pytest -n auto

test-fast: $(VENV)/.dev compiled ## The tests without the killed processes
	$(BIN)/python -m pytest -n auto -m "not chaos"

# Every worker of the tests rewrites the assertions of all of them, unless somebody has: half of what collecting costs.
rewritten: $(VENV)/.dev compiled
	-@PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest --collect-only --quiet > /dev/null

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.dev
	$(BIN)/mypy

imports: $(VENV)/.dev
	$(BIN)/lint-imports

bench: $(VENV)/.dev compiled ## Measure against plain LangGraph (minutes)
	$(BIN)/python -m tests.benchmarks

chaos: $(VENV)/.dev compiled ## Kill real processes, and all other faults, for hours (N=200 SEED=1 JOBS=all|proof|agents|steered STORE=sqlite AGENTS=100 RACES=2000)
	$(BIN)/python -m tests.reliability.chaos --kills $(or $(N),200) --seed $(or $(SEED),1) --jobs $(or $(JOBS),all) --store $(or $(STORE),sqlite)
	$(BIN)/python -m tests.reliability.chaos --kills 50 --seed $(or $(SEED),1) --jobs agents --store $(or $(STORE),sqlite)
	$(BIN)/python -m tests.reliability.agents --seeds $(or $(AGENTS),100)
	$(BIN)/python -m tests.reliability.gateway_kill --runs 51 --kills 3 --seed $(or $(SEED),1)
	$(BIN)/python -m tests.reliability.races --tries $(or $(RACES),2000) --seed $(or $(SEED),1) --store $(or $(STORE),sqlite)
	$(BIN)/python -m tests.reliability.one_thread --tries 1000 --seed $(or $(SEED),1)
	$(MAKE) scenarios

LONG := $(BIN)/python -m pytest -q --hypothesis-profile=long --timeout=7200 --durations=10

scenarios: $(VENV)/.dev compiled ## Locks, clocks, events, crowds and histories as large as the requirements ask (ONLY=timers)
	$(LONG) tests/reliability/test_scenarios.py $(if $(ONLY),-k "$(ONLY)")
	$(if $(ONLY),,$(LONG) tests/reliability/test_any_history.py)
	$(if $(ONLY),,$(LONG) tests/engine/test_races.py $(addprefix tests/reliability/,test_stops.py test_crash_points.py))

lock: $(VENV)/.dev ## Resolve the locks anew
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile --quiet --upgrade --universal --generate-hashes --no-header --no-emit-index-url --extra mcp pyproject.toml -o requirements.lock
	$(BIN)/uv pip compile --quiet --upgrade --universal --generate-hashes --no-header --no-emit-index-url --group dev pyproject.toml -o requirements-dev.lock

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
