# `make demo` and `make test` are all that a newcomer needs; both install what they need into .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
NPM_STAMP := tests/npm/node_modules/.installed
# As mails are seen in Chromium by the tests: also Chinese, Japanese, Korean, and emoji.
BROWSER := chromium fonts-noto-core fonts-noto-cjk fonts-noto-color-emoji

.PHONY: demo test check faults bench browser npm lock clean

demo: $(STAMP)
	@$(BIN)/newsletter demo

test: $(STAMP) browser npm
	$(BIN)/pytest -n auto --dist worksteal -rs

# The long form of tests/faults: hours of trouble in some minutes.
faults: $(STAMP)
	NEWSLETTER_FAULTS=long $(BIN)/pytest -n auto --dist worksteal -rs tests/faults

check: $(STAMP) browser npm
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
	       && apt-get install -qq -y --no-install-recommends $(BROWSER) >/dev/null; } \
	  || echo "No Chromium or Chrome here: the tests in a browser are skipped (on Debian: sudo apt install chromium)"

# Some tests compare with what npm has, or talk to it (tests/npm/package.json). Without Node, or where the registry cannot
# be reached, they are skipped, and pytest says so at the end.
npm:
	@if command -v node >/dev/null && command -v npm >/dev/null; then $(MAKE) -s --no-print-directory $(NPM_STAMP); fi

$(NPM_STAMP): tests/npm/package.json tests/npm/package-lock.json
	@npm ci --prefix tests/npm --ignore-scripts --no-audit --no-fund --silent --fetch-retries=1 --fetch-timeout=20000 \
	  && touch $@ || echo "npm could not install tests/npm: the tests that need it are skipped"

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
	rm -rf $(VENV) tests/npm/node_modules demo build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
