// SPDX-License-Identifier: GPL-2.0-only
/*
 * BAR 2: what there is in it is what QEMU's hw/display/bochs-display.c has. The VGA
 * registers at 0x400, which Linux's driver writes to, are none: neither has it those.
 */
#include "bochs_display.h"

#define QEXT_SIZE	8
#define QEXT_BYTEORDER	4
#define LITTLE_ENDIAN_FB	0x1e1e1e1e
#define BIG_ENDIAN_FB	0xbebebebe

static u16 vbe_read(struct bochs *bochs, unsigned int index)
{
	lockdep_assert_held(&bochs->lock);
	switch (index) {
	case VBE_ID:
		return VBE_ID5;
	case VBE_MEMORY_64K:
		return bochs_vram_size(&bochs->mdm.desc.config) / SZ_64K;
	default:
		return bochs->regs.vbe[index];
	}
}

/* A byte is the low one of the register, wherever in it. */
static u32 vbe_read_all(struct bochs *bochs, unsigned int offset, unsigned int len)
{
	unsigned int index = offset / 2;
	u32 value = vbe_read(bochs, index);

	if (len == 4)
		value |= (u32)(index + 1 < VBE_NR ? vbe_read(bochs, index + 1) : U16_MAX) << 16;
	return value;
}

static void vbe_write(struct bochs *bochs, unsigned int index, u16 value)
{
	lockdep_assert_held(&bochs->lock);
	if (index < VBE_NR_STORED)
		bochs->regs.vbe[index] = value;
}

static u32 qext_read(struct bochs *bochs, unsigned int offset, unsigned int len)
{
	if (len != 4)
		return 0;
	if (offset != QEXT_BYTEORDER)
		return QEXT_SIZE;
	return bochs->regs.big_endian ? BIG_ENDIAN_FB : LITTLE_ENDIAN_FB;
}

static void qext_write(struct bochs *bochs, unsigned int offset, unsigned int len, u32 value)
{
	if (len != 4 || offset != QEXT_BYTEORDER)
		return;
	if (value == BIG_ENDIAN_FB || value == LITTLE_ENDIAN_FB)
		bochs->regs.big_endian = value == BIG_ENDIAN_FB;
}

static u32 edid_read(struct bochs *bochs, unsigned int offset, unsigned int len)
{
	__le32 value = 0;

	memcpy(&value, bochs->edid + offset, len);
	return le32_to_cpu(value);
}

static bool is_in(u64 offset, u64 first, u64 size)
{
	return offset >= first && offset - first < size;
}

/* Where nothing is all bits are set. */
static u32 read_one(struct bochs *bochs, u64 offset, unsigned int len)
{
	guard(mutex)(&bochs->lock);
	if (is_in(offset, 0, BOCHS_EDID_SIZE))
		return edid_read(bochs, offset, len);
	if (is_in(offset, BOCHS_VBE_OFFSET, 2 * VBE_NR))
		return vbe_read_all(bochs, offset - BOCHS_VBE_OFFSET, len);
	if (is_in(offset, BOCHS_QEXT_OFFSET, QEXT_SIZE))
		return qext_read(bochs, offset - BOCHS_QEXT_OFFSET, len);
	return U32_MAX;
}

/**
 * bochs_mmio_read - the guest reads BAR 2
 * @bochs: the display
 * @offset: aligned to @len
 * @len: 1, 2, 4 or 8
 *
 * Return: the value.
 */
u64 bochs_mmio_read(struct bochs *bochs, u64 offset, unsigned int len)
{
	u64 value = read_one(bochs, offset, min(len, 4U));

	if (len == 8)
		value |= (u64)read_one(bochs, offset + 4, 4) << 32;
	return value;
}

static void write_one(struct bochs *bochs, u64 offset, unsigned int len, u32 value)
{
	guard(mutex)(&bochs->lock);
	if (is_in(offset, BOCHS_VBE_OFFSET, 2 * VBE_NR)) {
		vbe_write(bochs, (offset - BOCHS_VBE_OFFSET) / 2, value);
		if (len == 4)
			vbe_write(bochs, (offset - BOCHS_VBE_OFFSET) / 2 + 1, value >> 16);
	} else if (is_in(offset, BOCHS_QEXT_OFFSET, QEXT_SIZE)) {
		qext_write(bochs, offset - BOCHS_QEXT_OFFSET, len, value);
	}
}

/**
 * bochs_mmio_write - the guest writes BAR 2
 * @bochs: the display
 * @offset: aligned to @len
 * @len: 1, 2, 4 or 8
 * @value: what
 */
void bochs_mmio_write(struct bochs *bochs, u64 offset, unsigned int len, u64 value)
{
	write_one(bochs, offset, min(len, 4U), value);
	if (len == 8)
		write_one(bochs, offset + 4, 4, value >> 32);
}

/**
 * bochs_get_mode - what the registers come to
 * @bochs: the display
 * @mode: filled
 *
 * Any value can be written to a register. Together they may be no mode; then nothing is shown.
 *
 * Return: whether they are a mode.
 */
bool bochs_get_mode(struct bochs *bochs, struct bochs_mode *mode)
{
	const struct mdev_migrate_config *config = &bochs->mdm.desc.config;
	struct bochs_regs regs;
	u64 max_width, max_height;
	const u16 *vbe = regs.vbe;

	scoped_guard(mutex, &bochs->lock)
		regs = bochs->regs;
	if (!(vbe[VBE_ENABLE] & VBE_ENABLED) || (vbe[VBE_BPP] != 16 && vbe[VBE_BPP] != 32))
		return false;
	mode->big_endian = regs.big_endian;
	mode->bytes = vbe[VBE_BPP] / 8;
	mode->width = vbe[VBE_XRES];
	mode->height = vbe[VBE_YRES];
	mode->stride = max(vbe[VBE_VIRT_WIDTH], vbe[VBE_XRES]) * mode->bytes;
	mode->offset = (u64)vbe[VBE_X_OFFSET] * mode->bytes +
		       (u64)vbe[VBE_Y_OFFSET] * mode->stride;
	max_width = config->values[BOCHS_MAX_WIDTH] ?: U16_MAX;
	max_height = config->values[BOCHS_MAX_HEIGHT] ?: U16_MAX;
	return mode->width >= BOCHS_MIN_SIZE && mode->width <= max_width &&
	       mode->height >= BOCHS_MIN_SIZE && mode->height <= max_height &&
	       mode->offset + (u64)mode->stride * mode->height <= bochs_vram_size(config);
}
