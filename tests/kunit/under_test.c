// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is tested, from the same files as in mdev_migrate.ko; here nothing is
 * exported, so that both modules can be loaded.
 */
#include <linux/export.h>
#include <linux/module.h>

#undef EXPORT_SYMBOL_GPL
#define EXPORT_SYMBOL_GPL(symbol)

#include "codec/msg.c"
#include "codec/param.c"
#include "codec/config.c"
#include "codec/stream.c"
#include "codec/blob.c"
#include "codec/pages.c"
#include "codec/xxh64.c"
#include "description/description.c"
#include "description/error.c"
#include "description/pool.c"
#include "pci/irq.c"
#include "pci/irq_signal.c"
#include "pci/irq_unmask.c"
#include "pci/config.c"
#include "pci/state.c"
#include "pci/msix.c"
#include "pci/msi.c"
#include "pci/mmap.c"
#include "pci/region.c"
#include "pci/irq_set.c"
#include "pci/ioctl.c"
#include "backend.h"
#include "memory/dma.c"
#include "memory/cache.c"
#include "memory/fill.c"
#include "memory/pin.c"
#include "memory/marks.c"
#include "memory/unmap.c"
#include "memory/drop.c"
#include "memory/calls.c"
#include "memory/strays.c"
#include "memory/owners.c"
#include "memory/map.c"
#include "memory/pinned.c"
#include "memory/dirty.c"
#include "memory/worker.c"
#include "migration/session.c"
#include "migration/writer.c"
#include "migration/save.c"
#include "migration/save_file.c"
#include "migration/records.c"
#include "migration/resume.c"
#include "migration/fsm.c"
#define KUNIT_UNDER_TEST
#include "mappings.h"
#include "ram/alloc.c"
#include "ram/file.c"
#include "ram/map.c"
#include "ram/put.c"
#include "ram/load.c"

void mdm_sysfs_state_changed(struct mdev_migrate_description *desc)
{
}

#include "calls_test.c"
#include "unmap_test.c"
#include "log_test.c"
#include "memory_test.c"
#include "memory_fail_test.c"
#include "pci_test.c"

MODULE_DESCRIPTION("KUnit tests of mdev_migrate");
MODULE_LICENSE("GPL");
MODULE_IMPORT_NS("IOMMUFD");
