// SPDX-License-Identifier: GPL-2.0-only
/* What each of the processes of races_device does to the card. */
#include "racers.h"

#include <errno.h>
#include <net/if.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define ARRAY_AND_SIZE(a)	a, ARRAY_SIZE(a)

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
static void states(struct racer *r)
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

	any_of(f, ARRAY_AND_SIZE(actions));
	if (fuzz_once_in(f, 64))
		fuzz_status(f);
	if (fuzz_once_in(f, 64))
		fuzz_features(f);
}

/* A driver: brings the card up now and then, and has it work. */
static void guest(struct racer *r)
{
	static const action actions[] = {
		fuzz_chain, fuzz_chain, fuzz_chain, fuzz_chain, fuzz_chain,
		fuzz_kick, fuzz_kick, fuzz_ring, fuzz_table, fuzz_payload,
	};

	if (fuzz_once_in(&r->f, 200))
		fuzz_up(&r->f);
	else
		any_of(&r->f, ARRAY_AND_SIZE(actions));
}

static void kicks(struct racer *r)
{
	fuzz_kick(&r->f);
}

/* Rings and payload, of either address space. */
static void memory(struct racer *r)
{
	struct fuzz *f = &r->f;

	f->p.a.ioas = r->ioas[fuzz_below(f, 2)];
	fuzz_map_piece(f, fuzz_below(f, FUZZ_PIECES), fuzz_once_in(f, 2));
	if (fuzz_once_in(f, 16))
		fuzz_map_all(f);
}

static void attaches(struct racer *r)
{
	struct fuzz *f = &r->f;

	if (fuzz_once_in(f, 4))
		vdev_detach(&f->p.a);
	else
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

	any_of(&r->f, ARRAY_AND_SIZE(actions));
}

/* The host's administrator: up, down, and under another name. */
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
	{ .name = "states", .step = states, .pause_us = 100 },
	{ .name = "more states", .step = states, .pause_us = 100 },
	{ .name = "moves", .step = moves, .pause_us = 100000 },
	{ .name = "resets", .step = resets, .pause_us = 50000 },
	{ .name = "interrupts", .step = interrupts, .pause_us = 100 },
	{ .name = "more interrupts", .step = interrupts, .pause_us = 100 },
	{ .name = "registers", .step = registers, .pause_us = 100 },
	{ .name = "guest", .step = guest, .pause_us = 0 },
	{ .name = "kicks", .step = kicks, .pause_us = 10 },
	{ .name = "memory", .step = memory, .pause_us = 1000 },
	{ .name = "attaches", .step = attaches, .pause_us = 20000,
	  .iommufd = true },
	{ .name = "logs", .step = logs, .pause_us = 1000 },
	{ .name = "host", .step = host, .pause_us = 10 },
	{ .name = "links", .step = links, .pause_us = 20000 },
	{ .name = "files", .step = files, .pause_us = 1000 },
	{ .name = "opens", .step = opens, .pause_us = 10000 },
	{ .name = "unloads", .step = unloads, .pause_us = 10000 },
};

const unsigned int nr_racer_kinds = ARRAY_SIZE(racer_kinds);
