// SPDX-License-Identifier: GPL-2.0-only
/*
 * mdev_pattern: memory that changes by itself, and misbehaves on request, for who tests
 * migration. See Documentation/devices/pattern.rst and, for a walk through this file,
 * Documentation/driver-api/pattern.rst.
 */
#include <linux/mdev_migrate.h>
#include <linux/module.h>

#define WINDOW		SZ_64K
#define PER_MIB		(SZ_1M / MDEV_MIGRATE_PAGE)
#define WORDS		(MDEV_MIGRATE_PAGE / sizeof(__le64))
#define BATCH		64	/* pages that are written at once */
#define MEMORY_BAR	2	/* beside the registers and their window, BAR 0 */

/* The first words of a page behind the memory, which is state like the memory. */
enum { REG_SIZE, REG_COUNT, REG_LOST, REG_WINDOW };

static const struct mdev_migrate_range memory_sizes[] = { { 1, 4096 } };

static const struct mdev_migrate_param params[] = {
	{
		.name = "memory-mib",
		.description = "MiB of memory",
		.type = MDEV_MIGRATE_UINT,
		.off = 1,
		.allowed = memory_sizes, .nr_allowed = ARRAY_SIZE(memory_sizes),
	},
};

/* A released version never changes. */
static const u64 v1[] = { 64 };

static const struct mdev_migrate_version versions[] = {
	{ "v1", "64 MiB of memory that changes by itself", v1 },
};

static const struct mdev_migrate_model model = {
	.uri = "https://mdev-migrate.org/devices/pattern",
	.params = params,
	.nr_params = ARRAY_SIZE(params),
	.versions = versions,
	.nr_versions = ARRAY_SIZE(versions),
};

/* A step of the migration's state machine that takes long, and fails. */
struct step {
	enum vfio_device_mig_state from, to;
	u32 ms, error;
};

/*
 * A device. @ram.lock guards what follows @area, but for @step: anybody may read that, and is
 * not to wait for a fault of the device's user.
 */
struct pattern {
	struct mdev_migrate_device mdm;
	struct mdev_migrate_worker *worker;	/* writes to the memory */
	struct kthread_delayed_work tick;
	struct mdev_migrate_ram ram;
	struct vfio_region_sparse_mmap_area area; /* not its last page, the registers */
	bool running;				/* the worker may write, */
	u64 since;				/* and has until then, in ns */
	u32 rate;				/* attributes: MiB/s that it writes */
	u32 stall;				/* ms that read() waits for a chunk */
	u32 spoil;				/* save what no device loads */
	struct step step;
	spinlock_t step_lock;			/* step */
};

static struct pattern *to_pattern(struct mdev_migrate_device *mdm)
{
	return container_of(mdm, struct pattern, mdm);
}

static u32 nr_pages(struct pattern *pat)
{
	return pat->mdm.desc.config.values[0] * PER_MIB;
}

static u64 size_of(struct pattern *pat)
{
	return (u64)nr_pages(pat) * MDEV_MIGRATE_PAGE;
}

/* Numbers that no page had before: so each page tells which write it is from. */
static bool write_page(struct pattern *pat)
{
	__le64 *regs = mdev_migrate_ram_page(&pat->ram, nr_pages(pat)), *page;
	u64 count = regs ? le64_to_cpu(regs[REG_COUNT]) : 0;
	u32 nr, i;

	div_u64_rem(count, nr_pages(pat), &nr);
	page = mdev_migrate_ram_page(&pat->ram, nr);
	if (!regs || !page)
		return false;
	regs[REG_COUNT] = cpu_to_le64(++count);
	for (i = 0; i < WORDS; i++)
		page[i] = cpu_to_le64(count * WORDS + i);
	return true;
}

static void tick(struct kthread_work *work)
{
	struct pattern *pat = container_of(work, struct pattern, tick.work);
	u64 now = ktime_get_ns(), past, due, n = 0;

	guard(mutex)(&pat->ram.lock);
	if (!pat->running || !pat->rate)
		return;
	/* What it has missed for want of a processor is not made up for. */
	past = min_t(u64, now - pat->since, NSEC_PER_SEC / 10);
	due = div_u64(past * pat->rate * PER_MIB, NSEC_PER_SEC);
	while (n < min_t(u64, due, BATCH) && write_page(pat))
		n++;
	pat->since = now - past + div_u64(n * NSEC_PER_SEC, pat->rate * PER_MIB);
	mdev_migrate_worker_queue_delayed(pat->worker, &pat->tick,
					  n == BATCH ? 0 : HZ / 100 ?: 1);
}

static void kick(struct pattern *pat)
{
	lockdep_assert_held(&pat->ram.lock);
	pat->since = ktime_get_ns();
	if (pat->running)
		mdev_migrate_worker_queue_delayed(pat->worker, &pat->tick, 0);
}

static void pattern_start(struct mdev_migrate_device *mdm)
{
	struct pattern *pat = to_pattern(mdm);

	/* Whatever a stream has said. */
	mdev_migrate_ram_write(&pat->ram, size_of(pat), sizeof(u64), size_of(pat));
	guard(mutex)(&pat->ram.lock);
	pat->running = true;
	kick(pat);
}

static int pattern_stop(struct mdev_migrate_device *mdm)
{
	struct pattern *pat = to_pattern(mdm);

	scoped_guard(mutex, &pat->ram.lock)
		pat->running = false;
	kthread_cancel_delayed_work_sync(&pat->tick);
	return 0;
}

static int pattern_init(struct mdev_migrate_device *mdm)
{
	spin_lock_init(&to_pattern(mdm)->step_lock);
	mdm->ram = &to_pattern(mdm)->ram;
	mdev_migrate_ram_init(mdm->ram, &mdm->mig, MDEV_MIGRATE_TAG_PATTERN_PAGES);
	return 0;
}

static void pattern_reset(struct mdev_migrate_device *mdm)
{
	mdev_migrate_ram_clear(&to_pattern(mdm)->ram);
	pattern_start(mdm);
}

static int pattern_open(struct mdev_migrate_device *mdm)
{
	struct pattern *pat = to_pattern(mdm);
	const struct mdev_migrate_pci_desc function = {
		.vendor = 0x1af4,
		.device = 0x10f0, /* for experiments: QEMU's docs/specs/pci-ids.rst */
		.class = 0x058000, /* memory controller */
		.bars[0] = { .size = 2 * WINDOW },
		.bars[MEMORY_BAR] = { .size = roundup_pow_of_two(size_of(pat)), .is_64bit = true,
				      .prefetchable = true, .can_mmap = true,
				      .areas = &pat->area, .nr_areas = 1 },
	};
	int ret;

	pat->area.size = size_of(pat);
	ret = mdev_migrate_pci_init(mdm->pci, &function) ?:
	      mdev_migrate_ram_open(&pat->ram, size_of(pat) + MDEV_MIGRATE_PAGE);
	if (ret)
		return ret;
	pat->worker = mdev_migrate_worker_create(mdm->memory, "pattern");
	if (IS_ERR(pat->worker)) {
		mdev_migrate_ram_close(&pat->ram);
		return PTR_ERR(pat->worker);
	}
	kthread_init_delayed_work(&pat->tick, tick);
	pattern_reset(mdm);
	return 0;
}

static void pattern_close(struct mdev_migrate_device *mdm)
{
	pattern_stop(mdm);
	mdev_migrate_worker_destroy(to_pattern(mdm)->worker);
	mdev_migrate_ram_close(&to_pattern(mdm)->ram);
}

/* Where in the memory a place in a BAR is; U64_MAX for nowhere. */
static u64 place_of(struct pattern *pat, unsigned int bar, u64 offset)
{
	u64 size = size_of(pat), window;

	if (bar == MEMORY_BAR)
		return offset < size ? offset : U64_MAX;
	if (offset < WINDOW)
		return offset < MDEV_MIGRATE_PAGE ? size + offset : U64_MAX;
	window = mdev_migrate_ram_read(&pat->ram, size + REG_WINDOW * sizeof(u64), sizeof(u64));
	return window < size / WINDOW ? window * WINDOW + offset - WINDOW : U64_MAX;
}

static u64 pattern_bar_read(struct mdev_migrate_device *mdm, unsigned int bar, u64 offset,
			    unsigned int len)
{
	struct pattern *pat = to_pattern(mdm);

	return mdev_migrate_ram_read(&pat->ram, place_of(pat, bar, offset), len);
}

static void pattern_bar_write(struct mdev_migrate_device *mdm, unsigned int bar, u64 offset,
			      unsigned int len, u64 value)
{
	struct pattern *pat = to_pattern(mdm);
	__le64 *regs;

	if (!bar && offset < WINDOW && offset / sizeof(u64) != REG_WINDOW)
		return;
	if (mdev_migrate_ram_write(&pat->ram, place_of(pat, bar, offset), len, value) != -ENOMEM)
		return;
	guard(mutex)(&pat->ram.lock);
	regs = mdev_migrate_ram_page(&pat->ram, nr_pages(pat));
	if (regs)
		le64_add_cpu(&regs[REG_LOST], 1);
}

static int wait_for(u32 ms)
{
	return ms && schedule_timeout_killable(msecs_to_jiffies(ms)) ? -EINTR : 0;
}

static int pattern_prepare(struct mdev_migrate_device *mdm, enum vfio_device_mig_state from,
			   enum vfio_device_mig_state to)
{
	struct pattern *pat = to_pattern(mdm);
	struct step step;

	scoped_guard(spinlock, &pat->step_lock)
		step = pat->step;
	if (step.from != from || step.to != to)
		return 0;
	if (wait_for(step.ms))
		return -EINTR;
	return !step.error ? 0 :
	       mdev_migrate_refuse(&mdm->desc, -step.error, "told to fail from %s to %s",
				   mdev_migrate_state_name(from), mdev_migrate_state_name(to));
}

static int pattern_precopy(struct mdev_migrate_device *mdm, struct mdev_migrate_writer *writer)
{
	return wait_for(READ_ONCE(to_pattern(mdm)->stall)) ?:
	       mdev_migrate_ram_put(mdm->ram, writer);
}

static int pattern_save(struct mdev_migrate_device *mdm, struct mdev_migrate_writer *writer)
{
	/* The first call is not read()'s, but belongs to the step. */
	bool reading = mdev_migrate_migration_state(&mdm->mig) == VFIO_DEVICE_STATE_STOP_COPY;
	struct pattern *pat = to_pattern(mdm);
	int ret = reading ? wait_for(READ_ONCE(pat->stall)) : 0;

	if (!ret)
		ret = mdev_migrate_ram_put(&pat->ram, writer);
	if (!ret && READ_ONCE(pat->spoil))
		ret = mdev_migrate_put(writer, MDEV_MIGRATE_TAG_PATTERN_SPOILT, 0, "", 0);
	if (ret < 0)
		mdev_migrate_ram_again(&pat->ram);
	return ret;
}

static const struct mdev_migrate_record_type records[] = {
	MDEV_MIGRATE_RAM_RECORD(MDEV_MIGRATE_TAG_PATTERN_PAGES, .required = true,
				.name = "pattern pages"),
};

static const struct mdev_migrate_ops pattern_ops = {
	.init = pattern_init,
	.open = pattern_open,
	.close = pattern_close,
	.reset = pattern_reset,
	.prepare = pattern_prepare,
	.stop = pattern_stop,
	.start = pattern_start,
	.bar_read = pattern_bar_read,
	.bar_write = pattern_bar_write,
	.bar_mmap = mdev_migrate_ram_op_bar_mmap,
	.save = pattern_save,
	.precopy = pattern_precopy,
	.records = records,
	.nr_records = ARRAY_SIZE(records),
	MDEV_MIGRATE_RAM_OPS,
};

/* An attribute that is a number of struct pattern's. */
struct number {
	struct device_attribute attr;
	size_t at;
	u32 max;
};

static u32 *number_of(struct pattern *pat, struct device_attribute *attr)
{
	return (void *)pat + container_of(attr, struct number, attr)->at;
}

static ssize_t number_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct pattern *pat = to_pattern(mdev_migrate_from_dev(dev));

	return sysfs_emit(buf, "%u\n", READ_ONCE(*number_of(pat, attr)));
}

static ssize_t number_store(struct device *dev, struct device_attribute *attr, const char *buf,
			    size_t count)
{
	struct pattern *pat = to_pattern(mdev_migrate_from_dev(dev));
	u32 value;
	int ret = kstrtou32(buf, 0, &value);

	if (ret || value > container_of(attr, struct number, attr)->max)
		return ret ?: -ERANGE;
	guard(mutex)(&pat->ram.lock);
	WRITE_ONCE(*number_of(pat, attr), value);
	kick(pat);
	return count;
}

static struct number numbers[] = {
	{ __ATTR(rate, 0644, number_show, number_store), offsetof(struct pattern, rate), 65536 },
	{ __ATTR(stall, 0644, number_show, number_store), offsetof(struct pattern, stall), 60000 },
	{ __ATTR(spoil, 0644, number_show, number_store), offsetof(struct pattern, spoil), 1 },
};

static ssize_t reinit_store(struct device *dev, struct device_attribute *attr, const char *buf,
			    size_t count)
{
	mdev_migrate_ram_again(&to_pattern(mdev_migrate_from_dev(dev))->ram);
	return count;
}
static DEVICE_ATTR_WO(reinit);

static ssize_t step_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct pattern *pat = to_pattern(mdev_migrate_from_dev(dev));
	struct step step;

	scoped_guard(spinlock, &pat->step_lock)
		step = pat->step;
	return step.from == step.to ? sysfs_emit(buf, "none\n") :
	       sysfs_emit(buf, "%s %s %u %u\n", mdev_migrate_state_name(step.from),
			  mdev_migrate_state_name(step.to), step.ms, step.error);
}

/* FROM TO MS ERRNO, or "none" */
static ssize_t step_store(struct device *dev, struct device_attribute *attr, const char *buf,
			  size_t count)
{
	struct pattern *pat = to_pattern(mdev_migrate_from_dev(dev));
	char from[16], to[16];
	struct step step = {};

	if (!sysfs_streq(buf, "none")) {
		if (sscanf(buf, "%15s %15s %u %u", from, to, &step.ms, &step.error) != 4 ||
		    mdev_migrate_find_step(&pat->mdm.mig, from, to, &step.from, &step.to))
			return -EINVAL;
		if (step.ms > 60000 || step.error > EHWPOISON)
			return -ERANGE;
	}
	guard(spinlock)(&pat->step_lock);
	pat->step = step;
	return count;
}
static DEVICE_ATTR_RW(step);

static struct attribute *pattern_attrs[] = {
	&numbers[0].attr.attr, &numbers[1].attr.attr, &numbers[2].attr.attr,
	&dev_attr_reinit.attr, &dev_attr_step.attr, NULL,
};
ATTRIBUTE_GROUPS(pattern);

static struct mdev_migrate_driver pattern_driver = {
	.name = "mdev_pattern",
	.owner = THIS_MODULE,
	.model = &model,
	.ops = &pattern_ops,
	.device_size = sizeof(struct pattern),
	.max_instances = 64,
	.dev_groups = pattern_groups,
	.virtual_name = "pattern",
};
module_mdev_migrate_virtual(pattern_driver);

MODULE_DESCRIPTION("Memory that changes by itself, to test migration with");
MODULE_AUTHOR("The mdev-migrate authors");
MODULE_VERSION(MDEV_MIGRATE_VERSION);
MODULE_LICENSE("GPL");
