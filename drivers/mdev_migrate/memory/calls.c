// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unmap ioctls of type1's that are under way, and who must not pin meanwhile.
 *
 * type1 asks the devices of a container to let go of a range, and does not say when
 * it is through with it. It is when its caller returns to userspace. So the caller
 * gets a file whose last reference we put: the kernel closes it when the task
 * returns. There is one file for each ioctl, however often and of whom it asks.
 *
 * A device must not pin
 *
 * - while an ioctl is under way that has asked it;
 * - if it is a newcomer, which has pinned nothing since it was opened or began to after
 *   the ioctl did, and so may have joined the container behind the ioctl's back: while
 *   one is under way whose caller is who opened it (the same process, or the same user
 *   in the same memory cgroup), or which has asked another device of theirs.
 *
 * Whoever else joins the container can pin once, and is asked then: type1 looks once
 * more, of eleven times. After one such newcomer it is all newcomers of these users,
 * whatever their cgroup, that wait for the ioctl; after one more, of a further user,
 * all. Devices that have pinned before are not held up by what is not asked of them.
 * A device that is closed by the time it is asked counts for who had it open, if he has
 * pinned since: he may have it again soon.
 *
 * An ioctl that is held up on its way out, as by a page that does not come for the
 * argument, may last for ever. There can be as many of them as a user can have threads,
 * so nothing here looks through them.
 *
 * The file is charged to nobody: a limit on memory must not keep an ioctl from being
 * counted. A thread, which is charged, has one at a time. Nor is what is kept of a device
 * that is asked, if the limit leaves no room for it.
 *
 * The kernel frees struct file without waiting for those who look a file up: somebody
 * who looks for what the object was before can have a reference to ours for a moment,
 * and if it is the last one, our file is closed when he returns, not our caller. Then
 * the ioctl is not counted any more until it asks again. The file that its caller gets
 * then is older than a grace period when it is used: nobody can have such a reference
 * to it.
 */
#include <linux/anon_inodes.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/hashtable.h>
#include <linux/module.h>
#include <linux/rcupdate.h>
#include <linux/refcount.h>
#include <linux/sched/task.h>
#include <linux/slab.h>

#include "calls.h"

#define CALLS_BITS	12
#define KINDS_NARROW							\
	(BIT(MDM_OWNER_OPENING) | BIT(MDM_OWNER_PROCESS) | BIT(MDM_OWNER_GROUP))

/* Guarded by mdm_owners_lock. */
static DEFINE_HASHTABLE(calls, CALLS_BITS);
/* Ioctls for which all newcomers wait; for none of these did they before the number. */
static unsigned int all_wait;
static unsigned long all_since;
/* Ioctls and first pins, in their order. */
static atomic_long_t numbers;

static unsigned long kinds_of(enum call_width width)
{
	return width == CALL_NARROW ? KINDS_NARROW :
				      KINDS_NARROW | BIT(MDM_OWNER_USER);
}

/* The devices that it has asked may go on. They are many if the caller likes. */
static void call_put(struct mdm_call *call)
{
	struct mdm_asked *asked, *next;
	bool kept;

	if (!refcount_dec_and_test(&call->refs))
		return;
	list_for_each_entry_safe(asked, next, &call->asked, node) {
		spin_lock(&mdm_owners_lock);
		mdm_owners_uncount(asked->owners, kinds_of(call->width));
		spin_unlock(&mdm_owners_lock);
		mdm_owners_leave(asked->owners);
		if (asked != &call->first_asked)
			kfree(asked);
	}
	mdm_owners_leave(call->owners);
	spin_lock(&mdm_owners_lock);
	kept = call->strayed;
	call->unused = kept;
	spin_unlock(&mdm_owners_lock);
	if (!kept)
		mdm_call_free(call);
}

/* The caller returns to userspace, or a spare one is not needed any more. */
static int call_release(struct inode *inode, struct file *file)
{
	struct mdm_call *call = file->private_data;

	spin_lock(&mdm_owners_lock);
	hash_del(&call->node);
	call->over = true;
	if (call->task) {
		mdm_owners_uncount(call->owners, kinds_of(call->width));
		if (call->width == CALL_ALL)
			WRITE_ONCE(all_wait, all_wait - 1);
		/* Not the caller: see the top of this file. */
		if (call->task != current)
			mdm_stray_add(call);
	}
	spin_unlock(&mdm_owners_lock);
	call_put(call);
	return 0;
}

static const struct file_operations call_fops = {
	.owner = THIS_MODULE,
	.release = call_release,
};

static struct mdm_call *call_make(void)
{
	struct mem_cgroup *memcg, *old = mdm_uncharged_begin(&memcg);
	struct mdm_call *call = kzalloc_obj(*call, MDM_DMA_GFP);
	struct file *file;

	if (call) {
		INIT_HLIST_NODE(&call->node);
		INIT_LIST_HEAD(&call->asked);
		refcount_set(&call->refs, 1);
		file = anon_inode_getfile("[mdev_migrate]", &call_fops, call, 0);
		if (IS_ERR(file)) {
			kfree(call);
			call = NULL;
		} else {
			call->file = file;
		}
	}
	mdm_uncharged_end(memcg, old);
	return call;
}

static struct mdm_call *call_of_current(void)
{
	struct mdm_call *call;

	guard(spinlock)(&mdm_owners_lock);
	hash_for_each_possible(calls, call, node, (unsigned long)current) {
		if (call->task == current) {
			refcount_inc(&call->refs);
			return call;
		}
	}
	return NULL;
}

/* All newcomers from this number on wait for one more. */
static void all_count(unsigned long since)
{
	lockdep_assert_held(&mdm_owners_lock);
	if (!all_wait || (long)(since - all_since) < 0)
		WRITE_ONCE(all_since, since);
	/* The number before the count; pairs with counts_for(). */
	smp_store_release(&all_wait, all_wait + 1);
}

/* From here on it is under way; its file is closed when we return to userspace. */
static void call_start(struct mdm_call *call)
{
	bool strayed = mdm_strays_inherit(call);

	refcount_inc(&call->refs);
	call->task = get_task_struct(current);
	spin_lock(&mdm_owners_lock);
	call->widened = atomic_long_inc_return(&numbers);
	mdm_owners_count(call->owners, kinds_of(call->width), call->widened);
	if (call->width == CALL_ALL)
		all_count(call->widened);
	hash_add(calls, &call->node, (unsigned long)current);
	spin_unlock(&mdm_owners_lock);
	if (strayed)
		synchronize_rcu_expedited();
	fput(call->file);
}

/* A new call of the caller's, or a spare one; NULL if there is no memory for it. */
static struct mdm_call *call_begin(struct mdev_migrate_memory *mem)
{
	struct mdm_owner *them[MDM_NR_OWNERS];
	struct mdm_call *call;

	/* Its files are not closed on the way to userspace. */
	if (current->flags & (PF_KTHREAD | PF_EXITING))
		return NULL;
	if (mdm_owners_enter(them, false))
		return NULL;
	call = call_make();
	if (!call) {
		spin_lock(&mem->lock);
		swap(call, mem->spare);
		spin_unlock(&mem->lock);
	}
	if (!call) {
		mdm_owners_leave(them);
		return NULL;
	}
	memcpy(call->owners, them, sizeof(them));
	call_start(call);
	return call;
}

/* An open device is to have a spare one. Returns whether there is one. */
static bool refill(struct mdev_migrate_memory *mem)
{
	struct mdm_call *call;
	bool there;

	scoped_guard(spinlock, &mem->lock) {
		if (mem->spare || !mem->is_open)
			return mem->spare;
	}
	call = call_make();
	spin_lock(&mem->lock);
	if (!mem->spare && mem->is_open)
		swap(call, mem->spare);
	there = mem->spare;
	spin_unlock(&mem->lock);
	if (call)
		fput(call->file);
	return there;
}

/* The device as it was asked in its present opening, NULL if it was not. */
static struct mdm_asked *call_find(struct mdm_call *call,
				   const struct mdev_migrate_memory *mem)
{
	const struct mdm_owner *opening;
	struct mdm_asked *asked;

	/* Only compared, with those that the call keeps. */
	opening = context_unsafe(READ_ONCE(mem->owners[MDM_OWNER_OPENING]));
	list_for_each_entry(asked, &call->asked, node) {
		if (opening && asked->owners[MDM_OWNER_OPENING] == opening)
			return asked;
	}
	return NULL;
}

/*
 * Newcomers of more users wait, or all: who has pinned by now and is in the container
 * is in its list, which is being asked.
 */
static void call_widen(struct mdm_call *call)
{
	unsigned long now = atomic_long_inc_return(&numbers);
	struct mdm_asked *asked;

	lockdep_assert_held(&mdm_owners_lock);
	call->width++;
	call->widened = now;
	if (call->width == CALL_USERS) {
		mdm_owners_count(call->owners, BIT(MDM_OWNER_USER), now);
		list_for_each_entry(asked, &call->asked, node)
			mdm_owners_count(asked->owners, BIT(MDM_OWNER_USER),
					 now);
		return;
	}
	all_count(now);
}

static struct mdm_asked *asked_alloc(struct mdm_call *call)
{
	struct mem_cgroup *memcg, *old;
	struct mdm_asked *asked;

	if (list_empty(&call->asked))
		return &call->first_asked;
	/* There can be many: a task that is killed for it gets it all the same. */
	asked = kzalloc_obj(*asked, GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	if (asked)
		return asked;
	old = mdm_uncharged_begin(&memcg);
	asked = kzalloc_obj(*asked, MDM_DMA_GFP);
	mdm_uncharged_end(memcg, old);
	return asked;
}

/* It has pinned since those wait who do, and so may be why the ioctl asks once more. */
static bool is_late(const struct mdm_call *call,
		    const struct mdev_migrate_memory *mem)
{
	lockdep_assert_held(&mem->lock);
	return mem->has_pinned && (long)(mem->pins_since - call->widened) > 0;
}

/* They are those of the device's; returns whether it may be why type1 looks again. */
static bool asked_share(struct mdm_call *call, struct mdm_asked *asked,
			struct mdev_migrate_memory *mem)
{
	bool late;

	guard(spinlock)(&mem->lock);
	late = is_late(call, mem);
	/* Who had it open before is not concerned, unless he has just pinned. */
	if (!mem->is_open && !late)
		return false;
	spin_lock(&mdm_owners_lock);
	mdm_owners_share(asked->owners, mem->owners);
	spin_unlock(&mdm_owners_lock);
	return late;
}

/*
 * Count it for a device that it asks now. Returns false if that cannot be done, since
 * there is no memory or its file was closed.
 */
static bool call_ask(struct mdm_call *call, struct mdev_migrate_memory *mem)
{
	struct mdm_asked *asked;
	bool late, over;

	/* It is asked again. */
	if (call_find(call, mem))
		return true;
	asked = asked_alloc(call);
	if (!asked)
		return false;
	late = asked_share(call, asked, mem);
	if (!asked->owners[MDM_OWNER_OPENING]) {
		if (asked != &call->first_asked)
			kfree(asked);
		return true;
	}
	spin_lock(&mdm_owners_lock);
	over = call->over;
	mdm_owners_count(asked->owners, kinds_of(call->width),
			 atomic_long_inc_return(&numbers));
	list_add(&asked->node, &call->asked);
	if (late && !over && call->width < CALL_ALL)
		call_widen(call);
	spin_unlock(&mdm_owners_lock);
	return !over;
}

/**
 * mdm_calls_begin - type1 asks a device to let go of memory
 * @mem: the device's guest memory
 *
 * Context: May sleep. In the caller's own context.
 * Return: the ioctl, for which mdm_calls_pending() says so until the caller returns to
 * userspace, and mdm_calls_end() is to be called; NULL if there is no memory for it.
 */
struct mdm_call *mdm_calls_begin(struct mdev_migrate_memory *mem)
{
	struct mdm_call *call = call_of_current() ?: call_begin(mem);

	refill(mem);
	if (call && !call_ask(call, mem)) {
		call_put(call);
		return NULL;
	}
	return call;
}

/**
 * mdm_calls_end - the device has let go of it, or not
 * @call: what mdm_calls_begin() returned
 */
void mdm_calls_end(struct mdm_call *call)
{
	if (call)
		call_put(call);
}

/**
 * mdm_calls_round - how often has an ioctl asked for a range before?
 * @call: the ioctl
 * @mem: the device's guest memory, which is being asked
 * @first: the first page of the range that it wants
 * @last: the last page
 *
 * Counted from 0, for all devices of a container together, as type1 counts: it may take
 * a mapping for the one before that was made in its place. What is pinned in that was
 * being pinned before the ioctl asked, so if none of that is left it is as good as another.
 *
 * Context: In the caller's own context, under type1's device_list_lock.
 * Return: how often.
 */
unsigned int mdm_calls_round(struct mdm_call *call,
			     struct mdev_migrate_memory *mem,
			     unsigned long first, unsigned long last)
{
	struct mdm_asked *asked;

	if (!call->range || call->first != first || call->last != last) {
		call->range++;
		call->round = call->held_up ? call->round + 1 : 0;
		call->held_up = false;
	}
	call->first = first;
	call->last = last;
	asked = call_find(call, mem);
	if (!asked)
		return call->round;
	if (asked->range == call->range && asked->round == call->round) {
		call->round++;
		call->held_up = false;
	}
	asked->range = call->range;
	asked->round = call->round;
	return call->round;
}

/**
 * mdm_calls_hold_up - a device was still pinning when waiting for it was given up
 * @call: the ioctl
 *
 * Context: As mdm_calls_round().
 */
void mdm_calls_hold_up(struct mdm_call *call)
{
	call->held_up = true;
}

static bool is_newcomer(const struct mdev_migrate_memory *mem,
			unsigned long since)
	__must_hold(&mem->lock)
{
	return !mem->has_pinned || (long)(mem->pins_since - since) > 0;
}

static bool counts_for(const struct mdev_migrate_memory *mem,
		       const unsigned int *nr, const unsigned long *since)
	__must_hold(&mem->lock)
{
	/* Pairs with mdm_owners_count() and call_widen(). */
	return smp_load_acquire(nr) && is_newcomer(mem, READ_ONCE(*since));
}

/**
 * mdm_calls_pending - must nothing be pinned, since type1 may ask for it again?
 * @mem: the device's guest memory
 *
 * It does not take mdm_owners_lock, which all devices have in common: an unmap ioctl is
 * counted before mdev_migrate_dma_unmap() takes mem->lock to see what is pinned. A device that
 * type1 does not ask joins the container later, with device_list_lock, which type1
 * holds while it asks the others; nor has it pinned before, since who has its file
 * descriptor gets that afterwards.
 *
 * Context: mem->lock held.
 * Return: whether.
 */
bool mdm_calls_pending(struct mdev_migrate_memory *mem)
{
	const struct mdm_owner *owner;
	unsigned int i;

	lockdep_assert_held(&mem->lock);
	if (!mdm_dma_has_container(mem))
		return false;
	for (i = 0; i < MDM_NR_OWNERS; i++) {
		owner = mem->owners[i];
		if (!owner)
			continue;
		if (i == MDM_OWNER_OPENING ? READ_ONCE(owner->calls) :
		    counts_for(mem, &owner->calls, &owner->since))
			return true;
	}
	return counts_for(mem, &all_wait, &all_since);
}

/**
 * mdm_calls_pins - the device begins to pin
 * @mem: the device's guest memory
 *
 * Ioctls that begin later ask it, if they are about its container.
 *
 * Context: mem->lock held since mdm_calls_pending() returned false.
 */
void mdm_calls_pins(struct mdev_migrate_memory *mem)
{
	lockdep_assert_held(&mem->lock);
	if (mem->has_pinned || !mdm_dma_has_container(mem))
		return;
	mem->has_pinned = true;
	mem->pins_since = atomic_long_inc_return(&numbers);
}

/**
 * mdm_calls_open - the device is being opened, by who calls
 * @mem: the device's guest memory
 *
 * Return: 0 or -ENOMEM; mdm_calls_close() is to be called in either case.
 */
int mdm_calls_open(struct mdev_migrate_memory *mem)
{
	struct mdm_owner *them[MDM_NR_OWNERS];
	unsigned int i;
	int ret;

	if (!mdm_dma_has_container(mem))
		return 0;
	ret = mdm_owners_enter(them, true);
	if (ret)
		return ret;
	spin_lock(&mem->lock);
	for (i = 0; i < MDM_NR_OWNERS; i++)
		them[i] = xchg(&mem->owners[i], them[i]);
	mem->has_pinned = false;
	mem->is_open = true;
	spin_unlock(&mem->lock);
	mdm_owners_leave(them);
	return refill(mem) ? 0 : -ENOMEM;
}

/**
 * mdm_calls_close - the device is being closed, and pins nothing
 * @mem: the device's guest memory
 *
 * Ioctls that ask it later are counted for who had it open, if he has pinned since they
 * began.
 */
void mdm_calls_close(struct mdev_migrate_memory *mem)
{
	struct mdm_call *spare = NULL;

	spin_lock(&mem->lock);
	mem->is_open = false;
	swap(spare, mem->spare);
	spin_unlock(&mem->lock);
	if (spare)
		fput(spare->file);
}

/**
 * mdm_calls_destroy - the device goes
 * @mem: its guest memory
 */
void mdm_calls_destroy(struct mdev_migrate_memory *mem)
{
	mdm_calls_close(mem);
	/* Nobody else has it. */
	context_unsafe(mdm_owners_leave(mem->owners));
}
