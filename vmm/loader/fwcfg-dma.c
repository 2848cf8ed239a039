// SPDX-License-Identifier: Apache-2.0
/*
 * fw_cfg's DMA. The device reads and writes only what the guest shares: one
 * command and its data, in the bounce buffer. The host can change that buffer at
 * any time, so everything is copied out of it once, before anybody looks.
 */
#include "bytes.h"
#include "fwcfg.h"
#include "layout.h"
#include "port.h"

#define SELECTOR_PORT	0x510
#define DATA_PORT	0x511
#define DMA_PORT_HIGH	0x514
#define DMA_PORT_LOW	0x518

#define FEATURE_DMA	0x02

#define DMA_ERROR	0x01u
#define DMA_READ	0x02u
#define DMA_SKIP	0x04u
#define DMA_SELECT	0x08u
#define DMA_WRITE	0x10u
#define DMA_KEY(key)	((uint32_t)(key) << 16)

#define DATA_OFFSET	0x1000u
#define DATA_SIZE	(BOUNCE_SIZE - DATA_OFFSET)

/* All big-endian. */
struct dma_command {
	uint32_t control, length;
	uint64_t address;
};

static struct dma_command *shared_command(void)
{
	return (struct dma_command *)BOUNCE_VIRTUAL;
}

static void *shared_data(void)
{
	return (void *)(BOUNCE_VIRTUAL + DATA_OFFSET);
}

static bool command(uint32_t control, uint32_t length)
{
	volatile struct dma_command *shared = shared_command();
	uint32_t left;

	shared->control = __builtin_bswap32(control);
	shared->length = __builtin_bswap32(length);
	shared->address = __builtin_bswap64(BOUNCE_BASE + DATA_OFFSET);
	port_write32(DMA_PORT_HIGH, 0);
	port_write32(DMA_PORT_LOW, __builtin_bswap32(BOUNCE_BASE));
	do {
		left = __builtin_bswap32(shared->control);
	} while (left & ~DMA_ERROR);
	return !left;
}

static bool seek(uint16_t key, uint32_t offset)
{
	return command(DMA_KEY(key) | DMA_SELECT | DMA_SKIP, offset);
}

bool fwcfg_read(uint16_t key, uint32_t offset, void *to, uint32_t size)
{
	uint8_t *p = to;
	uint32_t step;

	if (!seek(key, offset))
		return false;
	for (; size; p += step, size -= step) {
		step = size < DATA_SIZE ? size : DATA_SIZE;
		if (!command(DMA_READ, step))
			return false;
		memcpy(p, shared_data(), step);
	}
	return true;
}

bool fwcfg_write(uint16_t key, uint32_t offset, const void *from, uint32_t size)
{
	if (size > DATA_SIZE || !seek(key, offset))
		return false;
	memcpy(shared_data(), from, size);
	return command(DMA_WRITE, size);
}

static uint32_t read_bytewise(uint16_t key)
{
	uint32_t value = 0;
	unsigned int i;

	port_write16(SELECTOR_PORT, key);
	for (i = 0; i < 4; i++)
		value |= (uint32_t)port_read8(DATA_PORT) << (8 * i);
	return value;
}

const char *fwcfg_init(void)
{
	if (read_bytewise(FWCFG_SIGNATURE) != 0x554d4551)	/* "QEMU" */
		return "there is no fw_cfg device: the VMM is not QEMU";
	if (!(read_bytewise(FWCFG_FEATURES) & FEATURE_DMA))
		return "the fw_cfg device has no DMA";
	return NULL;
}
