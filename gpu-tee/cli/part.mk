# SPDX-License-Identifier: Apache-2.0
# The tools: each cli/NAME.c is one, build/NAME.

CLI_SRC  := $(sort $(wildcard cli/*.c))
CLI      := $(CLI_SRC:cli/%.c=$(B)/%)
TARGETS  += $(CLI)
INSTALLS += install-cli

$(CLI): $(B)/%: $(B)/cli/%.o $(B)/libhypergpu.a
	@echo "  LD      gpu-tee/$@"
	$(Q)$(CC) $(LDFLAGS) -pie -Wl,-z,relro,-z,now -o $@ $< $(B)/libhypergpu.a $(LIBS)

-include $(CLI_SRC:%.c=$(B)/%.d)

.PHONY: install-cli
install-cli: $(CLI)
	$(Q)for t in $(CLI); do install -D -m 755 $$t $(DESTDIR)$(PREFIX)/bin/$$(basename $$t) || exit 1; done
