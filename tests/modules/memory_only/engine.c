// SPDX-License-Identifier: GPL-2.0-only
/*
 * The DMA engine. Hardware would be given the bus addresses of pages (dma_map_page() with
 * the device below); this one takes the pages. It writes when it likes, and says
 * afterwards that it did.
 */
#include <linux/highmem.h>

#include "memory_only.h"

#define ROUND_TIME	1

/* Lets go of the pages: from here on the engine does not write to them. */
static void engine_unmap(struct mdev_migrate_pin *pin)
{
	struct mo_slot *slot = container_of(pin, struct mo_slot, pin);
	struct mo_engine *engine = &slot->dev->engine;

	guard(mutex)(&engine->lock);
	slot->running = false;
	engine->unmaps++;
}

/* Does the engine write to a slot, and has still got it? */
static bool write_slot(struct mo_device *dev, struct mo_slot *slot, u64 value)
{
	struct page **pages;
	size_t at;
	u8 *va;

	lockdep_assert_held(&dev->engine.lock);
	if (!slot->running)
		return false;
	pages = mdev_migrate_pin_pages(&slot->pin);
	if (!pages)
		return false;
	at = offset_in_page(slot->pin.map.iova) + slot->at;
	va = kmap_local_page(pages[at >> PAGE_SHIFT]);
	memcpy(va + offset_in_page(at), &value, sizeof(value));
	kunmap_local(va);
	mdev_migrate_pin_dirty(dev->memory, &slot->pin, slot->at, sizeof(value));
	return true;
}

static void engine_round(struct work_struct *work)
{
	struct mo_engine *engine = container_of(to_delayed_work(work),
						struct mo_engine, work);
	struct mo_device *dev = container_of(engine, struct mo_device, engine);
	bool any = false;
	unsigned int i;

	guard(mutex)(&engine->lock);
	engine->rounds++;
	for (i = 0; i < MO_NR_SLOTS; i++)
		any |= write_slot(dev, &engine->slots[i], engine->rounds);
	if (any)
		schedule_delayed_work(&engine->work, ROUND_TIME);
}

void mo_engine_init(struct mo_device *dev)
{
	struct mo_engine *engine = &dev->engine;
	unsigned int i;

	mutex_init(&engine->lock);
	INIT_DELAYED_WORK(&engine->work, engine_round);
	for (i = 0; i < MO_NR_SLOTS; i++) {
		engine->slots[i].dev = dev;
		engine->slots[i].pin.unmap = engine_unmap;
	}
}

int mo_engine_pin(struct mo_device *dev, u64 nr, u64 iova, u64 len,
		  bool readonly)
{
	struct mo_slot *slot;
	int ret;

	lockdep_assert_held(&dev->command_lock);
	if (nr >= MO_NR_SLOTS || dev->engine.slots[nr].used)
		return -EINVAL;
	slot = &dev->engine.slots[nr];
	slot->pin.readonly = readonly;
	ret = mdev_migrate_pin(dev->memory, &slot->pin, iova, len);
	slot->used = !ret;
	return ret;
}

/* Under the lock it is still there, or engine_unmap() was called or will be. */
int mo_engine_run(struct mo_device *dev, u64 nr, u64 at, bool running)
{
	struct mo_slot *slot;

	lockdep_assert_held(&dev->command_lock);
	if (nr >= MO_NR_SLOTS || !dev->engine.slots[nr].used)
		return -EINVAL;
	slot = &dev->engine.slots[nr];
	if (running && (slot->pin.readonly || at % sizeof(u64) ||
			slot->pin.map.iova % sizeof(u64) ||
			at >= slot->pin.map.len ||
			slot->pin.map.len - at < sizeof(u64)))
		return -EINVAL;
	guard(mutex)(&dev->engine.lock);
	if (running && !mdev_migrate_pin_pages(&slot->pin))
		return -EAGAIN;
	slot->running = running;
	slot->at = at;
	if (running)
		schedule_delayed_work(&dev->engine.work, 0);
	return 0;
}

int mo_engine_unpin(struct mo_device *dev, u64 nr)
{
	int ret = mo_engine_run(dev, nr, 0, false);

	if (ret)
		return ret;
	mdev_migrate_unpin(dev->memory, &dev->engine.slots[nr].pin);
	dev->engine.slots[nr].used = false;
	return 0;
}

void mo_engine_reset(struct mo_device *dev)
{
	unsigned int i;

	lockdep_assert_held(&dev->command_lock);
	for (i = 0; i < MO_NR_SLOTS; i++)
		mo_engine_unpin(dev, i);
	cancel_delayed_work_sync(&dev->engine.work);
}
