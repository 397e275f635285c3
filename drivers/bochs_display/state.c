// SPDX-License-Identifier: GPL-2.0-only
/*
 * State: the video memory in passes (BOCHS_PAGES), and the registers (BOCHS_REGISTERS) when
 * the device is stopped. Any value of a register can be: what it is good for is looked at
 * whenever somebody asks for the picture. So there is little in the record that is refused.
 */
#include <linux/slab.h>

#include "bochs_display.h"

/* Where in the record the registers are that the device stores. */
#define VBE_FIRST	VBE_XRES
#define VBE_SAVED	(VBE_NR_STORED - VBE_FIRST)

/**
 * bochs_state_size - struct mdev_migrate_ops's state_size()
 * @mdm: the device
 *
 * Return: bytes.
 */
u64 bochs_state_size(struct mdev_migrate_device *mdm)
{
	return mdev_migrate_ram_op_state_size(mdm) + sizeof(struct mdev_migrate_record_hdr) +
	       sizeof(struct mdev_migrate_bochs_registers);
}

static int put_registers(struct bochs *bochs, struct mdev_migrate_writer *writer)
{
	struct mdev_migrate_bochs_registers rec = {};
	unsigned int i;

	BUILD_BUG_ON(ARRAY_SIZE(rec.vbe) != VBE_SAVED);
	scoped_guard(mutex, &bochs->lock) {
		for (i = 0; i < VBE_SAVED; i++)
			rec.vbe[i] = cpu_to_le16(bochs->regs.vbe[VBE_FIRST + i]);
		rec.big_endian = bochs->regs.big_endian;
	}
	return mdev_migrate_put(writer, MDEV_MIGRATE_TAG_BOCHS_REGISTERS, 0, &rec, sizeof(rec));
}

/**
 * bochs_save - struct mdev_migrate_ops's save()
 * @mdm: the device, stopped
 * @writer: where to
 *
 * Return: a positive number if there is more, 0, or a negative errno.
 */
int bochs_save(struct mdev_migrate_device *mdm, struct mdev_migrate_writer *writer)
{
	struct bochs *bochs = to_bochs(mdm);
	int ret;

	ret = mdev_migrate_ram_put(&bochs->ram, writer);
	if (!ret)
		ret = put_registers(bochs, writer);
	if (ret < 0)
		mdev_migrate_ram_again(&bochs->ram);
	return ret;
}

/**
 * bochs_precopy - struct mdev_migrate_ops's precopy()
 * @mdm: the device
 * @writer: where to
 *
 * Return: as bochs_save().
 */
int bochs_precopy(struct mdev_migrate_device *mdm, struct mdev_migrate_writer *writer)
{
	return mdev_migrate_ram_put(mdm->ram, writer);
}

/**
 * bochs_load_begin - struct mdev_migrate_ops's load_begin()
 * @mdm: the device
 *
 * Return: the registers that are to be, or an ERR_PTR().
 */
void *bochs_load_begin(struct mdev_migrate_device *mdm)
{
	struct bochs_regs *shadow = kzalloc_obj(*shadow, GFP_KERNEL);

	if (!shadow)
		return ERR_PTR(-ENOMEM);
	mdev_migrate_ram_load_begin(mdm->ram);
	return shadow;
}

static int load_registers(struct mdev_migrate_device *mdm, struct bochs_regs *shadow,
			  const struct mdev_migrate_record *rec)
{
	struct mdev_migrate_bochs_registers regs;
	unsigned int i;

	if (rec->length != sizeof(regs))
		return mdev_migrate_refuse(&mdm->desc, -EMSGSIZE,
					   "BOCHS_REGISTERS: the stream has %u bytes, this device expects %zu",
					   rec->length, sizeof(regs));
	memcpy(&regs, rec->data, sizeof(regs));
	if (regs.big_endian > 1)
		return mdev_migrate_refuse(&mdm->desc, -EINVAL,
					   "BOCHS_REGISTERS: big_endian is %u, neither 0 nor 1",
					   regs.big_endian);
	if (memchr_inv(regs.reserved, 0, sizeof(regs.reserved)))
		return mdev_migrate_refuse(&mdm->desc, -EINVAL,
					   "BOCHS_REGISTERS: the source has set bytes that must be zero");
	for (i = 0; i < VBE_SAVED; i++)
		shadow->vbe[VBE_FIRST + i] = le16_to_cpu(regs.vbe[i]);
	shadow->big_endian = regs.big_endian;
	return 0;
}

/**
 * bochs_load_record - struct mdev_migrate_ops's load_record()
 * @mdm: the device
 * @data: the registers that are to be
 * @rec: the record
 *
 * Return: 0 or a negative errno.
 */
int bochs_load_record(struct mdev_migrate_device *mdm, void *data,
		      const struct mdev_migrate_record *rec)
{
	if (rec->tag == MDEV_MIGRATE_TAG_BOCHS_REGISTERS)
		return load_registers(mdm, data, rec);
	return mdev_migrate_ram_load(mdm->ram, rec);
}

/**
 * bochs_load_commit - struct mdev_migrate_ops's load_commit()
 * @mdm: the device, stopped
 * @data: the registers that are to be
 *
 * Return: 0.
 */
int bochs_load_commit(struct mdev_migrate_device *mdm, void *data)
{
	struct bochs *bochs = to_bochs(mdm);

	guard(mutex)(&bochs->lock);
	bochs->regs = *(struct bochs_regs *)data;
	return 0;
}

/**
 * bochs_load_end - struct mdev_migrate_ops's load_end()
 * @mdm: the device
 * @data: from bochs_load_begin()
 */
void bochs_load_end(struct mdev_migrate_device *mdm, void *data)
{
	kfree(data);
}
