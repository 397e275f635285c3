// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unmap ioctls of type1's that are under way, and who must not pin meanwhile.
 *
 * type1 asks the devices of a container to let go of a range, and does not say when
 * it is through with it. It is when its caller returns to userspace. So the caller
 * gets a file whose last reference we put: the kernel closes it when the task
 * returns. There is one file for each ioctl, however often and of whom it asks.
 *
 * A device must not pin while an ioctl is under way
 * - that has asked it, or
 * - whose caller is who opened the device: the same process, or the same user in the
 *   same memory cgroup. Type1 may not ask the device, or not yet: it joins the
 *   container just now.
 * It is not told which container a device is in. A container that several users or
 * control groups share, on purpose, is not covered: theirs are the devices that join
 * while type1 is at it.
 *
 * An ioctl that is held up on its way out, as by a page that does not come for the
 * argument, holds up its own user's devices only: who opens a device next is somebody
 * else and begins anew.
 */
#include <linux/anon_inodes.h>
#include <linux/cred.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/memcontrol.h>
#include <linux/module.h>
#include <linux/sched/mm.h>
#include <linux/sched/task.h>
#include <linux/slab.h>

#include "dma.h"

/**
 * struct mdm_call - an ioctl that is under way, or a spare one
 * @node: in the list of calls; empty if it is a spare one
 * @file: is closed when it is over
 * @task: who called
 * @mm: its memory
 * @memcg: its memory cgroup
 * @uid: its user
 * @told: struct mdm_told, devices of others that it has asked
 */
struct mdm_call {
	struct list_head node;
	struct file *file;
	struct task_struct *task;
	struct mm_struct *mm;
	struct mem_cgroup *memcg;
	kuid_t uid;
	struct list_head told;
};

/**
 * struct mdm_told - a device that was asked by who has not opened it
 * @node: in the call's list
 * @dma: the device's guest memory; only to be compared
 */
struct mdm_told {
	struct list_head node;
	const struct mdm_dma *dma;
};

static LIST_HEAD(calls);
static DEFINE_SPINLOCK(calls_lock); /* the list, told, dma->spare; in dma->lock */

static void free_told(struct list_head *told)
{
	struct mdm_told *t, *next;

	list_for_each_entry_safe(t, next, told, node)
		kfree(t);
}

/* The caller returns to userspace, or a spare one is not needed any more. */
static int call_release(struct inode *inode, struct file *file)
{
	struct mdm_call *call = file->private_data;

	spin_lock(&calls_lock);
	list_del(&call->node);
	spin_unlock(&calls_lock);
	free_told(&call->told);
	mem_cgroup_put(call->memcg);
	if (call->mm)
		mmdrop(call->mm);
	if (call->task)
		put_task_struct(call->task);
	kfree(call);
	return 0;
}

static const struct file_operations call_fops = {
	.owner = THIS_MODULE,
	.release = call_release,
};

static struct mdm_call *call_make(void)
{
	struct mdm_call *call;

	call = kzalloc_obj(*call, MDM_DMA_GFP);
	if (!call)
		return NULL;
	INIT_LIST_HEAD(&call->node);
	INIT_LIST_HEAD(&call->told);
	call->file = anon_inode_getfile("[mdev_migrate]", &call_fops, call, 0);
	if (IS_ERR(call->file)) {
		kfree(call);
		return NULL;
	}
	return call;
}

static struct mdm_call *call_of_current(void)
{
	struct mdm_call *call;

	lockdep_assert_held(&calls_lock);
	list_for_each_entry(call, &calls, node) {
		if (call->task == current)
			return call;
	}
	return NULL;
}

/* Has its caller opened the device? */
static bool call_is_owners(const struct mdm_call *call,
			   const struct mdm_dma *dma)
{
	if (call->mm && call->mm == dma->mm)
		return true;
	return call->memcg == dma->memcg && uid_eq(call->uid, dma->uid);
}

static struct mdm_told *find_told(struct mdm_call *call,
				  const struct mdm_dma *dma)
{
	struct mdm_told *told;

	lockdep_assert_held(&calls_lock);
	list_for_each_entry(told, &call->told, node) {
		if (told->dma == dma)
			return told;
	}
	return NULL;
}

/* The caller's call, a new one if there is none; NULL if there is no memory. */
static struct mdm_call *call_begin(struct mdm_dma *dma)
{
	struct mdm_call *call, *new;

	spin_lock(&calls_lock);
	call = call_of_current();
	spin_unlock(&calls_lock);
	if (call)
		return call;
	new = call_make();
	spin_lock(&calls_lock);
	if (!new)
		swap(new, dma->spare);
	spin_unlock(&calls_lock);
	if (!new)
		return NULL;
	new->task = get_task_struct(current);
	new->uid = current_euid();
	new->memcg = get_mem_cgroup_from_mm(current->mm);
	new->mm = current->mm;
	if (new->mm)
		mmgrab(new->mm);
	spin_lock(&calls_lock);
	list_add(&new->node, &calls);
	spin_unlock(&calls_lock);
	/* Closed when we return to userspace, and not before. */
	fput(new->file);
	return new;
}

/* There is to be a spare one. Returns whether there is. */
static bool refill(struct mdm_dma *dma)
{
	struct mdm_call *call;

	if (READ_ONCE(dma->spare))
		return true;
	call = call_make();
	spin_lock(&calls_lock);
	if (!dma->spare)
		swap(call, dma->spare);
	spin_unlock(&calls_lock);
	if (call)
		fput(call->file);
	return READ_ONCE(dma->spare);
}

/**
 * mdm_calls_begin - type1 asks a device to let go of memory
 * @dma: the device's guest memory
 *
 * Context: May sleep. In the caller's own context.
 * Return: whether mdm_calls_pending() says so until the caller returns to userspace;
 * if not, there is no memory for it.
 */
bool mdm_calls_begin(struct mdm_dma *dma)
{
	struct mdm_call *call = call_begin(dma);
	struct mdm_told *told = NULL;

	refill(dma);
	if (!call)
		return false;
	/* It is this task's, and stays. */
	if (call_is_owners(call, dma))
		return true;
	spin_lock(&calls_lock);
	told = find_told(call, dma);
	spin_unlock(&calls_lock);
	if (told)
		return true;
	told = kzalloc_obj(*told, MDM_DMA_GFP);
	if (!told)
		return false;
	told->dma = dma;
	spin_lock(&calls_lock);
	list_add(&told->node, &call->told);
	spin_unlock(&calls_lock);
	return true;
}

/**
 * mdm_calls_pending - must nothing be pinned, since type1 may ask for it again?
 * @dma: the device's guest memory
 *
 * Context: dma->lock held.
 * Return: whether.
 */
bool mdm_calls_pending(struct mdm_dma *dma)
{
	struct mdm_call *call;

	lockdep_assert_held(&dma->lock);
	if (list_empty(&calls) || !mdm_dma_has_container(dma))
		return false;
	guard(spinlock)(&calls_lock);
	list_for_each_entry(call, &calls, node) {
		if (call_is_owners(call, dma) || find_told(call, dma))
			return true;
	}
	return false;
}

/* Of who had the device before. */
static void forget(const struct mdm_dma *dma)
{
	struct mdm_call *call;
	struct mdm_told *told;
	LIST_HEAD(gone);

	spin_lock(&calls_lock);
	list_for_each_entry(call, &calls, node) {
		told = find_told(call, dma);
		if (told)
			list_move(&told->node, &gone);
	}
	spin_unlock(&calls_lock);
	free_told(&gone);
}

/**
 * mdm_calls_open - the device is being opened
 * @dma: the device's guest memory; @mm, @memcg and @uid say whose it is now
 *
 * Return: 0 or -ENOMEM.
 */
int mdm_calls_open(struct mdm_dma *dma)
{
	forget(dma);
	if (!mdm_dma_has_container(dma))
		return 0;
	return refill(dma) ? 0 : -ENOMEM;
}

/**
 * mdm_calls_destroy - the device goes
 * @dma: the device's guest memory
 */
void mdm_calls_destroy(struct mdm_dma *dma)
{
	forget(dma);
	if (dma->spare)
		fput(dma->spare->file);
	dma->spare = NULL;
}
