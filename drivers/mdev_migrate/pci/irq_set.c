// SPDX-License-Identifier: GPL-2.0-only
/*
 * VFIO_DEVICE_GET_IRQ_INFO and VFIO_DEVICE_SET_IRQS, which takes and refuses what
 * vfio-pci's does, but for what Documentation/driver-api/writing-a-driver.rst says.
 */
#include <linux/bitmap.h>
#include <linux/nospec.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "pci.h"

static u32 index_count(struct mdev_migrate_pci *pci, u32 index)
{
	switch (index) {
	case VFIO_PCI_INTX_IRQ_INDEX:
		return pci->desc.intx ? 1 : 0;
	case VFIO_PCI_MSI_IRQ_INDEX:
		return pci->desc.msi_vectors;
	case VFIO_PCI_MSIX_IRQ_INDEX:
		return pci->desc.msix_vectors;
	/* The release request; and errors, without which QEMU warns about each device. */
	default:
		return 1;
	}
}

/**
 * mdm_irq_info - VFIO_DEVICE_GET_IRQ_INFO
 * @pci: the PCI function of a device that is open
 * @info: its index is given, the rest is filled
 *
 * Return: 0, or -EINVAL if there is no interrupt of that index.
 */
int mdm_irq_info(struct mdev_migrate_pci *pci, struct vfio_irq_info *info)
{
	if (info->index >= VFIO_PCI_NUM_IRQS)
		return -EINVAL;
	/* What the function does not have has a count of zero. */
	info->flags = VFIO_IRQ_INFO_EVENTFD;
	if (info->index == VFIO_PCI_INTX_IRQ_INDEX)
		info->flags |= VFIO_IRQ_INFO_MASKABLE |
			       VFIO_IRQ_INFO_AUTOMASKED;
	else
		info->flags |= VFIO_IRQ_INFO_NORESIZE;
	info->count = index_count(pci, info->index);
	return 0;
}

/* Exchange an eventfd; the caller puts what was there before. */
static struct eventfd_ctx *swap_ctx(struct mdm_irqs *irqs,
				    struct eventfd_ctx **slot,
				    struct eventfd_ctx *ctx)
{
	struct eventfd_ctx *old;

	lockdep_assert_held(&irqs->lock);
	old = *slot;
	*slot = ctx;
	return old;
}

static struct eventfd_ctx *get_ctx(s32 fd)
{
	if (fd == -1)
		return NULL;
	return fd < 0 ? ERR_PTR(-EINVAL) : eventfd_ctx_fdget(fd);
}

static void put_ctxs(struct eventfd_ctx **ctxs, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++) {
		if (!IS_ERR_OR_NULL(ctxs[i]))
			eventfd_ctx_put(ctxs[i]);
	}
	kfree(ctxs);
}

/* Either all of them are eventfds or nothing changes. */
static struct eventfd_ctx **get_ctxs(const s32 *fds, unsigned int nr)
{
	struct eventfd_ctx **ctxs;
	unsigned int i;
	int ret;

	ctxs = kcalloc(nr, sizeof(*ctxs), GFP_KERNEL);
	if (!ctxs)
		return ERR_PTR(-ENOMEM);
	for (i = 0; i < nr; i++) {
		ctxs[i] = get_ctx(fds[i]);
		if (IS_ERR(ctxs[i])) {
			ret = PTR_ERR(ctxs[i]);
			put_ctxs(ctxs, i);
			return ERR_PTR(ret);
		}
	}
	return ctxs;
}

static void vectors_disable(struct mdm_irqs *irqs, struct mdm_vectors *vectors)
{
	struct eventfd_ctx *ctx;
	unsigned int i;

	guard(mutex)(&irqs->signal_lock);
	spin_lock_irq(&irqs->lock);
	vectors->on = false;
	vectors->nr_on = 0;
	spin_unlock_irq(&irqs->lock);
	for (i = 0; i < vectors->nr; i++) {
		spin_lock_irq(&irqs->lock);
		__clear_bit(i, vectors->pending);
		ctx = swap_ctx(irqs, &vectors->ctxs[i], NULL);
		spin_unlock_irq(&irqs->lock);
		if (ctx)
			eventfd_ctx_put(ctx);
	}
}

static int vectors_eventfds(struct mdm_irqs *irqs, struct mdm_vectors *vectors,
			    u32 start, u32 count, const s32 *fds)
{
	struct eventfd_ctx **ctxs;
	u32 i;

	ctxs = get_ctxs(fds, count);
	if (IS_ERR(ctxs))
		return PTR_ERR(ctxs);
	spin_lock_irq(&irqs->lock);
	if (!vectors->on)
		vectors->nr_on = start + count;
	vectors->on = true;
	for (i = 0; i < count; i++)
		ctxs[i] = swap_ctx(irqs, &vectors->ctxs[start + i], ctxs[i]);
	spin_unlock_irq(&irqs->lock);
	mdm_irqs_flush(irqs);
	mdm_irqs_sync(irqs);
	put_ctxs(ctxs, count);
	return 0;
}

/* Userspace tests the wiring: signal, whatever the device does. */
static int signal_range(struct mdm_irqs *irqs, struct eventfd_ctx **slots,
			const struct vfio_irq_set *hdr, const u8 *bools)
{
	u32 i;

	/* Who sets eventfds up or takes them off has it, too. */
	lockdep_assert_held(&irqs->set_lock);
	for (i = 0; i < hdr->count; i++) {
		struct eventfd_ctx *ctx = slots[hdr->start + i];

		if (ctx && (!bools || bools[i]))
			eventfd_signal(ctx);
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
	}
	return 0;
}

static int vectors_trigger(struct mdm_irqs *irqs, struct mdm_vectors *vectors,
			   const struct vfio_irq_set *hdr, void *data)
{
	if (hdr->flags & VFIO_IRQ_SET_DATA_EVENTFD)
		return vectors_eventfds(irqs, vectors, hdr->start, hdr->count,
					data);
	if (hdr->flags & VFIO_IRQ_SET_DATA_BOOL)
		return signal_range(irqs, vectors->ctxs, hdr, data);
	if (!hdr->count)
		vectors_disable(irqs, vectors);
	else
		signal_range(irqs, vectors->ctxs, hdr, NULL);
	return 0;
}

/* Eventfds set MSI-X up, any vectors at any time. Before that there is nothing to do. */
static int msix_trigger(struct mdm_irqs *irqs, const struct vfio_irq_set *hdr,
			void *data)
{
	struct mdm_vectors *msix = mdm_msix(irqs);

	if (!msix->on &&
	    (!(hdr->flags & VFIO_IRQ_SET_DATA_EVENTFD) || !hdr->count))
		return -EINVAL;
	return vectors_trigger(irqs, msix, hdr, data);
}

/*
 * Eventfds set up the first so many vectors, if no other kind of interrupt is set
 * up. From then on there are no more of them (VFIO_IRQ_INFO_NORESIZE) until they
 * are disabled.
 */
static int msi_trigger(struct mdm_irqs *irqs, const struct vfio_irq_set *hdr,
		       void *data)
	__must_hold(&irqs->set_lock)
{
	bool eventfds = hdr->flags & VFIO_IRQ_SET_DATA_EVENTFD;
	struct mdm_vectors *msi = mdm_msi(irqs);
	u32 end = hdr->start + hdr->count;

	if (msi->on ? eventfds && end > msi->nr_on :
		      !eventfds || !end || irqs->intx_on ||
		      mdm_msix(irqs)->on)
		return -EINVAL;
	return vectors_trigger(irqs, msi, hdr, data);
}

/*
 * Set the one eventfd of INTx, of errors or of the release request, or take it off.
 * INTx is set up with or without one.
 */
static void set_single(struct mdm_irqs *irqs, struct eventfd_ctx **slot,
		       struct eventfd_ctx *ctx, bool on)
{
	struct mdm_unmask *unmask = NULL;

	lockdep_assert_held(&irqs->set_lock);
	spin_lock_irq(&irqs->lock);
	if (slot == &irqs->intx) {
		irqs->intx_on = on;
		irqs->intx_masked = false;
		if (!on)
			swap(unmask, irqs->unmask);
	}
	ctx = swap_ctx(irqs, slot, ctx);
	spin_unlock_irq(&irqs->lock);
	mdm_irqs_flush_intx(irqs);
	mdm_irqs_sync(irqs);
	mdm_unmask_destroy(unmask);
	if (ctx)
		eventfd_ctx_put(ctx);
}

static int single_trigger(struct mdm_irqs *irqs, struct eventfd_ctx **slot,
			  const struct vfio_irq_set *hdr, void *data)
{
	bool none = hdr->flags & VFIO_IRQ_SET_DATA_NONE;
	struct eventfd_ctx *ctx;

	if (none && !hdr->count) {
		set_single(irqs, slot, NULL, false);
		return 0;
	}
	if (!hdr->count)
		return -EINVAL;
	if (!(hdr->flags & VFIO_IRQ_SET_DATA_EVENTFD))
		return signal_range(irqs, slot, hdr, none ? NULL : data);
	ctx = get_ctx(*(s32 *)data);
	if (IS_ERR(ctx))
		return PTR_ERR(ctx);
	set_single(irqs, slot, ctx, true);
	return 0;
}

static int intx_trigger(struct mdm_irqs *irqs, const struct vfio_irq_set *hdr,
			void *data)
	__must_hold(&irqs->set_lock)
{
	if (!irqs->intx_on && !(hdr->flags & VFIO_IRQ_SET_DATA_EVENTFD))
		return -EINVAL;
	/* Only where it is. */
	return single_trigger(irqs, context_unsafe(&irqs->intx), hdr, data);
}

/* Errors and the release request. A bool may be for nobody. */
static int event_trigger(struct mdm_irqs *irqs, struct eventfd_ctx **slot,
			 const struct vfio_irq_set *hdr, void *data)
{
	if (hdr->flags & VFIO_IRQ_SET_DATA_NONE && !*slot)
		return -EINVAL;
	return single_trigger(irqs, slot, hdr, data);
}

/* -1 takes the eventfd off again. */
static int intx_unmask_eventfd(struct mdev_migrate_pci *pci, s32 fd)
{
	struct mdm_irqs *irqs = &pci->irqs;
	struct mdm_unmask *unmask = NULL;

	if (fd < -1)
		return -EINVAL;
	if (fd >= 0)
		unmask = mdm_unmask_create(pci, fd);
	if (IS_ERR(unmask))
		return PTR_ERR(unmask);
	spin_lock_irq(&irqs->lock);
	swap(unmask, irqs->unmask);
	spin_unlock_irq(&irqs->lock);
	mdm_unmask_destroy(unmask);
	return 0;
}

static int intx_mask(struct mdev_migrate_pci *pci,
		     const struct vfio_irq_set *hdr, void *data, bool mask)
{
	struct mdm_irqs *irqs = &pci->irqs;

	lockdep_assert_held(&irqs->set_lock);
	if (!irqs->intx_on || hdr->count != 1)
		return -EINVAL;
	if (hdr->flags & VFIO_IRQ_SET_DATA_EVENTFD)
		return mask ? -ENOTTY : intx_unmask_eventfd(pci, *(s32 *)data);
	if ((hdr->flags & VFIO_IRQ_SET_DATA_BOOL) && !*(u8 *)data)
		return 0;
	spin_lock_irq(&irqs->lock);
	irqs->intx_masked = mask;
	spin_unlock_irq(&irqs->lock);
	mdm_irqs_flush_intx(irqs);
	return 0;
}

static struct eventfd_ctx **event_slot(struct mdm_irqs *irqs, u32 index)
{
	/* Only where it is. */
	return context_unsafe(index == VFIO_PCI_REQ_IRQ_INDEX ? &irqs->request :
							       &irqs->error);
}

/**
 * mdm_irq_set - VFIO_DEVICE_SET_IRQS
 * @pci: the PCI function of a device that is open
 * @hdr: what to do; validated
 * @data: bools or eventfds, or NULL
 *
 * Context: May sleep; in the context of the device's user, for whose other calls it waits.
 * Return: 0, -EINVAL or -ENOTTY for what this interrupt cannot do, -EBADF or
 * -EINVAL for a file descriptor that is no eventfd, -ENOMEM; on error nothing has
 * changed.
 */
int mdm_irq_set(struct mdev_migrate_pci *pci, struct vfio_irq_set *hdr,
		void *data)
{
	u32 action = hdr->flags & VFIO_IRQ_SET_ACTION_TYPE_MASK;
	struct mdm_irqs *irqs = &pci->irqs;

	if (hweight32(action) != 1)
		return -EINVAL;
	if (action != VFIO_IRQ_SET_ACTION_TRIGGER &&
	    hdr->index != VFIO_PCI_INTX_IRQ_INDEX)
		return -ENOTTY;
	guard(mutex)(&irqs->set_lock);
	/* Fewer than there are of these, as was validated; 0 if there is none. */
	hdr->start = array_index_nospec(hdr->start,
					index_count(pci, hdr->index));
	if (hdr->index == VFIO_PCI_MSI_IRQ_INDEX)
		return msi_trigger(irqs, hdr, data);
	/* Not beside MSI. */
	if (mdm_msi(irqs)->on && (hdr->index == VFIO_PCI_INTX_IRQ_INDEX ||
				  hdr->index == VFIO_PCI_MSIX_IRQ_INDEX))
		return -EINVAL;
	if (hdr->index == VFIO_PCI_INTX_IRQ_INDEX) {
		if (action != VFIO_IRQ_SET_ACTION_TRIGGER)
			return intx_mask(pci, hdr, data,
					 action == VFIO_IRQ_SET_ACTION_MASK);
		return intx_trigger(irqs, hdr, data);
	}
	if (hdr->index == VFIO_PCI_MSIX_IRQ_INDEX)
		return msix_trigger(irqs, hdr, data);
	return event_trigger(irqs, event_slot(irqs, hdr->index), hdr, data);
}
