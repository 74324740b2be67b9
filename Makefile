# make serve     install what serving needs and start on http://127.0.0.1:8000
# make install   that first half alone
# make clients   install lm-eval and openapi-python-client, which tests then run, in an environment of its own (700 MB)
# make test      install the rest (TensorFlow, test tools); check format, lint, types; run the tests
# make attack    try to break the service, for an hour; make test does it for a minute or two
# make ray       install Ray in an environment of its own (500 MB), and run what is tested with it; as root, on two nodes
# make bench     measure, beside the frameworks it is compared with (see benchmarks/README.md)
# make browser   install what the browser tests need, Chromium and axe-core, where it can; make test does
# make check     check format, lint, types alone
# make format    rewrite the code in its own style
# make lock      resolve the dependencies anew into requirements/
# make docker    build the serving image, unrolled
# make clean     remove everything that these made

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
PYTEST_ARGS ?=
UNROLLED_DOCKER_BUILD_ARGS ?=

.PHONY: serve install install-test clients test attack ray browser check bench format lock docker clean

serve: install
	$(BIN)/unrolled serve

install: $(VENV)/.serve
install-test: $(VENV)/.test
clients: $(VENV)-clients/.done

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=…")'
	$(PYTHON) -m venv $(VENV)

# Python compiles what it imports: compiling all that is installed would take longer than installing it.
INSTALL := $(PIP) install --quiet --no-compile --no-deps

$(VENV)/.serve: requirements/build.txt requirements/serve.txt pyproject.toml | $(BIN)/python
	$(INSTALL) --require-hashes --requirement requirements/build.txt --requirement requirements/serve.txt
	$(INSTALL) --no-build-isolation --editable .
	@$(BIN)/python -c 'import app.cli.models, app.server'
	@touch $@

$(VENV)/.test: requirements/test.txt $(VENV)/.serve
	$(INSTALL) --require-hashes --requirement requirements/test.txt
	@touch $@

# What these bring along (pandas, pyarrow, scipy) is kept apart; nothing is compiled, no torch.
$(VENV)-clients/.done: requirements/clients.txt
	$(PYTHON) -m venv $(VENV)-clients
	$(VENV)-clients/bin/python -m pip --disable-pip-version-check install --quiet --no-compile --no-deps \
	  --require-hashes --requirement requirements/clients.txt
	@touch $@

test: install-test clients browser check
	$(BIN)/python -m pytest $(PYTEST_ARGS)

attack: install-test
	ATTACK=long $(BIN)/python -m pytest -s $(PYTEST_ARGS) tests/attack

# Ray and what it brings; the tools that test come from the other environment, within whose versions it was locked.
$(VENV)-ray/.done: requirements/ray.txt $(VENV)/.test
	$(PYTHON) -m venv $(VENV)-ray
	$(VENV)-ray/bin/python -m pip --disable-pip-version-check install --quiet --no-compile --no-deps \
	  --require-hashes --requirement requirements/build.txt --requirement requirements/ray.txt
	$(VENV)-ray/bin/python -m pip --disable-pip-version-check install --quiet --no-deps --no-build-isolation --editable .
	$(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))' \
	  > $$($(VENV)-ray/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/test-tools.pth
	@touch $@

ray: $(VENV)-ray/.done
	$(VENV)-ray/bin/python -m pytest $(PYTEST_ARGS) tests/ray

# What the browser tests need; where it cannot be had they are skipped, and say so.
browser:
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null \
	  || DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium >/dev/null 2>&1 \
	  || echo "Chromium could not be installed: the browser tests are skipped"
	@test -e .axe/node_modules/axe-core \
	  || npm install --silent --no-audit --no-fund --prefix .axe axe-core 2>/dev/null \
	  || echo "axe-core could not be installed: the tests that need it are skipped"

check: install-test
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy

format: install-test
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

bench: install-test
	$(BIN)/python -m benchmarks

# One resolution for Python 3.11 and newer, on any system: the widest set first, the others within it.
UV_COMPILE := $(VENV)-lock/bin/uv pip compile --quiet --universal --python-version 3.11 \
  --generate-hashes --no-annotate --custom-compile-command "make lock" --upgrade
WITHIN := --constraint requirements/test.txt

lock: $(VENV)-lock/bin/uv
	$(UV_COMPILE) pyproject.toml --extra tensorflow --extra tensorboard --extra test --output-file requirements/test.txt
	$(UV_COMPILE) pyproject.toml $(WITHIN) --extra tensorflow --extra tensorboard --output-file requirements/training.txt
	$(UV_COMPILE) pyproject.toml $(WITHIN) --extra parquet --extra ray --output-file requirements/ray.txt
	$(UV_COMPILE) pyproject.toml $(WITHIN) --output-file requirements/serve.txt
	printf '%s\n' 'lm-eval[api]' openapi-python-client | $(UV_COMPILE) - --output-file requirements/clients.txt
	$(PYTHON) -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["build-system"]["requires"], sep="\n")' \
	  | $(UV_COMPILE) - $(WITHIN) --output-file requirements/build.txt

$(VENV)-lock/bin/uv:
	$(PYTHON) -m venv $(VENV)-lock
	$(VENV)-lock/bin/python -m pip --disable-pip-version-check install --quiet uv

docker:
	docker build $(UNROLLED_DOCKER_BUILD_ARGS) --tag unrolled \
	  --build-arg REVISION="$$(git rev-parse HEAD 2>/dev/null || echo unknown)" \
	  --build-arg SOURCE="$$(git remote get-url origin 2>/dev/null || echo unknown)" .

clean:
	rm -rf $(VENV) $(VENV)-* .axe build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find app tests benchmarks -name __pycache__ -prune -exec rm -rf {} +
