/* SPDX-License-Identifier: GPL-2.0-only */
/* Who opens devices, and who makes unmap ioctls of type1's: calls.c counts for them. */
#ifndef MDM_OWNERS_H
#define MDM_OWNERS_H

#include <linux/list.h>
#include <linux/spinlock.h>
#include <linux/uidgid.h>

#include "dma.h"

struct mem_cgroup;

extern spinlock_t mdm_owners_lock;

/**
 * struct mdm_owner - an opening, a process, a user's memory cgroup, or a user
 * @node: in the table of owners; not hashed if it is an opening
 * @users: openings and calls whose owner it is; guarded by mdm_owners_lock
 * @calls: unmap ioctls that are counted for it; written with mdm_owners_lock held
 * @since: none of these was counted before this number
 * @kind: which it is
 * @mm: the process's memory
 * @memcg: the memory cgroup
 * @uid: the user
 *
 * Kept while it has users.
 */
struct mdm_owner {
	struct hlist_node node;
	unsigned int users __guarded_by(&mdm_owners_lock);
	unsigned int calls;
	unsigned long since;
	enum mdm_owner_kind kind;
	struct mm_struct *mm;
	struct mem_cgroup *memcg;
	kuid_t uid;
};

struct mem_cgroup *mdm_uncharged_begin(struct mem_cgroup **memcg);
void mdm_uncharged_end(struct mem_cgroup *memcg, struct mem_cgroup *old);

int mdm_owners_enter(struct mdm_owner **them, bool opening);
void mdm_owners_share(struct mdm_owner **them, struct mdm_owner *const *others)
	__must_hold(&mdm_owners_lock);
void mdm_owners_leave(struct mdm_owner **them);
void mdm_owners_count(struct mdm_owner *const *them, unsigned long kinds,
		      unsigned long seq)
	__must_hold(&mdm_owners_lock);
void mdm_owners_uncount(struct mdm_owner *const *them, unsigned long kinds)
	__must_hold(&mdm_owners_lock);

#endif /* MDM_OWNERS_H */
