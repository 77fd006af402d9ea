# `make demo` and `make test` are all that a newcomer needs; both install what they need into .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: demo test check bench browser lock clean

demo: $(STAMP)
	@$(BIN)/newsletter demo

test: $(STAMP) browser
	$(BIN)/pytest -n auto --dist worksteal -rs

check: $(STAMP) browser
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest -n auto --dist worksteal -rs

# Under ten minutes on two cores; wants a quiet machine. The table is kept in benchmarks/results/.
bench: $(STAMP)
	$(BIN)/python -m benchmarks

# tests/browser looks at mails in a real Chromium or Chrome. Without one it is skipped, and pytest says so at the end;
# it is installed here only where that needs nobody's leave: as root on Debian.
browser: $(STAMP)
	@$(BIN)/python -c 'import sys; from tests.browser.chromium import chromium_path as path; sys.exit(path() is None)' \
	  || { [ "$$(id -u)" = 0 ] && [ -f /etc/debian_version ] && apt-get update -qq \
	       && apt-get install -qq -y --no-install-recommends chromium fonts-noto-core >/dev/null; } \
	  || echo "No Chromium or Chrome here: the tests in a browser are skipped (on Debian: sudo apt install chromium)"

# The stamp is made last, so an installation that was interrupted is done again.
$(STAMP): pyproject.toml requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Python 3.11 or newer is needed; name one with: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' \
	  || { echo "this Python cannot make virtual environments; on Debian or Ubuntu: sudo apt install python3-venv"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $(STAMP)

# Resolves the ranges of pyproject.toml anew, for every Python and platform.
lock: $(STAMP)
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --extra dev --no-emit-index-url --no-emit-find-links \
	  --custom-compile-command "make lock" --upgrade pyproject.toml -o requirements.lock

clean:
	rm -rf $(VENV) demo build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
