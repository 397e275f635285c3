/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An emulated PCI function of a VFIO device: configuration space, the MSI-X
 * table, BAR accesses and interrupts as VFIO's user sees them. Whoever uses it
 * needs nothing else of mdev_migrate.
 *
 * While the device is being opened, describe the function with
 * mdev_migrate_pci_init() and mdev_migrate_pci_add_cap(), then call
 * mdev_migrate_pci_open(). When it is closed call mdev_migrate_pci_close().
 */
#ifndef _LINUX_MDEV_MIGRATE_PCI_H
#define _LINUX_MDEV_MIGRATE_PCI_H

#include <linux/mdev_migrate/config.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>
#include <uapi/linux/mdev_migrate.h>

struct kthread_work;
struct mdev_migrate_pci;
struct mdev_migrate_worker;

/**
 * struct mdev_migrate_pci_bar - a memory BAR
 * @size: bytes, a power of two of at least 16, or 0 for no BAR
 * @is_64bit: takes the following BAR's place too
 * @prefetchable: reads have no side effects
 */
struct mdev_migrate_pci_bar {
	u64 size;
	bool is_64bit;
	bool prefetchable;
};

/**
 * struct mdev_migrate_pci_desc - the PCI function a model shows
 * @vendor: vendor id
 * @device: device id
 * @subsystem_vendor: subsystem vendor id
 * @subsystem_device: subsystem device id
 * @revision: revision id
 * @class: class code, 24 bits
 * @intx: has an INTx line (pin A)
 * @bars: the BARs
 * @msix_vectors: MSI-X vectors, 0 for no MSI-X
 * @msix_bar: the BAR that holds the table and, from its middle on, the pending
 *	bits; the helper serves it alone
 */
struct mdev_migrate_pci_desc {
	u16 vendor;
	u16 device;
	u16 subsystem_vendor;
	u16 subsystem_device;
	u8 revision;
	u32 class;
	bool intx;
	struct mdev_migrate_pci_bar bars[PCI_STD_NUM_BARS];
	unsigned int msix_vectors;
	unsigned int msix_bar;
};

/**
 * struct mdev_migrate_pci_ops - what the driver of a PCI function does
 *
 * @bar_read to @command run at any time while the device is open, and
 * concurrently with each other. They may sleep.
 *
 * @bar_read: read @len (1, 2, 4 or 8) bytes at the naturally aligned @offset
 *	of BAR @bar. Never called for the MSI-X table and pending bits.
 *	Mandatory.
 * @bar_write: likewise write. Mandatory.
 * @cfg_read: configuration space at @offset is about to be read; a
 *	capability that is a window fills it with mdev_migrate_pci_set().
 * @cfg_write: configuration space was written at [@offset, @offset + @len).
 * @command: the PCI command register changed from @old to @new. Of changes at
 *	the same time each is told of, but not in the order in which they were
 *	made: see mdev_migrate_pci_command().
 * @worker_create: make a thread that works for the device, in the context of
 *	the device's user: it unmasks the INTx line. Returns what the next two
 *	take, or an ERR_PTR(). Mandatory.
 * @worker_queue: give it something to do, from any context. Returns false if it
 *	had it to do already. Mandatory.
 * @worker_destroy: end it; what it has to do is done. Mandatory.
 *
 * mdev_migrate_worker_create(), mdev_migrate_worker_queue() and
 * mdev_migrate_worker_destroy() are such workers.
 */
struct mdev_migrate_pci_ops {
	u64 (*bar_read)(void *context, unsigned int bar, u64 offset,
			unsigned int len);
	void (*bar_write)(void *context, unsigned int bar, u64 offset,
			  unsigned int len, u64 value);
	void (*cfg_read)(void *context, unsigned int offset, unsigned int len);
	void (*cfg_write)(void *context, unsigned int offset,
			  unsigned int len);
	void (*command)(void *context, u16 old, u16 new);
	struct mdev_migrate_worker *(*worker_create)(void *context,
						     const char *name);
	bool (*worker_queue)(struct mdev_migrate_worker *worker,
			     struct kthread_work *work);
	void (*worker_destroy)(struct mdev_migrate_worker *worker);
};

/* config.c */
struct mdev_migrate_pci *
mdev_migrate_pci_create(const struct mdev_migrate_pci_ops *ops, void *context);
void mdev_migrate_pci_destroy(struct mdev_migrate_pci *pci);
int mdev_migrate_pci_init(struct mdev_migrate_pci *pci,
			  const struct mdev_migrate_pci_desc *desc);
int mdev_migrate_pci_add_cap(struct mdev_migrate_pci *pci, u8 id,
			     const void *body, const void *wmask, size_t len);
u16 mdev_migrate_pci_command(struct mdev_migrate_pci *pci);
void mdev_migrate_pci_get(struct mdev_migrate_pci *pci, unsigned int offset,
			  void *buf, size_t len);
void mdev_migrate_pci_set(struct mdev_migrate_pci *pci, unsigned int offset,
			  const void *buf, size_t len);
void mdev_migrate_pci_reset(struct mdev_migrate_pci *pci);

/* irq.c */
int mdev_migrate_pci_open(struct mdev_migrate_pci *pci);
void mdev_migrate_pci_close(struct mdev_migrate_pci *pci);
void mdev_migrate_pci_stop(struct mdev_migrate_pci *pci);
void mdev_migrate_pci_start(struct mdev_migrate_pci *pci);
bool mdev_migrate_pci_request(struct mdev_migrate_pci *pci);
void mdev_migrate_msix_raise(struct mdev_migrate_pci *pci, unsigned int vector);
void mdev_migrate_intx_set(struct mdev_migrate_pci *pci, bool level);
bool mdev_migrate_msix_enabled(struct mdev_migrate_pci *pci);

/* region.c */
int mdev_migrate_pci_region_info(struct mdev_migrate_pci *pci,
				 struct vfio_region_info *info);
ssize_t mdev_migrate_pci_read(struct mdev_migrate_pci *pci, char __user *buf,
			      size_t count, loff_t *ppos);
ssize_t mdev_migrate_pci_write(struct mdev_migrate_pci *pci,
			       const char __user *buf, size_t count,
			       loff_t *ppos);

/* irq_set.c */
int mdev_migrate_pci_irq_info(struct mdev_migrate_pci *pci,
			      struct vfio_irq_info *info);
int mdev_migrate_pci_set_irqs(struct mdev_migrate_pci *pci,
			      struct vfio_irq_set *hdr, void *data);

/* state.c */
size_t mdev_migrate_pci_msix_size(const struct mdev_migrate_pci *pci);
void mdev_migrate_pci_save_msix(struct mdev_migrate_pci *pci,
				struct mdev_migrate_pci_msix *msix);
int mdev_migrate_pci_check_config(const struct mdev_migrate_pci *pci,
				  const void *data, size_t length,
				  struct mdev_migrate_msg *why);
int mdev_migrate_pci_check_msix(const struct mdev_migrate_pci *pci,
				const struct mdev_migrate_pci_msix *msix,
				size_t length, struct mdev_migrate_msg *why);
void mdev_migrate_pci_load(struct mdev_migrate_pci *pci, const void *config,
			   const struct mdev_migrate_pci_msix *msix);

#endif /* _LINUX_MDEV_MIGRATE_PCI_H */
