// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unmap ioctls of type1's whose file somebody else has closed, see calls.c: what is kept of
 * them until their task begins another one, or makes none any more.
 */
#include <linux/hashtable.h>
#include <linux/sched/task.h>
#include <linux/slab.h>

#include "calls.h"

#define STRAYS_BITS	6

/* Guarded by mdm_owners_lock. */
static DEFINE_HASHTABLE(strays, STRAYS_BITS);
static unsigned int nr_strays;

/**
 * mdm_call_free - free what has no references
 * @call: in no table
 */
void mdm_call_free(struct mdm_call *call)
{
	if (call->task)
		put_task_struct(call->task);
	kfree(call);
}

static void stray_remove(struct mdm_call *call)
{
	lockdep_assert_held(&mdm_owners_lock);
	hash_del(&call->node);
	nr_strays--;
	call->strayed = false;
}

/* Those of tasks that make no ioctls any more, or all. */
static void strays_forget(bool all)
{
	struct hlist_node *next;
	struct mdm_call *call;
	unsigned int bucket;

	lockdep_assert_held(&mdm_owners_lock);
	hash_for_each_safe(strays, bucket, next, call, node) {
		if (call->unused && (all || READ_ONCE(call->task->exit_state))) {
			stray_remove(call);
			mdm_call_free(call);
		}
	}
}

/**
 * mdm_stray_add - somebody else has closed the file of an ioctl
 * @call: the ioctl
 *
 * Context: mdm_owners_lock held.
 */
void mdm_stray_add(struct mdm_call *call)
{
	lockdep_assert_held(&mdm_owners_lock);
	strays_forget(false);
	call->strayed = true;
	nr_strays++;
	hash_add(strays, &call->node, (unsigned long)call->task);
}

/**
 * mdm_calls_exit - the module is unloaded
 */
void mdm_calls_exit(void)
{
	guard(spinlock)(&mdm_owners_lock);
	strays_forget(true);
}

/*
 * Somebody else has closed a file of the caller's: the ioctl may be the same one, of which
 * the strayed one was a part. It is asked for as often, and for newcomers of as many.
 */
static void call_inherit(struct mdm_call *call, const struct mdm_call *stray)
{
	call->first = stray->first;
	call->last = stray->last;
	call->range = stray->range;
	call->round = stray->round + 1;
	call->held_up = stray->held_up;
	call->width = max(call->width, stray->width);
}

/**
 * mdm_strays_inherit - an ioctl may be the same as one that strayed
 * @call: the ioctl, of the caller's, which begins
 *
 * Return: whether any has strayed since its task began the last one: then its file is to be
 * old.
 */
bool mdm_strays_inherit(struct mdm_call *call)
{
	struct hlist_node *next;
	struct mdm_call *stray;
	bool any = false;

	if (!READ_ONCE(nr_strays))
		return false;
	guard(spinlock)(&mdm_owners_lock);
	hash_for_each_possible_safe(strays, stray, next, node,
				    (unsigned long)current) {
		if (stray->task != current)
			continue;
		any = true;
		call_inherit(call, stray);
		stray_remove(stray);
		if (stray->unused)
			mdm_call_free(stray);
	}
	return any;
}
