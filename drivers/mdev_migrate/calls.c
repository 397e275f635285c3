// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unmap ioctls of type1's that are under way, and who must not pin meanwhile.
 *
 * type1 asks the devices of a container to let go of a range, and does not say when
 * it is through with it. It is when its caller returns to userspace. So the caller
 * gets a file whose last reference we put: the kernel closes it when the task
 * returns. There is one file for each ioctl, however often and of whom it asks.
 *
 * A device must not pin while an ioctl is under way whose caller is who opened the
 * device: the same process, or the same user in the same memory cgroup; or whose caller
 * has asked another device of theirs, since they share a container. Type1 may not ask
 * this one, or not yet: it joins the container just now. Who has not been asked can
 * pin once in spite of that; with the fourth such in one ioctl nobody at all pins until
 * it is over, which is before type1 has looked often enough for its BUG().
 *
 * An ioctl that is held up on its way out, as by a page that does not come for the
 * argument, holds up the devices of these owners only: who opens a device next is
 * somebody else. There can be as many of them as a user can have threads, so nothing
 * here looks through them.
 *
 * What is allocated here is charged to nobody: a limit on memory must not keep an
 * ioctl from being counted. A thread, which is charged, has one at a time.
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
/* Others whom an ioctl asks before nobody pins any more; type1 looks eleven times. */
#define ASKED_MAX	4

/**
 * struct mdm_owner - a process, or a user in a memory cgroup
 * @node: in the table of owners; not hashed before it has users
 * @users: devices that it has opened, and calls
 * @calls: unmap ioctls that are under way and counted for it
 * @mm: the process's memory; NULL if it is a user
 * @memcg: the user's memory cgroup
 * @uid: the user
 *
 * Kept while it has users.
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
 * @owners: who that is
 * @asked: struct mdm_asked, others whose devices it has asked
 * @nr_asked: how many
 * @patience: how often waiting was given up for the range, one after the other
 * @first: the first page of the range
 * @last: the last page
 */
struct mdm_call {
	struct hlist_node node;
	struct file *file;
	struct task_struct *task;
	struct mdm_owner *owners[MDM_NR_OWNERS];
	struct list_head asked;
	unsigned int nr_asked;
	unsigned int patience;
	unsigned long first;
	unsigned long last;
};

/**
 * struct mdm_asked - who has a device that was asked by somebody else
 * @node: in the call's list
 * @owners: the process and the user
 */
struct mdm_asked {
	struct list_head node;
	struct mdm_owner *owners[MDM_NR_OWNERS];
};

static DEFINE_HASHTABLE(calls, CALLS_BITS);
static DEFINE_HASHTABLE(owners, OWNERS_BITS);
/* Ioctls that have asked so many others that nobody pins. */
static unsigned int all_wait;
/* All of these, what is in the tables, and dma->spare. Taken in dma->lock, too. */
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

/* Room for one of each kind, that are nobody yet. */
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

/* The caller returns to userspace, or a spare one is not needed any more. */
static int call_release(struct inode *inode, struct file *file)
{
	struct mdm_call *call = file->private_data;
	struct mdm_asked *asked, *next;

	spin_lock(&calls_lock);
	hash_del(&call->node);
	if (call->nr_asked >= ASKED_MAX)
		WRITE_ONCE(all_wait, all_wait - 1);
	spin_unlock(&calls_lock);
	list_for_each_entry_safe(asked, next, &call->asked, node) {
		owners_leave(asked->owners, 1);
		kfree(asked);
	}
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

/* Begins a section whose memory is charged to nobody; @memcg: for its end. */
static struct mem_cgroup *uncharged_begin(struct mem_cgroup **memcg)
{
	struct mem_cgroup *root;

	*memcg = get_mem_cgroup_from_mm(current->mm);
	for (root = *memcg; root && parent_mem_cgroup(root);)
		root = parent_mem_cgroup(root);
	return set_active_memcg(root);
}

static void uncharged_end(struct mem_cgroup *memcg, struct mem_cgroup *old)
{
	set_active_memcg(old);
	mem_cgroup_put(memcg);
}

static struct mdm_call *call_alloc(void)
{
	struct mdm_call *call;

	call = kzalloc_obj(*call, MDM_DMA_GFP);
	if (!call)
		return NULL;
	INIT_HLIST_NODE(&call->node);
	INIT_LIST_HEAD(&call->asked);
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

static struct mdm_call *call_make(void)
{
	struct mem_cgroup *memcg, *old = uncharged_begin(&memcg);
	struct mdm_call *call = call_alloc();

	uncharged_end(memcg, old);
	return call;
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

static bool owners_meet(struct mdm_owner *const *them, const struct mdm_dma *dma)
{
	unsigned int i;

	for (i = 0; i < MDM_NR_OWNERS; i++) {
		if (them[i] == READ_ONCE(dma->owners[i]))
			return true;
	}
	return false;
}

/* Is it counted for who has opened the device, or has nobody? */
static bool call_counts(const struct mdm_call *call, const struct mdm_dma *dma)
{
	const struct mdm_asked *asked;

	if (!READ_ONCE(dma->owners[0]) || owners_meet(call->owners, dma))
		return true;
	list_for_each_entry(asked, &call->asked, node) {
		if (owners_meet(asked->owners, dma))
			return true;
	}
	return false;
}

/* From here on it is. Only its own task changes a call's list. */
static bool call_count(struct mdm_call *call, struct mdm_dma *dma)
{
	struct mem_cgroup *memcg, *old = uncharged_begin(&memcg);
	struct mdm_asked *asked = kzalloc_obj(*asked, MDM_DMA_GFP);
	struct mdm_owner *owner;
	unsigned int i;

	uncharged_end(memcg, old);
	if (!asked)
		return false;
	spin_lock(&dma->lock);
	spin_lock(&calls_lock);
	for (i = 0; i < MDM_NR_OWNERS; i++) {
		owner = dma->owners[i];
		if (!owner)
			continue;
		owner->users++;
		WRITE_ONCE(owner->calls, owner->calls + 1);
		asked->owners[i] = owner;
	}
	if (++call->nr_asked == ASKED_MAX)
		WRITE_ONCE(all_wait, all_wait + 1);
	spin_unlock(&calls_lock);
	spin_unlock(&dma->lock);
	list_add(&asked->node, &call->asked);
	return true;
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
	/* Its files are not closed on the way to userspace. */
	if (current->flags & (PF_KTHREAD | PF_EXITING))
		return NULL;
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
 * Return: the ioctl, for which mdm_calls_pending() says so until the caller returns to
 * userspace; NULL if there is no memory for it.
 */
struct mdm_call *mdm_calls_begin(struct mdm_dma *dma)
{
	struct mdm_call *call = call_begin(dma);

	refill(dma);
	if (call && !call_counts(call, dma) && !call_count(call, dma))
		return NULL;
	return call;
}

/**
 * mdm_calls_patience - how often an ioctl has given up waiting
 * @call: the ioctl
 * @first: the first page of the range that it wants
 * @last: the last page
 *
 * Counted from 0 for each range: type1 counts how often it asks likewise.
 *
 * Context: In the caller's own context.
 * Return: where that is counted, until the caller returns to userspace.
 */
unsigned int *mdm_calls_patience(struct mdm_call *call, unsigned long first,
				 unsigned long last)
{
	if (call->first != first || call->last != last)
		call->patience = 0;
	call->first = first;
	call->last = last;
	return &call->patience;
}

/**
 * mdm_calls_pending - must nothing be pinned, since type1 may ask for it again?
 * @dma: the device's guest memory
 *
 * It does not take calls_lock, which all devices have in common: an unmap ioctl is
 * counted before mdm_dma_unmap() takes dma->lock to see what is pinned. A device that
 * type1 does not ask joins the container later, with device_list_lock, which type1
 * holds while it asks the others.
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
	if (READ_ONCE(all_wait))
		return true;
	for (i = 0; i < MDM_NR_OWNERS; i++) {
		if (dma->owners[i] && READ_ONCE(dma->owners[i]->calls))
			return true;
	}
	return false;
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
	struct mdm_call *spare = NULL;

	owners_swap(dma, them);
	owners_leave(them, 0);
	spin_lock(&calls_lock);
	swap(spare, dma->spare);
	spin_unlock(&calls_lock);
	if (spare)
		fput(spare->file);
}
