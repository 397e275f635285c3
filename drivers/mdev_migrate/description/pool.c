// SPDX-License-Identifier: GPL-2.0-only
/*
 * Something that devices have shares of. A share is changed in one step, under the
 * pool's lock: it never is too small for what the device has, and what is given
 * back is not somebody else's before. So the sum of the shares is at most what
 * there is, whoever writes parameters or makes and removes devices at the time.
 */
#include <linux/export.h>
#include <linux/limits.h>
#include <linux/math64.h>
#include <linux/minmax.h>

#include "../codec/msg.h"
#include "description.h"

/**
 * mdev_migrate_pool_init - make a pool, all of which is left
 * @pool: the pool
 * @name: what it is, in sentences: best the name of the parameter that says how
 *	much of it a device has. It stays as long as the pool.
 * @total: how much there is
 */
void mdev_migrate_pool_init(struct mdev_migrate_pool *pool, const char *name,
			    u64 total)
	__context_unsafe(/* being made */)
{
	pool->name = name;
	pool->total = total;
	pool->used = 0;
	spin_lock_init(&pool->lock);
}
EXPORT_SYMBOL_GPL(mdev_migrate_pool_init);

/* What others than the owner of a share have left. */
static u64 left_for(const struct mdev_migrate_pool *pool, u64 share)
{
	lockdep_assert_held(&pool->lock);
	return pool->total - (pool->used - share);
}

static int refuse(const struct mdev_migrate_pool *pool, u64 want, u64 left,
		  struct mdev_migrate_msg *why)
{
	return mdm_say(why, -ENOSPC,
		       "%s: %llu asked for, %llu of %llu left; ask for less, remove another device or write a smaller value to its migration/params/%s",
		       pool->name, want, left, pool->total, pool->name);
}

/**
 * mdev_migrate_pool_check - would a share be had?
 * @pool: the pool
 * @share: the share that a device has, or NULL for a device that is to be made
 * @want: how much it shall be
 * @why: filled when it refuses
 *
 * Nothing is taken: the answer holds for the moment.
 *
 * Context: Process.
 * Return: 0 or -ENOSPC.
 */
int mdev_migrate_pool_check(struct mdev_migrate_pool *pool, const u64 *share,
			    u64 want, struct mdev_migrate_msg *why)
{
	u64 left;

	spin_lock(&pool->lock);
	left = left_for(pool, share ? *share : 0);
	spin_unlock(&pool->lock);
	return want <= left ? 0 : refuse(pool, want, left, why);
}
EXPORT_SYMBOL_GPL(mdev_migrate_pool_check);

/**
 * mdev_migrate_pool_take - change a device's share
 * @pool: the pool
 * @share: its share; 0 as long as it has taken nothing
 * @want: how much it shall be, more or less than it is
 * @why: filled when it refuses
 *
 * In one step: what the device had, it keeps if it does not get what it wants.
 *
 * Context: Process.
 * Return: 0 or -ENOSPC; then @share is what it was.
 */
int mdev_migrate_pool_take(struct mdev_migrate_pool *pool, u64 *share,
			   u64 want, struct mdev_migrate_msg *why)
{
	bool fits;
	u64 left;

	spin_lock(&pool->lock);
	left = left_for(pool, *share);
	fits = want <= left;
	if (fits) {
		pool->used += want - *share;
		*share = want;
	}
	spin_unlock(&pool->lock);
	return fits ? 0 : refuse(pool, want, left, why);
}
EXPORT_SYMBOL_GPL(mdev_migrate_pool_take);

/**
 * mdev_migrate_pool_give - give a device's share back
 * @pool: the pool
 * @share: its share, 0 afterwards; it may be 0 already
 *
 * Context: Process.
 */
void mdev_migrate_pool_give(struct mdev_migrate_pool *pool, u64 *share)
{
	spin_lock(&pool->lock);
	pool->used -= *share;
	*share = 0;
	spin_unlock(&pool->lock);
}
EXPORT_SYMBOL_GPL(mdev_migrate_pool_give);

/**
 * mdev_migrate_pool_fits - how many more devices fit
 * @pool: the pool
 * @share: how much each needs
 *
 * Context: Process.
 * Return: how many; if they need nothing, UINT_MAX.
 */
unsigned int mdev_migrate_pool_fits(struct mdev_migrate_pool *pool, u64 share)
{
	u64 left;

	spin_lock(&pool->lock);
	left = left_for(pool, 0);
	spin_unlock(&pool->lock);
	return share ? min_t(u64, div64_u64(left, share), UINT_MAX) : UINT_MAX;
}
EXPORT_SYMBOL_GPL(mdev_migrate_pool_fits);
