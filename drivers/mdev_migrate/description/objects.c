// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who has the last reference to a kobject is not ours to know, nor when it is
 * dropped. Then a release function runs, which is in this module: the module
 * waits, before it goes, until it has for each.
 */
#include <linux/spinlock.h>
#include <linux/wait.h>

#include "description.h"

static DEFINE_SPINLOCK(objects_lock); /* nr_objects */
static DECLARE_WAIT_QUEUE_HEAD(objects_gone);
static unsigned int nr_objects __guarded_by(&objects_lock);

/**
 * mdm_object_get - there is one more object with a release function
 *
 * Context: Any.
 */
void mdm_object_get(void)
{
	unsigned long flags;

	spin_lock_irqsave(&objects_lock, flags);
	nr_objects++;
	spin_unlock_irqrestore(&objects_lock, flags);
}

/**
 * mdm_object_put - an object's release function is at its end
 *
 * What is left of that is to return, while unloading a module takes an RCU grace
 * period at least.
 *
 * Context: Any.
 */
void mdm_object_put(void)
{
	unsigned long flags;

	spin_lock_irqsave(&objects_lock, flags);
	if (!--nr_objects)
		wake_up(&objects_gone);
	spin_unlock_irqrestore(&objects_lock, flags);
}

/**
 * mdm_objects_wait - wait until there is none
 *
 * Context: May sleep; from the module's exit.
 */
void mdm_objects_wait(void)
{
	spin_lock_irq(&objects_lock);
	wait_event_lock_irq(objects_gone, !nr_objects, objects_lock);
	spin_unlock_irq(&objects_lock);
}
