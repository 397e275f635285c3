/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An emulated PCI function of a VFIO device: configuration space, the MSI-X
 * table, regions and interrupts as VFIO's user sees them. Whoever uses it
 * needs nothing else of mdev_migrate.
 *
 * While the device is being opened, describe the function with
 * mdev_migrate_pci_init(), mdev_migrate_pci_add_cap() and
 * mdev_migrate_pci_add_region(), then call mdev_migrate_pci_open(). When it is
 * closed call mdev_migrate_pci_close(). In between, what struct vfio_device_ops
 * has as ioctl, get_region_info_caps, read, write, mmap and request comes down
 * to one call each.
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
struct vm_area_struct;
struct vm_fault;

/**
 * struct mdev_migrate_pci_bar - a BAR
 * @size: bytes, a power of two of at least 16 (I/O: 4, and 64 KiB at most), or
 *	0 for no BAR
 * @is_io: it is in I/O space, not in memory
 * @is_64bit: takes the following BAR's place too
 * @prefetchable: reads have no side effects
 * @can_mmap: userspace can map it, in whole pages, with @bar_mmap of struct
 *	mdev_migrate_pci_ops; not an I/O BAR, nor MSI-X's
 * @areas: only these parts of it, in whole pages; stays until the device is
 *	closed
 * @nr_areas: how many, 0 if all of it can be mapped
 */
struct mdev_migrate_pci_bar {
	u64 size;
	bool is_io;
	bool is_64bit;
	bool prefetchable;
	bool can_mmap;
	const struct vfio_region_sparse_mmap_area *areas;
	unsigned int nr_areas;
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
 * @msi_vectors: MSI vectors: 1, 2, 4, 8, 16 or 32; 0 for no MSI
 * @msi_maskable: each of them has a mask bit and a pending bit
 * @msix_vectors: MSI-X vectors, 0 for no MSI-X
 * @msix_bar: the BAR that holds the table and, from its middle on, the pending
 *	bits; of 4 GiB at most; the helper serves it alone
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
	unsigned int msi_vectors;
	bool msi_maskable;
	unsigned int msix_vectors;
	unsigned int msix_bar;
};

/**
 * struct mdev_migrate_pci_region - a region beside those that VFIO knows of a PCI
 *	function
 * @type: VFIO_REGION_TYPE_* or VFIO_REGION_TYPE_PCI_VENDOR_TYPE with a vendor
 *	id; 0 for a region without VFIO_REGION_INFO_CAP_TYPE
 * @subtype: VFIO_REGION_SUBTYPE_*, or the vendor's
 * @size: bytes; whole pages if it can be mapped
 * @read: read @len (1, 2, 4 or 8) bytes at the naturally aligned @offset, or
 *	NULL if it cannot be read
 * @write: likewise write, or NULL. What cannot be written is mapped for
 *	reading only.
 * @mmap: map it, see @bar_mmap of struct mdev_migrate_pci_ops, or NULL; goes
 *	with @read
 * @areas: only these parts of it can be mapped, in whole pages; stays until
 *	the device is closed
 * @nr_areas: how many, 0 if all of it can be mapped
 *
 * The callbacks get the context of the function's ops and run when they do.
 */
struct mdev_migrate_pci_region {
	u32 type;
	u32 subtype;
	u64 size;
	u64 (*read)(void *context, u64 offset, unsigned int len);
	void (*write)(void *context, u64 offset, unsigned int len, u64 value);
	int (*mmap)(void *context, u64 offset, struct vm_area_struct *vma);
	const struct vfio_region_sparse_mmap_area *areas;
	unsigned int nr_areas;
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
 * @bar_mmap: map what begins at @offset of BAR @bar to @vma: insert pages or
 *	set vm_ops, whose fault() finds with mdev_migrate_pci_fault_offset()
 *	what is wanted. @vma is shared, lies inside of what can be mapped and
 *	does not grow. Under mmap_lock: takes no lock under which userspace's
 *	memory is accessed. Returns 0 or a negative errno.
 * @cfg_read: configuration space at @offset is about to be read; a
 *	capability that is a window fills it with mdev_migrate_pci_set().
 * @cfg_write: configuration space was written at [@offset, @offset + @len).
 * @command: the PCI command register changed from @old to @new. Of changes at
 *	the same time each is told of, but not in the order in which they were
 *	made: see mdev_migrate_pci_command().
 * @reset: VFIO_DEVICE_RESET: reset the device, the function too:
 *	mdev_migrate_pci_reset(). Without it there is no such ioctl.
 * @worker_create: make a thread that works for the device, in the context of
 *	the device's user: it unmasks the INTx line when an eventfd says so, or
 *	signals eventfds when that takes long.
 *	Returns what the next two take, or an ERR_PTR().
 * @worker_queue: give it something to do, from any context. Returns false if it
 *	had it to do already.
 * @worker_destroy: end it; what it has to do is done.
 *
 * mdev_migrate_worker_create(), mdev_migrate_worker_queue() and
 * mdev_migrate_worker_destroy() are such workers. Without workers userspace
 * gets -ENOTTY when it wants an eventfd to unmask the line, and does it with
 * VFIO_DEVICE_SET_IRQS; and who raises an interrupt signals the eventfd, however
 * many wait for it.
 */
struct mdev_migrate_pci_ops {
	u64 (*bar_read)(void *context, unsigned int bar, u64 offset,
			unsigned int len);
	void (*bar_write)(void *context, unsigned int bar, u64 offset,
			  unsigned int len, u64 value);
	int (*bar_mmap)(void *context, unsigned int bar, u64 offset,
			struct vm_area_struct *vma);
	void (*cfg_read)(void *context, unsigned int offset, unsigned int len);
	void (*cfg_write)(void *context, unsigned int offset,
			  unsigned int len);
	void (*command)(void *context, u16 old, u16 new);
	void (*reset)(void *context);
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

/* msi.c */
unsigned int mdev_migrate_msi_vectors(struct mdev_migrate_pci *pci);

/* irq.c */
int mdev_migrate_pci_open(struct mdev_migrate_pci *pci);
void mdev_migrate_pci_close(struct mdev_migrate_pci *pci);
void mdev_migrate_pci_stop(struct mdev_migrate_pci *pci);
void mdev_migrate_pci_start(struct mdev_migrate_pci *pci);
bool mdev_migrate_pci_request(struct mdev_migrate_pci *pci);
void mdev_migrate_msi_raise(struct mdev_migrate_pci *pci, unsigned int vector);
void mdev_migrate_msix_raise(struct mdev_migrate_pci *pci, unsigned int vector);
void mdev_migrate_intx_set(struct mdev_migrate_pci *pci, bool level);
bool mdev_migrate_msix_enabled(struct mdev_migrate_pci *pci);

/* region.c */
int mdev_migrate_pci_add_region(struct mdev_migrate_pci *pci,
				const struct mdev_migrate_pci_region *region);
int mdev_migrate_pci_region_info(struct mdev_migrate_pci *pci,
				 struct vfio_region_info *info,
				 struct vfio_info_cap *caps);
ssize_t mdev_migrate_pci_read(struct mdev_migrate_pci *pci, char __user *buf,
			      size_t count, loff_t *ppos);
ssize_t mdev_migrate_pci_write(struct mdev_migrate_pci *pci,
			       const char __user *buf, size_t count,
			       loff_t *ppos);

/* mmap.c */
int mdev_migrate_pci_mmap(struct mdev_migrate_pci *pci,
			  struct vm_area_struct *vma);
u64 mdev_migrate_pci_fault_offset(const struct vm_fault *vmf);

/* ioctl.c */
long mdev_migrate_pci_ioctl(struct mdev_migrate_pci *pci, unsigned int cmd,
			    unsigned long arg);

/* state.c */
const struct mdev_migrate_pci_desc *
mdev_migrate_pci_desc(const struct mdev_migrate_pci *pci);
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
