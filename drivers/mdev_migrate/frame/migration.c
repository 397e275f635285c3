// SPDX-License-Identifier: GPL-2.0-only
/*
 * Migration of a device: what it asks for is of the model and of the PCI function.
 * In the stream the function's records come before the model's; it is taken over
 * before the model is, and reset after it.
 */
#include <linux/slab.h>

#include "frame.h"

/* A PCI function's. Whether there must be MSI-X follows from the device. */
enum { PCI_CONFIG, PCI_MSIX, PCI_LAYOUT, NR_PCI };

static const struct mdev_migrate_record_type pci_records[NR_PCI] = {
	[PCI_CONFIG] = { MDEV_MIGRATE_TAG_PCI_CONFIG,
			 .max_length = PCI_CFG_SPACE_SIZE, .required = true },
	[PCI_MSIX] = { MDEV_MIGRATE_TAG_PCI_MSIX, .max_length = SZ_64K },
	[PCI_LAYOUT] = { MDEV_MIGRATE_TAG_PCI_LAYOUT,
			 .max_length = sizeof(struct mdev_migrate_pci_layout) },
};

/**
 * struct mdm_records - a device's records, and what one stream has of the function
 * @cfg: configuration space, if a session has loaded it
 * @msix: MSI-X table and pending bits, likewise, or NULL
 * @shadow: the model's, from load_begin() to load_end()
 * @put: the function's state is in the stream that is being saved; read at any time
 * @layout_put: likewise PCI_LAYOUT
 * @nr: how many types of records
 * @types: the model's, then the function's
 *
 * A device has one session at a time: what is loaded and saved is guarded by its
 * lock.
 */
struct mdm_records {
	u8 cfg[PCI_CFG_SPACE_SIZE];
	struct mdev_migrate_pci_msix *msix;
	void *shadow;
	bool put;
	bool layout_put;
	unsigned int nr;
	struct mdev_migrate_record_type types[];
};

static struct mdev_migrate_device *device_of(struct mdev_migrate_migration *mig)
{
	return container_of(mig, struct mdev_migrate_device, mig);
}

static struct mdm_records *records_create(const struct mdev_migrate_ops *ops)
{
	unsigned int nr = ops->nr_records + NR_PCI;
	struct mdm_records *records;

	records = kzalloc(struct_size(records, types, nr), GFP_KERNEL_ACCOUNT);
	if (!records)
		return NULL;
	records->nr = nr;
	memcpy(records->types, ops->records,
	       ops->nr_records * sizeof(*records->types));
	memcpy(records->types + ops->nr_records, pci_records,
	       sizeof(pci_records));
	return records;
}

static int frame_open(struct mdev_migrate_migration *mig)
{
	struct mdev_migrate_device *mdm = device_of(mig);
	const struct mdev_migrate_ops *ops = mdm->drv->ops;
	int ret;

	ret = ops->open(mdm);
	if (ret)
		return ret;
	/* The model has said how many vectors there are. */
	ret = mdev_migrate_pci_open(mdm->pci);
	if (ret) {
		ops->close(mdm);
		return ret;
	}
	mdm->records->types[ops->nr_records + PCI_MSIX].required =
		mdev_migrate_pci_msix_size(mdm->pci);
	return 0;
}

static void frame_close(struct mdev_migrate_migration *mig)
{
	struct mdev_migrate_device *mdm = device_of(mig);

	mdm->drv->ops->close(mdm);
}

static void frame_reset(struct mdev_migrate_migration *mig)
{
	struct mdev_migrate_device *mdm = device_of(mig);

	mdm->drv->ops->reset(mdm);
	mdev_migrate_pci_reset(mdm->pci);
}

static int frame_prepare(struct mdev_migrate_migration *mig,
			 enum vfio_device_mig_state from,
			 enum vfio_device_mig_state to)
{
	struct mdev_migrate_device *mdm = device_of(mig);

	return mdm->drv->ops->prepare ?
		       mdm->drv->ops->prepare(mdm, from, to) : 0;
}

static int frame_stop(struct mdev_migrate_migration *mig)
{
	struct mdev_migrate_device *mdm = device_of(mig);
	int ret;

	ret = mdm->drv->ops->stop(mdm);
	if (!ret)
		mdev_migrate_pci_stop(mdm->pci);
	return ret;
}

static int frame_start(struct mdev_migrate_migration *mig)
{
	struct mdev_migrate_device *mdm = device_of(mig);

	mdev_migrate_pci_start(mdm->pci);
	mdm->drv->ops->start(mdm);
	return 0;
}

static void frame_set_saving(struct mdev_migrate_migration *mig, bool saving)
{
	mdev_migrate_memory_set_saving(device_of(mig)->memory, saving);
}

static u64 frame_state_size(struct mdev_migrate_migration *mig)
{
	struct mdev_migrate_device *mdm = device_of(mig);
	size_t msix = mdev_migrate_pci_msix_size(mdm->pci);
	size_t size = sizeof(struct mdev_migrate_record_hdr) +
		      PCI_CFG_SPACE_SIZE;

	if (msix)
		size += sizeof(struct mdev_migrate_record_hdr) + msix;
	if (READ_ONCE(mdm->records->put))
		size = 0;
	return size + mdm->drv->ops->state_size(mdm);
}

static int frame_save_begin(struct mdev_migrate_migration *mig)
{
	struct mdev_migrate_device *mdm = device_of(mig);

	if (!mdm->drv->ops->save_begin)
		return 0;
	return mdm->drv->ops->save_begin(mdm);
}

static void frame_save_end(struct mdev_migrate_migration *mig)
{
	struct mdev_migrate_device *mdm = device_of(mig);

	WRITE_ONCE(mdm->records->put, false);
	mdm->records->layout_put = false;
	if (mdm->drv->ops->save_end)
		mdm->drv->ops->save_end(mdm);
}

static int save_config(struct mdev_migrate_device *mdm,
		       struct mdev_migrate_writer *writer)
{
	u8 *cfg __free(kfree) = kmalloc(PCI_CFG_SPACE_SIZE, GFP_KERNEL);

	if (!cfg)
		return -ENOMEM;
	mdev_migrate_pci_get(mdm->pci, 0, cfg, PCI_CFG_SPACE_SIZE);
	return mdev_migrate_put(writer, MDEV_MIGRATE_TAG_PCI_CONFIG, 0, cfg,
				PCI_CFG_SPACE_SIZE);
}

static int save_msix(struct mdev_migrate_device *mdm,
		     struct mdev_migrate_writer *writer)
{
	size_t size = mdev_migrate_pci_msix_size(mdm->pci);
	struct mdev_migrate_pci_msix *msix;
	int ret;

	if (!size)
		return 0;
	msix = kmalloc(size, GFP_KERNEL);
	if (!msix)
		return -ENOMEM;
	mdev_migrate_pci_save_msix(mdm->pci, msix);
	ret = mdev_migrate_put(writer, MDEV_MIGRATE_TAG_PCI_MSIX, 0, msix,
			       size);
	kfree(msix);
	return ret;
}

/* The function's records come once, before the model's first ones. */
static int frame_save(struct mdev_migrate_migration *mig,
		      struct mdev_migrate_writer *writer)
{
	struct mdev_migrate_device *mdm = device_of(mig);
	bool put = mdm->records->put;
	int ret = 0;

	if (!put) {
		ret = save_config(mdm, writer);
		if (!ret)
			ret = save_msix(mdm, writer);
	}
	if (!ret)
		ret = mdm->drv->ops->save(mdm, writer);
	/* An error takes the call back, with all that it has put. */
	WRITE_ONCE(mdm->records->put, put || ret >= 0);
	return ret;
}

static int frame_precopy(struct mdev_migrate_migration *mig,
			 struct mdev_migrate_writer *writer)
{
	struct mdev_migrate_device *mdm = device_of(mig);

	if (mdm->records->layout_put)
		return mdm->drv->ops->precopy(mdm, writer);
	/* By itself, so that it goes out before the model has anything to do. */
	mdm->records->layout_put = true;
	return mdm_layout_put(mdm, writer) ?: 1;
}

static void frame_precopy_info(struct mdev_migrate_migration *mig,
			       struct mdev_migrate_precopy_info *info)
{
	struct mdev_migrate_device *mdm = device_of(mig);

	mdm->drv->ops->precopy_info(mdm, info);
	if (!mdm->records->layout_put)
		info->initial_bytes += sizeof(struct mdev_migrate_record_hdr) +
				       sizeof(struct mdev_migrate_pci_layout);
}

static void *frame_load_begin(struct mdev_migrate_migration *mig)
{
	struct mdev_migrate_device *mdm = device_of(mig);
	const struct mdev_migrate_ops *ops = mdm->drv->ops;
	void *shadow = ops->load_begin ? ops->load_begin(mdm) : NULL;

	if (IS_ERR(shadow))
		return shadow;
	mdm->records->shadow = shadow;
	return mdm->records;
}

static int load_config(struct mdev_migrate_device *mdm,
		       const struct mdev_migrate_record *rec)
{
	struct mdev_migrate_msg why = {};
	int ret;

	ret = mdev_migrate_pci_check_config(mdm->pci, rec->data, rec->length,
					    &why);
	if (ret)
		return mdev_migrate_refuse(&mdm->desc, ret, "%s", why.text);
	memcpy(mdm->records->cfg, rec->data, PCI_CFG_SPACE_SIZE);
	return 0;
}

static int load_msix(struct mdev_migrate_device *mdm,
		     const struct mdev_migrate_record *rec)
{
	struct mdev_migrate_msg why = {};
	int ret;

	ret = mdev_migrate_pci_check_msix(mdm->pci, rec->data, rec->length,
					  &why);
	if (ret)
		return mdev_migrate_refuse(&mdm->desc, ret, "%s", why.text);
	mdm->records->msix = kmemdup(rec->data, rec->length,
				     GFP_KERNEL_ACCOUNT);
	return mdm->records->msix ? 0 : -ENOMEM;
}

static int load_layout(struct mdev_migrate_device *mdm,
		       const struct mdev_migrate_record *rec)
{
	struct mdev_migrate_msg why = {};
	int ret;

	ret = mdm_layout_check(mdm, rec->data, rec->length, &why);
	if (ret)
		return mdev_migrate_refuse(&mdm->desc, ret, "%s", why.text);
	return 0;
}

static void *frame_load_room(struct mdev_migrate_migration *mig, void *data,
			     const struct mdev_migrate_record *rec, u32 at,
			     size_t *len)
{
	struct mdev_migrate_device *mdm = device_of(mig);
	struct mdm_records *records = data;

	return mdm->drv->ops->load_room(mdm, records->shadow, rec, at, len);
}

static int frame_load_record(struct mdev_migrate_migration *mig, void *data,
			     const struct mdev_migrate_record *rec)
{
	struct mdev_migrate_device *mdm = device_of(mig);
	struct mdm_records *records = data;

	switch (rec->tag) {
	case MDEV_MIGRATE_TAG_PCI_CONFIG:
		return load_config(mdm, rec);
	case MDEV_MIGRATE_TAG_PCI_MSIX:
		return load_msix(mdm, rec);
	case MDEV_MIGRATE_TAG_PCI_LAYOUT:
		return load_layout(mdm, rec);
	default:
		return mdm->drv->ops->load_record(mdm, records->shadow, rec);
	}
}

static int frame_load_check(struct mdev_migrate_migration *mig, void *data)
{
	struct mdev_migrate_device *mdm = device_of(mig);
	struct mdm_records *records = data;

	if (!mdm->drv->ops->load_check)
		return 0;
	return mdm->drv->ops->load_check(mdm, records->shadow);
}

static int frame_load_commit(struct mdev_migrate_migration *mig, void *data)
{
	struct mdev_migrate_device *mdm = device_of(mig);
	struct mdm_records *records = data;

	mdev_migrate_pci_load(mdm->pci, records->cfg, records->msix);
	return mdm->drv->ops->load_commit ?
		       mdm->drv->ops->load_commit(mdm, records->shadow) : 0;
}

static void frame_load_end(struct mdev_migrate_migration *mig, void *data)
{
	struct mdev_migrate_device *mdm = device_of(mig);
	struct mdm_records *records = data;

	kfree(records->msix);
	records->msix = NULL;
	if (mdm->drv->ops->load_end)
		mdm->drv->ops->load_end(mdm, records->shadow);
	records->shadow = NULL;
}

#define FRAME_OPS							\
	.open = frame_open,						\
	.close = frame_close,						\
	.reset = frame_reset,						\
	.prepare = frame_prepare,					\
	.stop = frame_stop,						\
	.start = frame_start,						\
	.set_saving = frame_set_saving,					\
	.state_size = frame_state_size,					\
	.save_begin = frame_save_begin,					\
	.save = frame_save,						\
	.save_end = frame_save_end,					\
	.load_begin = frame_load_begin,					\
	.load_room = frame_load_room,					\
	.load_record = frame_load_record,				\
	.load_check = frame_load_check,					\
	.load_commit = frame_load_commit,				\
	.load_end = frame_load_end

static const struct mdev_migrate_migration_ops frame_ops = {
	FRAME_OPS,
};

/* What a model puts first is initial, unless it says what is. */
static const struct mdev_migrate_migration_ops frame_precopy_ops = {
	FRAME_OPS,
	.precopy = frame_precopy,
};

static const struct mdev_migrate_migration_ops frame_precopy_info_ops = {
	FRAME_OPS,
	.precopy = frame_precopy,
	.precopy_info = frame_precopy_info,
};

static const struct mdev_migrate_migration_ops *
choose_ops(const struct mdev_migrate_ops *ops)
{
	if (!ops->precopy)
		return &frame_ops;
	return ops->precopy_info ? &frame_precopy_info_ops : &frame_precopy_ops;
}

/**
 * mdm_migration_create - make a device migratable
 * @mdm: the device, described
 *
 * Return: 0 or a negative errno.
 */
int mdm_migration_create(struct mdev_migrate_device *mdm)
{
	struct mdm_records *records = records_create(mdm->drv->ops);
	int ret;

	if (!records)
		return -ENOMEM;
	ret = mdev_migrate_migration_init(&mdm->mig, &mdm->vdev, &mdm->desc,
					  choose_ops(mdm->drv->ops),
					  records->types, records->nr);
	if (ret)
		kfree(records);
	else
		mdm->records = records;
	return ret;
}

/**
 * mdm_migration_destroy - undo mdm_migration_create()
 * @mdm: the device, closed
 */
void mdm_migration_destroy(struct mdev_migrate_device *mdm)
{
	mdev_migrate_migration_destroy(&mdm->mig);
	kfree(mdm->records);
}

static struct file *mdm_set_state(struct vfio_device *vdev,
				  enum vfio_device_mig_state target)
{
	return mdev_migrate_migration_set_state(&to_mdm(vdev)->mig, target);
}

static int mdm_get_state(struct vfio_device *vdev,
			 enum vfio_device_mig_state *state)
{
	return mdev_migrate_migration_get_state(&to_mdm(vdev)->mig, state);
}

static int mdm_get_data_size(struct vfio_device *vdev, unsigned long *length)
{
	return mdev_migrate_migration_get_data_size(&to_mdm(vdev)->mig,
						    length);
}

const struct vfio_migration_ops mdm_migration_ops = {
	.migration_set_state = mdm_set_state,
	.migration_get_state = mdm_get_state,
	.migration_get_data_size = mdm_get_data_size,
};
