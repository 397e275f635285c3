// SPDX-License-Identifier: GPL-2.0-only
/* What each of the processes of races_device does to the card. */
#include "racers.h"
#include "vload.h"

#include <errno.h>
#include <net/if.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* Of the driver that behaves: where its rings are, pages for all of its packets. */
#define RINGS		0x20000000UL
#define PAGES		256

typedef void (*action)(struct fuzz *f);

static void any_of(struct fuzz *f, const action *actions, unsigned int nr)
{
	actions[fuzz_below(f, nr)](f);
}

/**
 * struct transfer - a data FD, used while the device goes to another state
 * @fd: the FD
 * @in: it is written to
 * @len: how much, at most
 * @stream: what was read, or is written
 */
struct transfer {
	int fd;
	bool in;
	size_t len;
	struct buf *stream;
};

static void *transfer(void *arg)
{
	struct transfer *t = arg;

	if (t->in) {
		mig_feed(t->fd, t->stream->data, t->len, 4096);
	} else {
		t->stream->len = 0;
		mig_drain(t->fd, t->stream, 4096);
	}
	return NULL;
}

/* A byte is another one, or the end is missing, or neither. */
static void spoil(struct fuzz *f, struct transfer *t)
{
	struct buf *s = t->stream;

	t->len = s->len;
	if (!s->len)
		return;
	if (fuzz_once_in(f, 4))
		t->len = fuzz_below(f, s->len);
	if (fuzz_once_in(f, 4))
		s->data[fuzz_below(f, s->len)] = fuzz_value(f);
}

static void go_on(struct fuzz *f, int fd)
{
	struct vfio_precopy_info info;

	mig_data_size(&f->p.a);
	mig_precopy_info(fd, &info);
	mig_set(&f->p.a, fuzz_below(f, NR_STATES), NULL);
	mig_get(&f->p.a);
}

/* Any state; what has a data FD then is read or written, maybe too late. */
static void any_state(struct racer *r)
{
	struct fuzz *f = &r->f;
	unsigned int state = fuzz_below(f, NR_STATES);
	struct transfer t = { .fd = -1, .stream = &f->stream };
	bool beside = fuzz_once_in(f, 2);
	pthread_t thread;

	if (fuzz_once_in(f, 3))
		state = RUNNING;
	if (mig_set(&f->p.a, state, &t.fd) || t.fd < 0)
		return;
	t.in = state == RESUMING;
	if (t.in)
		spoil(f, &t);
	if (beside && !pthread_create(&thread, NULL, transfer, &t)) {
		go_on(f, t.fd);
		pthread_join(thread, NULL);
	} else {
		transfer(&t);
		go_on(f, t.fd);
	}
	close(t.fd);
}

/* For a moment: there is little to race with in a card that does not run. */
static void states(struct racer *r)
{
	struct vdev *v = &r->f.p.a;

	any_state(r);
	if (mig_set(v, RUNNING, NULL))
		vdev_reset(v);
}

/* To the other card and back. */
static void moves(struct racer *r)
{
	fuzz_move(&r->f);
}

static void resets(struct racer *r)
{
	if (vdev_reset(&r->f.p.a))
		r->failure = "VFIO_DEVICE_RESET";
}

/* Set up, masked, triggered by hand, torn down. */
static void interrupts(struct racer *r)
{
	struct fuzz *f = &r->f;
	uint32_t index = fuzz_below(f, VFIO_PCI_NUM_IRQS);

	switch (fuzz_below(f, 8)) {
	case 0:
		vdev_irq_disable(&f->p.a, index);
		break;
	case 1:
		vdev_irq_eventfds(&f->p.a, VFIO_PCI_INTX_IRQ_INDEX, 0, 1,
				  f->events);
		break;
	case 2 ... 3:
		fuzz_msix(f);
		break;
	default:
		fuzz_irqs(f);
	}
}

static void registers(struct racer *r)
{
	static const action actions[] = {
		fuzz_common_cfg, fuzz_queue_cfg, fuzz_queue_cfg, fuzz_queue_cfg,
		fuzz_region, fuzz_region, fuzz_pci, fuzz_msix, fuzz_kick_anything,
	};
	struct fuzz *f = &r->f;

	any_of(f, actions, ARRAY_SIZE(actions));
	if (fuzz_once_in(f, 256))
		fuzz_status(f);
	if (fuzz_once_in(f, 256))
		fuzz_features(f);
}

static bool is_up(struct fuzz *f)
{
	uint8_t status = vpci_status(&f->pci);

	return status != 0xff && (status & VIRTIO_CONFIG_S_DRIVER_OK) &&
	       !(status & VIRTIO_CONFIG_S_NEEDS_RESET);
}

/* A driver that does anything. */
static void wild(struct racer *r)
{
	static const action actions[] = {
		fuzz_chain, fuzz_chain, fuzz_chain, fuzz_chain, fuzz_chain,
		fuzz_kick, fuzz_kick, fuzz_ring, fuzz_table, fuzz_payload,
	};

	if (fuzz_once_in(&r->f, 200) ||
	    (fuzz_once_in(&r->f, 8) && !is_up(&r->f)))
		fuzz_up(&r->f);
	else
		any_of(&r->f, actions, ARRAY_SIZE(actions));
}

static int make_driver(struct racer *r, struct vload *l)
{
	struct fuzz *f = &r->f;
	struct guest_mem region = {
		.va = f->mem.va + f->mem.size - PAGES * VLOAD_PAGE,
		.iova = f->mem.iova + f->mem.size - PAGES * VLOAD_PAGE,
		.size = PAGES * VLOAD_PAGE,
	};
	int ret = vload_init_in(l, &f->p.a, 1, 4, &region, RINGS);

	l->receive = true;
	if (ret || f->p.a.how != VDEV_IOMMUFD)
		return ret;
	f->p.a.ioas = r->ioas[1];
	return vdev_map(&f->p.a, &l->mem);
}

/* A driver that behaves, and so gets more packets through. */
static void busy(struct racer *r)
{
	static struct vload load;
	static bool has_rings;
	struct fuzz *f = &r->f;
	unsigned int i;

	if (!load.v && make_driver(r, &load)) {
		r->failure = "no memory for the driver";
		return;
	}
	if (!has_rings || !is_up(f) || fuzz_once_in(f, 200)) {
		mig_set(&f->p.a, RUNNING, NULL);
		has_rings = !vload_up(&load);
		if (!has_rings)
			return;
	}
	for (i = 0; i < 16; i++)
		vload_kick(&load);
}

/* Brings the card up when it has to and now and then, and has it work. */
static void guest(struct racer *r)
{
	if (r->wild)
		wild(r);
	else
		busy(r);
}

static void kicks(struct racer *r)
{
	fuzz_kick(&r->f);
}

/* A piece with rings or payload, of either address space, for a moment. */
static void memory(struct racer *r)
{
	struct fuzz *f = &r->f;
	unsigned int piece = fuzz_below(f, FUZZ_PIECES);

	f->p.a.ioas = r->ioas[fuzz_below(f, 2)];
	f->mapped[piece] = true;
	fuzz_map_piece(f, piece, false);
	usleep(fuzz_below(f, 500));
	f->mapped[piece] = false;
	fuzz_map_piece(f, piece, true);
}

static void attaches(struct racer *r)
{
	struct fuzz *f = &r->f;

	if (fuzz_once_in(f, 2))
		vdev_detach(&f->p.a);
	vdev_attach(&f->p.a, r->ioas[fuzz_below(f, 2)]);
}

static void logs(struct racer *r)
{
	static uint64_t bitmap[FUZZ_MEM / 4096 / 64];
	struct fuzz *f = &r->f;

	fuzz_log(f);
	if (f->p.a.how != VDEV_GROUP)
		return;
	switch (fuzz_below(f, 3)) {
	case 0:
		type1_dirty_start(&f->p.a);
		break;
	case 1:
		memset(bitmap, 0, sizeof(bitmap));
		type1_dirty_get(&f->p.a, f->mem.iova, f->mem.size, bitmap,
				sizeof(bitmap));
		break;
	default:
		type1_dirty_stop(&f->p.a);
	}
}

static void host(struct racer *r)
{
	static const action actions[] = {
		fuzz_host_frame, fuzz_host_frame, fuzz_host_frame,
		fuzz_host_gso,
	};

	any_of(&r->f, actions, ARRAY_SIZE(actions));
}

/* The host's administrator: maybe down, under another name, and up. */
static void links(struct racer *r)
{
	struct fuzz *f = &r->f;
	unsigned int number = fuzz_below(f, 2);
	struct ifreq ifr = { 0 };

	fuzz_host_link(f);
	if (mdev_read(MDEV_UUID_A, "netdev", ifr.ifr_name, IFNAMSIZ) < 0)
		return;
	snprintf(ifr.ifr_newname, IFNAMSIZ, "races%u", number);
	ioctl(f->plain, SIOCSIFNAME, &ifr);
	close(netif_open(MDEV_UUID_A));
}

/* All that there is to read, and to write what an open device has none of. */
static void files(struct racer *r)
{
	static const char * const attrs[] = {
		"migration/params/queue-pairs", "migration/check", "mac",
	};

	sysfs_read_all(MDEV_DEVICES "/" MDEV_UUID_A, 0);
	sysfs_read_all(MDEV_DEVICES "/" MDEV_UUID_A "/migration", 2);
	sysfs_read_all(MDEV_TYPES, 3);
	mdev_write(MDEV_UUID_A, attrs[fuzz_below(&r->f, ARRAY_SIZE(attrs))],
		   "1");
}

/* Somebody else wants the device, or one of its name. */
static void opens(struct racer *r)
{
	enum vdev_how how = fuzz_once_in(&r->f, 2) ? VDEV_GROUP : VDEV_IOMMUFD;
	struct vdev v;

	if (!vdev_open(&v, MDEV_UUID_A, how))
		r->failure = "a second user could open the device";
	else if (!sysfs_write(MDEV_TYPES "/virtio_net-v3/create", MDEV_UUID_A))
		r->failure = "there could be two devices of a name";
}

/* The modules are in use. */
static void unloads(struct racer *r)
{
	if (!module_unload(MODULE) || !module_unload("mdev_migrate"))
		r->failure = "a module could be unloaded";
}

const struct racer_kind racer_kinds[] = {
	{ .name = "states", .step = states, .pause_us = 2000 },
	{ .name = "more states", .step = states, .pause_us = 2000 },
	{ .name = "moves", .step = moves, .pause_us = 20000 },
	{ .name = "resets", .step = resets, .pause_us = 20000 },
	{ .name = "interrupts", .step = interrupts, .pause_us = 500 },
	{ .name = "more interrupts", .step = interrupts, .pause_us = 500 },
	{ .name = "registers", .step = registers, .pause_us = 2000 },
	{ .name = "guest", .step = guest, .always = true },
	{ .name = "kicks", .step = kicks, .pause_us = 50 },
	{ .name = "memory", .step = memory, .pause_us = 2000 },
	{ .name = "attaches", .step = attaches, .pause_us = 10000,
	  .iommufd = true },
	{ .name = "logs", .step = logs, .pause_us = 2000 },
	{ .name = "reports", .step = race_reports, .pause_us = 2000 },
	{ .name = "slow pages", .step = race_slow_pages, .pause_us = 20000 },
	{ .name = "joins", .step = race_joins, .pause_us = 20000 },
	{ .name = "strangers", .step = race_strangers, .pause_us = 20000 },
	{ .name = "commands", .step = race_commands, .pause_us = 1000 },
	{ .name = "more commands", .step = race_commands, .pause_us = 1000 },
	{ .name = "host", .step = host, .pause_us = 50, .always = true },
	{ .name = "links", .step = links, .pause_us = 20000 },
	{ .name = "files", .step = files, .pause_us = 1000 },
	{ .name = "opens", .step = opens, .pause_us = 10000 },
	{ .name = "unloads", .step = unloads, .pause_us = 10000 },
};

const unsigned int nr_racer_kinds = ARRAY_SIZE(racer_kinds);
