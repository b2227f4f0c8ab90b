# Quiet Hours for Bitrix24. `make help` lists what there is; every target sets up what it needs.
# Needs Python 3.11 or newer and make. Virtual environments live in .venvs/, everything built in build/.

SHELL := /bin/bash
include layers/build.mk

VENVS := .venvs
BIN := $(VENVS)/dev/bin
# What an environment may set and what would override a test's own CA or stop byte-code from being written. pip keeps it.
RUN := env -u CURL_CA_BUNDLE -u REQUESTS_CA_BUNDLE -u AWS_CA_BUNDLE -u SSL_CERT_FILE -u SSL_CERT_DIR -u PYTHONDONTWRITEBYTECODE

# A worker for each core; what shares a stack of its own, say the end-to-end tests, stays with one.
SIDE_BY_SIDE := --numprocesses auto --dist loadgroup

.DEFAULT_GOAL := help

# ---- what people use ------------------------------------------------------------------------------------------------

.PHONY: help
help:  ## list the commands
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

.PHONY: demo
demo: setup-local  ## the whole path once: an HTTPS mute, a replay, a schedule, refusals; ends by itself
	@$(RUN) $(BIN)/python -m local.demo

.PHONY: serve
serve: setup-local  ## the same stack, left running to play with, and a page to look at (Ctrl-C ends it)
	@$(RUN) $(BIN)/python -m local.serve

.PHONY: real
real: setup-local  ## quiet hours on your own portal from here: POLICY=file.json or HOURS=2, asks for the webhook, shows first
	@$(RUN) $(BIN)/python -m local.real $(if $(POLICY),--policy "$(POLICY)") $(if $(HOURS),--hours $(HOURS)) $(if $(YES),--yes)

.PHONY: screenshots
screenshots: setup-local setup-browser  ## the page as it looks, in docs/images/; needs Chromium
	@$(RUN) $(BIN)/python -m local.screenshots

.PHONY: invoke
invoke: setup-local  ## make invoke EVENT=events/....json: one event through the real runtime
	@$(RUN) $(BIN)/python -m local.invoke $(EVENT)

.PHONY: reads
reads: setup-local  ## DynamoDB reads of an idle tick with 1 to 100,000 policies, and of one account's night
	@$(RUN) PYTHONPATH=functions:layers/bitrix24 $(BIN)/python -m local.reads

.PHONY: bench
bench: setup-local $(VENVS)/tutorial/.ready  ## cold starts, warm calls, memory and size beside their floor and peers; build/bench.json
	@$(RUN) PYTHONPATH=functions:layers/bitrix24 $(BIN)/python -m local.bench

.PHONY: bench-levers
bench-levers: setup-local $(VENVS)/tutorial/.ready  ## what each choice in how we build saves of a cold start (valgrind)
	@$(RUN) PYTHONPATH=functions:layers/bitrix24 $(BIN)/python -m local.bench.levers

.PHONY: bench-memory
bench-memory: setup-local $(VENVS)/tutorial/.ready  ## latency and price at the CPU shares of Lambda's memory sizes (root, for cgroups)
	@$(RUN) PYTHONPATH=functions:layers/bitrix24 $(BIN)/python -m local.bench.shares

.PHONY: bench-client
bench-client: setup-local $(VENVS)/sdk/.ready  ## the layer beside b24pysdk and fast-bitrix24, ~20 minutes; build/bench-client.json
	@$(RUN) $(BIN)/python -m local.bench.client

.PHONY: scale
scale: setup-local  ## 10,000 accounts in virtual time, then 400 through the local stack (PORTALS=20 for a quick one); build/scale.json
	@$(RUN) PYTHONPATH=functions:layers/bitrix24 $(BIN)/python -m local.scale $(if $(PORTALS),--portals $(PORTALS)) $(SCALE)
	@$(RUN) $(BIN)/python -m local.crowd $(or $(CROWD),20 20 100)

# ---- running it on AWS --------------------------------------------------------------------------------------------------

.PHONY: preflight
preflight: $(VENVS)/dev/.ready  ## what would make a deployment fail: CONFIG=prod PARAMETERS="AccessLog=true"
	@PYTHON313="$(PYTHON313)" $(BIN)/python -m local.ops.preflight $(if $(CONFIG),--config $(CONFIG)) $(PARAMETERS)

.PHONY: deploy
deploy: $(VENVS)/dev/.ready $(VENVS)/template/.ready  ## preflight, build, deploy: guided, or CONFIG=prod PARAMETERS="AlarmEmail=you@example.com"
	@PYTHON313="$(PYTHON313)" $(BIN)/python -m local.ops.deploy --sam $(VENVS)/template/bin/sam $(if $(CONFIG),--config $(CONFIG)) $(PARAMETERS)

.PHONY: release-all
release-all: $(VENVS)/dev/.ready  ## the kill switch: STACK=quiet-hours mutes nothing any more, lets go of everything and waits for it
	@$(BIN)/python -m local.ops.release_all $(STACK)

.PHONY: offboard
offboard: $(VENVS)/dev/.ready  ## an account leaves: STACK=quiet-hours ACCOUNT=default; says when its secret may be deleted
	@$(BIN)/python -m local.ops.offboard $(STACK) $(ACCOUNT)

.PHONY: remove
remove: $(VENVS)/dev/.ready  ## lets go of everything, then deletes: STACK=quiet-hours CONFIRM=quiet-hours (TABLE=delete)
	@$(BIN)/python -m local.ops.remove $(STACK) $(if $(CONFIRM),--confirm $(CONFIRM)) $(if $(TABLE),--table $(TABLE))

.PHONY: restore
restore: $(VENVS)/dev/.ready  ## after a restore from a backup: STACK=quiet-hours FROM=the restored table (REPLACE=yes)
	@$(BIN)/python -m local.ops.restore $(STACK) $(FROM) $(if $(REPLACE),--replace)

.PHONY: prove
prove: $(VENVS)/dev/.ready  ## random weeks with faults, judged by a model: SECONDS=600, SEED=n, EPISODE=n, PATCH=file; build/prove.json
	@$(RUN) PYTHONHASHSEED=0 PYTHONPATH=functions:layers/bitrix24 $(BIN)/python -m local.prove $(if $(SECONDS),--seconds $(SECONDS)) \
		$(if $(SEED),--seed $(SEED)) $(if $(EPISODE),--episode $(EPISODE)) $(if $(PATCH),--patch $(PATCH)) $(PROVE)

.PHONY: load
load: setup-local  ## twice what a bare handler sustains, for a minute, through the local stack; build/load.json
	@$(RUN) $(BIN)/python -m local.load

.PHONY: mutants
mutants: $(VENVS)/dev/.ready $(VENVS)/mutation/.ready  ## mutmut on quiet_hours, reconcile and the layer's client (SUITE=client for one); build/mutants.json
	@$(RUN) $(BIN)/python -m local.mutants $(SUITE)

# ---- checks -----------------------------------------------------------------------------------------------------------

.PHONY: check
check: test lint types imports template security  ## everything CI checks

.PHONY: test
test: setup-local setup-browser $(VENVS)/sdk/.ready $(VENVS)/fuzz/.ready  ## the whole suite
	$(RUN) $(BIN)/pytest $(SIDE_BY_SIDE)

.PHONY: fuzz
fuzz: setup-local $(VENVS)/fuzz/.ready  ## 20,000 requests by and against the contract, 300 more through HTTPS; CASES=, SEED=
	@$(RUN) PYTHONPATH=functions:layers/bitrix24 $(VENVS)/fuzz/bin/python -m tests.fuzz \
		$(if $(CASES),--cases $(CASES)) $(if $(SEED),--seed $(SEED))
	@$(RUN) PYTHONPATH=functions:layers/bitrix24 $(BIN)/python -m tests.fuzz.https --cases 300 --out build/fuzz-https.json \
		$(if $(SEED),--seed $(SEED))

.PHONY: races
races: $(VENVS)/dev/.ready  ## two invocations at once, at every call of one of them, ~3 minutes
	@$(RUN) PYTHONPATH=functions:layers/bitrix24 $(BIN)/python -m tests.unit.crash.interleaving

.PHONY: unit
unit: $(VENVS)/dev/.ready  ## the fast tests only: no network, no environment
	$(RUN) $(BIN)/pytest $(SIDE_BY_SIDE) tests/unit

.PHONY: lint
lint: $(VENVS)/dev/.ready  ## ruff: lint and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

.PHONY: format
format: $(VENVS)/dev/.ready  ## ruff: mend what can be mended
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.PHONY: types
types: $(VENVS)/dev/.ready  ## mypy --strict
	$(BIN)/mypy

.PHONY: imports
imports: $(VENVS)/dev/.ready  ## import-linter: data flows one way
	PYTHONPATH=functions:layers/bitrix24:. $(BIN)/lint-imports

.PHONY: template
template: $(VENVS)/template/.ready  ## sam validate, cfn-lint with the serverless rules, a real sam build
	AWS_DEFAULT_REGION=eu-west-1 SAM_CLI_TELEMETRY=0 $(VENVS)/template/bin/sam validate --lint
	$(VENVS)/template/bin/cfn-lint -t template.yaml -a cfn_lint_serverless.rules
	SAM_CLI_TELEMETRY=0 $(VENVS)/template/bin/sam build --build-dir build/sam

.PHONY: security
security: $(VENVS)/dev/.ready $(VENVS)/checkov/.ready  ## bandit, checkov, pip-audit where it can reach its data
	$(BIN)/bandit -q -r functions layers
	BC_SKIP_MAPPING=TRUE $(VENVS)/checkov/bin/checkov --config-file .checkov.yaml
	@$(BIN)/python -m local.audit requirements/runtime.txt requirements/bitrix24.txt

# ---- set-up -----------------------------------------------------------------------------------------------------------

.PHONY: setup
setup: $(foreach v,dev emulator lambda sdk fuzz template checkov,$(VENVS)/$(v)/.ready)  ## every virtual environment

.PHONY: on-linux
on-linux:
	@[ "$$(uname)" = Linux ] || { echo "The local stack runs on Linux only, this is $$(uname)."; exit 1; }

.PHONY: setup-local
setup-local: on-linux $(VENVS)/dev/.ready $(VENVS)/emulator/.ready $(VENVS)/lambda/.ready

# What drives a page is of use only where Chromium is; its tests say why they are skipped.
.PHONY: setup-browser
setup-browser:
	@if [ "$$(type -P chromium || type -P chromium-browser || type -P google-chrome)" ]; then \
		$(MAKE) --no-print-directory $(VENVS)/browser/.ready \
		|| echo "not set up: $(VENVS)/browser"; fi

$(VENVS)/%/.ready: requirements/%.txt
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed, this is " + sys.version.split()[0] if sys.version_info < (3, 11) else 0)'
	@echo "setting up $(@D) ..."
	@rm -rf $(@D)
	@$(if $(filter lambda tutorial,$*),$(or $(PYTHON313),$(PYTHON)),$(PYTHON)) -m venv $(@D)
	@$(@D)/bin/python -m pip install --quiet --no-deps --require-hashes --only-binary=:all: --requirement $<
	@touch $@

.PHONY: lock
lock: $(VENVS)/uv  ## pin requirements/*.txt again from requirements/*.in
	for f in requirements/*.in; do $(VENVS)/uv/bin/uv pip compile --quiet --universal --python-version 3.11 \
		--generate-hashes --no-emit-index-url --no-header $(UPGRADE) $$f -o $${f%.in}.txt; done

$(VENVS)/uv:
	$(PYTHON) -m venv $@ && $@/bin/pip install --quiet uv

.PHONY: clean
clean:  ## remove everything built and set up
	rm -rf build .venvs .aws-sam .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
