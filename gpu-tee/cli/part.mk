# SPDX-License-Identifier: Apache-2.0
# The tools: hgrun, hggpu.

HGRUN_OBJ := $(B)/cli/hgrun.o $(B)/cli/cuda.o $(B)/cli/elf.o
HGGPU_OBJ := $(B)/cli/hggpu.o $(B)/cli/files.o
CLI       := $(B)/hgrun $(B)/hggpu
TARGETS   += $(CLI)
INSTALLS  += install-cli

$(B)/hgrun: $(HGRUN_OBJ)
$(B)/hggpu: $(HGGPU_OBJ)
$(CLI): $(B)/libhypergpu.a
	@echo "  LD      gpu-tee/$@"
	$(Q)$(CC) $(LDFLAGS) -pie -Wl,-z,relro,-z,now -o $@ $(filter %.o,$^) \
		$(B)/libhypergpu.a $(FP_LIBS) $(LIBS)

-include $(HGRUN_OBJ:.o=.d) $(HGGPU_OBJ:.o=.d)

.PHONY: install-cli
install-cli: $(CLI)
	$(Q)for t in $(CLI); do install -D -m 755 $$t $(DESTDIR)$(PREFIX)/bin/$$(basename $$t) || exit 1; done
