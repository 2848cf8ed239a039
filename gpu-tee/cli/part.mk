# SPDX-License-Identifier: Apache-2.0
# hggpu.

HGGPU_OBJ := $(B)/cli/hggpu.o $(B)/cli/collect.o $(B)/cli/files.o
TARGETS   += $(B)/hggpu
INSTALLS  += install-hggpu

$(B)/hggpu: $(HGGPU_OBJ) $(B)/libhypergpu.a
	@echo "  LD      gpu-tee/$@"
	$(Q)$(CC) $(LDFLAGS) -pie -Wl,-z,relro,-z,now -o $@ $^ $(FP_LIBS) $(LIBS)

-include $(HGGPU_OBJ:.o=.d)

.PHONY: install-hggpu
install-hggpu: $(B)/hggpu
	$(Q)install -D -m 755 $(B)/hggpu $(DESTDIR)$(PREFIX)/bin/hggpu
