# Every target is a chore of installer/dev.py, which also runs without make.
PYTHON ?= python3
DEV := $(PYTHON) installer/dev.py

.PHONY: help setup demo test lint bench house mutants pictures fuzz proof proven docs kits admin installers reproduce test-installers smoke bill channels release procurement lock
.NOTPARALLEL:

define VARIABLES

variables of make:
  CHECK=1         demo: play it alone, headless, and judge it
  SITE=1          demo: instead, log in to an example site in Flask
  PROVIDER=pcsc   demo: through a private pcscd and vpcd, as real readers go
  SAMPLE=50       mutants: only so many of each package, always the same
  FILES=DIR       channels: another folder with what was built
  SITES=FILE      admin: a list of sites, one in each line
  ONLY=linux      installers, test-installers, reproduce: for one system: linux, windows, macos (not reproduce)
  ENGINE=atheris  fuzz: guided by coverage; on Linux with x64
  SECONDS=60      fuzz: with atheris, for each target
  TARGET=tlv      fuzz: with atheris, this target alone
  LEDGER=FILE     fuzz: with atheris, a file that the counts are added to
  PROGRAM=ankong  smoke: the installed program to use
  SINCE=v0.1.0    procurement: the tag that the quarter's report begins at
  REPORT=FILE     procurement: SARIF, or what pip-audit wrote as JSON
  SHORT=1         test-installers: only what the gate has time for
  ARGS="-k pin"   demo, test, bench, house, mutants, pictures, fuzz, test-installers, smoke: more arguments
  PYTHON=python3  all: the Python that starts installer/dev.py
endef
export VARIABLES

help:
	@$(DEV) --help
	@echo "$$VARIABLES"

setup:
	@$(DEV) setup

demo:
	@$(DEV) demo $(if $(SITE),--site) $(if $(CHECK),--check) $(if $(PROVIDER),--provider $(PROVIDER)) $(ARGS)

test:
	@$(DEV) test $(ARGS)

lint:
	@$(DEV) lint

bench:
	@$(DEV) bench $(ARGS)

house:
	@$(DEV) house $(ARGS)

mutants:
	@$(DEV) mutants $(if $(SAMPLE),--sample $(SAMPLE)) $(ARGS)

pictures:
	@$(DEV) pictures $(ARGS)

fuzz:
	@$(DEV) fuzz $(if $(ENGINE),--engine $(ENGINE)) $(if $(SECONDS),--seconds $(SECONDS)) $(if $(LEDGER),--ledger $(LEDGER)) $(TARGET) $(ARGS)

proof:
	@$(DEV) proof

proven:
	@$(DEV) proven

docs:
	@$(DEV) docs

kits:
	@$(DEV) kits

admin:
	@$(DEV) admin $(if $(SITES),--sites $(SITES))

installers:
	@$(DEV) installers $(if $(ONLY),--only $(ONLY))

reproduce:
	@$(DEV) reproduce $(if $(ONLY),--only $(ONLY))

test-installers:
	@$(DEV) test-installers $(if $(SHORT),--short) $(if $(ONLY),--only $(ONLY)) $(ARGS)

smoke:
	@$(DEV) smoke $(if $(PROGRAM),--program $(PROGRAM),$(ARGS))

bill:
	@$(DEV) bill

channels:
	@$(DEV) channels $(if $(FILES),--files $(FILES))

release:
	@$(DEV) release

procurement:
	@$(DEV) procurement $(if $(SINCE),--since $(SINCE)) $(foreach file,$(REPORT),--report $(file))

lock:
	@$(DEV) lock
