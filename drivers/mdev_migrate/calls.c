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
 * else and begins anew. There can be as many of them as a user can have threads, so
 * nothing here looks through them.
 */
#include <linux/anon_inodes.h>
#include <linux/cred.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/hashtable.h>
#include <linux/memcontrol.h>
#include <linux/module.h>
#include <linux/sched/mm.h>
#include <linux/sched/task.h>
#include <linux/slab.h>

#include "dma.h"

#define CALLS_BITS	8
#define OWNERS_BITS	8

/**
 * struct mdm_owner - a process, or a user in a memory cgroup
 * @node: in the table of owners; not hashed before it has users
 * @users: devices that it has opened, and calls
 * @calls: its unmap ioctls that are under way
 * @mm: the process's memory; NULL if it is a user
 * @memcg: the user's memory cgroup
 * @uid: the user
 *
 * Kept while it has users, of which each has a reference to both the process and the
 * user that it is.
 */
struct mdm_owner {
	struct hlist_node node;
	unsigned int users;
	unsigned int calls;
	struct mm_struct *mm;
	struct mem_cgroup *memcg;
	kuid_t uid;
};

/**
 * struct mdm_call - an ioctl that is under way, or a spare one
 * @node: in the table of calls; not hashed if it is a spare one
 * @file: is closed when it is over
 * @task: who called
 * @owners: the process and the user that it is
 * @told: struct mdm_told, devices of others that it has asked
 */
struct mdm_call {
	struct hlist_node node;
	struct file *file;
	struct task_struct *task;
	struct mdm_owner *owners[MDM_NR_OWNERS];
	struct list_head told;
};

/**
 * struct mdm_told - a device that was asked by who has not opened it
 * @in_call: in the call's list
 * @in_dma: in the device's
 * @dma: the device's guest memory
 */
struct mdm_told {
	struct list_head in_call;
	struct list_head in_dma;
	const struct mdm_dma *dma;
};

static DEFINE_HASHTABLE(calls, CALLS_BITS);
static DEFINE_HASHTABLE(owners, OWNERS_BITS);
/* The tables and what is in them; dma->told and dma->spare */
static DEFINE_SPINLOCK(calls_lock);

static unsigned long owner_key(const struct mdm_owner *owner)
{
	return (unsigned long)owner->mm ^ (unsigned long)owner->memcg ^
	       __kuid_val(owner->uid);
}

static struct mdm_owner *owner_find(const struct mdm_owner *like)
{
	struct mdm_owner *owner;

	lockdep_assert_held(&calls_lock);
	hash_for_each_possible(owners, owner, node, owner_key(like)) {
		if (owner->mm == like->mm && owner->memcg == like->memcg &&
		    uid_eq(owner->uid, like->uid))
			return owner;
	}
	return NULL;
}

static void owner_free(struct mdm_owner *owner)
{
	if (!owner)
		return;
	mem_cgroup_put(owner->memcg);
	if (owner->mm)
		mmdrop(owner->mm);
	kfree(owner);
}

static void owners_free(struct mdm_owner **them)
{
	unsigned int i;

	for (i = 0; i < MDM_NR_OWNERS; i++) {
		owner_free(them[i]);
		them[i] = NULL;
	}
}

/* Room for two, that are nobody yet. */
static int owners_alloc(struct mdm_owner **them)
{
	int ret = 0;
	unsigned int i;

	for (i = 0; i < MDM_NR_OWNERS; i++) {
		them[i] = kzalloc_obj(**them, MDM_DMA_GFP);
		if (!them[i])
			ret = -ENOMEM;
	}
	if (ret)
		owners_free(them);
	return ret;
}

/* They become who the current task is; @calls: a call of its begins. */
static void owners_enter(struct mdm_owner **them, unsigned int calls)
{
	struct mdm_owner *owner, *rest[MDM_NR_OWNERS] = { };
	unsigned int i;

	them[MDM_OWNER_PROCESS]->mm = current->mm;
	if (current->mm)
		mmgrab(current->mm);
	them[MDM_OWNER_USER]->uid = current_euid();
	them[MDM_OWNER_USER]->memcg = get_mem_cgroup_from_mm(current->mm);

	spin_lock(&calls_lock);
	for (i = 0; i < MDM_NR_OWNERS; i++) {
		owner = owner_find(them[i]);
		if (owner) {
			rest[i] = them[i];
			them[i] = owner;
		} else {
			hash_add(owners, &them[i]->node, owner_key(them[i]));
		}
		them[i]->users++;
		WRITE_ONCE(them[i]->calls, them[i]->calls + calls);
	}
	spin_unlock(&calls_lock);
	owners_free(rest);
}

/* The opposite, also for room that was not needed. */
static void owners_leave(struct mdm_owner **them, unsigned int calls)
{
	struct mdm_owner *gone[MDM_NR_OWNERS] = { };
	unsigned int i;

	spin_lock(&calls_lock);
	for (i = 0; i < MDM_NR_OWNERS; i++) {
		swap(gone[i], them[i]);
		if (!gone[i] || !gone[i]->users)
			continue;
		WRITE_ONCE(gone[i]->calls, gone[i]->calls - calls);
		if (--gone[i]->users)
			gone[i] = NULL;
		else
			hash_del(&gone[i]->node);
	}
	spin_unlock(&calls_lock);
	owners_free(gone);
}

static void free_told(struct list_head *told)
{
	struct mdm_told *t, *next;

	list_for_each_entry_safe(t, next, told, in_call)
		kfree(t);
}

/* The caller returns to userspace, or a spare one is not needed any more. */
static int call_release(struct inode *inode, struct file *file)
{
	struct mdm_call *call = file->private_data;
	struct mdm_told *told;

	spin_lock(&calls_lock);
	hash_del(&call->node);
	list_for_each_entry(told, &call->told, in_call)
		list_del(&told->in_dma);
	spin_unlock(&calls_lock);
	free_told(&call->told);
	owners_leave(call->owners, 1);
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
	INIT_HLIST_NODE(&call->node);
	INIT_LIST_HEAD(&call->told);
	if (owners_alloc(call->owners))
		goto err_free;
	call->file = anon_inode_getfile("[mdev_migrate]", &call_fops, call, 0);
	if (IS_ERR(call->file))
		goto err_owners;
	return call;

err_owners:
	owners_free(call->owners);
err_free:
	kfree(call);
	return NULL;
}

static struct mdm_call *call_of_current(void)
{
	struct mdm_call *call;

	lockdep_assert_held(&calls_lock);
	hash_for_each_possible(calls, call, node, (unsigned long)current) {
		if (call->task == current)
			return call;
	}
	return NULL;
}

/* Has its caller opened the device? */
static bool call_is_owners(const struct mdm_call *call,
			   const struct mdm_dma *dma)
{
	unsigned int i;

	lockdep_assert_held(&calls_lock);
	for (i = 0; i < MDM_NR_OWNERS; i++) {
		if (call->owners[i] == READ_ONCE(dma->owners[i]))
			return true;
	}
	return false;
}

static struct mdm_told *find_told(struct mdm_call *call,
				  const struct mdm_dma *dma)
{
	struct mdm_told *told;

	lockdep_assert_held(&calls_lock);
	list_for_each_entry(told, &call->told, in_call) {
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
	owners_enter(new->owners, 1);
	spin_lock(&calls_lock);
	hash_add(calls, &new->node, (unsigned long)current);
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
	struct mdm_told *told;
	bool known;

	refill(dma);
	if (!call)
		return false;
	/* It is this task's, and stays. */
	spin_lock(&calls_lock);
	known = call_is_owners(call, dma) || find_told(call, dma);
	spin_unlock(&calls_lock);
	if (known)
		return true;
	told = kzalloc_obj(*told, MDM_DMA_GFP);
	if (!told)
		return false;
	told->dma = dma;
	spin_lock(&calls_lock);
	list_add(&told->in_call, &call->told);
	list_add(&told->in_dma, &dma->told);
	spin_unlock(&calls_lock);
	return true;
}

/**
 * mdm_calls_pending - must nothing be pinned, since type1 may ask for it again?
 * @dma: the device's guest memory
 *
 * It does not take calls_lock, which all devices have in common: an unmap ioctl is
 * counted, or the device told, before mdm_dma_unmap() takes dma->lock to see what is
 * pinned. A device that type1 does not ask joins the container later, with
 * device_list_lock, which type1 holds while it asks the others.
 *
 * Context: dma->lock held.
 * Return: whether.
 */
bool mdm_calls_pending(struct mdm_dma *dma)
{
	unsigned int i;

	lockdep_assert_held(&dma->lock);
	if (!mdm_dma_has_container(dma))
		return false;
	for (i = 0; i < MDM_NR_OWNERS; i++) {
		if (dma->owners[i] && READ_ONCE(dma->owners[i]->calls))
			return true;
	}
	return !list_empty(&dma->told);
}

/* Of who had the device before. */
static void forget(struct mdm_dma *dma)
{
	struct mdm_told *told, *next;
	LIST_HEAD(gone);

	spin_lock(&calls_lock);
	list_for_each_entry_safe(told, next, &dma->told, in_dma) {
		list_del(&told->in_dma);
		list_move(&told->in_call, &gone);
	}
	spin_unlock(&calls_lock);
	free_told(&gone);
}

static void owners_swap(struct mdm_dma *dma, struct mdm_owner **them)
{
	unsigned int i;

	guard(spinlock)(&dma->lock);
	for (i = 0; i < MDM_NR_OWNERS; i++)
		them[i] = xchg(&dma->owners[i], them[i]);
}

/**
 * mdm_calls_open - the device is being opened, by who calls
 * @dma: the device's guest memory
 *
 * Return: 0 or -ENOMEM; mdm_calls_close() is to be called in either case.
 */
int mdm_calls_open(struct mdm_dma *dma)
{
	struct mdm_owner *them[MDM_NR_OWNERS];

	forget(dma);
	if (!mdm_dma_has_container(dma))
		return 0;
	if (owners_alloc(them))
		return -ENOMEM;
	owners_enter(them, 0);
	owners_swap(dma, them);
	return refill(dma) ? 0 : -ENOMEM;
}

/**
 * mdm_calls_close - the device is being closed, and pins nothing
 * @dma: the device's guest memory
 */
void mdm_calls_close(struct mdm_dma *dma)
{
	struct mdm_owner *them[MDM_NR_OWNERS] = { };

	owners_swap(dma, them);
	owners_leave(them, 0);
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
