# SPDX-License-Identifier: Apache-2.0
# The OpenCL layer: build/libhypergpu-ocl-layer.so, which exports two functions.

LAYER_SRC := $(sort $(wildcard layer/*.c))
LAYER_OBJ := $(LAYER_SRC:%.c=$(B)/%.o) $(B)/copy_source.o
LAYER     := $(B)/libhypergpu-ocl-layer.so
TARGETS   += $(LAYER)
INSTALLS  += install-layer

# Copies on the device, for the driver's compiler.
$(B)/copy_source.c: device/copy.cl device/flatten.sh
	@mkdir -p $(@D)
	@echo "  GEN     gpu-tee/$@"
	$(Q)device/flatten.sh device/copy.cl hg_copy_source >$@.new && mv $@.new $@

# nodelete: its thread and its callbacks outlive a loader that is closed.
$(LAYER): $(LAYER_OBJ) $(B)/libhypergpu.a
	@echo "  LD      gpu-tee/$@"
	$(Q)$(CC) $(LDFLAGS) -shared -Wl,-z,relro,-z,now,-z,defs,-z,nodelete -Wl,--exclude-libs,ALL \
		-o $@ $(LAYER_OBJ) $(B)/libhypergpu.a $(FP_LIBS) $(LIBS)

-include $(LAYER_OBJ:.o=.d)

.PHONY: install-layer
install-layer: $(LAYER)
	$(Q)install -D -m 644 $(LAYER) $(DESTDIR)$(PREFIX)/lib/hypergpu/libhypergpu-ocl-layer.so
