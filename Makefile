# Sandtable from a fresh clone: `make serve` to use it, `make test` to check it.
#
# Each step leaves a stamp in .venv, so a second start only starts; an environment that came along
# from another folder is made anew. Where .venv is a link (several worktrees sharing one
# environment) nothing is installed: whoever made it looks after it.

BIN := .venv/bin
# Errors only: pip and setuptools warn at length about what is meant here.
PIP := $(BIN)/python -m pip --disable-pip-version-check install -qq
OFFLINE := { echo "Packages could not be installed: see pip's message above, then run make again." >&2; exit 1; }

# Some shells export HOST, some hosts PORT: only what was said to make counts.
given = $(if $(filter command,$(origin $(1))),$(2) "$($(1))")

.PHONY: help serve setup compiled test bench screenshots docs lint format lock clean
.DEFAULT_GOAL := help

help:
	@echo "make serve        set up and serve on http://127.0.0.1:8000 (HOST=... PORT=... to change it)"
	@echo "make test         set up and run every test, in a real browser too (ARGS='-k margin' to pick)"
	@echo "make bench        speed beside other engines, and the service under load (ONLY=engine to pick)"
	@echo "make screenshots  every page as a picture, into screenshots/"
	@echo "make docs         docs/REFERENCE.md from the tables of fields and metrics"
	@echo "make lint         ruff and mypy"
	@echo "make lock         renew the lock files from requirements*.in"
	@echo "make clean        remove what the set-up made; data/ and results/ stay"

serve: setup data/binance/.sample
	@exec $(BIN)/sandtable serve $(call given,HOST,--host) $(call given,PORT,--port)

setup: .venv/.installed .venv/.vendored compiled

test: setup .venv/.test-installed
	@CHROMIUM="$$($(BIN)/python tools/chromium.py)" && export CHROMIUM && \
		export PYTHONHASHSEED=0 && \
		$(if $(ARGS),true,$(BIN)/python -m pytest -q tests/server/test_one_account.py) && \
		exec $(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile \
			$(if $(ARGS),,--ignore tests/server/test_one_account.py) $(ARGS)

bench: setup .venv/.test-installed
	@CHROMIUM="$$($(BIN)/python tools/chromium.py)" && export CHROMIUM && \
		exec $(BIN)/python -m tests.benchmarks $(if $(ONLY),--only "$(ONLY)") $(ARGS)

screenshots: setup .venv/.test-installed data/binance/.sample
	@CHROMIUM="$$($(BIN)/python tools/chromium.py)" && export CHROMIUM && \
		exec $(BIN)/python -m tools.screenshots $(ARGS)

docs: setup
	$(BIN)/python -m tools.generate_docs

lint: .venv/.lint-installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: .venv/.lint-installed
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# setuptools is locked with the rest: it puts the `sandtable` command into .venv/bin.
LOCK := uv pip compile --quiet --universal --python-version 3.11 --upgrade --generate-hashes \
	--no-annotate --no-header
lock: .venv/.lint-installed
	echo "setuptools>=77" | $(BIN)/$(LOCK) requirements.in - -o requirements.lock
	$(BIN)/$(LOCK) requirements-test.in -c requirements.lock -o requirements-test.lock

clean:
	rm -rf engine/__compiled__ .bench .hypothesis .mypy_cache .pytest_cache .ruff_cache sandtable.egg-info screenshots \
		static/vendor test-results
	[ -L .venv ] || rm -rf .venv
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

ifeq ($(shell [ -L .venv ] && echo linked),linked)

.venv/.installed .venv/.test-installed .venv/.lint-installed: ;

# The assets belong to the checkout, not to the environment.
.venv/.vendored: static/vendor/NOTICES.txt ;
static/vendor/NOTICES.txt: tools/vendor.lock.json tools/vendor.py
	@$(BIN)/python tools/vendor.py && touch $@

else

$(shell [ "$$(cat .venv/.made 2>/dev/null)" = "$$(pwd)" ] || rm -f .venv/.made)
.venv/.made:
	@sh tools/environment.sh && pwd > $@

.venv/.installed: requirements.lock pyproject.toml .venv/.made
	@echo "Installing Sandtable's packages into .venv (once, about a minute)" >&2
	@$(PIP) --require-hashes -r requirements.lock || $(OFFLINE)
	@$(PIP) --no-build-isolation --no-deps --editable . || $(OFFLINE)
	@touch $@

.venv/.test-installed: requirements-test.lock .venv/.installed
	@echo "Installing the tests' packages into .venv (once)" >&2
	@$(PIP) --require-hashes -r requirements-test.lock || $(OFFLINE)
	@touch $@

.venv/.lint-installed: .venv/.installed
	@$(PIP) ruff==0.17.6 mypy==2.4.1 uv==0.13.9 || $(OFFLINE)
	@touch $@

.venv/.vendored: tools/vendor.lock.json tools/vendor.py .venv/.made
	@$(BIN)/python tools/vendor.py
	@touch $@

endif

# The engine's core as C extensions, where there is a compiler. Asked every time: the extensions lie
# in a folder named by their sources, and nothing is done when it is there.
compiled: .venv/.installed
	@$(BIN)/python tools/compile_engine.py

# People's own folder of market data is theirs: samples go only into the one beside this file.
data/binance/.sample: server/ingest/sample.py | .venv/.installed
	@[ -n "$$SANDTABLE_DATA_DIRECTORY" ] || \
		{ SANDTABLE_DATA_DIRECTORY=data $(BIN)/sandtable data sample && touch $@; }
