# The two commands a newcomer needs are `make demo` and `make test`; both make the environment in .venv by themselves.
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
BENCH_STAMP := $(VENV)/.installed-bench
PYTEST := $(BIN)/python -m pytest

.DEFAULT_GOAL := help
.PHONY: help demo test check format quick servers soak bench clean

help: ## what can be made
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/  make \1	\2/' | expand -t 18

# A stamp and not the folder: the environment is installed again whenever pyproject.toml changes.
$(STAMP): pyproject.toml
	@test -n "$(PYTHON)" || { echo "make: no Python 3.11 or newer found; name one with PYTHON=..." >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "make: $(PYTHON) is older than Python 3.11; name a newer one with PYTHON=..." >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
		echo "make: $(PYTHON) cannot make an environment; on Debian the package python3-venv is missing" >&2; exit 1; }
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	$(BIN)/python -m pip install --quiet --editable . --group dev
	@touch $@

demo: $(STAMP) ## three clients against the same failing fleet, about 45 seconds (ARGS="--seconds 30")
	@$(BIN)/meshlib demo $(ARGS)

test: check $(if $(TEST_SERVERS),servers) ## everything CI runs; TEST_SERVERS=1 adds the real servers, TEST_SEED=N repeats a run
	$(if $(ARGS),$(PYTEST) $(ARGS),$(BIN)/python -m tests.halves)

check: $(STAMP) ## style, format and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy tests/typing

format: $(STAMP) ## put the code into its form
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

quick: $(STAMP) ## the fast loop: no foreign suites, no real servers, nothing that lets real time pass
	$(PYTEST) -m 'not realtime and not suite' $(ARGS)

servers: $(STAMP) ## unpack the real servers into .cache
	@$(BIN)/python -m tests.real.debian

soak: $(STAMP) ## every storm in full, on both sides, about 20 minutes; writes benchmarks/results/soak.md
	$(PYTEST) -m soak $(ARGS)

$(BENCH_STAMP): $(STAMP)
	$(BIN)/python -m pip install --quiet --group bench
	@touch $@

bench: $(BENCH_STAMP) ## beside bare httpx, a naive composition and a real Envoy, about 8 minutes (ARGS="--quick")
	$(BIN)/python -m benchmarks $(ARGS)

clean: ## remove what make and the tests made
	rm -rf $(VENV) .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis
