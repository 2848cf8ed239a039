# SPDX-License-Identifier: Apache-2.0
#
# HyperGPU's top-level Makefile. It decides nothing about how a part is built:
# kmod/ is an external module that Kbuild builds, and each user-space directory
# has its own small Makefile (all, check, install, clean). `make help` tells
# what can be made.

.DEFAULT_GOAL := all
MAKEFLAGS += --no-print-directory

PREFIX  ?= /usr/local
DESTDIR ?=
V       ?= 0
Q       := $(if $(filter 1,$(V)),,@)

TOP   := $(CURDIR)
BUILD := $(TOP)/build
STAGE := $(BUILD)/stage

# The module runs in the bench, on Debian's kernel, and need not fit the kernel
# that happens to run here: KDIR is Debian's headers for the bench's kernel, or
# the newest ones while the bench has none yet. To build for the running
# kernel: make KDIR=/lib/modules/$(uname -r)/build
BENCH_KREL := $(shell readlink $(BUILD)/bench/kernel 2>/dev/null)
KDIR ?= $(or $(if $(BENCH_KREL),$(wildcard /usr/src/linux-headers-$(BENCH_KREL))),$\
	$(lastword $(shell ls -d /usr/src/linux-headers-*-amd64 2>/dev/null | sort -V)))
KREL  = $(shell sed -n 's/.*UTS_RELEASE "\(.*\)"/\1/p' $(KDIR)/include/generated/utsrelease.h 2>/dev/null)

# The kernel is built by gcc, and so is the module, whatever CC the user chose
# for user space.
KCC ?= gcc
kcc := $(if $(filter command,$(firstword $(origin CC))),CC=$(KCC))

# User space. A directory counts once it has a Makefile.
USER_DIRS := $(patsubst %/Makefile,%,$(wildcard vmm/Makefile tools/Makefile attest/Makefile gpu-tee/Makefile))
TEST_DIRS := $(patsubst %/Makefile,%,$(wildcard tests/*/Makefile tests/*/*/Makefile tests/*/*/*/Makefile))

# Installs the missing Debian packages of the groups; HG_BOOTSTRAP=no trusts
# that everything is there.
ifeq ($(HG_BOOTSTRAP),no)
bootstrap = @:
else
bootstrap = $(Q)tools/bootstrap --stamp $(BUILD)/bootstrap-$(subst $(space),-,$(1)) $(1)
endif
empty :=
space := $(empty) $(empty)

## Build
.PHONY: all
all: modules user ## everything below (the default)

.PHONY: modules
modules: packages-build ## kmod/hypergpu.ko, for the kernel headers in KDIR
	@test -f kmod/Kbuild || { echo 'make: kmod/ holds no Kbuild file: nothing to build' >&2; exit 1; }
	@test -n "$(KDIR)" -a -e "$(KDIR)/Makefile" || { \
		echo 'make: no kernel headers: install linux-headers-amd64 or set KDIR' >&2; exit 1; }
	$(Q)tools/kconfig check >/dev/null
	$(Q)$(MAKE) -C $(KDIR) M=$(TOP)/kmod $(shell tools/kconfig args) $(kcc) \
		$(if $(filter 1,$(V)),V=1) modules

.PHONY: user
user: $(USER_DIRS:%=user-%) ## hgvmm, the tools, hgattest, hgseal, hgverify, hgverifyd, hgrun and its layer

.PHONY: $(USER_DIRS:%=user-%)
$(USER_DIRS:%=user-%): user-%: packages-build
	$(Q)$(MAKE) -C $* all

.PHONY: reference-values
reference-values: modules ## build/reference-values.json: what hgverify is to expect of this module
	$(Q)mkdir -p $(BUILD)
	$(Q)tools/reference-values kmod/hypergpu.ko >$(BUILD)/reference-values.json.new
	$(Q)mv $(BUILD)/reference-values.json.new $(BUILD)/reference-values.json

.PHONY: defconfig
defconfig: ## write .config with the defaults of Kconfig
	$(Q)tools/kconfig defconfig

.PHONY: config-check
config-check: ## say what is wrong with .config, if anything
	$(Q)tools/kconfig check

## Test
# The tests need the bench's kernel first: it decides which headers the module is
# built against, so `all` is made by another make, after it is there.
define prepare
$(Q)tools/hgbench fetch >/dev/null
$(call bootstrap,build $(1))
$(Q)$(MAKE) all
endef

.PHONY: check
check: packages-test ## the quick tests, under two minutes
	$(call prepare,test)
	$(Q)tests/run --quick

.PHONY: test
test: packages-test ## every test; ends with "N passed, N failed"
	$(call prepare,test)
	$(Q)tests/run

.PHONY: test-long
test-long: packages-test ## what takes too long for every day: many guests, a host without memory
	$(call prepare,test)
	$(Q)tests/run --long

.PHONY: demo
demo: packages-demo ## from an untrusted host to a model's answer (DEMO=quick: no model; DEMO=flat: no L1)
	$(call prepare,test demo)
	$(Q)$(if $(filter 1,$(PUBLISH)),tests/demo/transcript.sh,tests/demo.sh)

.PHONY: bench
bench: packages-test ## costs of exits: hypergpu.ko beside kvm-amd; bench-nested, bench-attest, bench-gpu
	$(call prepare,test)
	$(Q)tests/bench/run.sh
	$(Q)tests/bench/nested.sh
	$(Q)tests/bench/attest.sh
	$(Q)tests/bench/gpu-bench

.PHONY: bench-nested
bench-nested: packages-test ## the same in guests of guests: L2 beside L1, ours and stock
	$(call prepare,test)
	$(Q)tests/bench/nested.sh

.PHONY: bench-attest
bench-attest: packages-test ## a verification step by step, and hgverifyd under load
	$(call bootstrap,build test)
	$(Q)tests/bench/attest.sh

.PHONY: bench-gpu
bench-gpu: packages-test ## what sealing the GPU's bus costs (PUBLISH=1: into docs/gpu-benchmarks.md)
	$(call bootstrap,build test)
	$(Q)tests/bench/gpu-bench $(if $(filter 1,$(PUBLISH)),--publish)

## Install
# What each part has goes to STAGE first; tools/install-tree copies it from there, and
# notes it for uninstall. All of it is below PREFIX: udev, systemd and modprobe look into
# /usr and /usr/local, and no other. hgbench and hgimage stay in the source tree: they are
# there for what was built there.
VERSION := $(shell sed -n 's/^PACKAGE_VERSION="\(.*\)"/\1/p' kmod/dkms.conf)
DKMS_TREE = $(STAGE)$(PREFIX)/src/hypergpu-$(VERSION)
MAN := $(filter-out docs/man/hgbench.% docs/man/hgimage.%,$(wildcard docs/man/*.[1-8]))

.PHONY: install
install: stage ## programs, manuals, units, the module's source for DKMS, to PREFIX (/usr/local)
	$(Q)tools/install-tree install $(STAGE) "$(DESTDIR)" $(PREFIX)
	$(Q)rm -rf $(STAGE)
	@echo "Installed to $(DESTDIR)$(PREFIX); nothing is started or loaded. What next: docs/install.md"

.PHONY: stage
stage: user
	$(Q)rm -rf $(STAGE)
	$(Q)set -e; for d in $(USER_DIRS); do \
		$(MAKE) -C $$d install DESTDIR=$(STAGE) PREFIX=$(PREFIX); done
	$(Q)set -e; for m in $(MAN); do \
		install -D -m 644 $$m $(STAGE)$(PREFIX)/share/man/man$${m##*.}/$${m##*/}; done
	$(Q)install -d $(STAGE)$(PREFIX)/share/doc/hypergpu
	$(Q)install -m 644 LICENSE docs/*.md $(STAGE)$(PREFIX)/share/doc/hypergpu
	$(Q)set -e; cd kmod; \
	for f in Kbuild dkms.conf $$(find . -name '*.[chS]' ! -name '*.mod.c' | sed 's|^\./||'); do \
		install -D -m 644 $$f $(DKMS_TREE)/$$f; done

.PHONY: uninstall
uninstall: ## remove what install put there, and nothing else
	$(Q)tools/install-tree uninstall "$(DESTDIR)" $(PREFIX)
	@echo "Removed from $(DESTDIR)$(PREFIX)."

.PHONY: modules_install
modules_install: modules ## the module, to /lib/modules/RELEASE/extra
	$(Q)$(MAKE) -C $(KDIR) M=$(TOP)/kmod INSTALL_MOD_DIR=extra \
		$(if $(DESTDIR),INSTALL_MOD_PATH=$(DESTDIR)) modules_install

.PHONY: deb
deb: packages-package ## Debian packages, to build/deb: module's source, tools, guest, verifier, library
	$(Q)tools/deb

## Other
.PHONY: bootstrap
bootstrap: ## install the missing Debian packages (see tools/packages.list)
	$(Q)tools/bootstrap

.PHONY: packages-build packages-test packages-demo packages-package
packages-build:
	$(call bootstrap,build)
packages-test: packages-build
	$(call bootstrap,build test)
packages-demo: packages-build
	$(call bootstrap,build test demo)
packages-package: packages-build
	$(call bootstrap,build package)

.PHONY: clean
clean: ## remove what was built; keeps .config and the kernel in build/bench
	$(Q)if [ -f kmod/Kbuild ] && [ -e "$(KDIR)/Makefile" ]; then \
		$(MAKE) -C $(KDIR) M=$(TOP)/kmod clean; fi
	$(Q)set -e; for d in $(USER_DIRS) $(TEST_DIRS); do \
		$(MAKE) -C $$d clean; done
	$(Q)cd $(BUILD) 2>/dev/null && find . -mindepth 1 -maxdepth 1 ! -name bench -exec rm -rf {} + || true

.PHONY: help
help: ## this text
	@awk 'BEGIN { print "usage: make [TARGET] [V=1] [CC=clang] [KDIR=DIR] [PREFIX=DIR] [DESTDIR=DIR]" } \
		/^## / { printf "\n%s\n", substr($$0, 4) } \
		/^[a-z_-]+:.*## / { t = $$0; sub(/:.*/, "", t); d = $$0; sub(/.*## /, "", d); \
			printf "  %-16s %s\n", t, d }' $(firstword $(MAKEFILE_LIST))
	@printf '\n%s\n%s\n' \
		'Options of the build: tools/kconfig list. Module for: $(or $(KREL),no kernel headers found).' \
		'V=1 shows commands; HG_BOOTSTRAP=no never installs packages.'

# For scripts that build the module elsewhere.
.PHONY: print-kdir
print-kdir:
	@echo "$(KDIR)"
