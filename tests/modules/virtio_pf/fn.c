// SPDX-License-Identifier: GPL-2.0-only
/* A function: reset, interrupts, and what is done with the buffers of its queues. */
#include <linux/interrupt.h>
#include <linux/irqdesc.h>

#include "virtio_pf.h"

/* Buffers that are being worked on; below vpf_lock, as all is. */
u8 vpf_in[VPF_BUFFER];
static u8 answer[VPF_BUFFER];

void vpf_queue_reset(struct vpf_queue *q, unsigned int index)
{
	*q = (struct vpf_queue) {
		.size = VPF_QUEUE_SIZE,
		.vector = VIRTIO_MSI_NO_VECTOR,
		.notify_off = index,
		.notify_data = index,
	};
}

void vpf_reset(struct vpf_fn *fn)
{
	unsigned int i;

	memset(&fn->st, 0, sizeof(fn->st));
	fn->st.vector = VIRTIO_MSI_NO_VECTOR;
	for (i = 0; i < ARRAY_SIZE(fn->st.q); i++)
		vpf_queue_reset(&fn->st.q[i], i);
	vpf_net_reset(fn, &fn->st.net);
	fn->pending = 0;
	fn->intx = false;
	fn->isr = 0;
	if (!fn->nr)
		vpf_admin_reset();
}

void vpf_kick(struct vpf_fn *fn)
{
	schedule_work(&fn->work);
}

/* Interrupts go out of the worker, which holds no lock then. */
void vpf_raise(struct vpf_fn *fn, u16 vector, u8 isr)
{
	lockdep_assert_held(&vpf_lock);
	fn->isr |= isr;
	if (vector < vpf_nr_vectors(fn))
		fn->pending |= BIT(vector);
	fn->intx = !fn->nr;
	vpf_kick(fn);
}

void vpf_config_changed(struct vpf_fn *fn)
{
	fn->generation++;
	if (fn->st.status & VIRTIO_CONFIG_S_DRIVER_OK)
		vpf_raise(fn, fn->st.vector, VIRTIO_PCI_ISR_CONFIG);
}

/* The driver has done what the device cannot live with. */
void vpf_broken(struct vpf_fn *fn)
{
	if (fn->st.status & VIRTIO_CONFIG_S_NEEDS_RESET)
		return;
	fn->st.status |= VIRTIO_CONFIG_S_NEEDS_RESET;
	vpf_config_changed(fn);
}

bool vpf_fn_runs(const struct vpf_fn *fn)
{
	return fn->st.status & VIRTIO_CONFIG_S_DRIVER_OK &&
	       !(fn->st.status & VIRTIO_CONFIG_S_NEEDS_RESET) && !fn->stopped;
}

/* The index of the control queue, behind the pairs that the driver knows of. */
static unsigned int control_queue(const struct vpf_fn *fn)
{
	if (!fn->nr || !vpf_has(&fn->st, VIRTIO_NET_F_CTRL_VQ))
		return VPF_QUEUES;
	return vpf_has(&fn->st, VIRTIO_NET_F_MQ) ||
	       vpf_has(&fn->st, VIRTIO_NET_F_RSS) ? 2 * vpf_nr_pairs : 2;
}

/* Does what a buffer asks for; bytes of the answer. */
static size_t serve(struct vpf_fn *fn, unsigned int index,
		    struct vpf_chain *chain)
{
	size_t hdr = vpf_net_hdr_len(fn);
	bool fits = chain->in_len <= VPF_BUFFER;

	if (index == VPF_AVQ)
		return vpf_admin(vpf_in, chain->in_len, answer,
				 min_t(size_t, chain->room, VPF_BUFFER));
	if (index == control_queue(fn)) {
		answer[0] = fits ? vpf_ctrl_command(fn, vpf_in, chain->in_len) :
				   VIRTIO_NET_ERR;
		return chain->room ? 1 : 0;
	}
	if (chain->in_len > hdr && fits)
		vpf_net_send(fn, index / 2, vpf_in + hdr, chain->in_len - hdr);
	return 0;
}

/* One buffer. 1: there may be another one. */
static int serve_one(struct vpf_fn *fn, unsigned int index)
{
	struct vpf_queue *q = &fn->st.q[index];
	struct vpf_chain chain;
	size_t len;
	u16 old;
	int ret;

	lockdep_assert_held(&vpf_lock);
	if (!vpf_fn_runs(fn) || !q->enabled)
		return 0;
	old = q->used;
	ret = vpf_chain_next(fn, q, &chain, vpf_in);
	if (ret <= 0)
		return ret;
	len = serve(fn, index, &chain);
	ret = vpf_chain_done(&chain, answer, len);
	if (!ret && vpf_ring_needs_interrupt(fn, q, old))
		vpf_raise(fn, q->vector, 1);
	return ret ? ret : 1;
}

/* A driver's frames and commands; buffers for frames to it are left to vpf_net_send(). */
static void serve_queue(struct vpf_fn *fn, unsigned int index)
{
	unsigned long flags;
	int ret;

	do {
		raw_spin_lock_irqsave(&vpf_lock, flags);
		ret = serve_one(fn, index);
		if (ret < 0)
			vpf_broken(fn);
		raw_spin_unlock_irqrestore(&vpf_lock, flags);
		cond_resched();
	} while (ret > 0);
}

static void raise_vectors(struct vpf_fn *fn)
{
	unsigned int irqs[VPF_QUEUES + 1];
	unsigned int vector, nr = 0;
	unsigned long flags;
	bool intx;

	raw_spin_lock_irqsave(&vpf_lock, flags);
	for (vector = 0; vector < vpf_nr_vectors(fn) && !fn->stopped; vector++) {
		if (!(fn->pending & BIT(vector)) || !vpf_msix_ready(fn, vector))
			continue;
		fn->pending &= ~BIT(vector);
		/* User-mode Linux's message is the interrupt's number. */
		irqs[nr++] = fn->msix[4 * vector + 2];
	}
	intx = fn->intx;
	fn->intx = false;
	raw_spin_unlock_irqrestore(&vpf_lock, flags);
	while (nr--)
		generic_handle_irq_safe(irqs[nr]);
	if (intx)
		vpf_interrupt_owner();
}

static void work(struct work_struct *work)
{
	struct vpf_fn *fn = container_of(work, struct vpf_fn, work);
	unsigned int ctrl, i;

	if (!fn->nr) {
		serve_queue(fn, VPF_AVQ);
		serve_queue(fn, 1);
	} else {
		ctrl = control_queue(fn);
		if (ctrl < fn->nq)
			serve_queue(fn, ctrl);
		for (i = 1; i < fn->nq; i += 2)
			serve_queue(fn, i);
	}
	raise_vectors(fn);
}

static void take_up(struct vpf_fn *fn)
{
	unsigned int i;

	for (i = 0; i < fn->nq; i++) {
		struct vpf_queue *q = &fn->st.q[i];

		if (!q->enabled)
			continue;
		if (vpf_ring_resync(fn, q)) {
			vpf_broken(fn);
			return;
		}
		/* Whether the other device still told the driver is not known. */
		vpf_raise(fn, q->vector, 1);
	}
}

/*
 * Stops the device, or lets it run. Its worker does nothing by halves: what it has taken, it
 * has given back when it releases the lock.
 */
void vpf_set_mode(struct vpf_fn *fn, bool stopped)
{
	lockdep_assert_held(&vpf_lock);
	fn->stopped = stopped;
	if (stopped)
		return;
	if (fn->loaded && fn->st.status & VIRTIO_CONFIG_S_DRIVER_OK)
		take_up(fn);
	fn->loaded = false;
	vpf_kick(fn);
}

void vpf_fn_init(struct vpf_fn *fn, unsigned int nr, u64 features)
{
	static const u8 mac[ETH_ALEN] = { 0x52, 0x54, 0x00, 0x76, 0x66 };

	fn->nr = nr;
	fn->features = features;
	fn->nq = nr ? 2 * vpf_nr_pairs : 2;
	if (nr && features & BIT_ULL(VIRTIO_NET_F_CTRL_VQ))
		fn->nq++;
	fn->link = true;
	fn->identity = !nr;
	memcpy(fn->perm_mac, mac, ETH_ALEN);
	fn->perm_mac[ETH_ALEN - 1] = nr;
	INIT_WORK(&fn->work, work);
	vpf_config_init(fn);
	vpf_msix_reset(fn);
	vpf_reset(fn);
}
