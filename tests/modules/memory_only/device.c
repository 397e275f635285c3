// SPDX-License-Identifier: GPL-2.0-only
/* The registers, and what a write to MO_COMMAND does. */
#include <linux/slab.h>

#include "memory_only.h"

static int do_copy(struct mo_device *dev, bool write)
{
	u8 *buf __free(kfree) = NULL;
	u64 iova = dev->regs[MO_IOVA], len = dev->regs[MO_LEN], i;
	int ret;

	if (len > MO_COPY_MAX)
		return -EINVAL;
	buf = kmalloc(max_t(u64, len, 1), GFP_KERNEL_ACCOUNT);
	if (!buf)
		return -ENOMEM;
	if (write) {
		memset(buf, dev->regs[MO_VALUE], len);
		return mdev_migrate_dma_write(dev->memory, iova, buf, len);
	}
	ret = mdev_migrate_dma_read(dev->memory, iova, buf, len);
	dev->regs[MO_VALUE] = 0;
	for (i = 0; !ret && i < len; i++)
		dev->regs[MO_VALUE] += buf[i];
	return ret;
}

static int command(struct mo_device *dev, u64 what)
{
	u64 iova = dev->regs[MO_IOVA], len = dev->regs[MO_LEN];
	u64 slot = dev->regs[MO_SLOT], value = dev->regs[MO_VALUE];

	lockdep_assert_held(&dev->command_lock);
	switch (what) {
	case MO_READ:
	case MO_WRITE:
		return do_copy(dev, what == MO_WRITE);
	case MO_RING:
		return mo_ring_map(dev, iova, len);
	case MO_NO_RING:
		mo_ring_unmap(dev);
		return 0;
	case MO_KICK:
		return mo_ring_kick(dev, value);
	case MO_PIN:
		return mo_engine_pin(dev, slot, iova, len, value);
	case MO_UNPIN:
		return mo_engine_unpin(dev, slot);
	case MO_RUN:
	case MO_HALT:
		return mo_engine_run(dev, slot, value, what == MO_RUN);
	case MO_SAVING:
		mdev_migrate_memory_set_saving(dev->memory, value);
		return 0;
	default:
		return -EINVAL;
	}
}

u64 mo_get(struct mo_device *dev, unsigned int reg)
{
	guard(mutex)(&dev->command_lock);
	guard(mutex)(&dev->engine.lock);
	switch (reg) {
	case MO_UNMAPS:
		return dev->engine.unmaps;
	case MO_ROUNDS:
		return dev->engine.rounds;
	case MO_DONE:
		return READ_ONCE(dev->ring.done);
	default:
		return dev->regs[reg];
	}
}

void mo_set(struct mo_device *dev, unsigned int reg, u64 value)
{
	guard(mutex)(&dev->command_lock);
	if (reg < MO_RESULT)
		dev->regs[reg] = value;
	if (reg == MO_COMMAND)
		dev->regs[MO_RESULT] = command(dev, value);
}

/* It has nothing of the guest's any more. */
void mo_reset(struct mo_device *dev)
{
	guard(mutex)(&dev->command_lock);
	mo_ring_unmap(dev);
	mo_engine_reset(dev);
	mdev_migrate_memory_set_saving(dev->memory, false);
	memset(dev->regs, 0, sizeof(dev->regs));
}
