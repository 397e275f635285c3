// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who opens devices, and who makes unmap ioctls of type1's. An opening is nobody's but
 * its own. A process is its memory. A user's memory cgroup is what tells apart the
 * virtual machines that run as one user. A user is who is outside of all user
 * namespaces: who makes one, with users of its own, is still the same; unless he was
 * given user IDs for it, and has somebody be these outside.
 */
#include <linux/cred.h>
#include <linux/hashtable.h>
#include <linux/memcontrol.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/user_namespace.h>

#include "owners.h"

#define OWNERS_BITS	8

static DEFINE_HASHTABLE(owners, OWNERS_BITS);
/*
 * The table, what calls.c counts, and its table. All devices' users and all who unmap
 * share it: it is held for a few steps, but for who widens an ioctl, twice at most, over
 * what that has asked, and for who closes somebody else's file, over the strays that are
 * kept. Nothing faults, allocates or waits in it. Taken in mem->lock, too.
 */
DEFINE_SPINLOCK(mdm_owners_lock);

/**
 * mdm_uncharged_begin - begin a section whose memory is charged to nobody
 * @memcg: for its end
 *
 * Return: for its end, too.
 */
struct mem_cgroup *mdm_uncharged_begin(struct mem_cgroup **memcg)
{
	struct mem_cgroup *root;

	*memcg = get_mem_cgroup_from_mm(current->mm);
	for (root = *memcg; root && parent_mem_cgroup(root);)
		root = parent_mem_cgroup(root);
	return set_active_memcg(root);
}

/**
 * mdm_uncharged_end - end it
 * @memcg: what mdm_uncharged_begin() has set
 * @old: what it returned
 */
void mdm_uncharged_end(struct mem_cgroup *memcg, struct mem_cgroup *old)
{
	set_active_memcg(old);
	mem_cgroup_put(memcg);
}

static kuid_t user_of_current(void)
{
	const struct user_namespace *ns = current_user_ns();
	kuid_t uid = current_euid();

	for (; ns != &init_user_ns; ns = ns->parent)
		uid = ns->owner;
	return uid;
}

static unsigned long owner_key(const struct mdm_owner *owner)
{
	return (unsigned long)owner->mm ^ (unsigned long)owner->memcg ^
	       __kuid_val(owner->uid) ^ owner->kind;
}

static struct mdm_owner *owner_find(const struct mdm_owner *like)
{
	struct mdm_owner *owner;

	lockdep_assert_held(&mdm_owners_lock);
	hash_for_each_possible(owners, owner, node, owner_key(like)) {
		if (owner->kind == like->kind && owner->mm == like->mm &&
		    owner->memcg == like->memcg &&
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

/* Who the current task is; it has a reference to the memory cgroup. */
static void describe(struct mdm_owner *like)
{
	unsigned int i;

	for (i = 0; i < MDM_NR_OWNERS; i++)
		like[i] = (struct mdm_owner) { .kind = i };
	like[MDM_OWNER_PROCESS].mm = current->mm;
	like[MDM_OWNER_GROUP].memcg = get_mem_cgroup_from_mm(current->mm);
	like[MDM_OWNER_GROUP].uid = current_euid();
	like[MDM_OWNER_USER].uid = user_of_current();
}

/* The reference to the memory cgroup is its own from here on. */
static void owner_make(struct mdm_owner *owner, struct mdm_owner *like)
{
	*owner = *like;
	like->memcg = NULL;
	if (owner->mm)
		mmgrab(owner->mm);
	if (owner->kind != MDM_OWNER_OPENING)
		hash_add(owners, &owner->node, owner_key(owner));
}

/* Those that there are, and those that there is room for. Returns whether any is missing. */
static bool owners_take(struct mdm_owner **them, struct mdm_owner *like,
			struct mdm_owner **room, unsigned int first)
{
	struct mdm_owner *owner;
	bool missing = false;
	unsigned int i;

	guard(spinlock)(&mdm_owners_lock);
	for (i = first; i < MDM_NR_OWNERS; i++) {
		if (them[i])
			continue;
		owner = i == MDM_OWNER_OPENING ? NULL : owner_find(&like[i]);
		if (!owner && room[i]) {
			owner = room[i];
			room[i] = NULL;
			owner_make(owner, &like[i]);
		}
		if (owner)
			owner->users++;
		else
			missing = true;
		them[i] = owner;
	}
	return missing;
}

/**
 * mdm_owners_enter - who the current task is
 * @them: where to, by kind
 * @opening: it opens a device; else there is none of that kind
 *
 * Context: May sleep. Charged to nobody, but for the opening.
 * Return: 0 or -ENOMEM; mdm_owners_leave() is to follow if it is 0.
 */
int mdm_owners_enter(struct mdm_owner **them, bool opening)
{
	unsigned int i, first = opening ? MDM_OWNER_OPENING : MDM_OWNER_PROCESS;
	struct mdm_owner *room[MDM_NR_OWNERS] = { };
	struct mem_cgroup *memcg, *old;
	struct mdm_owner like[MDM_NR_OWNERS];
	bool missing;

	memset(them, 0, MDM_NR_OWNERS * sizeof(*them));
	describe(like);
	missing = owners_take(them, like, room, first);
	if (missing) {
		/* An ioctl can keep any number of openings that are over. */
		if (opening)
			room[MDM_OWNER_OPENING] = kzalloc_obj(**them, MDM_DMA_GFP);
		old = mdm_uncharged_begin(&memcg);
		for (i = MDM_OWNER_PROCESS; i < MDM_NR_OWNERS; i++)
			room[i] = them[i] ? NULL : kzalloc_obj(**them, MDM_DMA_GFP);
		mdm_uncharged_end(memcg, old);
		missing = owners_take(them, like, room, first);
	}
	/* Those that somebody else has made meanwhile. */
	for (i = first; i < MDM_NR_OWNERS; i++)
		kfree(room[i]);
	mem_cgroup_put(like[MDM_OWNER_GROUP].memcg);
	if (missing)
		mdm_owners_leave(them);
	return missing ? -ENOMEM : 0;
}

/**
 * mdm_owners_share - become what others are
 * @them: none; mdm_owners_leave() is to follow
 * @others: which stay that until mdm_owners_lock is released
 *
 * Context: mdm_owners_lock held.
 */
void mdm_owners_share(struct mdm_owner **them, struct mdm_owner *const *others)
{
	unsigned int i;

	lockdep_assert_held(&mdm_owners_lock);
	for (i = 0; i < MDM_NR_OWNERS; i++) {
		them[i] = others[i];
		if (them[i])
			them[i]->users++;
	}
}

/**
 * mdm_owners_leave - they are used no more
 * @them: what mdm_owners_enter() or mdm_owners_share() has set, or NULL; NULL afterwards
 */
void mdm_owners_leave(struct mdm_owner **them)
{
	unsigned int i;

	spin_lock(&mdm_owners_lock);
	for (i = 0; i < MDM_NR_OWNERS; i++) {
		if (!them[i])
			continue;
		if (--them[i]->users)
			them[i] = NULL;
		else
			hash_del(&them[i]->node);
	}
	spin_unlock(&mdm_owners_lock);
	for (i = 0; i < MDM_NR_OWNERS; i++) {
		owner_free(them[i]);
		them[i] = NULL;
	}
}

/**
 * mdm_owners_count - an ioctl is counted for them
 * @them: the owners
 * @kinds: a bit for each kind that it is counted for
 * @seq: the ioctl's number
 *
 * Context: mdm_owners_lock held.
 */
void mdm_owners_count(struct mdm_owner *const *them, unsigned long kinds,
		      unsigned long seq)
{
	unsigned int i;

	lockdep_assert_held(&mdm_owners_lock);
	for_each_set_bit(i, &kinds, MDM_NR_OWNERS) {
		if (!them[i])
			continue;
		if (!them[i]->calls || (long)(seq - them[i]->since) < 0)
			WRITE_ONCE(them[i]->since, seq);
		/* The number before the count; pairs with counts_for(). */
		smp_store_release(&them[i]->calls, them[i]->calls + 1);
	}
}

/**
 * mdm_owners_uncount - the opposite
 * @them: the owners
 * @kinds: as then
 *
 * Context: mdm_owners_lock held.
 */
void mdm_owners_uncount(struct mdm_owner *const *them, unsigned long kinds)
{
	unsigned int i;

	lockdep_assert_held(&mdm_owners_lock);
	for_each_set_bit(i, &kinds, MDM_NR_OWNERS) {
		if (them[i])
			WRITE_ONCE(them[i]->calls, them[i]->calls - 1);
	}
}
