// SPDX-License-Identifier: GPL-2.0-only
#include "life.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mdev.h"

/* Cards that are up at once when their memory is taken. */
#define IDLE_PORTS	16

static void uuid_of(char *uuid, size_t size, unsigned int i)
{
	snprintf(uuid, size, "6d646576-0001-4000-8000-%012x", i);
}

/* What an orchestrator does: creates it, sets a parameter and the address. */
static void make_ours(const char *type, unsigned int i)
{
	char uuid[40], mac[32];
	int ret;

	uuid_of(uuid, sizeof(uuid), i);
	snprintf(mac, sizeof(mac), "02:6d:64:00:%02x:%02x", i >> 8, i & 255);
	ret = mdev_create(type, uuid);
	if (!ret)
		ret = mdev_write(uuid, "migration/params/queue-pairs", "1");
	if (!ret)
		ret = mdev_write(uuid, "mac", mac);
	if (ret)
		die("device %u cannot be made: %s", i, strerror(-ret));
}

static void remove_ours(unsigned int i)
{
	char uuid[40];
	int ret;

	uuid_of(uuid, sizeof(uuid), i);
	ret = mdev_remove(uuid);
	if (ret)
		die("device %u cannot be removed: %s", i, strerror(-ret));
}

/* The first devices fill caches that stay. */
static void warm_up(const char *type)
{
	unsigned int i;

	for (i = 0; i < LIFE_DEVICES; i++)
		make_ours(type, i);
	for (i = 0; i < LIFE_DEVICES; i++)
		remove_ours(i);
}

void life_cycle_ours(struct life_cycle *c)
{
	const char *type = port_newest_type();
	double before;
	uint64_t start, made;
	unsigned int i;

	warm_up(type);
	before = measure_used_kib();
	start = now_ns();
	for (i = 0; i < LIFE_DEVICES; i++)
		make_ours(type, i);
	made = now_ns() - start;
	c->each = (measure_used_kib() - before) / LIFE_DEVICES;
	start = now_ns();
	for (i = 0; i < LIFE_DEVICES; i++)
		remove_ours(i);
	c->seconds = (made + now_ns() - start) / 1e9;
	c->lost = measure_used_kib() - before;
}

/* A tap with its vhost device. */
void life_cycle_peer(struct life_cycle *c)
{
	static struct vhost_net nets[LIFE_DEVICES];
	double before;
	uint64_t start, made;
	unsigned int i;

	for (i = 0; i < 20; i++)
		if (vhost_net_open(&nets[i], 1))
			die("vhost-net cannot be opened");
	for (i = 0; i < 20; i++)
		vhost_net_close(&nets[i], 1);
	before = measure_used_kib();
	start = now_ns();
	for (i = 0; i < LIFE_DEVICES; i++)
		if (vhost_net_open(&nets[i], 1))
			die("vhost-net cannot be opened");
	made = now_ns() - start;
	c->each = (measure_used_kib() - before) / LIFE_DEVICES;
	start = now_ns();
	for (i = 0; i < LIFE_DEVICES; i++)
		vhost_net_close(&nets[i], 1);
	c->seconds = (made + now_ns() - start) / 1e9;
	c->lost = measure_used_kib() - before;
}

/*
 * Kernel memory of a card whose guest's driver is up and idle, in KiB: without
 * the guest's own memory.
 */
double life_idle_memory(enum port_side side)
{
	static struct port ports[IDLE_PORTS];
	char uuid[40];
	double before, with;
	unsigned int i;

	before = measure_used_kib();
	for (i = 0; i < IDLE_PORTS; i++) {
		uuid_of(uuid, sizeof(uuid), i);
		port_open(&ports[i], side, uuid, 1);
		port_up(&ports[i], PORT_FEATURES);
	}
	with = measure_used_kib() - before;
	for (i = 0; i < IDLE_PORTS; i++) {
		with -= ports[i].mem.size / 1024.0;
		port_down(&ports[i]);
		port_close(&ports[i]);
	}
	return with / IDLE_PORTS;
}

static double idle_seconds(void)
{
	char line[256];
	double seconds;

	if (sysfs_read("/proc/uptime", line, sizeof(line)) < 0 ||
	    sscanf(line, "%*f %lf", &seconds) != 1)
		die("no /proc/uptime");
	return seconds;
}

/* Percent of CPU time that is spent while this program does nothing. */
double life_idle_cpu(void)
{
	double idle, busy;
	uint64_t start;

	usleep(100000);
	idle = idle_seconds();
	start = now_ns();
	usleep(2000000);
	idle = idle_seconds() - idle;
	busy = 100 - idle * 100 / ((now_ns() - start) / 1e9);
	return busy > 0 ? busy : 0;
}

/*
 * The time for which a migration's last step holds the card up, in us: from the
 * change of state to the end of the data. The card runs again afterwards.
 */
double life_stop_copy(struct port *p, size_t *bytes)
{
	struct buf state = { 0 };
	uint64_t start;
	int fd, ret;

	/* The room for the state is the user's business, and there before. */
	if (buf_reserve(&state, 1 << 20))
		die("no memory for the state");
	ret = mig_set(&p->vdev, VFIO_DEVICE_STATE_PRE_COPY, &fd);
	if (ret)
		die("pre-copy does not begin: %s", strerror(-ret));
	ret = mig_drain(fd, &state, 1 << 16);
	if (ret && ret != -ENOMSG)
		die("pre-copy: %s", strerror(-ret));
	ret = mig_set(&p->vdev, VFIO_DEVICE_STATE_PRE_COPY_P2P, NULL);
	start = now_ns();
	if (!ret)
		ret = mig_set(&p->vdev, VFIO_DEVICE_STATE_STOP_COPY, NULL);
	if (!ret)
		ret = mig_drain(fd, &state, 1 << 16);
	start = now_ns() - start;
	close(fd);
	*bytes = state.len;
	buf_free(&state);
	if (!ret)
		ret = mig_set(&p->vdev, VFIO_DEVICE_STATE_RUNNING, NULL);
	if (ret)
		die("stop-copy: %s", strerror(-ret));
	return start / 1e3;
}
