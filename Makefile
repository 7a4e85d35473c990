# Vesta's front door: `make` lists what it can do.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

PREFIX ?= /usr/local
DESTDIR ?=
TARGET := $(or $(CARGO_TARGET_DIR),target)
BINARIES := vesta vesta-gateway vesta-sequencer vesta-engine vesta-md-publisher
BIN_DIR = $(DESTDIR)$(PREFIX)/bin
ETC_DIR = $(DESTDIR)$(PREFIX)/etc
TUNING_DIR = $(DESTDIR)$(PREFIX)/lib/vesta/tuning
UNIT_DIR = $(DESTDIR)$(PREFIX)/lib/systemd/system
SYSUSERS_DIR = $(DESTDIR)$(PREFIX)/lib/sysusers.d
UNITS := $(notdir $(wildcard tuning/systemd/*.service tuning/systemd/*.slice))

# .cargo/config.toml names the baseline of x86-64; a variable of the environment wins over it.
ifeq ($(shell uname -m),aarch64)
export RUSTERON_C_MARCH ?= armv8-a
endif

.PHONY: help setup setup-build build demo test test-infra bench install install-tuning uninstall fmt lint clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' Makefile

setup: ## Install what building and testing need; does nothing when all is there
	@scripts/setup.sh

# What a demo wants is a part of it.
setup-build:
	@scripts/setup.sh build

build: setup-build ## Build all binaries, as shipped
	cargo build --release --locked --workspace --bins

demo: build ## Run the whole appliance in one process and check every answer
	$(TARGET)/release/vesta demo

test: setup ## Run every check that continuous integration runs
	@scripts/test.sh

test-infra: setup ## Check tuning, terraform/ and deploy/; as root it turns real knobs, and turns them back
	@scripts/infra/test.sh

bench: setup-build ## Measure the data path and the matching core; VESTA_MEB adds the public harness
	@scripts/bench.sh

install: build install-tuning ## Install binaries, vesta.toml, tuning and units; PREFIX=/usr/local, DESTDIR for packagers
	@for binary in $(BINARIES); do \
	    install -v -D -m 755 "$(TARGET)/release/$$binary" "$(BIN_DIR)/$$binary"; \
	done
	@# An operator's settings outlive an upgrade; the new defaults are put beside them.
	@if [[ -e "$(ETC_DIR)/vesta.toml" ]] && ! cmp -s vesta.toml "$(ETC_DIR)/vesta.toml"; then \
	    install -v -D -m 644 vesta.toml "$(ETC_DIR)/vesta.toml.new"; \
	    echo "kept your $(ETC_DIR)/vesta.toml: compare it with vesta.toml.new"; \
	else \
	    install -v -D -m 644 vesta.toml "$(ETC_DIR)/vesta.toml"; \
	fi

# The host's tuning and the units of systemd, which name what is installed by its path.
install-tuning:
	@install -v -D -m 755 tuning/vesta-tune "$(TUNING_DIR)/vesta-tune"
	@for file in tuning/README.md tuning/lib/* tuning/stages/* tuning/profiles/* tuning/systemd/xdp.conf; do \
	    install -D -m 644 "$$file" "$(TUNING_DIR)/$${file#tuning/}"; \
	done
	@# In both: sbin is where units and root look, bin where users do, who may check.
	@mkdir -p "$(DESTDIR)$(PREFIX)/sbin" "$(BIN_DIR)"
	@ln -sfnv ../lib/vesta/tuning/vesta-tune "$(DESTDIR)$(PREFIX)/sbin/vesta-tune"
	@ln -sfnv ../lib/vesta/tuning/vesta-tune "$(BIN_DIR)/vesta-tune"
	@mkdir -p "$(UNIT_DIR)" "$(SYSUSERS_DIR)"
	@for unit in $(UNITS); do \
	    sed 's|/usr/local/|$(PREFIX)/|g' "tuning/systemd/$$unit" >"$(UNIT_DIR)/$$unit"; \
	    chmod 644 "$(UNIT_DIR)/$$unit"; \
	done
	@install -m 644 tuning/systemd/sysusers.conf "$(SYSUSERS_DIR)/vesta.conf"

uninstall: ## Remove what install put in place; a vesta.toml that was edited stays
	@for binary in $(BINARIES); do rm -fv "$(BIN_DIR)/$$binary"; done
	@rm -fv "$(ETC_DIR)/vesta.toml.new"
	@if cmp -s vesta.toml "$(ETC_DIR)/vesta.toml"; then rm -fv "$(ETC_DIR)/vesta.toml"; fi
	@for unit in $(UNITS); do rm -fv "$(UNIT_DIR)/$$unit"; done
	@rm -fv "$(SYSUSERS_DIR)/vesta.conf" "$(DESTDIR)$(PREFIX)/sbin/vesta-tune" "$(BIN_DIR)/vesta-tune"
	@rm -rf "$(TUNING_DIR)"

fmt: ## Format the Rust code
	cargo fmt --all

lint: setup-build ## Format check and clippy, as `make test` does them
	@scripts/test.sh fmt clippy pure

clean: ## Remove what was built; the tools of `make setup` stay
	cargo clean --profile release
	cargo clean --profile dev
	rm -rf "$(TARGET)/test-logs"
