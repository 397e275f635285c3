/* SPDX-License-Identifier: GPL-2.0-only */
/* Unmap ioctls of type1's that are under way, see calls.c. */
#ifndef MDM_CALLS_H
#define MDM_CALLS_H

#include <linux/refcount.h>

#include "owners.h"

/* Whose newcomers wait. */
enum call_width { CALL_NARROW, CALL_USERS, CALL_ALL };

/**
 * struct mdm_asked - a device that was asked
 * @node: in the call's list
 * @owners: who it was
 * @range: what it was asked for last
 * @round: how often that was asked for before
 */
struct mdm_asked {
	struct list_head node;
	struct mdm_owner *owners[MDM_NR_OWNERS];
	unsigned long range;
	unsigned int round;
};

/**
 * struct mdm_call - an ioctl that is under way, or a spare one
 * @node: in the table of calls, or of strays; not hashed if it is a spare one
 * @refs: the file's, and its task's while it uses it
 * @file: is closed when it is over
 * @over: it was closed
 * @strayed: by somebody else: it is among the strays
 * @unused: has no references any more, and is kept for its task's next one
 * @task: who called; what follows is its own, until the last reference is put
 * @owners: who @task is
 * @asked: struct mdm_asked, each device that it has asked
 * @first_asked: the first of these: most have one only
 * @width: whose newcomers wait
 * @widened: number from which on they do
 * @first: the first page of the range that it wants
 * @last: the last page
 * @range: a number of that, from 1
 * @round: how often it has asked for it before
 * @held_up: in this round, by pages that were being pinned since before it began
 */
struct mdm_call {
	struct hlist_node node;
	refcount_t refs;
	struct file *file;
	bool over __guarded_by(&mdm_owners_lock);
	bool strayed __guarded_by(&mdm_owners_lock);
	bool unused __guarded_by(&mdm_owners_lock);
	struct task_struct *task;
	struct mdm_owner *owners[MDM_NR_OWNERS];
	struct list_head asked;
	struct mdm_asked first_asked;
	enum call_width width;
	unsigned long widened;
	unsigned long first;
	unsigned long last;
	unsigned long range;
	unsigned int round;
	bool held_up;
};

void mdm_call_free(struct mdm_call *call);

/* strays.c */
void mdm_stray_add(struct mdm_call *call)
	__must_hold(&mdm_owners_lock);
bool mdm_strays_inherit(struct mdm_call *call);

#endif /* MDM_CALLS_H */
