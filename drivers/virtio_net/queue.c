// SPDX-License-Identifier: GPL-2.0-only
/*
 * A queue's life. It is live while its ring may be used: its areas are mapped
 * and it has taken up the ring. One at a time uses it: the worker, which holds
 * vq->mutex, has set vq->busy and may sleep; or whoever holds vq->lock, while
 * vq->busy is clear.
 */
#include <linux/nospec.h>
#include "virtio_net.h"

/* How often a worker is left alone before it is interrupted. */
#define VNET_PATIENCE	10

static const struct {
	unsigned int align;
	const char *misaligned;
	const char *unmapped;
} vnet_areas[VNET_NR_AREAS] = {
	[VNET_DESC] = {
		16,
		"the descriptor table is not 16-byte aligned",
		"the descriptor table is not in mapped memory",
	},
	[VNET_AVAIL] = {
		2,
		"the driver area is not 2-byte aligned",
		"the driver area is not in mapped memory",
	},
	[VNET_USED] = {
		4,
		"the device area is not 4-byte aligned",
		"the device area is not in mapped memory",
	},
};

/* A host's shortage, a page that is just leaving: it may go later. */
bool vnet_is_transient(int err)
{
	return err == -ENOMEM || err == -EAGAIN || err == -EINTR;
}

static void vnet_vq_run(struct vnet_vq *vq)
	__context_unsafe(/* what it runs ends the claim */)
{
	static void (* const run[])(struct vnet_vq *vq) = {
		[VNET_RX] = vnet_rx_run,
		[VNET_TX] = vnet_tx_run,
		[VNET_CTRL] = vnet_ctrl_run,
	};

	if (vnet_vq_claim(vq))
		run[vq->role](vq);
}

static void vnet_vq_work(struct kthread_work *work)
{
	vnet_vq_run(container_of(work, struct vnet_vq, work));
}

static void vnet_vq_retry(struct kthread_work *work)
{
	vnet_vq_run(container_of(work, struct vnet_vq, retry.work));
}

/**
 * vnet_driver_pairs - the queue pairs that a driver knows of
 * @vnet: the device
 * @features: what the driver has accepted
 *
 * Return: their number.
 */
unsigned int vnet_driver_pairs(const struct vnet *vnet, u64 features)
{
	return features & (BIT_ULL(VIRTIO_NET_F_MQ) |
			   BIT_ULL(VIRTIO_NET_F_RSS)) ? vnet->max_pairs : 1;
}

/**
 * vnet_vq_role - what a queue is for
 * @vq: the queue
 *
 * The control queue follows the last pair that the driver knows of.
 *
 * Context: vnet->lock is held.
 * Return: its role, by what the driver has accepted.
 */
enum vnet_role vnet_vq_role(const struct vnet_vq *vq)
{
	const struct vnet *vnet = vq->vnet;
	u64 features = vnet->driver_features;
	unsigned int pairs = vnet_driver_pairs(vnet, features);

	lockdep_assert_held(&vnet->lock);

	if (vq->index < 2 * pairs)
		return vq->index & 1 ? VNET_TX : VNET_RX;
	if (vq->index == 2 * pairs &&
	    features & BIT_ULL(VIRTIO_NET_F_CTRL_VQ))
		return VNET_CTRL;
	return VNET_UNUSED;
}

/**
 * vnet_vq_init - initialise a queue's memory
 * @vq: the queue, zeroed
 * @vnet: its device
 * @index: which it is
 */
void vnet_vq_init(struct vnet_vq *vq, struct vnet *vnet, u16 index)
	__context_unsafe(/* being made */)
{
	vq->vnet = vnet;
	vq->index = index;
	mutex_init(&vq->mutex);
	spin_lock_init(&vq->lock);
	__skb_queue_head_init(&vq->backlog);
	u64_stats_init(&vq->stats.syncp);
}

/**
 * vnet_vq_open - the device is being opened
 * @vq: the queue
 * @worker: who works for it
 *
 * Context: May sleep. vnet->lock is held.
 */
void vnet_vq_open(struct vnet_vq *vq, struct mdev_migrate_worker *worker)
{
	mdev_migrate_reader_add(vq->vnet->mdm.memory, &vq->reader);
	/* They know which worker had them last. */
	kthread_init_work(&vq->work, vnet_vq_work);
	kthread_init_delayed_work(&vq->retry, vnet_vq_retry);
	spin_lock_bh(&vq->lock);
	vq->worker = worker;
	spin_unlock_bh(&vq->lock);
}

/**
 * vnet_vq_close - undo vnet_vq_open()
 * @vq: the queue, deactivated; nothing is at work for it afterwards
 *
 * Context: May sleep. vnet->lock is held.
 */
void vnet_vq_close(struct vnet_vq *vq)
{
	spin_lock_bh(&vq->lock);
	vq->worker = NULL;
	spin_unlock_bh(&vq->lock);
	kthread_cancel_work_sync(&vq->work);
	kthread_cancel_delayed_work_sync(&vq->retry);
	mdev_migrate_reader_remove(vq->vnet->mdm.memory, &vq->reader);
}

/**
 * vnet_vq_poke_locked - have the worker look at a queue
 * @vq: the queue
 *
 * Context: vq->lock is held.
 */
void vnet_vq_poke_locked(struct vnet_vq *vq)
{
	lockdep_assert_held(&vq->lock);

	if (vq->worker)
		mdev_migrate_worker_queue(vq->worker, &vq->work);
}

/**
 * vnet_vq_poke - have the worker look at a queue
 * @vq: the queue
 *
 * Context: Any but hard interrupt.
 */
void vnet_vq_poke(struct vnet_vq *vq)
{
	spin_lock_bh(&vq->lock);
	vnet_vq_poke_locked(vq);
	spin_unlock_bh(&vq->lock);
}

/* A little later, and later each time. */
static void vnet_vq_poke_later(struct vnet_vq *vq)
{
	lockdep_assert_held(&vq->mutex);

	vq->delay = clamp(2 * vq->delay, VNET_RETRY_MIN, VNET_RETRY_MAX);
	spin_lock_bh(&vq->lock);
	if (vq->worker)
		mdev_migrate_worker_queue_delayed(vq->worker, &vq->retry,
						  vq->delay);
	spin_unlock_bh(&vq->lock);
}

static void vnet_vq_unmap(struct vnet_vq *vq, unsigned int nr_areas)
{
	while (nr_areas--)
		mdev_migrate_unmap(vq->vnet->mdm.memory, &vq->maps[nr_areas]);
}

static int vnet_vq_map(struct vnet_vq *vq)
{
	unsigned int i;
	int err = 0;

	for (i = 0; i < VNET_NR_AREAS; i++) {
		if (!IS_ALIGNED(vq->addr[i], vnet_areas[i].align)) {
			vq->why = vnet_areas[i].misaligned;
			err = -EINVAL;
			break;
		}
		err = mdev_migrate_map(vq->vnet->mdm.memory, &vq->maps[i],
				       vq->addr[i],
				       vnet_ring_area_len(i, vq->size));
		if (err) {
			vq->why = vnet_areas[i].unmapped;
			break;
		}
	}
	if (err)
		vnet_vq_unmap(vq, i);
	return err;
}

static int vnet_vq_take_up(struct vnet_vq *vq)
{
	int err;

	err = vnet_vq_map(vq);
	if (err || !vq->resync)
		return err;

	err = vnet_ring_resync(vq);
	if (err)
		vnet_vq_unmap(vq, VNET_NR_AREAS);
	else
		vq->resync = false;
	return err;
}

/*
 * Make a queue live that is to be. A ring that is bad breaks the queue; a
 * shortage of memory is the host's, and passes. By the worker only: it may wait
 * for the ring's pages.
 */
static void vnet_vq_go_live(struct vnet_vq *vq)
{
	bool wanted;
	int err;

	lockdep_assert_held(&vq->mutex);

	err = vnet_vq_take_up(vq);
	vq->processor = raw_smp_processor_id();
	spin_lock_bh(&vq->lock);
	wanted = vq->wanted;
	vq->live = wanted && !err;
	spin_unlock_bh(&vq->lock);

	if (!err && !wanted)
		vnet_vq_unmap(vq, VNET_NR_AREAS);
	if (!err || !wanted)
		vq->delay = 0;
	else if (vnet_is_transient(err))
		vnet_vq_poke_later(vq);
	else
		vnet_vq_break(vq);
}

/**
 * vnet_vq_activate - begin to use a queue's ring
 * @vq: the queue, enabled, with a role
 *
 * The worker does the rest, and looks at the ring once.
 *
 * Context: May sleep. vnet->lock is held.
 */
void vnet_vq_activate(struct vnet_vq *vq)
{
	u64 features = vq->vnet->driver_features;

	lockdep_assert_held(&vq->vnet->lock);

	if (vq->wanted)
		return;

	/* Nobody keeps it for long: the queue is not wanted. */
	guard(mutex)(&vq->mutex);
	if (vq->broken)
		return;
	WRITE_ONCE(vq->role, vnet_vq_role(vq));
	vq->event_idx = features & BIT_ULL(VIRTIO_RING_F_EVENT_IDX);
	vq->indirect = features & BIT_ULL(VIRTIO_RING_F_INDIRECT_DESC);
	vq->mergeable = features & BIT_ULL(VIRTIO_NET_F_MRG_RXBUF);
	vq->hdr_len = features & BIT_ULL(VIRTIO_NET_F_HASH_REPORT) ?
		      VNET_HASH_HDR_LEN : VNET_HDR_LEN;
	vq->signalled_valid = false;
	vq->delay = 0;

	spin_lock_bh(&vq->lock);
	vq->wanted = true;
	vnet_vq_poke_locked(vq);
	spin_unlock_bh(&vq->lock);
}

/* Its worker has seen, or will see, that the queue is not wanted any more. */
static bool vnet_vq_is_quiet(struct vnet_vq *vq)
{
	if (!mutex_trylock(&vq->mutex))
		return false;
	mutex_unlock(&vq->mutex);
	return true;
}

/* It exists for as long as vnet->lock is held. */
static void vnet_vq_interrupt(struct vnet_vq *vq)
{
	struct mdev_migrate_worker *worker;

	spin_lock_bh(&vq->lock);
	worker = vq->worker;
	spin_unlock_bh(&vq->lock);
	if (worker)
		mdev_migrate_worker_interrupt(worker);
}

/*
 * A worker may wait for a page, with the mutex held: it is to give up then, and
 * whatever it goes on to wait for. Returns how many still have to.
 */
static unsigned int vnet_vqs_hush(struct vnet *vnet, unsigned long *which,
				  bool interrupt)
{
	unsigned int i;

	for_each_set_bit(i, which, VNET_MAX_QUEUES) {
		struct vnet_vq *vq = &vnet->vqs[i];

		if (vnet_vq_is_quiet(vq))
			__clear_bit(i, which);
		else if (interrupt && READ_ONCE(vq->role) == VNET_CTRL)
			/* A command may wait for each of the others. */
			mdev_migrate_worker_pause(vnet->mdm.memory);
		else if (interrupt)
			vnet_vq_interrupt(vq);
	}
	return bitmap_weight(which, VNET_MAX_QUEUES);
}

/* What the guest was given is shown to it, if its ring is there. */
static void vnet_vq_flush(struct vnet_vq *vq)
{
	struct vnet_ring ring;

	mdev_migrate_reader_enter(&vq->reader);
	if (!vq->broken && vnet_ring_get(vq, &ring))
		vnet_ring_flush(vq, &ring);
	mdev_migrate_reader_exit(&vq->reader);
	vq->staged = 0;
	vq->kept = 0;
}

static void vnet_vq_let_go(struct vnet_vq *vq)
{
	guard(mutex)(&vq->mutex);
	if (!vq->live)
		return;
	spin_lock_bh(&vq->lock);
	vq->live = false;
	spin_unlock_bh(&vq->lock);
	vnet_vq_flush(vq);
	vnet_vq_unmap(vq, VNET_NR_AREAS);
}

/**
 * vnet_vqs_deactivate - end the use of queues' rings
 * @vnet: the device
 * @which: the queues, a bit each; those that are not in use do not matter
 *
 * First all of them come to rest, and then the rings are unpinned: that takes
 * locks of the backend, which it holds over the page faults of a queue that runs.
 *
 * Context: May sleep. vnet->lock is held.
 */
void vnet_vqs_deactivate(struct vnet *vnet, const unsigned long *which)
{
	DECLARE_BITMAP(used, VNET_MAX_QUEUES) = {};
	DECLARE_BITMAP(loud, VNET_MAX_QUEUES);
	unsigned int i, tries;

	lockdep_assert_held(&vnet->lock);

	for_each_set_bit(i, which, VNET_MAX_QUEUES) {
		struct vnet_vq *vq = &vnet->vqs[i];

		if (!vq->wanted)
			continue;
		__set_bit(i, used);
		spin_lock_bh(&vq->lock);
		vq->wanted = false;
		spin_unlock_bh(&vq->lock);
	}
	bitmap_copy(loud, used, VNET_MAX_QUEUES);
	for (tries = 0; vnet_vqs_hush(vnet, loud, tries >= VNET_PATIENCE); tries++)
		usleep_range(50, 200);
	for_each_set_bit(i, used, VNET_MAX_QUEUES)
		vnet_vq_let_go(&vnet->vqs[i]);
}

/**
 * vnet_vq_deactivate - end the use of a queue's ring
 * @vq: the queue
 *
 * Context: As vnet_vqs_deactivate().
 */
void vnet_vq_deactivate(struct vnet_vq *vq)
{
	DECLARE_BITMAP(which, VNET_MAX_QUEUES) = {};

	__set_bit(vq->index, which);
	vnet_vqs_deactivate(vq->vnet, which);
}

/**
 * vnet_vq_reset - bring a queue to its state after power-on
 * @vq: the queue, deactivated
 *
 * Context: May sleep. vnet->lock is held.
 */
void vnet_vq_reset(struct vnet_vq *vq)
{
	lockdep_assert_held(&vq->vnet->lock);

	guard(mutex)(&vq->mutex);
	WARN_ON_ONCE(vq->wanted || vq->live);
	vq->size = VNET_QUEUE_SIZE;
	WRITE_ONCE(vq->vector, VIRTIO_MSI_NO_VECTOR);
	vq->enabled = false;
	vq->resync = false;
	memset(vq->addr, 0, sizeof(vq->addr));
	vq->next = 0;
	vq->staged = 0;
	vq->kept = 0;

	spin_lock_bh(&vq->lock);
	vq->accepting = false;
	vq->broken = false;
	spin_unlock_bh(&vq->lock);
	vnet_rx_purge(vq);
}

/**
 * vnet_vq_bad - say what is wrong with a queue's ring
 * @vq: the queue
 * @why: what
 *
 * Return: -EINVAL.
 */
int vnet_vq_bad(struct vnet_vq *vq, const char *why)
{
	vq->why = why;
	return -EINVAL;
}

/**
 * vnet_vq_break - stop a queue whose ring is bad until the device is reset
 * @vq: the queue; vq->why says what is wrong
 *
 * Context: Any. The caller uses the ring, or is about to activate it.
 */
void vnet_vq_break(struct vnet_vq *vq)
{
	struct vnet *vnet = vq->vnet;

	if (vq->broken)
		return;
	WRITE_ONCE(vq->broken, true);
	/* No guest or VMM writes to the host's log at its own rate. */
	if (!xchg(&vnet->told, true) && net_ratelimit())
		netdev_info(vnet->netdev, "queue %u: %s, stopped until the guest resets the device\n",
			    vq->index, vq->why);
	else
		netdev_dbg(vnet->netdev, "queue %u: %s, stopped until the guest resets the device\n",
			   vq->index, vq->why);
	vnet_irq_needs_reset(vnet);
}

/**
 * vnet_vq_usable - can the queue's ring be used?
 * @vq: the queue
 *
 * Context: vq->mutex or vq->lock is held.
 * Return: whether.
 */
bool vnet_vq_usable(const struct vnet_vq *vq)
{
	return vq->live && !READ_ONCE(vq->broken);
}

/* vq->mutex is held; let go of if the queue is not to be used now. */
static bool vnet_vq_begin(struct vnet_vq *vq)
	__cond_releases(false, &vq->mutex)
{
	lockdep_assert_held(&vq->mutex);
	spin_lock_bh(&vq->lock);
	vq->busy = vq->wanted && vnet_vq_usable(vq);
	spin_unlock_bh(&vq->lock);
	if (vq->busy)
		return true;
	mutex_unlock(&vq->mutex);
	return false;
}

static bool vnet_vq_try_claim(struct vnet_vq *vq)
	__cond_acquires(true, &vq->mutex)
{
	return mutex_trylock(&vq->mutex) && vnet_vq_begin(vq);
}

/**
 * vnet_vq_claim - take the right to use a queue's ring and sleep
 * @vq: the queue
 *
 * Makes it live first, if it is to be.
 *
 * Context: May sleep; the worker.
 * Return: true, with vq->mutex held: then vnet_vq_release() or vnet_vq_finish()
 * must follow; false if the queue is not to be used now.
 */
bool vnet_vq_claim(struct vnet_vq *vq)
{
	bool go;

	mutex_lock(&vq->mutex);
	spin_lock_bh(&vq->lock);
	go = vq->wanted && !vq->live && !READ_ONCE(vq->broken);
	spin_unlock_bh(&vq->lock);
	if (go)
		vnet_vq_go_live(vq);
	return vnet_vq_begin(vq);
}

/**
 * vnet_vq_release - end what vnet_vq_claim() began
 * @vq: the queue
 */
void vnet_vq_release(struct vnet_vq *vq)
{
	lockdep_assert_held(&vq->mutex);
	spin_lock_bh(&vq->lock);
	vq->busy = false;
	spin_unlock_bh(&vq->lock);
	mutex_unlock(&vq->mutex);
}

/**
 * vnet_vq_finish - end what vnet_vq_claim() began, and see to what is to follow
 * @vq: the queue
 * @ret: positive if there is more to do; 0; or an error
 *
 * An error that may pass brings another try a little later, and no guest can
 * keep the worker busy with these. Another error breaks the queue.
 */
void vnet_vq_finish(struct vnet_vq *vq, int ret)
{
	if (vnet_is_transient(ret))
		vnet_vq_poke_later(vq);
	else if (ret < 0)
		vnet_vq_break(vq);
	else
		vq->delay = 0;
	vnet_vq_release(vq);
	if (ret > 0)
		vnet_vq_poke(vq);
}

/**
 * vnet_vq_kick - the driver notifies a queue
 * @vnet: the device
 * @index: which queue; any number
 *
 * A kick while the queue is not live is kept by activation, which looks at the
 * ring in any case.
 */
void vnet_vq_kick(struct vnet *vnet, unsigned int index)
{
	struct vnet_vq *vq;

	if (index >= vnet->nr_queues)
		return;
	vq = &vnet->vqs[array_index_nospec(index, vnet->nr_queues)];
	if (READ_ONCE(vq->role) == VNET_TX && vnet_vq_try_claim(vq)) {
		if (vq->role == VNET_TX) {
			vnet_tx_kick(vq);
			return;
		}
		vnet_vq_release(vq);
	}
	vnet_vq_poke(vq);
}
