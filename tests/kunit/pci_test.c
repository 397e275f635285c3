// SPDX-License-Identifier: GPL-2.0-only
/* Which PCI functions can be. Part of under_test.c: what refuses them also warns. */
#include <kunit/test.h>
#include <linux/sizes.h>

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
	KUNIT_CASE(test_msix_bar),
	{}
};

static struct kunit_suite pci_suite = {
	.name = "mdev_migrate_pci",
	.test_cases = pci_cases,
};

kunit_test_suite(pci_suite);
