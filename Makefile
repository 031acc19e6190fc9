# The commands a person types. Everything runs in .venv, made from the project's own pins.
VERSIONS := 3.11 3.12 3.13
PYTHON ?=
BIN := .venv/bin
SNAKEMAKE := $(BIN)/snakemake --cores all
ROWS ?= 1000000
REPORT = --report results/$@/report.html --report-after-run

.DEFAULT_GOAL := help
.PHONY: help install smoke latest-small ml-1m mine ml-20m anchors parity record paper estimate archive test-archive test test-kill test-slurm test-kubernetes check fuzz bench bench-steps bench-gpu bench-data clean

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: .venv/installed ## make the virtual environment .venv

# The first Python that is there and is of a version that the pins are for; or the one that a person names.
define make-venv
set -e; there=; chosen=; \
for python in $(or $(PYTHON),python3.11 python3.12 python3.13 python3 python); do \
	version=$$("$$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null) || continue; \
	there="$$there, $$python is $$version"; \
	case " $(VERSIONS) " in *" $$version "*) chosen=$$python; break;; esac; \
done; \
if [ -z "$$chosen" ]; then \
	echo "make: no Python that fits$${there:-, none at all}; expected one of $(VERSIONS): make PYTHON=/path/to/python" >&2; exit 1; \
fi; \
before=$$(ls -d .venv 2>/dev/null || true); \
"$$chosen" -m venv .venv || { \
	[ -n "$$before" ] || rm -rf .venv; echo "make: $$chosen cannot make an environment; expected its module venv (Debian: apt install python3-venv)" >&2; exit 1; \
}
endef

.venv/installed: pyproject.toml constraints.txt
	@$(make-venv)
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

smoke: install ## the papers' methods and two anchors on the shipped ratings: figures, tables, notebooks, report (3 to 14 minutes on 2 cores)
	$(SNAKEMAKE) --configfile config/smoke.yaml $(REPORT)

latest-small: install ## the same ratings, 5 seeds, and the ablation: each setting of the released code changed alone
	$(SNAKEMAKE) --configfile config/latest-small.yaml $(REPORT)

ml-1m: install ## the same on MovieLens 1M (downloads 6 MB; hours on 2 cores)
	$(SNAKEMAKE) --configfile config/ml-1m.yaml $(REPORT)

paper: install ## the paper's full grid, 10 seeds (downloads; needs the Netflix archive; meant for a GPU)
	$(SNAKEMAKE) --configfile config/paper.yaml $(REPORT)

anchors: install ## constant, means and mf on the paper's three data sets and two small ones, beside its Table 2 (docs/anchors.md)
	$(SNAKEMAKE) --configfile config/anchors-small.yaml --report results/anchors-small/report.html --report-after-run
	$(SNAKEMAKE) --configfile config/anchors.yaml $(REPORT)

parity: install ## the methods on the order on which the authors' released code was run, with its settings, beside its numbers
	$(SNAKEMAKE) --configfile config/parity.yaml
	cat results/parity/tables/parity.md

record: install ## the published records and README's findings, made from their committed outcomes (2 minutes)
	$(BIN)/python results/published/record.py

mine: install ## which embedding size for your own ratings: FILE=ratings.csv [NAME=mine]; ends with the page to open (minutes)
	@$(if $(FILE),,echo "make mine: expected FILE=path/to/ratings.csv" >&2; exit 2)
	$(BIN)/autoemb advise $(FILE) --name $(or $(NAME),mine)

ml-20m: install ## MovieLens 20M, one order, one task, 3 seeds: overnight on 2 cores (`make estimate CONFIG=config/ml-20m.yaml`)
	$(SNAKEMAKE) --configfile config/ml-20m.yaml $(REPORT)

estimate: install ## what a config will cost before anything is run: CONFIG (config/paper.yaml)
	$(BIN)/autoemb estimate --config $(or $(CONFIG),config/paper.yaml)

archive: install ## results (of one config: NAME), how they were made and all that makes them again, without ratings: a zip
	$(BIN)/autoemb bundle results$(if $(NAME),/$(NAME))

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

bench-steps: install ## time the steps that `autoemb estimate` reckons with, every method and task (an hour on a quiet core)
	$(BIN)/python -m benchmarks.steps --again
	$(BIN)/python -m benchmarks.steps --pages

bench-gpu: install ## the same on a CUDA device, for 1, 10 and 50 seeds
	$(BIN)/python -m benchmarks.gpu
	$(BIN)/python -m benchmarks.render

bench-data: install ## time archive -> interactions -> stream of ROWS made-up ratings; writes docs/data.md (LINEAR=1: of 1, 10, 100 M)
	$(BIN)/python -m benchmarks.data --rows $(ROWS) $(if $(LINEAR),--linear)
	$(BIN)/python -m benchmarks.render

clean: ## remove what the workflow made (not results/published, not the archives)
	find results -mindepth 1 -maxdepth 1 ! -name published ! -name archives -exec rm -r {} +
