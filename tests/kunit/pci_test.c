// SPDX-License-Identifier: GPL-2.0-only
/*
 * PCI functions as a driver can describe them, and cannot. Part of under_test.c, since what
 * it tests is static: a description that cannot be warns.
 */
#include <kunit/test.h>
#include <linux/sizes.h>

static int pci_mmap(void *context, unsigned int bar, u64 offset,
		    struct vm_area_struct *vma)
{
	return -EINVAL;
}

static u64 pci_read(void *context, unsigned int bar, u64 offset,
		    unsigned int len)
{
	return 0;
}

static void pci_write(void *context, unsigned int bar, u64 offset,
		      unsigned int len, u64 value)
{
}

static const struct mdev_migrate_pci_ops pci_ops = {
	.bar_read = pci_read,
	.bar_write = pci_write,
	.bar_mmap = pci_mmap,
};

static const struct mdev_migrate_pci_ops pci_ops_without_mmap = {
	.bar_read = pci_read,
	.bar_write = pci_write,
};

static const struct vfio_region_sparse_mmap_area second_page[] = {
	{ .offset = PAGE_SIZE, .size = PAGE_SIZE },
};

static const struct bar_case {
	const char *name;
	unsigned int index;
	struct mdev_migrate_pci_bar bar;
	bool ok;
} bar_cases[] = {
	{ "none", 0, { }, true },
	{ "I/O", 0, { .size = 32, .is_io = true }, true },
	{ "small I/O", 0, { .size = 2, .is_io = true }, false },
	{ "I/O of 64 KiB", 5, { .size = SZ_64K, .is_io = true }, true },
	{ "large I/O", 0, { .size = SZ_128K, .is_io = true }, false },
	{ "I/O of 64 bits", 0,
	  { .size = 32, .is_io = true, .is_64bit = true }, false },
	{ "I/O that is prefetchable", 0,
	  { .size = 32, .is_io = true, .prefetchable = true }, false },
	{ "I/O that is mapped", 0,
	  { .size = SZ_4K, .is_io = true, .can_mmap = true }, false },
	{ "memory", 0, { .size = 16 }, true },
	{ "small memory", 0, { .size = 8 }, false },
	{ "no power of two", 0, { .size = 48 }, false },
	{ "2 GiB", 0, { .size = SZ_2G }, true },
	{ "4 GiB", 0, { .size = SZ_4G }, false },
	{ "4 GiB of 64 bits", 0, { .size = SZ_4G, .is_64bit = true }, true },
	{ "more than VFIO has", 0,
	  { .size = MDM_INDEX_TO_OFFSET(2), .is_64bit = true }, false },
	{ "64 bits at the end", 5, { .size = SZ_4K, .is_64bit = true }, false },
	{ "64 bits in front of another", 2,
	  { .size = SZ_4K, .is_64bit = true }, false },
	{ "mapped", 0, { .size = SZ_4K, .can_mmap = true }, true },
	{ "half a page", 0, { .size = PAGE_SIZE / 2, .can_mmap = true },
	  false },
	{ "mapped, with MSI-X", 3, { .size = SZ_4K, .can_mmap = true }, false },
	{ "mapped in part", 0,
	  { .size = 4 * PAGE_SIZE, .can_mmap = true, .areas = second_page,
	    .nr_areas = 1 }, true },
	{ "mapped beyond its end", 0,
	  { .size = PAGE_SIZE, .can_mmap = true, .areas = second_page,
	    .nr_areas = 1 }, false },
	{ "parts, and not mapped", 0,
	  { .size = 4 * PAGE_SIZE, .areas = second_page, .nr_areas = 1 },
	  false },
};

static void bar_case_name(const struct bar_case *c, char *desc)
{
	strscpy(desc, c->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(bar, bar_cases, bar_case_name);

static void pci_bars(struct kunit *test)
{
	const struct bar_case *c = test->param_value;
	struct mdev_migrate_pci *pci;

	pci = mdev_migrate_pci_create(&pci_ops, NULL);
	KUNIT_ASSERT_NOT_NULL(test, pci);
	/* BAR 3 is MSI-X's. */
	pci->desc.bars[3].size = SZ_4K;
	pci->desc.msix_bar = 3;
	pci->desc.msix_vectors = 1;
	pci->desc.bars[c->index] = c->bar;
	KUNIT_EXPECT_EQ(test, bar_ok(pci, c->index), c->ok);
	/* What cannot be mapped without the driver. */
	pci->ops = &pci_ops_without_mmap;
	KUNIT_EXPECT_EQ(test, bar_ok(pci, c->index),
			c->ok && !c->bar.can_mmap);
	mdev_migrate_pci_destroy(pci);
}

static void pci_areas(struct kunit *test)
{
	static const struct {
		u64 offset, size;
		bool ok;
	} cases[] = {
		{ 0, PAGE_SIZE, true }, { 3 * PAGE_SIZE, PAGE_SIZE, true },
		{ 0, 4 * PAGE_SIZE, true }, { 0, 0, false },
		{ 4 * PAGE_SIZE, PAGE_SIZE, false },
		{ ~0ULL << PAGE_SHIFT, PAGE_SIZE, false },
		{ PAGE_SIZE, 4 * PAGE_SIZE, false }, { 1, PAGE_SIZE, false },
		{ 0, PAGE_SIZE + 1, false }, { 512, 512, false },
	};
	struct vfio_region_sparse_mmap_area areas[] = {
		{ .offset = 0, .size = PAGE_SIZE }, { },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		areas[1].offset = cases[i].offset;
		areas[1].size = cases[i].size;
		KUNIT_EXPECT_EQ_MSG(test, mdm_areas_ok(areas, 2, 4 * PAGE_SIZE),
				    cases[i].ok, "case %u", i);
	}
	KUNIT_EXPECT_TRUE(test, mdm_areas_ok(NULL, 0, PAGE_SIZE));
	KUNIT_EXPECT_FALSE(test, mdm_areas_ok(NULL, 0, PAGE_SIZE + 512));
}

/* Configuration space has an end: what is behind it is not begun. */
static void pci_caps(struct kunit *test)
{
	static const struct mdev_migrate_pci_desc desc = {
		.vendor = 1, .class = 0xff0000, .bars[0].size = SZ_4K,
	};
	u8 body[PCI_CFG_SPACE_SIZE] = {}, cfg[PCI_CFG_SPACE_SIZE];
	struct mdev_migrate_pci *pci;
	unsigned int at = PCI_STD_HEADER_SIZEOF;

	pci = mdev_migrate_pci_create(&pci_ops, NULL);
	KUNIT_ASSERT_NOT_NULL(test, pci);
	KUNIT_EXPECT_EQ(test, mdev_migrate_pci_init(pci, &desc), 0);
	for (; at < PCI_CFG_SPACE_SIZE - 16; at += 16)
		KUNIT_EXPECT_EQ(test, mdev_migrate_pci_add_cap(pci,
							       PCI_CAP_ID_VNDR,
							       body, NULL, 14),
				at);
	KUNIT_EXPECT_EQ(test, mdev_migrate_pci_add_cap(pci, PCI_CAP_ID_VNDR,
						       body, NULL, 15),
			-ENOSPC);
	KUNIT_EXPECT_EQ(test, mdev_migrate_pci_add_cap(pci, PCI_CAP_ID_VNDR,
						       body, NULL, 14), at);
	KUNIT_EXPECT_EQ(test, mdev_migrate_pci_add_cap(pci, PCI_CAP_ID_VNDR,
						       body, NULL, 0),
			-ENOSPC);
	mdev_migrate_pci_get(pci, 0, cfg, sizeof(cfg));
	KUNIT_EXPECT_EQ(test, cfg[at + PCI_CAP_LIST_NEXT], 0);
	KUNIT_EXPECT_EQ(test, cfg[at - 16 + PCI_CAP_LIST_NEXT], at);
	mdev_migrate_pci_close(pci);
	mdev_migrate_pci_destroy(pci);
}

/* Neither reset nor MSI: the ioctl is not there, and no vector is used. */
static void pci_without(struct kunit *test)
{
	struct mdev_migrate_pci *pci;

	pci = mdev_migrate_pci_create(&pci_ops, NULL);
	KUNIT_ASSERT_NOT_NULL(test, pci);
	KUNIT_EXPECT_EQ(test, mdev_migrate_pci_open(pci), 0);
	KUNIT_EXPECT_EQ(test, mdev_migrate_pci_ioctl(pci, VFIO_DEVICE_RESET, 0),
			-ENOTTY);
	KUNIT_EXPECT_EQ(test, mdev_migrate_msi_vectors(pci), 0);
	/* A line that the function does not have is never asserted. */
	mdev_migrate_intx_set(pci, true);
	KUNIT_EXPECT_FALSE(test, mdm_irqs_intx_level(pci));
	mdev_migrate_pci_close(pci);
	mdev_migrate_pci_destroy(pci);
}

static bool msix_fits(unsigned int vectors, unsigned int bar, u64 size)
{
	static struct mdev_migrate_pci pci;

	pci.desc = (struct mdev_migrate_pci_desc) {
		.msix_vectors = vectors,
		.msix_bar = bar,
		.bars[2] = { .size = size, .is_64bit = true },
		.bars[4] = { .size = SZ_64K, .is_io = true },
	};
	return msix_bar_ok(&pci);
}

/* The table is in the first half of the BAR, and 32 bits say where the second begins. */
static void test_msix_bar(struct kunit *test)
{
	KUNIT_EXPECT_TRUE(test, msix_fits(128, 2, SZ_4K));
	KUNIT_EXPECT_FALSE(test, msix_fits(129, 2, SZ_4K));
	KUNIT_EXPECT_FALSE(test, msix_fits(1, 2, 16));
	KUNIT_EXPECT_TRUE(test, msix_fits(2048, 2, SZ_64K));
	KUNIT_EXPECT_FALSE(test, msix_fits(2049, 2, SZ_1M));
	KUNIT_EXPECT_TRUE(test, msix_fits(1, 2, 4ULL * SZ_1G));
	KUNIT_EXPECT_FALSE(test, msix_fits(1, 2, 8ULL * SZ_1G));
	KUNIT_EXPECT_FALSE(test, msix_fits(1, 4, SZ_64K));
	KUNIT_EXPECT_FALSE(test, msix_fits(1, PCI_STD_NUM_BARS, SZ_64K));
}

static struct kunit_case pci_cases[] = {
	KUNIT_CASE_PARAM(pci_bars, bar_gen_params),
	KUNIT_CASE(pci_areas),
	KUNIT_CASE(pci_caps),
	KUNIT_CASE(pci_without),
	KUNIT_CASE(test_msix_bar),
	{ }
};

static struct kunit_suite pci_suite = {
	.name = "mdev_migrate_pci",
	.test_cases = pci_cases,
};

kunit_test_suite(pci_suite);
