// SPDX-License-Identifier: GPL-2.0-only
/*
 * Migration of a device: what it asks for is of the model and of the PCI function.
 * In the stream the function's records come before the model's; it is taken over
 * before the model is, and reset after it.
 */
#include <linux/slab.h>

#include "frame.h"

/* A PCI function's. Whether there must be MSI-X follows from the device. */
enum { PCI_CONFIG, PCI_MSIX, NR_PCI };

static const struct mdev_migrate_record_type pci_records[NR_PCI] = {
	[PCI_CONFIG] = { MDEV_MIGRATE_TAG_PCI_CONFIG,
			 .max_length = PCI_CFG_SPACE_SIZE, .required = true },
	[PCI_MSIX] = { MDEV_MIGRATE_TAG_PCI_MSIX, .max_length = SZ_64K },
};

/**
 * struct mdm_records - a device's records, and what one stream has of the function
 * @cfg: configuration space, if a session has loaded it
 * @msix: MSI-X table and pending bits, likewise, or NULL
 * @shadow: the model's, from load_begin() to load_end()
 * @nr: how many types of records
 * @types: the model's, then the function's
 *
 * A device has one session at a time: what is loaded is guarded by its lock.
 */
struct mdm_records {
	u8 cfg[PCI_CFG_SPACE_SIZE];
	struct mdev_migrate_pci_msix *msix;
	void *shadow;
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

static int frame_stop(struct mdev_migrate_migration *mig)
{
	struct mdev_migrate_device *mdm = device_of(mig);
	int ret;

	ret = mdm->drv->ops->stop(mdm);
	if (!ret)
		mdev_migrate_pci_stop(mdm->pci);
	return ret;
}

static void frame_start(struct mdev_migrate_migration *mig)
{
	struct mdev_migrate_device *mdm = device_of(mig);

	mdev_migrate_pci_start(mdm->pci);
	mdm->drv->ops->start(mdm);
}

static void frame_set_saving(struct mdev_migrate_migration *mig, bool saving)
{
	mdev_migrate_memory_set_saving(device_of(mig)->memory, saving);
}

static size_t frame_state_size(struct mdev_migrate_migration *mig)
{
	struct mdev_migrate_device *mdm = device_of(mig);
	size_t msix = mdev_migrate_pci_msix_size(mdm->pci);
	size_t size = sizeof(struct mdev_migrate_record_hdr) +
		      PCI_CFG_SPACE_SIZE;

	if (msix)
		size += sizeof(struct mdev_migrate_record_hdr) + msix;
	return size + mdm->drv->ops->state_size(mdm);
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

static int frame_save(struct mdev_migrate_migration *mig,
		      struct mdev_migrate_writer *writer)
{
	struct mdev_migrate_device *mdm = device_of(mig);
	int ret;

	ret = save_config(mdm, writer);
	if (!ret)
		ret = save_msix(mdm, writer);
	return ret ?: mdm->drv->ops->save(mdm, writer);
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

static void frame_load_commit(struct mdev_migrate_migration *mig, void *data)
{
	struct mdev_migrate_device *mdm = device_of(mig);
	struct mdm_records *records = data;

	mdev_migrate_pci_load(mdm->pci, records->cfg, records->msix);
	mdm->drv->ops->load_commit(mdm, records->shadow);
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

static const struct mdev_migrate_migration_ops frame_ops = {
	.open = frame_open,
	.close = frame_close,
	.reset = frame_reset,
	.stop = frame_stop,
	.start = frame_start,
	.set_saving = frame_set_saving,
	.state_size = frame_state_size,
	.save = frame_save,
	.load_begin = frame_load_begin,
	.load_record = frame_load_record,
	.load_check = frame_load_check,
	.load_commit = frame_load_commit,
	.load_end = frame_load_end,
};

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
					  &frame_ops, records->types,
					  records->nr);
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
