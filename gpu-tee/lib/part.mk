# SPDX-License-Identifier: Apache-2.0
# libhypergpu for programs outside of this tree: build/lib/libhypergpu.so.0 and a static
# libhypergpu.a, which have the symbols of lib/libhypergpu.map and no others; the header;
# hypergpu.pc. build/libhypergpu.a, with all symbols, is what this tree itself links.

LIBDIR     ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
SONAME     := libhypergpu.so.0
PUB_SRC    := $(sort $(wildcard lib/*.c))
PUB_OBJ    := $(PUB_SRC:%.c=$(B)/%.o)
PUB_MAP    := lib/libhypergpu.map
PUB_LIBS   := $(B)/lib/$(SONAME) $(B)/lib/libhypergpu.a
TARGETS    += $(PUB_LIBS)
INSTALLS   += install-lib

# What is never unloaded are drivers; their threads may be in it: nodelete.
$(B)/lib/$(SONAME): $(PUB_OBJ) $(B)/libhypergpu.a $(PUB_MAP)
	@echo "  LD      gpu-tee/$@"
	$(Q)$(CC) $(LDFLAGS) -shared -Wl,-soname,$(SONAME) -Wl,-z,relro,-z,now,-z,defs,-z,nodelete \
		-Wl,--version-script,$(PUB_MAP) -o $@ $(PUB_OBJ) $(B)/libhypergpu.a $(FP_LIBS) $(LIBS)

# One object, in which what is not public is local: names of the inside meet no others.
$(B)/lib/public.names: $(PUB_MAP)
	@mkdir -p $(@D)
	$(Q)sed -n 's/^	\(hg_[a-z_]*\);$$/\1/p' $< >$@

$(B)/lib/libhypergpu.a: $(PUB_OBJ) $(LIB_OBJ) $(B)/lib/public.names
	@echo "  AR      gpu-tee/$@"
	$(Q)$(LD) -r -o $(B)/lib/whole.o $(PUB_OBJ) $(LIB_OBJ)
	$(Q)objcopy --keep-global-symbols=$(B)/lib/public.names $(B)/lib/whole.o $(B)/lib/hypergpu.o
	$(Q)rm -f $@ && $(AR) rcs $@ $(B)/lib/hypergpu.o

-include $(PUB_OBJ:.o=.d)

.PHONY: install-lib
install-lib: $(PUB_LIBS)
	$(Q)install -D -m 644 include/hypergpu/hypergpu.h $(DESTDIR)$(INCLUDEDIR)/hypergpu/hypergpu.h
	$(Q)install -d $(DESTDIR)$(LIBDIR)/pkgconfig
	$(Q)install -m 755 $(B)/lib/$(SONAME) $(DESTDIR)$(LIBDIR)/libhypergpu.so.$(VERSION)
	$(Q)ln -sf libhypergpu.so.$(VERSION) $(DESTDIR)$(LIBDIR)/$(SONAME)
	$(Q)ln -sf $(SONAME) $(DESTDIR)$(LIBDIR)/libhypergpu.so
	$(Q)install -m 644 $(B)/lib/libhypergpu.a $(DESTDIR)$(LIBDIR)/libhypergpu.a
	$(Q)sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@LIBDIR@|$(LIBDIR)|' -e 's|@INCLUDEDIR@|$(INCLUDEDIR)|' \
		-e 's|@VERSION@|$(VERSION)|' lib/hypergpu.pc.in >$(DESTDIR)$(LIBDIR)/pkgconfig/hypergpu.pc
