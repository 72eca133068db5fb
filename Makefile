SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
# The two virtual environment stamps share one directory; never fill it twice at once.
.NOTPARALLEL:

PYTHON ?= python3
PYTEST_ARGS ?=
RUN_ARGS ?=
# How many files of tests run side by side: as many as there are processors. One more was tried: no gain was shown, and what has to
# answer within a time did so less often. A file stays whole on one process, so what its tests share is made once.
JOBS ?= $(shell n=$$(getconf _NPROCESSORS_ONLN); echo $$((n > 4 ? 4 : n)))
BENCH_ARGS ?=
BIN := .venv/bin
NODE_CLIENT := tests/clients/node
MAPPINGS := bench/payloads
PIP_INSTALL := $(BIN)/pip install --quiet --disable-pip-version-check --no-input

# How to run apt-get as root without ever asking for a password; empty if impossible.
define as_root
if ! command -v apt-get >/dev/null; then as_root=; \
elif [ "$$(id -u)" = 0 ]; then as_root='env DEBIAN_FRONTEND=noninteractive'; \
elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then as_root='sudo -n env DEBIAN_FRONTEND=noninteractive'; \
else as_root=; fi
endef

.PHONY: help
help: ## Show this help
	@awk -F ':.*## ' '/^[a-zA-Z_-]+:.*## / {printf "  %-16s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

.PHONY: run
run: .venv/.runtime ## Start the demo gateway (needs neither a browser nor Node.js)
	@$(BIN)/twofold demo $(RUN_ARGS)

.PHONY: test
test: .venv/.dev system-packages $(NODE_CLIENT)/node_modules/.stamp wordpress ## Run all tests (PYTEST_ARGS="-k name" is passed on)
	@$(COMPILED) $(FEW_PLUGINS) TWOFOLD_RUN_ALL=1 $(BIN)/pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder $(PYTEST_ARGS)

.PHONY: test-spark
test-spark: .venv/.spark java ## Hold Spark's answers against DuckDB's (fetches 456 MB; `make test` does without)
	@TWOFOLD_RUN_ALL=1 $(BIN)/pytest tests/facts/spark_answers.py $(PYTEST_ARGS)

.PHONY: test-postgres
test-postgres: .venv/.dev system-packages ## Run the store's tests with PostgreSQL in place of the embedded engine
	@TWOFOLD_RUN_ALL=1 TWOFOLD_ENGINE=postgres $(BIN)/pytest -n 2 tests/store $(PYTEST_ARGS)

.PHONY: quick
quick: .venv/.dev ## Run the pure rooms and other cheap tests, in half a minute
	@$(COMPILED) $(FEW_PLUGINS) TWOFOLD_LAWS=0.1 $(BIN)/pytest --quick -q -n $(JOBS) --dist loadfile $(PYTEST_ARGS)

# What was compiled is kept, in a place of its own, also where no bytecode is to lie in the tree: half of a short run is reading
# modules, and half of what a gateway costs that a test starts.
COMPILED = PYTHONDONTWRITEBYTECODE= PYTHONPYCACHEPREFIX=$(CURDIR)/.venv/compiled
# Our own plugin for users' tests makes pytest rewrite the assertions of the whole program, as of all distributions with one.
FEW_PLUGINS = PYTEST_DISABLE_PLUGIN_AUTOLOAD=1 PYTEST_PLUGINS=xdist.plugin,pytest_timeout,_hypothesis_pytestplugin,twofold.sandbox.pytest_plugin

.PHONY: check
check: lint quick ## Before a commit: lint, then quick

.PHONY: lint
lint: .venv/.dev ## Check style, formatting and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

.PHONY: format
format: .venv/.dev ## Format the code and fix what ruff can fix safely
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format .

.PHONY: router
router: .venv/.dev ## Measure the rules for lost signal over many worlds, and write the figures of docs/router.md; stopped, it goes on where it was
	@$(BIN)/python -m bench.router $(ROUTER_ARGS)

.PHONY: payloads
payloads: .venv/.dev $(MAPPINGS)/node_modules/.stamp ## Hold our payloads beside Segment's own mappings (PAYLOADS_ARGS="--fields", or "--cases FILE" for other cases)
	@$(BIN)/python -m bench.payloads $(PAYLOADS_ARGS)

.PHONY: bench
bench: .venv/.dev ## Run the benchmarks (BENCH_ARGS is passed on)
	@$(BIN)/python -m bench $(BENCH_ARGS)

.PHONY: kill-loop
kill-loop: .venv/.dev ## Run the long version of the slow acceptance tests
	@TWOFOLD_LONG=1 $(BIN)/pytest -m slow tests/acceptance tests/importing/statements/test_import_lines.py --timeout=0 $(PYTEST_ARGS)

.PHONY: arrivals
arrivals: .venv/.dev ## Import the same files in ten orders of arrival, each twice, with kills between: one report, byte for byte
	@TWOFOLD_LONG=1 $(BIN)/pytest -n0 tests/acceptance/test_orders_of_arrival.py --timeout=0 $(PYTEST_ARGS)

.PHONY: pauses
pauses: .venv/.dev ## Run tests while single processes of theirs stand still for seconds (PYTEST_ARGS="tests/tag", SEED=7)
	@TWOFOLD_RUN_ALL=1 $(BIN)/python -m tests.lasting.pauses $(or $(SEED),1) $(BIN)/pytest -n $(JOBS) --dist loadfile $(PYTEST_ARGS)

SEEDS := 1000
FROM := 0
.PHONY: world
world: .venv/.dev ## Play simulated worlds, SEEDS=1000 from FROM=0 on, or GO_ON=1; REPLAY=17 KEEP=3,9 plays steps of one seed again
	@PYTHONHASHSEED=0 nice $(BIN)/python -m tests.world --seeds $(SEEDS) --from $(FROM) $(if $(GO_ON),--go-on) $(if $(ANEW),--anew) \
	  $(if $(REPLAY),--replay $(REPLAY)) $(if $(KEEP),--keep $(KEEP)) $(if $(DEFECT),--defect $(DEFECT))

.PHONY: world-defects
world-defects: .venv/.dev ## Plant each defect of tests/world/defects.py and wait until a seed finds it (DEFECT=name: that one; ANEW=1: all)
	@PYTHONHASHSEED=0 nice $(BIN)/python -m tests.world --defects $(if $(DEFECT),--defect $(DEFECT)) $(if $(ANEW),--anew)

.PHONY: mutants
mutants: .venv/.dev ## Change fold, outbox, gates, delivery and ledger in one place at a time: the tests must notice (ONLY="store.fold ledger.state", MINUTES=60; stopped, it goes on)
	@PYTHONHASHSEED=0 nice -n 19 $(BIN)/python -m tests.mutants.planting $(if $(ONLY),--only $(ONLY)) $(if $(MINUTES),--minutes $(MINUTES)) $(if $(ANEW),--anew)

.PHONY: kills power-cuts soak
kills: .venv/.dev ## SIGKILL a gateway TIMES=10000 under load; stop it and it goes on (MINUTES=60: for so long, ANEW=1: from the beginning)
	@nice -n 19 $(BIN)/python -m tests.lasting.hours kills $(LASTING)

power-cuts: .venv/.dev ## Cut the power of a loop image TIMES=1000 under load; the same, and DEFECT=no-sync must be found
	@nice -n 19 $(BIN)/python -m tests.lasting.hours power $(LASTING)

soak: .venv/.dev ## MINUTES=120 of steady load with a fault each minute
	@nice -n 19 $(BIN)/python -m tests.lasting.hours soak $(LASTING)

LASTING = $(if $(TIMES),--times $(TIMES)) $(if $(MINUTES),--minutes $(MINUTES)) $(if $(ANEW),--anew) \
  $(if $(DEFECT),--defect $(DEFECT))

.PHONY: failover
failover: .venv/.dev system-packages ## Kill a PostgreSQL primary in the middle of 20,000 accepts from eight clients through three gateways
	@TWOFOLD_RUN_ALL=1 TWOFOLD_LONG=1 $(BIN)/pytest -n0 tests/store/test_standby_on_postgres.py -k takes_over --timeout=0 $(PYTEST_ARGS)

.PHONY: laws
laws: .venv/.dev ## Try every law (property test) with forty times as many examples
	@TWOFOLD_LAWS=40 TWOFOLD_LONG=1 $(BIN)/pytest -m hypothesis --timeout=0 $(PYTEST_ARGS)

.PHONY: wheel
wheel: .venv/.dev ## Build dist/twofold-….whl, for pip, pipx and uvx on other machines
	@rm -rf build dist
	@$(BIN)/pip wheel --quiet --no-build-isolation --no-deps --no-index -w dist .
	@rm -rf build *.egg-info; ls dist/*.whl

.PHONY: openapi
openapi: .venv/.dev ## Ask a gateway and a console by their OpenAPI descriptions, 300 requests an address and kind
	@TWOFOLD_OPENAPI=300 $(BIN)/pytest tests/acceptance/test_openapi.py tests/console/test_console_openapi.py --timeout=0 $(PYTEST_ARGS)

.PHONY: venv
venv: .venv/.runtime ## Create the virtual environment with the runtime only

.PHONY: dev
dev: .venv/.dev ## Create the virtual environment with the test and lint tools

.PHONY: system-packages
system-packages: ## Install Chromium, Node.js, npm, curl, PHP, PostgreSQL, nginx, Caddy and systemd through apt-get where missing
	@missing=; \
	command -v chromium >/dev/null || missing="$$missing chromium"; \
	command -v node >/dev/null || missing="$$missing nodejs"; \
	command -v npm >/dev/null || missing="$$missing npm"; \
	command -v curl >/dev/null || missing="$$missing curl"; \
	command -v php >/dev/null || missing="$$missing php-cli"; \
	ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || command -v initdb >/dev/null || missing="$$missing postgresql"; \
	for tool in nginx:nginx-light caddy:caddy systemd-analyze:systemd; do \
	  PATH="$$PATH:/usr/sbin:/sbin" command -v "$${tool%:*}" >/dev/null || missing="$$missing $${tool#*:}"; \
	done; \
	if [ -z "$$missing" ]; then exit 0; fi; \
	$(as_root); \
	if [ -z "$$as_root" ]; then \
	  echo "The tests need these Debian packages, and they cannot be installed without root:$$missing. Install them (apt-get install$$missing) and run make again." >&2; \
	  exit 1; \
	fi; \
	echo "Installing Debian packages:$$missing"; \
	$$as_root apt-get update -qq </dev/null; \
	$$as_root apt-get install -y -qq --no-install-recommends $$missing </dev/null >/dev/null

# pip is the last thing that venv puts there, so its presence means a complete environment.
.venv/bin/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "twofold needs Python 3.11 or newer; set PYTHON=/path/to/python3.11." >&2; exit 1; }
	@if $(PYTHON) -c 'import ensurepip, venv' 2>/dev/null && $(PYTHON) -m venv --clear .venv; then exit 0; fi; \
	$(as_root); \
	if [ -z "$$as_root" ]; then \
	  echo "Python's venv module does not work here. Install the Debian package python3-venv and run make again." >&2; \
	  rm -rf .venv; exit 1; \
	fi; \
	echo "Installing the Debian package python3-venv"; \
	$$as_root apt-get update -qq </dev/null; \
	$$as_root apt-get install -y -qq --no-install-recommends python3-venv </dev/null >/dev/null; \
	$(PYTHON) -m venv --clear .venv || { rm -rf .venv; exit 1; }

# requirements-dev.lock holds everything requirements.lock does, with the same pins.
.venv/.runtime: requirements.lock pyproject.toml | .venv/bin/pip
	@echo "Installing the runtime into .venv"
	@$(PIP_INSTALL) --require-hashes -r requirements.lock </dev/null
	@$(PIP_INSTALL) --no-build-isolation --no-deps -e . </dev/null
	@touch $@

.venv/.dev: requirements-dev.lock requirements.lock pyproject.toml | .venv/bin/pip
	@echo "Installing the runtime and the development tools into .venv"
	@$(PIP_INSTALL) --require-hashes -r requirements-dev.lock </dev/null
	@$(PIP_INSTALL) --no-build-isolation --no-deps -e . </dev/null
	@touch .venv/.runtime $@

# Its source distribution is built with the setuptools that is locked and installed already.
.venv/.spark: requirements-spark.lock .venv/.dev
	@echo "Installing Spark into .venv"
	@$(PIP_INSTALL) --no-build-isolation --require-hashes -r requirements-spark.lock </dev/null
	@touch $@

.PHONY: java
java:
	@if command -v java >/dev/null; then exit 0; fi; \
	$(as_root); \
	if [ -z "$$as_root" ]; then \
	  echo "Spark needs Java 17. Install the Debian package openjdk-17-jre-headless and run make again." >&2; exit 1; fi; \
	echo "Installing the Debian package openjdk-17-jre-headless"; \
	$$as_root apt-get update -qq </dev/null; \
	$$as_root apt-get install -y -qq --no-install-recommends openjdk-17-jre-headless </dev/null >/dev/null

# The order-only prerequisite makes sure npm is there.
$(NODE_CLIENT)/node_modules/.stamp: $(NODE_CLIENT)/package.json $(NODE_CLIENT)/package-lock.json | system-packages
	@echo "Installing the Node.js test client"
	@cd $(NODE_CLIENT) && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error </dev/null
	@touch $@

$(MAPPINGS)/node_modules/.stamp: $(MAPPINGS)/package.json $(MAPPINGS)/package-lock.json | system-packages
	@echo "Installing Segment's mappings"
	@cd $(MAPPINGS) && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error </dev/null
	@touch $@

.PHONY: $(NODE_CLIENT)/node_modules
$(NODE_CLIENT)/node_modules: $(NODE_CLIENT)/node_modules/.stamp

# EasyList and EasyPrivacy out of Debian's package of uBlock Origin, unpacked and not installed: Chromium would load it.
LISTS := tests/tag/lists
UBLOCK := webext-ublock-origin-chromium
.PHONY: lists
lists: ## Fetch the ad blockers' lists that a test of the tag asks (it asks cited rules without them)
	@tmp=$$(mktemp -d); trap 'rm -rf "$$tmp"' EXIT; cd "$$tmp"; $(as_root); \
	if ! apt-get download -qq $(UBLOCK) </dev/null 2>/dev/null && [ -n "$$as_root" ]; then \
	  $$as_root apt-get update -qq </dev/null && apt-get download -qq $(UBLOCK) </dev/null; fi; \
	dpkg-deb -x $(UBLOCK)_*.deb files; \
	mkdir -p $(CURDIR)/$(LISTS); \
	cp files/usr/share/chromium/extensions/ublock-origin/assets/thirdparties/easylist/*.txt $(CURDIR)/$(LISTS)/

# Debian's WordPress, unpacked and not installed: its package wants a web server and a database.
WORDPRESS := tests/plugin/wordpress
.PHONY: wordpress
wordpress: ## Fetch the files of WordPress that the tests of the plugin run on
	@if [ -d $(WORDPRESS)/usr ]; then exit 0; fi; \
	echo "Unpacking Debian's WordPress for the tests of the plugin"; \
	tmp=$$(mktemp -d); trap 'rm -rf "$$tmp"' EXIT; chmod 755 "$$tmp"; cd "$$tmp"; $(as_root); \
	if ! apt-get download -qq wordpress </dev/null 2>/dev/null && [ -n "$$as_root" ]; then \
	  $$as_root apt-get update -qq </dev/null && apt-get download -qq wordpress </dev/null; fi; \
	dpkg-deb -x wordpress_*.deb files; \
	mkdir -p $(CURDIR)/$(WORDPRESS); \
	cp -r files/usr $(CURDIR)/$(WORDPRESS)/

PLUGIN := build/twofold-woocommerce.zip
.PHONY: plugin
plugin: system-packages wordpress .venv/.dev ## Make the WordPress plugin for WooCommerce, tried in PHP before
	@TWOFOLD_RUN_ALL=1 $(BIN)/pytest -q tests/plugin
	@$(PYTHON) plugins/wordpress/make.py $(PLUGIN)

.PHONY: lock
lock: ## Recompile the lock files (LOCK_ARGS=--upgrade moves the pins)
	@tmp=$$(mktemp -d); trap 'rm -rf "$$tmp"' EXIT; \
	$(PYTHON) -m venv "$$tmp"; \
	"$$tmp/bin/pip" install --quiet --disable-pip-version-check uv; \
	for name in requirements requirements-postgres requirements-dev requirements-spark; do \
	  "$$tmp/bin/uv" pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	    --no-emit-index-url --no-emit-find-links --no-header $(LOCK_ARGS) "$$name.in" -o "$$name.lock"; \
	done
	@for folder in $(NODE_CLIENT) $(MAPPINGS); do \
	  (cd $$folder && npm install --package-lock-only --ignore-scripts --no-audit --no-fund); \
	done

.PHONY: clean
clean: ## Remove everything that make created (not data/)
	rm -rf .venv build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis $(NODE_CLIENT)/node_modules $(MAPPINGS)/node_modules
	find . -name __pycache__ -type d -not -path './.git/*' -prune -exec rm -rf {} +
