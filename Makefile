# The commands a person types. Everything runs in .venv, made from the project's own pins.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
SNAKEMAKE := $(BIN)/snakemake --cores all
ROWS ?= 1000000
REPORT := --report results/report.html --report-after-run

.DEFAULT_GOAL := help
.PHONY: help install smoke latest-small ml-1m paper archive test-archive test test-kill test-slurm test-kubernetes check fuzz bench bench-gpu bench-data clean

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: .venv/installed ## make the virtual environment .venv

.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

smoke: install ## every method on the shipped ratings: figures, tables, notebooks, report (4 minutes, 2 cores)
	$(SNAKEMAKE) --configfile config/smoke.yaml $(REPORT)

latest-small: install ## the same ratings, 5 seeds, and the ablation: each setting of the released code changed alone
	$(SNAKEMAKE) --configfile config/latest-small.yaml $(REPORT)

ml-1m: install ## the same on MovieLens 1M (downloads 6 MB; hours on 2 cores)
	$(SNAKEMAKE) --configfile config/ml-1m.yaml $(REPORT)

paper: install ## the paper's full grid, 10 seeds (downloads; needs the Netflix archive; meant for a GPU)
	$(SNAKEMAKE) --configfile config/paper.yaml $(REPORT)

archive: install ## what is in results, how it was made and all that makes it again, without ratings: results/autoemb-<commit>.zip
	$(BIN)/autoemb bundle results

test-archive: install ## run the smoke grid elsewhere, archive it, unpack the archive, rerun it there, compare every table (10 minutes)
	rm -rf build/archive && mkdir -p build/archive
	$(SNAKEMAKE) --configfile config/smoke.yaml --directory build/archive
	$(BIN)/autoemb verify build/archive/results
	$(BIN)/autoemb bundle build/archive/results --out build/archive/smoke.zip
	set -e; there=$$(mktemp -d); $(BIN)/python -m zipfile -e build/archive/smoke.zip $$there; \
	PYTHON=$(CURDIR)/$(BIN)/python bash $$there/rerun.sh --here; rm -r $$there

test: install ## the whole test suite, in JOBS (2) processes
	$(BIN)/pytest --numprocesses $(or $(JOBS),2) --dist loadfile

test-kill: install ## kill runs and the whole workflow at random MOMENTS (20), run them again, compare bytes (6 minutes)
	$(BIN)/python -m tests.kill --moments $(or $(MOMENTS),20) $(if $(SEED),--seed $(SEED))

test-slurm: cluster ## the grid of CONFIG (smoke) through a SLURM started here, and without: the same bytes (root; docs/cluster.md)
	$(BIN)/python -m tests.slurm $(if $(CONFIG),--configfile $(CONFIG))

test-kubernetes: cluster ## the same through a stand-in for Kubernetes (root; docs/cluster.md)
	$(BIN)/python -m tests.kubernetes $(if $(CONFIG),--configfile $(CONFIG))

.PHONY: cluster
cluster: install
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[dev,slurm,kubernetes]'

check: install ## lint, format and types, of Python and of the workflow
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/snakefmt --check Snakefile workflow tests/slurm/Snakefile
	$(BIN)/snakemake --lint

fuzz: install ## generated and damaged files to every reader, for SECONDS (600)
	$(BIN)/python -m tests.fuzz --seconds $(or $(SECONDS),600)

bench: install ## time the training step beside plain programs; writes results/benchmarks, docs/performance.md (10 minutes)
	$(BIN)/python -m benchmarks.engine
	$(BIN)/python -m benchmarks.parts
	$(BIN)/python -m benchmarks.scaling
	$(BIN)/python -m benchmarks.render

bench-gpu: install ## the same on a CUDA device, for 1, 10 and 50 seeds
	$(BIN)/python -m benchmarks.gpu
	$(BIN)/python -m benchmarks.render

bench-data: install ## time archive -> interactions -> stream of ROWS made-up ratings; writes docs/data.md (LINEAR=1: of 1, 10, 100 M)
	$(BIN)/python -m benchmarks.data --rows $(ROWS) $(if $(LINEAR),--linear)
	$(BIN)/python -m benchmarks.render

clean: ## remove what the workflow made (not results/published, not the archives)
	find results -mindepth 1 -maxdepth 1 ! -name published ! -name archives -exec rm -r {} +
