// SPDX-License-Identifier: GPL-2.0-only
/*
 * The VFIO v2 migration state machine: the arcs that vfio_mig_get_next_state()
 * asks for, as a table.
 *
 * A device cannot tell peer-to-peer DMA from other DMA, so that the P2P states
 * stop all of it: a model is stopped on the way into them and started on the
 * way out of them towards RUNNING or PRE_COPY.
 */
#include <linux/file.h>
#include <linux/slab.h>

#include "migration.h"

static const char * const state_names[VFIO_DEVICE_STATE_NR] = {
	[VFIO_DEVICE_STATE_ERROR] = "error",
	[VFIO_DEVICE_STATE_STOP] = "stop",
	[VFIO_DEVICE_STATE_RUNNING] = "running",
	[VFIO_DEVICE_STATE_STOP_COPY] = "stop_copy",
	[VFIO_DEVICE_STATE_RESUMING] = "resuming",
	[VFIO_DEVICE_STATE_RUNNING_P2P] = "running_p2p",
	[VFIO_DEVICE_STATE_PRE_COPY] = "pre_copy",
	[VFIO_DEVICE_STATE_PRE_COPY_P2P] = "pre_copy_p2p",
};

/**
 * mdm_migration_state_name - a state's name, as migration/state shows it
 * @state: the state
 *
 * Return: the name.
 */
const char *mdm_migration_state_name(enum vfio_device_mig_state state)
{
	return state < ARRAY_SIZE(state_names) ? state_names[state] : "unknown";
}

static void set_state(struct mdev_migrate_device *mdm,
		      enum vfio_device_mig_state state)
{
	lockdep_assert_held(&mdm->mig->state_lock);
	if (mdm->mig->state == state)
		return;
	WRITE_ONCE(mdm->mig->state, state);
	mdm_sysfs_state_changed(&mdm->desc);
}

static void end_session(struct mdev_migrate_device *mdm)
{
	lockdep_assert_held(&mdm->mig->state_lock);
	if (!mdm->mig->session)
		return;
	mdm_session_end(mdm->mig->session);
	mdm->mig->session = NULL;
}

/* The arcs: each moves the device, and changes nothing if it fails. */

static int arc_stop(struct mdev_migrate_device *mdm, struct file **filp)
{
	int ret;

	ret = mdm->drv->ops->stop(mdm);
	if (ret)
		return mdev_migrate_refuse(&mdm->desc, ret,
					   "the device could not be stopped");
	mdev_migrate_pci_stop(mdm->pci);
	return 0;
}

static int arc_start(struct mdev_migrate_device *mdm, struct file **filp)
{
	mdev_migrate_pci_start(mdm->pci);
	mdm->drv->ops->start(mdm);
	return 0;
}

static int arc_none(struct mdev_migrate_device *mdm, struct file **filp)
{
	return 0;
}

static int arc_precopy_begin(struct mdev_migrate_device *mdm,
			     struct file **filp)
{
	struct mdm_session *session;

	mdm_error_clear(&mdm->desc);
	session = mdm_saving_begin(mdm, filp);
	if (IS_ERR(session))
		return mdev_migrate_refuse(&mdm->desc, PTR_ERR(session),
					   "no data transfer session could be made");
	mdm_saving_set_precopy(session, true);
	mdm->mig->session = session;
	mdev_migrate_memory_set_saving(mdm->memory, true);
	return 0;
}

static int arc_precopy_end(struct mdev_migrate_device *mdm, struct file **filp)
{
	end_session(mdm);
	mdev_migrate_memory_set_saving(mdm->memory, false);
	return 0;
}

static int arc_precopy_stop_copy(struct mdev_migrate_device *mdm,
				 struct file **filp)
{
	int ret;

	ret = mdm_saving_stop_copy(mdm->mig->session);
	if (!ret)
		mdev_migrate_memory_set_saving(mdm->memory, false);
	return ret;
}

static int arc_stop_copy_begin(struct mdev_migrate_device *mdm,
			       struct file **filp)
{
	struct mdm_session *session;
	int ret;

	mdm_error_clear(&mdm->desc);
	session = mdm_saving_begin(mdm, filp);
	if (IS_ERR(session))
		return mdev_migrate_refuse(&mdm->desc, PTR_ERR(session),
					   "no data transfer session could be made");
	ret = mdm_saving_stop_copy(session);
	if (ret) {
		mdm_session_end(session);
		fput(*filp);
		*filp = NULL;
		return ret;
	}
	mdm->mig->session = session;
	return 0;
}

static int arc_stop_copy_end(struct mdev_migrate_device *mdm,
			     struct file **filp)
{
	end_session(mdm);
	return 0;
}

static int arc_resuming_begin(struct mdev_migrate_device *mdm,
			      struct file **filp)
{
	struct mdm_session *session;

	mdm_error_clear(&mdm->desc);
	session = mdm_resuming_begin(mdm, filp);
	if (IS_ERR(session))
		return mdev_migrate_refuse(&mdm->desc, PTR_ERR(session),
					   "no data transfer session could be made");
	mdm->mig->session = session;
	return 0;
}

static int arc_resuming_end(struct mdev_migrate_device *mdm,
			    struct file **filp)
{
	int ret;

	ret = mdm_resuming_finish(mdm->mig->session);
	if (!ret)
		end_session(mdm);
	return ret;
}

#define STATE(name)	VFIO_DEVICE_STATE_##name

static const struct mdm_arc {
	enum vfio_device_mig_state from;
	enum vfio_device_mig_state to;
	int (*move)(struct mdev_migrate_device *mdm, struct file **filp);
} arcs[] = {
	{ STATE(RUNNING),	STATE(RUNNING_P2P),	arc_stop },
	{ STATE(RUNNING_P2P),	STATE(RUNNING),		arc_start },
	{ STATE(RUNNING_P2P),	STATE(STOP),		arc_none },
	{ STATE(STOP),		STATE(RUNNING_P2P),	arc_none },
	{ STATE(RUNNING),	STATE(PRE_COPY),	arc_precopy_begin },
	{ STATE(RUNNING_P2P),	STATE(PRE_COPY_P2P),	arc_precopy_begin },
	{ STATE(PRE_COPY),	STATE(RUNNING),		arc_precopy_end },
	{ STATE(PRE_COPY_P2P),	STATE(RUNNING_P2P),	arc_precopy_end },
	{ STATE(PRE_COPY),	STATE(PRE_COPY_P2P),	arc_stop },
	{ STATE(PRE_COPY_P2P),	STATE(PRE_COPY),	arc_start },
	{ STATE(PRE_COPY_P2P),	STATE(STOP_COPY),	arc_precopy_stop_copy },
	{ STATE(STOP),		STATE(STOP_COPY),	arc_stop_copy_begin },
	{ STATE(STOP_COPY),	STATE(STOP),		arc_stop_copy_end },
	{ STATE(STOP),		STATE(RESUMING),	arc_resuming_begin },
	{ STATE(RESUMING),	STATE(STOP),		arc_resuming_end },
};

static const struct mdm_arc *find_arc(enum vfio_device_mig_state from,
				      enum vfio_device_mig_state to)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(arcs); i++) {
		if (arcs[i].from == from && arcs[i].to == to)
			return &arcs[i];
	}
	return NULL;
}

/* One arc towards @target. */
static int step(struct mdev_migrate_device *mdm,
		enum vfio_device_mig_state target, struct file **filp)
{
	enum vfio_device_mig_state state = mdm->mig->state, next;
	const struct mdm_arc *arc;
	int ret;

	/* vfio_mig_get_next_state() warns about an ERROR it is given. */
	if (state == VFIO_DEVICE_STATE_ERROR)
		return -EINVAL;
	ret = vfio_mig_get_next_state(&mdm->vdev, state, target, &next);
	if (ret)
		return ret;
	arc = find_arc(state, next);
	if (WARN_ON(!arc))
		return -EINVAL;
	ret = arc->move(mdm, filp);
	if (!ret)
		set_state(mdm, next);
	return ret;
}

static struct file *mdm_set_state(struct vfio_device *vdev,
				  enum vfio_device_mig_state target)
{
	struct mdev_migrate_device *mdm = to_mdm(vdev);
	struct mdm_migration *mig = mdm->mig;
	struct file *filp = NULL;
	int ret = 0;

	if (target == VFIO_DEVICE_STATE_ERROR)
		return ERR_PTR(-EINVAL);
	guard(mutex)(&mig->state_lock);
	while (mig->state != target) {
		/* A session's beginning is the end of every path. */
		if (WARN_ON(filp)) {
			fput(filp);
			return ERR_PTR(-EINVAL);
		}
		ret = step(mdm, target, &filp);
		if (ret)
			return ERR_PTR(ret);
	}
	return filp;
}

static int mdm_get_state(struct vfio_device *vdev,
			 enum vfio_device_mig_state *state)
{
	struct mdm_migration *mig = to_mdm(vdev)->mig;

	guard(mutex)(&mig->state_lock);
	*state = mig->state;
	return 0;
}

static int mdm_get_data_size(struct vfio_device *vdev, unsigned long *length)
{
	*length = mdm_migration_stop_copy_bytes(to_mdm(vdev));
	return 0;
}

const struct vfio_migration_ops mdm_migration_ops = {
	.migration_set_state = mdm_set_state,
	.migration_get_state = mdm_get_state,
	.migration_get_data_size = mdm_get_data_size,
};

/**
 * mdm_migration_state - the state, for show
 * @mdm: the device
 *
 * Context: Any; the state may have changed already.
 * Return: the state.
 */
enum vfio_device_mig_state mdm_migration_state(struct mdev_migrate_device *mdm)
{
	return READ_ONCE(mdm->mig->state);
}

/**
 * mdm_migration_sending - a saving session got on
 * @mdm: the device
 * @sending: how far it is, zeros if there is none any more
 *
 * Context: Under the session's lock.
 */
void mdm_migration_sending(struct mdev_migrate_device *mdm,
			   struct mdm_sending sending)
{
	spin_lock(&mdm->mig->size_lock);
	mdm->mig->sending = sending;
	spin_unlock(&mdm->mig->size_lock);
}

/**
 * mdm_migration_stop_copy_bytes - what stop-copy would send now
 * @mdm: the device
 *
 * Includes what pre-copy has not sent yet. Anyone can ask, through sysfs, and is
 * not to wait for what the device's user does: so the state lock is not needed.
 *
 * Context: Any but interrupts; does not sleep.
 * Return: bytes; 0 if the device is closed.
 */
size_t mdm_migration_stop_copy_bytes(struct mdev_migrate_device *mdm)
{
	struct mdm_migration *mig = mdm->mig;
	size_t bytes = 0;

	spin_lock(&mig->size_lock);
	if (mig->is_open) {
		bytes = mig->sending.active ? mig->sending.left :
					      mig->head_size;
		if (!mig->sending.complete)
			bytes += mig->frame_size +
				 mdm->drv->ops->state_size(mdm);
	}
	spin_unlock(&mig->size_lock);
	return bytes;
}

int mdm_migration_create(struct mdev_migrate_device *mdm)
{
	struct mdm_migration *mig;

	mig = kzalloc_obj(*mig, GFP_KERNEL_ACCOUNT);
	if (!mig)
		return -ENOMEM;
	mutex_init(&mig->state_lock);
	spin_lock_init(&mig->size_lock);
	mig->state = VFIO_DEVICE_STATE_RUNNING;
	mdm->mig = mig;
	return 0;
}

void mdm_migration_destroy(struct mdev_migrate_device *mdm)
{
	mutex_destroy(&mdm->mig->state_lock);
	kfree(mdm->mig);
	mdm->mig = NULL;
}

/* From here on until it is taken back the model is asked for its size. */
static void set_open(struct mdm_migration *mig, bool is_open)
{
	lockdep_assert_held(&mig->state_lock);
	spin_lock(&mig->size_lock);
	mig->is_open = is_open;
	spin_unlock(&mig->size_lock);
}

/**
 * mdm_migration_open - the device is being opened
 * @mdm: the device; its parts are there
 *
 * Return: 0, or what the model's open() says.
 */
int mdm_migration_open(struct mdev_migrate_device *mdm)
{
	int ret;

	guard(mutex)(&mdm->mig->state_lock);
	ret = mdm->drv->ops->open(mdm);
	if (ret)
		return ret;
	/* The model has said how many vectors there are. */
	ret = mdev_migrate_pci_open(mdm->pci);
	if (ret) {
		mdm->drv->ops->close(mdm);
		return ret;
	}
	mdm->mig->head_size = mdm_saving_head_size(mdm);
	mdm->mig->frame_size = mdm_saving_frame_size(mdm);
	set_open(mdm->mig, true);
	return 0;
}

/**
 * mdm_migration_close - the device is being closed, in whatever state
 * @mdm: the device
 */
void mdm_migration_close(struct mdev_migrate_device *mdm)
{
	guard(mutex)(&mdm->mig->state_lock);
	end_session(mdm);
	set_open(mdm->mig, false);
	mdm->drv->ops->close(mdm);
	set_state(mdm, VFIO_DEVICE_STATE_RUNNING);
}

/**
 * mdm_migration_reset - VFIO_DEVICE_RESET
 * @mdm: the device, open, in whatever state
 *
 * Waits for an arc under way; arcs never wait for userspace.
 */
void mdm_migration_reset(struct mdev_migrate_device *mdm)
{
	guard(mutex)(&mdm->mig->state_lock);
	end_session(mdm);
	mdev_migrate_memory_set_saving(mdm->memory, false);
	mdm->drv->ops->reset(mdm);
	mdev_migrate_pci_reset(mdm->pci);
	set_state(mdm, VFIO_DEVICE_STATE_RUNNING);
}
