# The commands of this project. `make` lists them.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
UV := uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links \
	--no-annotate --no-header --quiet

.PHONY: help demo test test-s3 lint format bench bench-detection faults days fuzz formats utility wheel lock docs clean

help: ## List these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(READY) ## Anonymize a small, messy folder and show what came of it (nothing is downloaded but the dependencies)
	@$(BIN)/python infra/demo/demo.py

# Whole runs mostly wait for Ray's processes, so the other tests run beside them.
test: lint ## Lint, type check and run every test
	@log=$$(mktemp); $(BIN)/python -m pytest tests/integration > "$$log" 2>&1 & runs=$$!; \
	trap 'kill "$$runs" 2> /dev/null || true; rm -f "$$log"' EXIT; \
	others=0; $(BIN)/python -m pytest --ignore tests/integration || others=$$?; \
	whole=0; wait "$$runs" || whole=$$?; cat "$$log"; \
	exit $$((others > whole ? others : whole))

test-s3: $(READY) ## The storage and whole runs against a real S3: Debian's radosgw, started here (installs it as root if need be)
	@command -v radosgw ceph-mon ceph-osd ceph > /dev/null \
		|| apt-get install --yes --quiet --no-install-recommends radosgw ceph-mon ceph-osd ceph-common > /dev/null
	$(BIN)/python -m infra.proof.radosgw $(TESTS)

lint: $(READY) ## Ruff (rules, format) and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(READY) ## Let ruff format and repair what it can
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

fuzz: $(READY) ## Fuzz all that reads hostile bytes (SECONDS=60 per target, TARGETS="walk- codec-png", SEED=1, WRITE=--write)
	$(BIN)/python -m infra.proof.fuzz $(TARGETS) --seconds $(or $(SECONDS),60) --seed $(or $(SEED),1) $(WRITE)

formats: $(READY) ## Our decoder against others, pixel by pixel, or thumbnails of FOLDER (ONLY=TIFF, WRITE=--write; libvips and ImageMagick if here)
	$(BIN)/python -m infra.proof.formats $(FOLDER) $(if $(ONLY),--only "$(ONLY)") $(WRITE)

bench: $(READY) ## Measure against deface, a bare loop, S3 and more (PARTS="b c", PHOTOS=folder|mixed, IMAGES=200, ROUNDS=3, BASE=commit, LAKE=2000, WORKED=1000, KEYS=1000000, QUICK=--quick, WRITE=--write)
	$(BIN)/python -m infra.proof.bench $(PARTS) --images $(or $(IMAGES),200) --rounds $(or $(ROUNDS),3) \
		$(if $(PHOTOS),--photos $(PHOTOS)) $(if $(BASE),--base $(BASE)) $(if $(LAKE),--lake $(LAKE)) \
		$(if $(WORKED),--worked $(WORKED)) $(if $(KEYS),--keys $(KEYS)) $(QUICK) $(WRITE)

bench-detection: $(READY) ## What each detector preset finds, misses and costs on labelled photographs (WHAT=fit|cross|glances|hdr|misses|sample|proof|ranges; WRITE=--write)
	$(BIN)/python -m infra.proof.detection $(or $(WHAT),measure) $(WRITE)

faults: $(READY) ## Kill, throttle, fill, corrupt: runs that are hit, against an undisturbed one (FAULTS="driver hang", COUNT=2000, KILLS=20, WRITE=--write)
	$(BIN)/python -m infra.proof.faults $(FAULTS) --count $(or $(COUNT),2000) --kills $(or $(KILLS),20) $(WRITE)

days: $(READY) ## Random days of a lake, each run judged from the published bytes (MINUTES=60, SEED=1, STORE=disk|s3)
	$(BIN)/python -m infra.proof.days --minutes $(or $(MINUTES),5) --seed $(or $(SEED),1) --store $(or $(STORE),disk)

# The tables of infra/docs/utility.md, from folders lfw, nonface and wider_events: 240 trainings of 7 to 15 s each; the
# journals let it go on where it was stopped.
UTILITY := OMP_NUM_THREADS=1 $(BIN)/python jobs/evaluate_utility.py
RESULT = $(UTILITY_OUT)/$(1).json --plot $(UTILITY_OUT)/$(1).png --journal $(UTILITY_OUT)/$(1).journal --verbose
UTILITY_OUT ?= utility
utility: $(READY) ## What anonymization costs a classifier: the tables of infra/docs/utility.md (DATA=folder, UTILITY_OUT=utility)
	@test -n "$(DATA)" || { echo "make utility DATA=folder with lfw, nonface and wider_events"; exit 1; }
	@$(BIN)/python -c 'import keras, torch, matplotlib' 2> /dev/null || $(PIP) --no-build-isolation -e '.[utility]'
	@mkdir -p $(UTILITY_OUT)
	$(UTILITY) $(DATA) --classes lfw,nonface --crops 4 --centre 0.75 --faceless nonface --remedies --control --json $(call RESULT,people)
	$(UTILITY) $(DATA) --classes lfw,nonface --crops 4 --centre 0.75 --masks detector --json $(call RESULT,detector)
	$(UTILITY) $(DATA)/wider_events --labels $(DATA)/wider_events/labels.csv --crops 6 --seeds 10 --json $(call RESULT,events)

wheel: $(READY) ## Build the wheel into dist/
	$(BIN)/python -m build --wheel --no-isolation

lock: ## Resolve both lock files from pyproject.toml (needs uv; UPGRADE=--upgrade takes the newest versions)
	@command -v uv > /dev/null || { echo "make lock needs uv (pip install uv)"; exit 1; }
	$(UV) $(UPGRADE) -o requirements.lock pyproject.toml requirements.in
	$(UV) $(UPGRADE) -c requirements.lock --extra dev -o requirements-dev.lock pyproject.toml requirements.in

docs: $(READY) ## Write the generated parts of the documentation anew (runs the demo; the table of formats needs exiftool and mat2)
	$(BIN)/python -m infra.docs.generate --write

clean: ## Remove what was built or generated, the virtual environment included
	rm -rf $(VENV) build dist demo *.egg-info fuzz-findings utility .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Everything comes from the lock, with its hash; the project itself is installed in place, so that edits count at once.
$(READY): requirements-dev.lock pyproject.toml
	@echo "Setting up $(VENV) (a few minutes the first time)"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; try make PYTHON=python3.11")'
	@$(PYTHON) -m venv $(VENV)
	@$(PIP) --require-hashes --no-deps -r requirements-dev.lock
	@$(PIP) --no-deps --no-build-isolation -e .
	@touch $@
