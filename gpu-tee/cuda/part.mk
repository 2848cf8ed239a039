# SPDX-License-Identifier: Apache-2.0
# The CUDA shim: build/cuda/libcuda.so.1, for LD_LIBRARY_PATH. x86-64 only, as its functions that
# hand on are in assembly.

ifeq ($(shell uname -m),x86_64)
SHIM_SRC := $(sort $(wildcard cuda/*.c))
# What it counts it writes as the layer does.
SHIM_OBJ := $(SHIM_SRC:%.c=$(B)/%.o) $(B)/cuda/forward.o $(B)/layer/report.o
SHIM     := $(B)/cuda/libcuda.so.1
TARGETS  += $(SHIM)
INSTALLS += install-shim

$(B)/shim_names.h: cuda/names.list cuda/names.sh
	@mkdir -p $(@D)
	$(Q)cuda/names.sh header >$@.new && mv $@.new $@

$(B)/cuda/forward.S: cuda/names.list cuda/names.sh
	@mkdir -p $(@D)
	$(Q)cuda/names.sh code >$@.new && mv $@.new $@

$(SHIM_SRC:%.c=$(B)/%.o): $(B)/shim_names.h
$(SHIM_SRC:%.c=$(B)/%.o): override CPPFLAGS += -I$(B)

$(SHIM): $(SHIM_OBJ) $(B)/libhypergpu.a
	@echo "  LD      gpu-tee/$@"
	$(Q)$(CC) $(LDFLAGS) -shared -Wl,-soname,libcuda.so.1 -Wl,-z,relro,-z,now,-z,defs \
		-Wl,--exclude-libs,ALL -o $@ $(SHIM_OBJ) $(B)/libhypergpu.a $(LIBS)
	$(Q)ln -sf libcuda.so.1 $(@D)/libcuda.so

-include $(SHIM_SRC:%.c=$(B)/%.d)

.PHONY: install-shim
install-shim: $(SHIM)
	$(Q)install -D -m 644 $(SHIM) $(DESTDIR)$(PREFIX)/lib/hypergpu/cuda/libcuda.so.1
	$(Q)ln -sf libcuda.so.1 $(DESTDIR)$(PREFIX)/lib/hypergpu/cuda/libcuda.so
endif
