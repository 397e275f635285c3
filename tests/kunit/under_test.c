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
#include "error.c"
#include "irq.c"
#include "irq_unmask.c"
#include "pci.c"
#include "pci_msix.c"
#include "dma.c"
#include "cache.c"
#include "pin.c"
#include "marks.c"
#include "unmap.c"
#include "drop.c"
#include "calls.c"
#include "strays.c"
#include "owners.c"
#include "map.c"
#include "dirty.c"
#include "worker.c"
#include "session.c"
#include "save.c"
#include "resume.c"
#include "fsm.c"

void mdm_sysfs_state_changed(struct mdev_migrate_device *mdm)
{
}

#include "calls_test.c"
#include "unmap_test.c"

MODULE_DESCRIPTION("KUnit tests of mdev_migrate");
MODULE_LICENSE("GPL");
MODULE_IMPORT_NS("IOMMUFD");
