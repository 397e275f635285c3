// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who waits for an unmap ioctl of type1's: asked, newcomer, or neither. Part of under_test.c,
 * since what it tests is static. The ioctl's task is the test's.
 */
#include <kunit/test.h>
#include <linux/delay.h>
#include <linux/file.h>
#include <linux/sched/task.h>

#include "fail.h"

/* Users, each with so many memory cgroups; a process in each. */
#define CALLS_USERS	5
#define CALLS_GROUPS	5
#define CALLS_CARDS	12

struct calls_test {
	struct vfio_device vdev;
	struct mdm_owner *users[CALLS_USERS];
	struct mdm_owner *groups[CALLS_USERS][CALLS_GROUPS];
	struct mdm_owner *processes[CALLS_USERS][CALLS_GROUPS];
	struct mdev_migrate_memory *cards[CALLS_CARDS];
	unsigned int nr_cards;
	struct mdm_call *call;
};

static struct mdm_owner *calls_owner(struct kunit *test,
				     enum mdm_owner_kind kind)
{
	struct mdm_owner *owner = kzalloc_obj(*owner, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, owner);
	owner->kind = kind;
	owner->users = 1;
	return owner;
}

static void calls_share(struct mdm_owner **them, struct calls_test *t,
			unsigned int user, unsigned int group)
{
	struct mdm_owner *const owners[MDM_NR_OWNERS] = {
		[MDM_OWNER_PROCESS] = t->processes[user][group],
		[MDM_OWNER_GROUP] = t->groups[user][group],
		[MDM_OWNER_USER] = t->users[user],
	};

	guard(spinlock)(&mdm_owners_lock);
	mdm_owners_share(them, owners);
}

/* A card that somebody opens. */
static struct mdev_migrate_memory *
calls_card(struct kunit *test, unsigned int user, unsigned int group)
{
	struct calls_test *t = test->priv;
	struct mdev_migrate_memory *mem = kzalloc_obj(*mem, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, mem);
	spin_lock_init(&mem->lock);
	mem->vdev = &t->vdev;
	mem->is_open = true;
	calls_share(mem->owners, t, user, group);
	mem->owners[MDM_OWNER_OPENING] = calls_owner(test, MDM_OWNER_OPENING);
	t->cards[t->nr_cards++] = mem;
	return mem;
}

static bool calls_waits(struct mdev_migrate_memory *mem)
{
	guard(spinlock)(&mem->lock);
	return mdm_calls_pending(mem);
}

static void calls_pins(struct mdev_migrate_memory *mem)
{
	guard(spinlock)(&mem->lock);
	mdm_calls_pins(mem);
}

/* User 0, in his first group, makes an ioctl; ours is the last reference to its file. */
static struct mdm_call *calls_begin(struct kunit *test)
{
	struct calls_test *t = test->priv;
	struct mdm_call *call = call_make();

	KUNIT_ASSERT_NOT_NULL(test, call);
	calls_share(call->owners, t, 0, 0);
	get_file(call->file);
	call_start(call);
	t->call = call;
	return call;
}

static void calls_end_of(struct mdm_call *call)
{
	__fput_sync(call->file);
	call_put(call);
}

static void calls_end(struct kunit *test)
{
	struct calls_test *t = test->priv;

	calls_end_of(t->call);
}

static int calls_init(struct kunit *test)
{
	struct calls_test *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);
	unsigned int i, k;

	KUNIT_ASSERT_NOT_NULL(test, t);
	test->priv = t;
	for (i = 0; i < CALLS_USERS; i++) {
		t->users[i] = calls_owner(test, MDM_OWNER_USER);
		for (k = 0; k < CALLS_GROUPS; k++) {
			t->groups[i][k] = calls_owner(test, MDM_OWNER_GROUP);
			t->processes[i][k] = calls_owner(test, MDM_OWNER_PROCESS);
		}
	}
	return 0;
}

/* The test has the last reference to each. */
static void calls_free(struct kunit *test, struct mdm_owner *owner)
{
	KUNIT_EXPECT_EQ(test, owner->users, 1);
	KUNIT_EXPECT_EQ(test, owner->calls, 0);
	kfree(owner);
}

static void calls_exit(struct kunit *test)
{
	struct calls_test *t = test->priv;
	unsigned int i, k;

	for (i = 0; i < t->nr_cards; i++) {
		mdm_owners_leave(t->cards[i]->owners);
		kfree(t->cards[i]);
	}
	for (i = 0; i < CALLS_USERS; i++) {
		for (k = 0; k < CALLS_GROUPS; k++) {
			calls_free(test, t->groups[i][k]);
			calls_free(test, t->processes[i][k]);
		}
		calls_free(test, t->users[i]);
	}
	KUNIT_EXPECT_EQ(test, all_wait, 0);
}

static void calls_asked(struct kunit *test)
{
	struct mdev_migrate_memory *a = calls_card(test, 0, 0);
	struct mdev_migrate_memory *before = calls_card(test, 0, 0);
	struct mdev_migrate_memory *newcomer = calls_card(test, 0, 0);
	struct mdev_migrate_memory *late = calls_card(test, 0, 0);
	struct mdev_migrate_memory *group = calls_card(test, 0, 1);
	struct mdev_migrate_memory *shares = calls_card(test, 1, 0);
	struct mdev_migrate_memory *joins = calls_card(test, 1, 0);
	struct mdev_migrate_memory *stranger = calls_card(test, 2, 0);
	struct mdm_call *call;

	calls_pins(a);
	calls_pins(before);
	calls_pins(shares);
	call = calls_begin(test);
	KUNIT_EXPECT_TRUE(test, call_ask(call, a));
	KUNIT_EXPECT_TRUE(test, call_ask(call, shares));
	calls_pins(late);
	KUNIT_EXPECT_TRUE(test, calls_waits(a));
	KUNIT_EXPECT_TRUE(test, calls_waits(shares));
	KUNIT_EXPECT_TRUE(test, calls_waits(newcomer));
	KUNIT_EXPECT_TRUE(test, calls_waits(late));
	KUNIT_EXPECT_TRUE(test, calls_waits(joins));
	KUNIT_EXPECT_FALSE(test, calls_waits(before));
	KUNIT_EXPECT_FALSE(test, calls_waits(group));
	KUNIT_EXPECT_FALSE(test, calls_waits(stranger));
	calls_end(test);
	KUNIT_EXPECT_FALSE(test, calls_waits(a));
	KUNIT_EXPECT_FALSE(test, calls_waits(newcomer));
	KUNIT_EXPECT_FALSE(test, calls_waits(joins));
}

/* Others join one after the other, and pin something. */
static void calls_widens(struct kunit *test)
{
	struct mdev_migrate_memory *a = calls_card(test, 0, 0);
	struct mdev_migrate_memory *before = calls_card(test, 4, 0);
	struct mdev_migrate_memory *idle = calls_card(test, 3, 0);
	struct mdev_migrate_memory *joins = calls_card(test, 1, 0);
	struct mdev_migrate_memory *same = calls_card(test, 1, 4);
	struct mdev_migrate_memory *group = calls_card(test, 1, 3);
	struct mdev_migrate_memory *further = calls_card(test, 2, 0);
	struct mdev_migrate_memory *other = calls_card(test, 4, 1);
	struct mdm_call *call;

	calls_pins(a);
	calls_pins(before);
	call = calls_begin(test);
	KUNIT_EXPECT_TRUE(test, call_ask(call, a));
	KUNIT_EXPECT_TRUE(test, call_ask(call, a));
	/* Who has pinned nothing is no reason to look again. */
	KUNIT_EXPECT_TRUE(test, call_ask(call, idle));
	KUNIT_EXPECT_FALSE(test, calls_waits(group));

	KUNIT_EXPECT_FALSE(test, calls_waits(joins));
	/* Two at the same time are the reason once. */
	calls_pins(joins);
	calls_pins(same);
	KUNIT_EXPECT_TRUE(test, call_ask(call, joins));
	KUNIT_EXPECT_TRUE(test, calls_waits(joins));
	KUNIT_EXPECT_TRUE(test, calls_waits(group));
	KUNIT_EXPECT_FALSE(test, calls_waits(same));
	KUNIT_EXPECT_FALSE(test, calls_waits(further));
	KUNIT_EXPECT_FALSE(test, calls_waits(other));
	KUNIT_EXPECT_TRUE(test, call_ask(call, same));
	KUNIT_EXPECT_FALSE(test, calls_waits(other));

	calls_pins(further);
	KUNIT_EXPECT_TRUE(test, call_ask(call, further));
	KUNIT_EXPECT_TRUE(test, calls_waits(other));
	KUNIT_EXPECT_FALSE(test, calls_waits(before));
	calls_end(test);
	KUNIT_EXPECT_FALSE(test, calls_waits(same));
	KUNIT_EXPECT_FALSE(test, calls_waits(other));
}

/* He was counted for a device that had pinned nothing, after the other one did. */
static void calls_sibling(struct kunit *test)
{
	struct mdev_migrate_memory *a = calls_card(test, 0, 0);
	struct mdev_migrate_memory *joins = calls_card(test, 1, 0);
	struct mdev_migrate_memory *idle = calls_card(test, 1, 0);
	struct mdev_migrate_memory *same = calls_card(test, 1, 4);
	struct mdm_call *call = calls_begin(test);

	KUNIT_EXPECT_TRUE(test, call_ask(call, a));
	calls_pins(joins);
	KUNIT_EXPECT_TRUE(test, call_ask(call, idle));
	KUNIT_EXPECT_FALSE(test, calls_waits(same));
	KUNIT_EXPECT_TRUE(test, call_ask(call, joins));
	KUNIT_EXPECT_TRUE(test, calls_waits(same));
	calls_end(test);
}

/* It was pinned, and closed before it is asked; its user opens it again. */
static void calls_closed(struct kunit *test)
{
	struct mdev_migrate_memory *a = calls_card(test, 0, 0);
	struct mdev_migrate_memory *closed = calls_card(test, 1, 0);
	struct mdev_migrate_memory *again = calls_card(test, 1, 0);
	struct mdev_migrate_memory *same = calls_card(test, 1, 1);
	struct mdev_migrate_memory *former = calls_card(test, 2, 1);
	struct mdev_migrate_memory *his = calls_card(test, 2, 1);
	struct mdm_call *call = calls_begin(test);

	KUNIT_EXPECT_TRUE(test, call_ask(call, a));
	calls_pins(closed);
	mdm_calls_close(closed);
	KUNIT_EXPECT_TRUE(test, call_ask(call, closed));
	KUNIT_EXPECT_TRUE(test, calls_waits(again));
	KUNIT_EXPECT_TRUE(test, calls_waits(same));
	KUNIT_EXPECT_FALSE(test, refill(closed));
	/* Who had a card once is not concerned. */
	calls_pins(former);
	mdm_calls_close(former);
	calls_end(test);
	call = calls_begin(test);
	KUNIT_EXPECT_TRUE(test, call_ask(call, former));
	KUNIT_EXPECT_EQ(test, mdm_calls_round(call, former, 1, 9), 0);
	KUNIT_EXPECT_EQ(test, mdm_calls_round(call, former, 1, 9), 0);
	KUNIT_EXPECT_FALSE(test, calls_waits(his));
	/* One that nobody has had open waits for nobody. */
	mdm_owners_leave(his->owners);
	KUNIT_EXPECT_FALSE(test, calls_waits(his));
	calls_end(test);
	KUNIT_EXPECT_FALSE(test, calls_waits(again));
}

/* Somebody else has the last reference to the file: a worker, as a kernel thread puts it. */
static void calls_close_elsewhere(struct kunit *test, struct mdm_call *call)
{
	unsigned int i;

	fput(call->file);
	for (i = 0; i < 1000 && !READ_ONCE(call->over); i++)
		msleep(20);
	KUNIT_EXPECT_TRUE(test, call->over);
}

static void calls_stray(struct kunit *test)
{
	struct mdev_migrate_memory *a = calls_card(test, 0, 0);
	struct mdev_migrate_memory *b = calls_card(test, 0, 0);
	struct mdm_call *call = calls_begin(test);

	KUNIT_EXPECT_TRUE(test, call_ask(call, a));
	calls_close_elsewhere(test, call);
	/* It is in use still. */
	KUNIT_EXPECT_FALSE(test, call_ask(call, b));
	KUNIT_EXPECT_TRUE(test, calls_waits(a));
	KUNIT_EXPECT_NULL(test, call_of_current());
	call_put(call);
	KUNIT_EXPECT_FALSE(test, calls_waits(a));
	KUNIT_EXPECT_FALSE(test, calls_waits(b));
	call = calls_begin(test);
	KUNIT_EXPECT_TRUE(test, call_ask(call, a));
	KUNIT_EXPECT_TRUE(test, calls_waits(a));
	calls_end(test);
	KUNIT_EXPECT_EQ(test, nr_strays, 0);
}

/* It is the same ioctl still: type1 goes on counting, and so do we. */
static void calls_stray_goes_on(struct kunit *test)
{
	struct mdev_migrate_memory *a = calls_card(test, 0, 0);
	struct mdev_migrate_memory *joins = calls_card(test, 1, 0);
	struct mdev_migrate_memory *same = calls_card(test, 1, 4);
	struct mdev_migrate_memory *further = calls_card(test, 2, 0);
	struct mdev_migrate_memory *other = calls_card(test, 4, 1);
	struct mdm_call *call = calls_begin(test);

	KUNIT_EXPECT_TRUE(test, call_ask(call, a));
	KUNIT_EXPECT_EQ(test, mdm_calls_round(call, a, 1, 9), 0);
	KUNIT_EXPECT_EQ(test, mdm_calls_round(call, a, 1, 9), 1);
	calls_pins(joins);
	KUNIT_EXPECT_TRUE(test, call_ask(call, joins));
	calls_pins(further);
	KUNIT_EXPECT_TRUE(test, call_ask(call, further));
	KUNIT_EXPECT_TRUE(test, calls_waits(other));
	calls_close_elsewhere(test, call);
	call_put(call);
	KUNIT_EXPECT_FALSE(test, calls_waits(other));

	call = calls_begin(test);
	KUNIT_EXPECT_TRUE(test, call_ask(call, a));
	KUNIT_EXPECT_EQ(test, mdm_calls_round(call, a, 1, 9), 2);
	KUNIT_EXPECT_EQ(test, mdm_calls_round(call, a, 1, 9), 3);
	KUNIT_EXPECT_TRUE(test, calls_waits(same));
	KUNIT_EXPECT_TRUE(test, calls_waits(other));
	KUNIT_EXPECT_EQ(test, mdm_calls_round(call, a, 10, 19), 0);
	calls_end(test);
	KUNIT_EXPECT_FALSE(test, calls_waits(other));
}

/* What is kept to know that does not stay, whoever needs the ioctl last. */
static void calls_strays_forgotten(struct kunit *test)
{
	struct mdm_call *call = calls_begin(test);

	struct mdm_call *next;

	calls_close_elsewhere(test, call);
	KUNIT_EXPECT_EQ(test, nr_strays, 1);
	next = calls_begin(test);
	KUNIT_EXPECT_EQ(test, nr_strays, 0);
	call_put(call);
	calls_end_of(next);

	call = calls_begin(test);
	calls_close_elsewhere(test, call);
	call_put(call);
	spin_lock(&mdm_owners_lock);
	/* Its task is there. */
	strays_forget(false);
	KUNIT_EXPECT_EQ(test, nr_strays, 1);
	spin_unlock(&mdm_owners_lock);
	mdm_calls_exit();
	KUNIT_EXPECT_EQ(test, nr_strays, 0);
}

/* Whoever has the same place in the table does not inherit. */
static void calls_stray_of_another(struct kunit *test)
{
	struct mdev_migrate_memory *a = calls_card(test, 0, 0);
	struct mdm_call *call = calls_begin(test), *next;
	struct task_struct *task = call->task;

	KUNIT_EXPECT_TRUE(test, call_ask(call, a));
	KUNIT_EXPECT_EQ(test, mdm_calls_round(call, a, 1, 9), 0);
	call->task = &init_task;
	KUNIT_EXPECT_NULL(test, call_of_current());
	call->task = task;
	calls_close_elsewhere(test, call);
	call->task = &init_task;
	next = calls_begin(test);
	KUNIT_EXPECT_TRUE(test, call_ask(next, a));
	KUNIT_EXPECT_EQ(test, mdm_calls_round(next, a, 1, 9), 0);
	KUNIT_EXPECT_EQ(test, nr_strays, 1);
	calls_end_of(next);
	call->task = task;
	call_put(call);
	mdm_calls_exit();
	KUNIT_EXPECT_EQ(test, nr_strays, 0);
}

/* Whom it asks first it can always count, and others if there is memory. */
static void calls_without_memory(struct kunit *test)
{
	struct mdev_migrate_memory *a = calls_card(test, 0, 0);
	struct mdev_migrate_memory *b = calls_card(test, 1, 0);
	struct mdev_migrate_memory *closed = calls_card(test, 2, 0);
	struct mdm_call *call = calls_begin(test);

	fail_need(test);
	fail_nth(1);
	KUNIT_EXPECT_TRUE(test, call_ask(call, a));
	/* None was needed; of the next one it takes two to fail. */
	KUNIT_EXPECT_TRUE(test, call_ask(call, b));
	KUNIT_EXPECT_FALSE(test, fail_done());
	KUNIT_EXPECT_TRUE(test, calls_waits(b));
	/* Who has pinned nothing and has closed it is no concern. */
	mdm_calls_close(closed);
	KUNIT_EXPECT_TRUE(test, call_ask(call, closed));
	calls_end(test);
	KUNIT_EXPECT_FALSE(test, calls_waits(b));
}

/* Its file is closed by somebody else at this moment. */
static void calls_over(struct kunit *test)
{
	struct mdev_migrate_memory *a = calls_card(test, 0, 0);
	struct mdev_migrate_memory *b = calls_card(test, 0, 0);
	struct mdm_call *call = calls_begin(test);

	KUNIT_EXPECT_PTR_EQ(test, mdm_calls_begin(a), call);
	KUNIT_EXPECT_NOT_NULL(test, a->spare);
	mdm_calls_end(call);
	call->over = true;
	KUNIT_EXPECT_NULL(test, mdm_calls_begin(b));
	mdm_calls_end(NULL);
	call->over = false;
	calls_end(test);
	KUNIT_EXPECT_FALSE(test, calls_waits(a));
	KUNIT_EXPECT_FALSE(test, calls_waits(b));
	mdm_calls_close(a);
	mdm_calls_close(b);
	KUNIT_EXPECT_NULL(test, a->spare);
}

/* Of two at the same time, as two threads of a process make them. */
static void calls_rounds(struct kunit *test)
{
	struct mdev_migrate_memory *a = calls_card(test, 0, 0);
	struct mdev_migrate_memory *b = calls_card(test, 0, 0);
	struct mdm_call *other = calls_begin(test), *call = calls_begin(test);
	unsigned int i;

	KUNIT_EXPECT_TRUE(test, call_ask(call, a));
	KUNIT_EXPECT_TRUE(test, call_ask(call, b));
	KUNIT_EXPECT_TRUE(test, call_ask(other, a));
	for (i = 0; i < 4; i++) {
		KUNIT_EXPECT_EQ(test, mdm_calls_round(call, a, 1, 9), i);
		KUNIT_EXPECT_EQ(test, mdm_calls_round(call, b, 1, 9), i);
		KUNIT_EXPECT_EQ(test, mdm_calls_round(other, a, 10, 19), i);
	}
	KUNIT_EXPECT_EQ(test, mdm_calls_round(call, a, 10, 19), 0);
	KUNIT_EXPECT_EQ(test, mdm_calls_round(call, b, 10, 19), 0);
	KUNIT_EXPECT_EQ(test, mdm_calls_round(call, a, 1, 9), 0);
	/* Something was being pinned: it may be in the next mapping. */
	mdm_calls_hold_up(call);
	KUNIT_EXPECT_EQ(test, mdm_calls_round(call, b, 1, 9), 0);
	KUNIT_EXPECT_EQ(test, mdm_calls_round(call, a, 20, 29), 1);
	mdm_calls_hold_up(call);
	KUNIT_EXPECT_EQ(test, mdm_calls_round(call, a, 20, 29), 2);
	KUNIT_EXPECT_EQ(test, mdm_calls_round(call, b, 20, 29), 2);
	KUNIT_EXPECT_EQ(test, mdm_calls_round(call, a, 30, 39), 0);
	calls_end_of(call);
	calls_end_of(other);
}

static struct kunit_case calls_cases[] = {
	KUNIT_CASE(calls_asked),
	KUNIT_CASE(calls_widens),
	KUNIT_CASE(calls_sibling),
	KUNIT_CASE(calls_closed),
	KUNIT_CASE(calls_stray),
	KUNIT_CASE(calls_stray_goes_on),
	KUNIT_CASE(calls_strays_forgotten),
	KUNIT_CASE(calls_stray_of_another),
	KUNIT_CASE(calls_without_memory),
	KUNIT_CASE(calls_over),
	KUNIT_CASE(calls_rounds),
	{ }
};

static struct kunit_suite calls_suite = {
	.name = "mdev_migrate_calls",
	.init = calls_init,
	.exit = calls_exit,
	.test_cases = calls_cases,
};

kunit_test_suite(calls_suite);
