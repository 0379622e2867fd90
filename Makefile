# Everything people do with a clone. Variables: make demo DATA=../shared/data/cronus PORT_BASE=7170
.DEFAULT_GOAL := help
.PHONY: help setup run demo bench soak test check clean

# any Python 3 can run the bootstrap, which finds the one that is needed
ANY_PYTHON := $(shell for p in python3.13 python3 python; do $$p -c "" 2>/dev/null && echo $$p && break; done)
PYTHON := .venv/bin/python

PLATFORM = $(if $(PORT_BASE),--port-base $(PORT_BASE)) $(if $(CRM_URL),--crm-url "$(CRM_URL)") \
           $(if $(BC_URL),--bc-url "$(BC_URL)")

help: ## show this
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' Makefile | expand -t 16
	@echo
	@echo "  PORT_BASE=7170   other ports, so that two copies run side by side (run, demo, bench, soak)"
	@echo "  DATA=folder      data in the APIs' own JSON shape, in place of generated data (demo)"
	@echo "  N=20000          customers to measure with (bench)"
	@echo "  MATCH=100000     records of each side to match, 0 for none; ONLY=match leaves out all else (bench)"
	@echo "  MINUTES=3 SEED=7 how long, and from which seed (soak)"
	@echo "  CRM_URL= BC_URL= a real service in a simulator's place (run, demo)"

setup: ## install everything a clone needs (the others do it by themselves)
	@$(or $(ANY_PYTHON),$(error Python 3.13 is needed and no Python was found)) bootstrap.py

run: setup ## start the service and everything around it, until Ctrl-C
	@$(PYTHON) -m local run $(PLATFORM)

demo: setup ## couple and synchronize a sample company, and show the result
	@$(PYTHON) -m local demo $(PLATFORM) $(if $(DATA),--data "$(DATA)")

bench: setup ## measure a full synchronization, incremental passes and a match
	@$(PYTHON) -m local bench $(PLATFORM) $(if $(N),--customers $(N)) \
	  $(if $(MATCH),--match-records $(MATCH)) $(if $(ONLY),--only $(ONLY))

soak: setup ## edit both sides under faults and kills, and see that nothing is lost
	@$(PYTHON) -m local soak $(PLATFORM) $(if $(MINUTES),--minutes $(MINUTES)) $(if $(SEED),--seed $(SEED))

test: setup ## run every test
	$(PYTHON) -m pytest -q -n 2 --dist loadfile

check: setup ## format, lint, types, import directions, declared dependencies
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy .
	.venv/bin/lint-imports
	.venv/bin/deptry .
	.venv/bin/deptry . --extend-exclude local --extend-exclude tests --extend-exclude cli --extend-exclude docs \
	  --ignore DEP002 --optional-dependencies-dev-groups dev

clean: ## remove what running and testing made, but not .venv
	rm -rf .local .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache local.settings.json
