/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * mdev_bochs_display: a display that Linux's driver bochs, SeaBIOS and OVMF drive, as
 * QEMU's bochs-display is. See Documentation/devices/bochs-display.rst.
 *
 * Locks, outermost first: screen.lock, then one of lock and ram.lock. None is held while
 * userspace's memory is accessed. A fault on the picture takes none, one on the video memory
 * ram.lock.
 */
#ifndef BOCHS_DISPLAY_H
#define BOCHS_DISPLAY_H

#include <linux/mdev_migrate.h>
#include <linux/xarray.h>

/* BAR 2, as QEMU's include/hw/display/bochs-vbe.h has it. */
#define BOCHS_MMIO_SIZE		SZ_4K
#define BOCHS_VGA_OFFSET	0x400
#define BOCHS_VBE_OFFSET	0x500
#define BOCHS_QEXT_OFFSET	0x600

/* Registers of 16 bits, one after the other. */
enum {
	VBE_ID,
	VBE_XRES,
	VBE_YRES,
	VBE_BPP,
	VBE_ENABLE,
	VBE_BANK,
	VBE_VIRT_WIDTH,
	VBE_VIRT_HEIGHT,
	VBE_X_OFFSET,
	VBE_Y_OFFSET,
	VBE_NR_STORED,
	VBE_MEMORY_64K = VBE_NR_STORED,
	VBE_NR,
};

#define VBE_ID5			0xb0c5
#define VBE_ENABLED		BIT(0)

/* Less is no mode, as with QEMU. */
#define BOCHS_MIN_SIZE		64

/* EDID: one block; its fields for a mode have 12 bits. */
#define BOCHS_EDID_SIZE		128
#define BOCHS_EDID_MAX		4095

/* Bytes of a pixel that is shown. */
#define BOCHS_SHOWN		4

/* Parameters, by their names. */
enum bochs_param {
	BOCHS_EDID,
	BOCHS_MAX_HEIGHT,
	BOCHS_MAX_WIDTH,
	BOCHS_VRAM_MIB,
	BOCHS_NR_PARAMS,
};

/**
 * struct bochs_regs - what the guest can write
 * @vbe: by index; the first one is never looked at
 * @big_endian: of a pixel of 32 bits the byte that is not shown comes first
 */
struct bochs_regs {
	u16 vbe[VBE_NR_STORED];
	bool big_endian;
};

/**
 * struct bochs_mode - what the registers come to
 * @width: pixels
 * @height: pixels
 * @bytes: of a pixel in video memory, 2 or 4
 * @stride: bytes from a line to the next
 * @offset: of the first pixel in video memory
 * @big_endian: see struct bochs_regs
 */
struct bochs_mode {
	u32 width;
	u32 height;
	u32 bytes;
	u32 stride;
	u64 offset;
	bool big_endian;
};

/**
 * struct bochs_screen - the picture, for who looks at it
 * @lock: one copy of the picture at a time
 * @region: the VFIO region that it is in
 * @pages: its pages, by their number: those that there are. They come and stay until the
 *	device is closed.
 */
struct bochs_screen {
	struct mutex lock; /* the picture */
	unsigned int region;
	struct xarray pages;
};

/**
 * struct bochs - a display
 * @mdm: the frame's
 * @ram: video memory
 * @screen: what is shown of it
 * @lock: guards @regs
 * @regs: registers
 * @edid: what the guest reads at the beginning of BAR 2, while the device is open
 */
struct bochs {
	struct mdev_migrate_device mdm;
	struct mdev_migrate_ram ram;
	struct bochs_screen screen;
	struct mutex lock; /* registers */
	struct bochs_regs regs;
	u8 edid[BOCHS_EDID_SIZE];
};

static inline struct bochs *to_bochs(struct mdev_migrate_device *mdm)
{
	return container_of(mdm, struct bochs, mdm);
}

static inline u64 bochs_param(const struct bochs *bochs, enum bochs_param param)
{
	return bochs->mdm.desc.config.values[param];
}

/* model.c */
extern const struct mdev_migrate_model bochs_model;

int bochs_check_config(struct device *parent,
		       const struct mdev_migrate_config *config,
		       struct mdev_migrate_msg *why);
u32 bochs_preferred_width(const struct mdev_migrate_config *config);
u32 bochs_preferred_height(const struct mdev_migrate_config *config);
u64 bochs_vram_size(const struct mdev_migrate_config *config);
bool bochs_fits(const struct mdev_migrate_config *config, u32 width, u32 height);

/* edid.c */
void bochs_edid_make(const struct mdev_migrate_config *config, u8 *edid);

/* mmio.c */
u64 bochs_mmio_read(struct bochs *bochs, u64 offset, unsigned int len);
void bochs_mmio_write(struct bochs *bochs, u64 offset, unsigned int len, u64 value);
bool bochs_get_mode(struct bochs *bochs, struct bochs_mode *mode);

/* screen.c */
int bochs_screen_open(struct bochs *bochs);
void bochs_screen_close(struct bochs *bochs);
int bochs_gfx_plane(struct mdev_migrate_device *mdm,
		    struct vfio_device_gfx_plane_info *plane);

/* state.c */
u64 bochs_state_size(struct mdev_migrate_device *mdm);
int bochs_save(struct mdev_migrate_device *mdm, struct mdev_migrate_writer *writer);
int bochs_precopy(struct mdev_migrate_device *mdm, struct mdev_migrate_writer *writer);
void *bochs_load_begin(struct mdev_migrate_device *mdm);
int bochs_load_record(struct mdev_migrate_device *mdm, void *data,
		      const struct mdev_migrate_record *rec);
int bochs_load_commit(struct mdev_migrate_device *mdm, void *data);
void bochs_load_end(struct mdev_migrate_device *mdm, void *data);

#endif /* BOCHS_DISPLAY_H */
