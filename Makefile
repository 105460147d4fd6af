# Everything a contributor runs. `make help` lists it; nothing outside this folder is changed.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

# The architecture, one word in one place: SAM's parameter and the layer's makefile both get it from here.
ARCH ?= arm64
ifneq ($(ARCH),$(filter $(ARCH),arm64 x86_64))
$(error ARCH is "$(ARCH)"; it takes arm64 or x86_64)
endif

UV_VERSION := 0.13.9
UV := .tools/uv/bin/uv
PYTHON := .venv/bin/python
SAM := .tools/sam/bin/sam
export SAM_CLI_TELEMETRY := 0
# Where uv puts the interpreters that it fetches, and its cache: into this folder as well.
export UV_PYTHON_INSTALL_DIR := $(CURDIR)/.tools/python
export UV_CACHE_DIR := $(CURDIR)/.tools/cache

# ---------------------------------------------------------------- environments
# Each is what its requirements file says, every hash checked, nothing else in it.

ENVIRONMENTS := .venv/.ready .tools/sam/.ready .tools/ministack/.ready

$(UV):
	python3 -m venv .tools/uv
	.tools/uv/bin/pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)

.venv/.ready: requirements/dev.txt
.tools/sam/.ready: requirements/sam.txt
.tools/ministack/.ready: requirements/ministack.txt
$(ENVIRONMENTS): .python-version | $(UV)
	$(UV) venv --quiet --allow-existing $(@D)
	VIRTUAL_ENV=$(CURDIR)/$(@D) $(UV) pip sync --quiet --require-hashes --compile-bytecode $(filter requirements/%,$^)
	$(if $(filter .venv/.ready,$@),$(add-package))
	touch $@

# The package is used where it lies. A build of it would need a build backend, which no requirements file pins.
define add-package
echo "$(CURDIR)/layers/auditor" > "$$($(PYTHON) -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/eks_auditor.pth"
printf '#!%s\nfrom eks_auditor.cli import main\n\nraise SystemExit(main())\n' "$(CURDIR)/$(PYTHON)" > .venv/bin/eks-auditor
chmod +x .venv/bin/eks-auditor
endef

.PHONY: help
help: ## List what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: setup
setup: $(ENVIRONMENTS) ## Bring everything that the other targets need, pinned, into this folder
	@echo "ready: .venv/bin/eks-auditor --help"

# ---------------------------------------------------------------- tests and checks

.PHONY: test
test: $(ENVIRONMENTS) ## Run all tests
	$(PYTHON) -m pytest --numprocesses=auto --dist=loadgroup --durations=10

.PHONY: upgrade-test
upgrade-test: $(ENVIRONMENTS) ## Deploy the last release, fill its ledger, deploy this: nothing may be told
	$(PYTHON) -m pytest tests/e2e/test_upgrade.py

# Not in .cfnlintrc, which sam validate reads as well and has no such rules for. Left out: WS1000, the parameter Tracing
# decides; WS1004, all functions write into the stack's one log group; ES1007, which does not see the EventInvokeConfig
# of a SAM function; ES6000, a failure queue is the end, and tests/template holds every other queue to have one.
SERVERLESS_RULES := --append-rules cfn_lint_serverless.rules --ignore-checks WS1000 WS1004 ES1007 ES6000

.PHONY: check
check: $(ENVIRONMENTS) ## Check format, lint, types, import contracts, templates, generated docs; fuzz
	.venv/bin/ruff format --check
	.venv/bin/ruff check
	.venv/bin/mypy
	.venv/bin/lint-imports
	.venv/bin/cfn-lint $(SERVERLESS_RULES)
	$(PYTHON) -m tests.privilege.lint
	AWS_DEFAULT_REGION=eu-west-1 $(SAM) validate --lint
	$(PYTHON) -m eks_auditor.report.docs --check
	$(PYTHON) -m tests.privilege.page --check
	$(PYTHON) -m tests.faults.page --check
	$(PYTHON) -m tests.docs.pictures --check
	$(MAKE) fuzz

# As many inputs as make check tries; CI tries fewer.
FUZZ_INPUTS ?= 100000

.PHONY: fuzz
fuzz: .venv/.ready ## Throw broken user data at its parsers; FUZZ_INPUTS=100000 FUZZ_SEED=1
	$(PYTHON) -m tests.userdata.fuzz $(FUZZ_INPUTS) $(FUZZ_SEED)

.PHONY: format
format: $(ENVIRONMENTS) ## Format the code
	.venv/bin/ruff format
	.venv/bin/ruff check --fix

.PHONY: docs
docs: $(ENVIRONMENTS) ## Write the generated docs anew
	$(PYTHON) -m eks_auditor.report.docs
	$(PYTHON) -m tests.privilege.page
	$(PYTHON) -m tests.faults.page
	$(PYTHON) -m tests.docs.pictures

# ---------------------------------------------------------------- build and deploy

.PHONY: build
build: $(ENVIRONMENTS) ## Build the stack; ARCH=arm64 (default) or x86_64
	ARCH=$(ARCH) PYTHON="$$($(PYTHON) -c 'import sys; print(sys.base_prefix)')/bin/python3.13" \
	  $(SAM) build --parameter-overrides Architecture=$(ARCH)

.PHONY: deploy
deploy: build ## Build and deploy to the account of your credentials, asking for the parameters
	$(SAM) deploy --guided --parameter-overrides Architecture=$(ARCH)

.PHONY: demo
demo: $(ENVIRONMENTS) ## Deploy to a local AWS and show one pass; KEEP=1 leaves it running
	$(PYTHON) -m local_aws.demo $(if $(KEEP),--keep)

# Amazon SQS itself moves messages only out of a queue that is another queue's failure queue; this moves them out of any.
define REDRIVE
import sys, boto3
source, target = sys.argv[1:]
sqs = boto3.client("sqs")
every = {"MaxNumberOfMessages": 10, "MessageAttributeNames": ["All"], "WaitTimeSeconds": 2}
moved = 0
while messages := sqs.receive_message(QueueUrl=source, **every).get("Messages"):
    for message in messages:
        attributes = message.get("MessageAttributes", {})
        sqs.send_message(QueueUrl=target, MessageBody=message["Body"], MessageAttributes=attributes)
        sqs.delete_message(QueueUrl=source, ReceiptHandle=message["ReceiptHandle"])
        moved += 1
print(moved, "moved")
endef
export REDRIVE

.PHONY: redrive
redrive: .venv/.ready ## Move the messages of one queue into another; FROM=url TO=url
	@$(PYTHON) -c "$$REDRIVE" "$(FROM)" "$(TO)"

# ---------------------------------------------------------------- upkeep

LOCK := $(UV) pip compile --quiet --upgrade --universal --python-version 3.13 --generate-hashes

.PHONY: lock
lock: | $(UV) ## Pin the newest versions that pyproject.toml and requirements/*.in allow
	$(LOCK) pyproject.toml -o layers/auditor/requirements.txt
	$(LOCK) pyproject.toml --extra cli --group dev -c layers/auditor/requirements.txt -o requirements/dev.txt
	$(LOCK) requirements/sam.in -o requirements/sam.txt
	$(LOCK) requirements/ministack.in -o requirements/ministack.txt

.PHONY: releases
releases: .venv/.ready ## Renew the table of past releases; LINUX=file BOTTLEROCKET=file WINDOWS=file
	$(PYTHON) -m tools.past_releases $(if $(LINUX),--linux "$(LINUX)") \
	  $(if $(BOTTLEROCKET),--bottlerocket "$(BOTTLEROCKET)") $(if $(WINDOWS),--windows "$(WINDOWS)")

.PHONY: clean
clean: ## Remove everything that was made here
	rm -rf .venv .tools .aws-sam .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
