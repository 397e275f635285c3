// SPDX-License-Identifier: GPL-2.0-only
/*
 * VFIO devices on the platform bus, with vfio_device_ops of their own: no mdevs, no
 * PCI functions. Each is a number, in its attribute "count", which is its state; its
 * record has the first tag that models have, as other models' have. A device keeps
 * its number when it is closed.
 */
#include <linux/mdev_migrate/migration.h>
#include <linux/module.h>
#include <linux/platform_device.h>
#include <linux/uaccess.h>
#include <linux/unaligned.h>
#include <linux/vfio.h>

#define NAME		"mdm_counter"
#define NR_DEVICES	2
#define TAG_COUNT	MDEV_MIGRATE_TAG_MODELS

static const struct mdev_migrate_range any_step[] = { { 1, 8 } };

static const struct mdev_migrate_param params[] = {
	{
		.name = "step",
		.description = "by how much it counts",
		.type = MDEV_MIGRATE_UINT,
		.off = 1,
		.allowed = any_step,
		.nr_allowed = ARRAY_SIZE(any_step),
	},
};

static const u64 v1[] = { 1 };

static const struct mdev_migrate_version versions[] = {
	{ "v1", "counts by one", v1 },
};

static const struct mdev_migrate_model model = {
	.uri = "https://mdev-migrate.org/devices/test-counter",
	.params = params,
	.nr_params = ARRAY_SIZE(params),
	.versions = versions,
	.nr_versions = ARRAY_SIZE(versions),
};

/**
 * struct counter - a device
 * @vdev: what the VFIO core sees
 * @desc: what it is
 * @mig: its migration
 * @count: its number
 * @loaded: the number that a stream has brought
 */
struct counter {
	struct vfio_device vdev;
	struct mdev_migrate_description desc;
	struct mdev_migrate_migration mig;
	u32 count;
	u32 loaded;
};

static struct counter *to_counter(struct vfio_device *vdev)
{
	return container_of(vdev, struct counter, vdev);
}

static struct counter *migrated(struct mdev_migrate_migration *mig)
{
	return container_of(mig, struct counter, mig);
}

static struct counter *described(struct mdev_migrate_description *desc)
{
	return container_of(desc, struct counter, desc);
}

static void counter_reset(struct mdev_migrate_migration *mig)
{
	WRITE_ONCE(migrated(mig)->count, 0);
}

/* It does nothing by itself. */
static int counter_stop(struct mdev_migrate_migration *mig)
{
	return 0;
}

static int counter_start(struct mdev_migrate_migration *mig)
{
	return 0;
}

static u64 counter_state_size(struct mdev_migrate_migration *mig)
{
	return sizeof(struct mdev_migrate_record_hdr) + sizeof(__le32);
	return 0;
}

static int counter_save(struct mdev_migrate_migration *mig,
			struct mdev_migrate_writer *writer)
{
	__le32 count = cpu_to_le32(READ_ONCE(migrated(mig)->count));

	return mdev_migrate_put(writer, TAG_COUNT, 0, &count, sizeof(count));
}

static int counter_load_record(struct mdev_migrate_migration *mig, void *shadow,
			       const struct mdev_migrate_record *rec)
{
	if (rec->length != sizeof(__le32))
		return mdev_migrate_refuse(mig->desc, -EINVAL,
					   "count: the stream has %u bytes, this device has 4",
					   rec->length);
	migrated(mig)->loaded = get_unaligned_le32(rec->data);
	return 0;
}

static int counter_load_commit(struct mdev_migrate_migration *mig, void *shadow)
{
	WRITE_ONCE(migrated(mig)->count, migrated(mig)->loaded);
	return 0;
}

static const struct mdev_migrate_record_type records[] = {
	{ TAG_COUNT, .max_length = sizeof(__le32), .required = true },
};

static const struct mdev_migrate_migration_ops counter_ops = {
	.reset = counter_reset,
	.stop = counter_stop,
	.start = counter_start,
	.state_size = counter_state_size,
	.save = counter_save,
	.load_record = counter_load_record,
	.load_commit = counter_load_commit,
};

static const char *show_state(struct mdev_migrate_description *desc)
{
	return mdev_migrate_migration_state_name(&described(desc)->mig);
}

static const struct mdev_migrate_description_ops description_ops = {
	.state = show_state,
};

static struct file *set_state(struct vfio_device *vdev,
			      enum vfio_device_mig_state target)
{
	return mdev_migrate_migration_set_state(&to_counter(vdev)->mig, target);
}

static int get_state(struct vfio_device *vdev,
		     enum vfio_device_mig_state *state)
{
	return mdev_migrate_migration_get_state(&to_counter(vdev)->mig, state);
}

static int get_data_size(struct vfio_device *vdev, unsigned long *length)
{
	return mdev_migrate_migration_get_data_size(&to_counter(vdev)->mig,
						    length);
}

static const struct vfio_migration_ops migration_ops = {
	.migration_set_state = set_state,
	.migration_get_state = get_state,
	.migration_get_data_size = get_data_size,
};

static int init_device(struct vfio_device *vdev)
{
	struct counter *counter = to_counter(vdev);
	int ret;

	vdev->migration_flags = MDEV_MIGRATE_MIGRATION_FLAGS;
	vdev->mig_ops = &migration_ops;
	ret = mdev_migrate_description_init(&counter->desc, vdev->dev, &model,
					    &versions[0], &description_ops);
	if (ret)
		return ret;
	mdev_migrate_description_set_type(&counter->desc,
					  MDEV_MIGRATE_STREAM_VERSION);
	ret = mdev_migrate_migration_init(&counter->mig, vdev, &counter->desc,
					  &counter_ops, records,
					  ARRAY_SIZE(records));
	if (ret)
		mdev_migrate_description_destroy(&counter->desc);
	return ret;
}

static void release_device(struct vfio_device *vdev)
{
	struct counter *counter = to_counter(vdev);

	mdev_migrate_migration_destroy(&counter->mig);
	mdev_migrate_description_destroy(&counter->desc);
}

static int open_device(struct vfio_device *vdev)
{
	struct counter *counter = to_counter(vdev);
	int ret;

	mdev_migrate_description_set_open(&counter->desc, true);
	ret = mdev_migrate_migration_open(&counter->mig);
	if (ret)
		mdev_migrate_description_set_open(&counter->desc, false);
	return ret;
}

static void close_device(struct vfio_device *vdev)
{
	struct counter *counter = to_counter(vdev);

	mdev_migrate_migration_close(&counter->mig);
	mdev_migrate_description_set_open(&counter->desc, false);
}

static long get_info(struct vfio_device_info __user *arg)
{
	const size_t minsz = offsetofend(struct vfio_device_info, num_irqs);
	struct vfio_device_info info;

	if (copy_from_user(&info, arg, minsz))
		return -EFAULT;
	if (info.argsz < minsz)
		return -EINVAL;
	info.flags = VFIO_DEVICE_FLAGS_RESET;
	info.num_regions = 0;
	info.num_irqs = 0;
	return copy_to_user(arg, &info, minsz) ? -EFAULT : 0;
}

static long ioctl_device(struct vfio_device *vdev, unsigned int cmd,
			 unsigned long arg)
{
	switch (cmd) {
	case VFIO_DEVICE_GET_INFO:
		return get_info((void __user *)arg);
	case VFIO_DEVICE_RESET:
		mdev_migrate_migration_reset(&to_counter(vdev)->mig);
		return 0;
	default:
		return -ENOTTY;
	}
}

static const struct vfio_device_ops vfio_ops = {
	.name = NAME,
	.init = init_device,
	.release = release_device,
	.bind_iommufd = vfio_iommufd_emulated_bind,
	.unbind_iommufd = vfio_iommufd_emulated_unbind,
	.attach_ioas = vfio_iommufd_emulated_attach_ioas,
	.detach_ioas = vfio_iommufd_emulated_detach_ioas,
	.open_device = open_device,
	.close_device = close_device,
	.ioctl = ioctl_device,
};

static ssize_t count_show(struct device *dev, struct device_attribute *attr,
			  char *buf)
{
	struct counter *counter = dev_get_drvdata(dev);

	return sysfs_emit(buf, "%u\n", READ_ONCE(counter->count));
}

static ssize_t count_store(struct device *dev, struct device_attribute *attr,
			   const char *buf, size_t count)
{
	struct counter *counter = dev_get_drvdata(dev);
	u32 value;
	int ret;

	ret = kstrtou32(buf, 0, &value);
	if (ret)
		return ret;
	WRITE_ONCE(counter->count, value);
	return count;
}
static DEVICE_ATTR_RW(count);

static struct attribute *counter_attrs[] = {
	&dev_attr_count.attr,
	NULL,
};
ATTRIBUTE_GROUPS(counter);

/* Waits for whoever has it open. */
static void counter_remove(void *data)
{
	struct counter *counter = data;

	vfio_unregister_group_dev(&counter->vdev);
	mdev_migrate_description_remove(&counter->desc);
	vfio_put_device(&counter->vdev);
}

static int counter_probe(struct platform_device *pdev)
{
	struct counter *counter;
	int ret;

	counter = vfio_alloc_device(counter, vdev, &pdev->dev, &vfio_ops);
	if (IS_ERR(counter))
		return PTR_ERR(counter);
	platform_set_drvdata(pdev, counter);
	ret = mdev_migrate_description_add(&counter->desc);
	if (ret)
		goto put;
	ret = vfio_register_emulated_iommu_dev(&counter->vdev);
	if (ret)
		goto remove;
	return devm_add_action_or_reset(&pdev->dev, counter_remove, counter);

remove:
	mdev_migrate_description_remove(&counter->desc);
put:
	vfio_put_device(&counter->vdev);
	return ret;
}

/* The IOMMU group is VFIO's own. */
static struct platform_driver counter_driver = {
	.probe = counter_probe,
	.driver_managed_dma = true,
	.driver = {
		.name = NAME,
		.dev_groups = counter_groups,
	},
};

static struct platform_device *devices[NR_DEVICES];

static void remove_devices(unsigned int nr)
{
	while (nr--)
		platform_device_unregister(devices[nr]);
}

static int __init counter_init(void)
{
	unsigned int i;
	int ret;

	ret = platform_driver_register(&counter_driver);
	if (ret)
		return ret;
	for (i = 0; i < NR_DEVICES; i++) {
		devices[i] = platform_device_register_simple(NAME, i, NULL, 0);
		if (IS_ERR(devices[i])) {
			ret = PTR_ERR(devices[i]);
			remove_devices(i);
			platform_driver_unregister(&counter_driver);
			return ret;
		}
	}
	return 0;
}
module_init(counter_init);

static void __exit counter_exit(void)
{
	remove_devices(NR_DEVICES);
	platform_driver_unregister(&counter_driver);
}
module_exit(counter_exit);

MODULE_DESCRIPTION("Test devices that are VFIO's and no mdevs");
MODULE_LICENSE("GPL");
