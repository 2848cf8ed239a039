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
demo: packages-demo ## boot Debian as L1 in the bench, and in it confidential VMs (DEMO=flat: without L1)
	$(call prepare,demo)
	$(Q)tests/demo.sh

.PHONY: bench
bench: packages-test ## costs of exits: hypergpu.ko beside stock kvm-amd; bench-nested, bench-attest
	$(call prepare,test)
	$(Q)tests/bench/run.sh
	$(Q)tests/bench/nested.sh
	$(Q)tests/bench/attest.sh

.PHONY: bench-nested
bench-nested: packages-test ## the same in guests of guests: L2 beside L1, ours and stock
	$(call prepare,test)
	$(Q)tests/bench/nested.sh

.PHONY: bench-attest
bench-attest: packages-test ## a verification step by step, and hgverifyd under load
	$(call bootstrap,build test)
	$(Q)tests/bench/attest.sh

.PHONY: bench-gpu
bench-gpu: packages-test ## what the sealed channel costs: by core, kernel, crossing; and a program
	$(call bootstrap,build test)
	$(Q)$(MAKE) -s -C gpu-tee all
	$(Q)$(MAKE) -s -C tests/gpu all
	$(Q)tests/bench/gpu-seal
	$(Q)tests/bench/gpu-layer --json $(BUILD)/bench-gpu-layer.json

## Install
# hgbench and hgimage stay in the source tree: they are there for what was built there.
.PHONY: install
install: user ## programs, man pages, completion, to PREFIX (/usr/local)
	$(Q)rm -rf $(STAGE)
	$(Q)set -e; for d in $(USER_DIRS); do \
		$(MAKE) -C $$d install DESTDIR=$(STAGE) PREFIX=$(PREFIX); done
	$(Q)install -d $(STAGE)$(PREFIX)/share/man/man1 $(STAGE)$(PREFIX)/share/hypergpu
	$(Q)install -m 644 docs/man/hgvmm.1 docs/man/hgctl.1 docs/man/hgattest.1 \
		docs/man/hgverify.1 docs/man/hgseal.1 docs/man/hggpu.1 docs/man/hgrun.1 $(STAGE)$(PREFIX)/share/man/man1
	$(Q)install -D -m 644 docs/man/hgverifyd.8 $(STAGE)$(PREFIX)/share/man/man8/hgverifyd.8
	$(Q)install -D -m 644 docs/man/hgverifyd.conf.5 $(STAGE)$(PREFIX)/share/man/man5/hgverifyd.conf.5
	$(Q)install -m 644 tools/conf/hypergpu-blacklist.conf tools/conf/60-hypergpu.rules \
		$(STAGE)$(PREFIX)/share/hypergpu
	$(Q)cp -R --preserve=mode tools/libvirt $(STAGE)$(PREFIX)/share/hypergpu
	$(Q)cd $(STAGE) && find . ! -type d | sed 's/^\.//' | sort >$(BUILD)/manifest
	$(Q)install -m 644 $(BUILD)/manifest $(STAGE)$(PREFIX)/share/hypergpu/manifest
	$(Q)mkdir -p "$(DESTDIR)/" && cp -R --preserve=mode $(STAGE)/. "$(DESTDIR)/"
	@echo "Installed to $(DESTDIR)$(PREFIX). The module is separate: make modules_install"

.PHONY: uninstall
uninstall: ## remove what install put there
	@m="$(DESTDIR)$(PREFIX)/share/hypergpu/manifest"; \
	test -r "$$m" || { echo "make: $$m is not there: nothing installed in $(DESTDIR)$(PREFIX)" >&2; exit 1; }; \
	while read -r f; do rm -f "$(DESTDIR)$$f"; done <"$$m"; \
	rm -f "$$m"; find "$(DESTDIR)$(PREFIX)/share/hypergpu" -depth -type d -empty -delete; \
	echo "Removed from $(DESTDIR)$(PREFIX)."

.PHONY: modules_install
modules_install: modules ## the module, to /lib/modules/RELEASE/extra
	$(Q)$(MAKE) -C $(KDIR) M=$(TOP)/kmod INSTALL_MOD_DIR=extra \
		$(if $(DESTDIR),INSTALL_MOD_PATH=$(DESTDIR)) modules_install

## Other
.PHONY: bootstrap
bootstrap: ## install the missing Debian packages (see tools/packages.list)
	$(Q)tools/bootstrap

.PHONY: packages-build packages-test packages-demo
packages-build:
	$(call bootstrap,build)
packages-test: packages-build
	$(call bootstrap,build test)
packages-demo: packages-build
	$(call bootstrap,build demo)

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
