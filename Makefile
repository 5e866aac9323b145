# Every target is a chore of installer/dev.py, which also runs without make.
PYTHON ?= python3
DEV := $(PYTHON) installer/dev.py

.PHONY: help setup demo test lint bench fuzz installers test-installers lock
.NOTPARALLEL:

help:
	@$(DEV) --help

setup:
	@$(DEV) setup

demo: # CHECK=1 plays it alone, headless; PROVIDER=pcsc goes through a private pcscd; ARGS go to the demo
	@$(DEV) demo $(if $(CHECK),--check) $(if $(PROVIDER),--provider $(PROVIDER)) $(ARGS)

test: # ARGS go to pytest
	@$(DEV) test $(ARGS)

lint:
	@$(DEV) lint

bench:
	@$(DEV) bench $(ARGS)

fuzz:
	@$(DEV) fuzz $(ARGS)

installers: # ONLY=linux, windows or macos
	@$(DEV) installers $(if $(ONLY),--only $(ONLY))

test-installers: # SHORT=1 runs what the gate runs; ARGS go to pytest
	@$(DEV) test-installers $(if $(SHORT),--short) $(ARGS)

lock:
	@$(DEV) lock
