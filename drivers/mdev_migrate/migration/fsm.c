// SPDX-License-Identifier: GPL-2.0-only
/*
 * The VFIO v2 migration state machine: the arcs that vfio_mig_get_next_state()
 * asks for, as a table.
 *
 * A device cannot tell peer-to-peer DMA from other DMA, so that the P2P states
 * stop all of it: a model is stopped on the way into them and started on the
 * way out of them towards RUNNING or PRE_COPY.
 */
#include <linux/export.h>
#include <linux/file.h>

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
 * mdev_migrate_state_name - a state's name, as migration/state shows it
 * @state: the state
 *
 * Context: Any.
 * Return: the name.
 */
const char *mdev_migrate_state_name(enum vfio_device_mig_state state)
{
	return state < ARRAY_SIZE(state_names) ? state_names[state] : "unknown";
}
EXPORT_SYMBOL_GPL(mdev_migrate_state_name);

static void set_state(struct mdev_migrate_migration *mig,
		      enum vfio_device_mig_state state)
{
	lockdep_assert_held(&mig->state_lock);
	if (mig->state == state)
		return;
	WRITE_ONCE(mig->state, state);
	mdm_sysfs_state_changed(mig->desc);
}

static void end_session(struct mdev_migrate_migration *mig)
{
	lockdep_assert_held(&mig->state_lock);
	if (!mig->session)
		return;
	mdm_session_end(mig->session);
	mig->session = NULL;
}

static void set_saving(struct mdev_migrate_migration *mig, bool saving)
{
	if (mig->ops->set_saving)
		mig->ops->set_saving(mig, saving);
}

/*
 * In the pre-copy states the driver may be called for a chunk at any time, but
 * while it stops or starts the device. That can take longer than a chunk.
 */
static void pause_session(struct mdev_migrate_migration *mig, bool pause)
{
	lockdep_assert_held(&mig->state_lock);
	if (mig->session)
		mdm_saving_pause(mig->session, pause);
}

/*
 * The arcs: each moves the device, and changes nothing if it fails, but for
 * arc_resuming_end().
 */

static int arc_stop(struct mdev_migrate_migration *mig, struct file **filp)
{
	unsigned int before = mdm_error_count(mig->desc);
	int ret;

	pause_session(mig, true);
	ret = mig->ops->stop(mig);
	pause_session(mig, false);
	if (ret)
		mdm_tell(mig, ret, "the device could not be stopped", before);
	return ret;
}

static int arc_start(struct mdev_migrate_migration *mig, struct file **filp)
{
	unsigned int before = mdm_error_count(mig->desc);
	int ret;

	pause_session(mig, true);
	ret = mig->ops->start(mig);
	pause_session(mig, false);
	if (ret)
		mdm_tell(mig, ret, "the device could not be started", before);
	return ret;
}

static int arc_none(struct mdev_migrate_migration *mig, struct file **filp)
{
	return 0;
}

static int no_session(struct mdev_migrate_migration *mig, int err,
		      unsigned int before)
{
	return mdm_tell(mig, err, "no data transfer session could be made",
			before);
}

static int arc_precopy_begin(struct mdev_migrate_migration *mig,
			     struct file **filp)
{
	unsigned int before = mdm_error_count(mig->desc);
	struct mdm_session *session;

	mdm_error_clear(mig->desc);
	session = mdm_saving_begin(mig, filp);
	if (IS_ERR(session))
		return no_session(mig, PTR_ERR(session), before);
	mdm_saving_set_precopy(session, true);
	mig->session = session;
	set_saving(mig, true);
	return 0;
}

static int arc_precopy_end(struct mdev_migrate_migration *mig,
			   struct file **filp)
{
	end_session(mig);
	set_saving(mig, false);
	return 0;
}

static int arc_precopy_stop_copy(struct mdev_migrate_migration *mig,
				 struct file **filp)
{
	int ret;

	ret = mdm_saving_stop_copy(mig->session);
	if (!ret)
		set_saving(mig, false);
	return ret;
}

static int arc_stop_copy_begin(struct mdev_migrate_migration *mig,
			       struct file **filp)
{
	unsigned int before = mdm_error_count(mig->desc);
	struct mdm_session *session;
	int ret;

	mdm_error_clear(mig->desc);
	session = mdm_saving_begin(mig, filp);
	if (IS_ERR(session))
		return no_session(mig, PTR_ERR(session), before);
	ret = mdm_saving_stop_copy(session);
	if (ret) {
		mdm_session_end(session);
		fput(*filp);
		*filp = NULL;
		return ret;
	}
	mig->session = session;
	return 0;
}

static int arc_stop_copy_end(struct mdev_migrate_migration *mig,
			     struct file **filp)
{
	end_session(mig);
	return 0;
}

static int arc_resuming_begin(struct mdev_migrate_migration *mig,
			      struct file **filp)
{
	unsigned int before = mdm_error_count(mig->desc);
	struct mdm_session *session;

	mdm_error_clear(mig->desc);
	session = mdm_resuming_begin(mig, filp);
	if (IS_ERR(session))
		return no_session(mig, PTR_ERR(session), before);
	mig->session = session;
	return 0;
}

/*
 * "[...] the migration driver must fail the SET_STATE ioctl and optionally go to
 * the ERROR state" (<linux/vfio.h>): where the device cannot be as it was before.
 */
static int arc_resuming_end(struct mdev_migrate_migration *mig,
			    struct file **filp)
{
	bool broken;
	int ret;

	ret = mdm_resuming_finish(mig->session, &broken);
	if (!ret || broken)
		end_session(mig);
	if (ret && broken)
		set_state(mig, VFIO_DEVICE_STATE_ERROR);
	return ret;
}

#define STATE(name)	VFIO_DEVICE_STATE_##name

static const struct mdm_arc {
	enum vfio_device_mig_state from;
	enum vfio_device_mig_state to;
	int (*move)(struct mdev_migrate_migration *mig, struct file **filp);
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

static bool is_precopy(enum vfio_device_mig_state state)
{
	return state == VFIO_DEVICE_STATE_PRE_COPY ||
	       state == VFIO_DEVICE_STATE_PRE_COPY_P2P;
}

static enum vfio_device_mig_state state_named(const char *name)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(state_names); i++) {
		if (!strcmp(state_names[i], name))
			break;
	}
	return i;
}

/**
 * mdev_migrate_find_step - a step of the state machine, by the names of its states
 * @mig: the device's migration
 * @from_name: a state's name, as migration/state shows it
 * @to_name: another one's
 * @from: the first state
 * @to: the second one
 *
 * Context: Any.
 * Return: 0, or -EINVAL if no single step of the device's leads from the one to the other.
 */
int mdev_migrate_find_step(struct mdev_migrate_migration *mig,
			   const char *from_name, const char *to_name,
			   enum vfio_device_mig_state *from,
			   enum vfio_device_mig_state *to)
{
	*from = state_named(from_name);
	*to = state_named(to_name);
	/* A kernel or a device without pre-copy does not come to these. */
	if (!(mig->vdev->migration_flags & VFIO_MIGRATION_PRE_COPY) &&
	    (is_precopy(*from) || is_precopy(*to)))
		return -EINVAL;
	return find_arc(*from, *to) ? 0 : -EINVAL;
}
EXPORT_SYMBOL_GPL(mdev_migrate_find_step);

/* The driver has a say before anything changes. */
static int prepare(struct mdev_migrate_migration *mig,
		   enum vfio_device_mig_state next)
{
	unsigned int before = mdm_error_count(mig->desc);
	int ret;

	if (!mig->ops->prepare)
		return 0;
	ret = mig->ops->prepare(mig, mig->state, next);
	if (ret)
		mdm_tell(mig, ret, "the device is not ready for the step",
			 before);
	return ret;
}

/* One arc towards @target. */
static int step(struct mdev_migrate_migration *mig,
		enum vfio_device_mig_state target, struct file **filp)
{
	enum vfio_device_mig_state state = mig->state, next;
	const struct mdm_arc *arc;
	int ret;

	/* vfio_mig_get_next_state() warns about an ERROR it is given. */
	if (state == VFIO_DEVICE_STATE_ERROR)
		return -EINVAL;
	ret = vfio_mig_get_next_state(mig->vdev, state, target, &next);
	if (ret)
		return ret;
	arc = find_arc(state, next);
	if (WARN_ON(!arc))
		return -EINVAL;
	ret = prepare(mig, next);
	if (!ret)
		ret = arc->move(mig, filp);
	if (!ret)
		set_state(mig, next);
	return ret;
}

/**
 * mdev_migrate_migration_set_state - struct vfio_migration_ops's
 * migration_set_state()
 * @mig: the device's migration
 * @target: the state to go to
 *
 * Context: May sleep.
 * Return: the data FD's file of the session that begins, NULL, or an ERR_PTR();
 * then the device may be in a state on the way, or in VFIO_DEVICE_STATE_ERROR after
 * a load that failed when there was no way back. From there only
 * mdev_migrate_migration_reset() leads on.
 */
struct file *
mdev_migrate_migration_set_state(struct mdev_migrate_migration *mig,
				 enum vfio_device_mig_state target)
{
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
		ret = step(mig, target, &filp);
		if (ret)
			return ERR_PTR(ret);
	}
	return filp;
}
EXPORT_SYMBOL_GPL(mdev_migrate_migration_set_state);

/**
 * mdev_migrate_migration_get_state - struct vfio_migration_ops's
 * migration_get_state()
 * @mig: the device's migration
 * @state: the result
 *
 * Context: May sleep; waits for an arc under way.
 * Return: 0.
 */
int mdev_migrate_migration_get_state(struct mdev_migrate_migration *mig,
				     enum vfio_device_mig_state *state)
{
	guard(mutex)(&mig->state_lock);
	*state = mig->state;
	return 0;
}
EXPORT_SYMBOL_GPL(mdev_migrate_migration_get_state);

/**
 * mdev_migrate_migration_get_data_size - struct vfio_migration_ops's
 * migration_get_data_size()
 * @mig: the device's migration
 * @length: the result, bytes
 *
 * Context: Any but interrupts; does not sleep.
 * Return: 0.
 */
int mdev_migrate_migration_get_data_size(struct mdev_migrate_migration *mig,
					 unsigned long *length)
{
	*length = min_t(u64, mdev_migrate_migration_stop_copy_bytes(mig),
			ULONG_MAX);
	return 0;
}
EXPORT_SYMBOL_GPL(mdev_migrate_migration_get_data_size);

/**
 * mdev_migrate_migration_state_name - the state, for show
 * @mig: the device's migration
 *
 * Context: Any; the state may have changed already.
 * Return: its name, as migration/state shows it.
 */
const char *
mdev_migrate_migration_state_name(const struct mdev_migrate_migration *mig)
{
	return mdev_migrate_state_name(READ_ONCE(mig->state));
}
EXPORT_SYMBOL_GPL(mdev_migrate_migration_state_name);

/**
 * mdm_migration_sending - a saving session got on
 * @mig: the device's migration
 * @sending: how far it is, zeros if there is none any more
 *
 * Context: Under the session's lock.
 */
void mdm_migration_sending(struct mdev_migrate_migration *mig,
			   struct mdm_sending sending)
{
	spin_lock(&mig->size_lock);
	mig->sending = sending;
	spin_unlock(&mig->size_lock);
}

/**
 * mdev_migrate_migration_stop_copy_bytes - what stop-copy would send now
 * @mig: the device's migration
 *
 * Includes what was put and not read yet. Anyone can ask, through sysfs, and is
 * not to wait for what the device's user does: so the state lock is not needed.
 *
 * Context: Any but interrupts; does not sleep.
 * Return: bytes; 0 if the device is closed.
 */
u64 mdev_migrate_migration_stop_copy_bytes(struct mdev_migrate_migration *mig)
{
	u64 bytes = 0;

	spin_lock(&mig->size_lock);
	if (mig->is_open) {
		bytes = mig->sending.active ? mig->sending.left :
					      mig->head_size;
		if (!mig->sending.complete)
			bytes += mig->ops->state_size(mig) + MDM_END_SIZE;
	}
	spin_unlock(&mig->size_lock);
	return bytes;
}
EXPORT_SYMBOL_GPL(mdev_migrate_migration_stop_copy_bytes);

/**
 * mdev_migrate_migration_init - make a device migratable
 * @mig: the device's migration, zeroed
 * @vdev: the device
 * @desc: what it is
 * @ops: what its driver does
 * @records: the records that it can load
 * @nr_records: how many
 *
 * The driver sets @vdev's migration_flags and mig_ops.
 *
 * Return: 0, or -EINVAL if @ops lacks something, there are too many records, or they are
 * not in order; then the log says what is wrong.
 */
int mdev_migrate_migration_init(struct mdev_migrate_migration *mig,
				struct vfio_device *vdev,
				struct mdev_migrate_description *desc,
				const struct mdev_migrate_migration_ops *ops,
				const struct mdev_migrate_record_type *records,
				unsigned int nr_records)
{
	struct mdev_migrate_msg why;
	int ret;

	if (WARN_ON(!ops->reset || !ops->stop || !ops->start ||
		    !ops->state_size || !ops->save || !ops->load_record ||
		    nr_records > MDEV_MIGRATE_MAX_RECORDS))
		return -EINVAL;
	ret = mdm_records_check(records, nr_records, true, ops->load_room,
				&why);
	if (ret) {
		dev_err(desc->dev, "%s\n", why.text);
		return ret;
	}
	mig->vdev = vdev;
	mig->desc = desc;
	mig->ops = ops;
	mig->records = records;
	mig->nr_records = nr_records;
	mutex_init(&mig->state_lock);
	spin_lock_init(&mig->size_lock);
	spin_lock_init(&mig->poke_lock);
	mig->state = VFIO_DEVICE_STATE_RUNNING;
	return 0;
}
EXPORT_SYMBOL_GPL(mdev_migrate_migration_init);

/**
 * mdev_migrate_migration_destroy - undo mdev_migrate_migration_init()
 * @mig: the device's migration; the device is closed
 */
void mdev_migrate_migration_destroy(struct mdev_migrate_migration *mig)
{
	mutex_destroy(&mig->state_lock);
}
EXPORT_SYMBOL_GPL(mdev_migrate_migration_destroy);

/* From here on until it is taken back the model is asked for its size. */
static void set_open(struct mdev_migrate_migration *mig, bool is_open)
{
	lockdep_assert_held(&mig->state_lock);
	spin_lock(&mig->size_lock);
	mig->is_open = is_open;
	spin_unlock(&mig->size_lock);
}

/**
 * mdev_migrate_migration_open - the device is being opened
 * @mig: its migration; the configuration is fixed
 *
 * Context: May sleep.
 * Return: 0, or what the driver's open() says.
 */
int mdev_migrate_migration_open(struct mdev_migrate_migration *mig)
{
	int ret;

	guard(mutex)(&mig->state_lock);
	if (mig->ops->open) {
		ret = mig->ops->open(mig);
		if (ret)
			return ret;
	}
	mig->head_size = mdm_saving_head_size(mig);
	set_open(mig, true);
	return 0;
}
EXPORT_SYMBOL_GPL(mdev_migrate_migration_open);

/**
 * mdev_migrate_migration_close - the device is being closed, in whatever state
 * @mig: its migration
 *
 * Context: May sleep.
 */
void mdev_migrate_migration_close(struct mdev_migrate_migration *mig)
{
	guard(mutex)(&mig->state_lock);
	end_session(mig);
	set_open(mig, false);
	if (mig->ops->close)
		mig->ops->close(mig);
	set_state(mig, VFIO_DEVICE_STATE_RUNNING);
}
EXPORT_SYMBOL_GPL(mdev_migrate_migration_close);

/**
 * mdev_migrate_migration_reset - VFIO_DEVICE_RESET
 * @mig: the migration of a device that is open, in whatever state
 *
 * Waits for an arc under way; arcs never wait for userspace.
 *
 * Context: May sleep.
 */
void mdev_migrate_migration_reset(struct mdev_migrate_migration *mig)
{
	guard(mutex)(&mig->state_lock);
	end_session(mig);
	set_saving(mig, false);
	mig->ops->reset(mig);
	set_state(mig, VFIO_DEVICE_STATE_RUNNING);
}
EXPORT_SYMBOL_GPL(mdev_migrate_migration_reset);
