// SPDX-License-Identifier: GPL-2.0-only
/* The device and the driver. */
#include <linux/module.h>

#include "bochs_display.h"

static int bochs_init(struct mdev_migrate_device *mdm)
{
	struct bochs *bochs = to_bochs(mdm);

	mutex_init(&bochs->lock);
	mutex_init(&bochs->screen.lock);
	xa_init_flags(&bochs->screen.pages, XA_FLAGS_ACCOUNT);
	mdm->ram = &bochs->ram;
	mdev_migrate_ram_init(mdm->ram, &mdm->mig, MDEV_MIGRATE_TAG_BOCHS_PAGES);
	return 0;
}

static void clear_registers(struct bochs *bochs)
{
	guard(mutex)(&bochs->lock);
	bochs->regs = (struct bochs_regs) {};
}

static void bochs_reset(struct mdev_migrate_device *mdm)
{
	mdev_migrate_ram_clear(mdm->ram);
	clear_registers(to_bochs(mdm));
}

static int bochs_open(struct mdev_migrate_device *mdm)
{
	const struct mdev_migrate_config *config = &mdm->desc.config;
	const struct mdev_migrate_pci_desc function = {
		/* As QEMU's bochs-display, by all of which drivers know it. */
		.vendor = 0x1234,
		.device = 0x1111,
		.subsystem_vendor = 0x1af4,
		.subsystem_device = 0x1100,
		.revision = 2,
		.class = 0x038000, /* display controller, not VGA */
		.bars[0] = { .size = bochs_vram_size(config), .prefetchable = true,
			     .can_mmap = true },
		.bars[2] = { .size = BOCHS_MMIO_SIZE },
	};
	struct bochs *bochs = to_bochs(mdm);
	int ret;

	bochs_edid_make(config, bochs->edid);
	clear_registers(bochs);
	ret = mdev_migrate_pci_init(mdm->pci, &function) ?:
	      mdev_migrate_ram_open(&bochs->ram, bochs_vram_size(config));
	if (ret)
		return ret;
	ret = bochs_screen_open(bochs);
	if (ret)
		mdev_migrate_ram_close(&bochs->ram);
	return ret;
}

static void bochs_close(struct mdev_migrate_device *mdm)
{
	bochs_screen_close(to_bochs(mdm));
	mdev_migrate_ram_close(mdm->ram);
}

/* It does nothing by itself. */
static int bochs_stop(struct mdev_migrate_device *mdm)
{
	return 0;
}

static void bochs_start(struct mdev_migrate_device *mdm)
{
}

static u64 bochs_bar_read(struct mdev_migrate_device *mdm, unsigned int bar, u64 offset,
			  unsigned int len)
{
	if (bar)
		return bochs_mmio_read(to_bochs(mdm), offset, len);
	return mdev_migrate_ram_read(mdm->ram, offset, len);
}

static void bochs_bar_write(struct mdev_migrate_device *mdm, unsigned int bar, u64 offset,
			    unsigned int len, u64 value)
{
	if (bar)
		bochs_mmio_write(to_bochs(mdm), offset, len, value);
	else if (mdev_migrate_ram_write(mdm->ram, offset, len, value))
		dev_warn_ratelimited(mdm->vdev.dev,
				     "there is no memory for what the guest writes; it is lost\n");
}

static const struct mdev_migrate_record_type records[] = {
	{ MDEV_MIGRATE_TAG_BOCHS_REGISTERS,
	  .max_length = sizeof(struct mdev_migrate_bochs_registers), .required = true,
	  .name = "display registers" },
	MDEV_MIGRATE_RAM_RECORD(MDEV_MIGRATE_TAG_BOCHS_PAGES, .name = "display pages"),
};

static const struct mdev_migrate_ops bochs_ops = {
	.check_config = bochs_check_config,
	.init = bochs_init,
	.open = bochs_open,
	.close = bochs_close,
	.reset = bochs_reset,
	.stop = bochs_stop,
	.start = bochs_start,
	.bar_read = bochs_bar_read,
	.bar_write = bochs_bar_write,
	.bar_mmap = mdev_migrate_ram_op_bar_mmap, /* of BAR 0 alone */
	.gfx_plane = bochs_gfx_plane,
	.state_size = bochs_state_size,
	.save_begin = mdev_migrate_ram_op_save_begin,
	.save = bochs_save,
	.precopy = bochs_precopy,
	.precopy_info = mdev_migrate_ram_op_precopy_info,
	.save_end = mdev_migrate_ram_op_save_end,
	.records = records,
	.nr_records = ARRAY_SIZE(records),
	.load_begin = bochs_load_begin,
	.load_room = mdev_migrate_ram_op_load_room,
	.load_record = bochs_load_record,
	.load_commit = bochs_load_commit,
	.load_end = bochs_load_end,
};

static struct mdev_migrate_driver bochs_driver = {
	.name = "mdev_bochs_display",
	.owner = THIS_MODULE,
	.model = &bochs_model,
	.ops = &bochs_ops,
	.device_size = sizeof(struct bochs),
	.max_instances = 64,
	.virtual_name = "bochs_display",
};
module_mdev_migrate_virtual(bochs_driver);

MODULE_DESCRIPTION("A display for Linux's driver bochs, as QEMU's bochs-display");
MODULE_AUTHOR("The mdev-migrate authors");
MODULE_VERSION(MDEV_MIGRATE_VERSION);
MODULE_LICENSE("GPL");
