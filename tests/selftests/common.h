/* SPDX-License-Identifier: GPL-2.0-only */
/* What all the test programs share. */
#ifndef TESTS_SELFTESTS_COMMON_H
#define TESTS_SELFTESTS_COMMON_H

#include <stdbool.h>
#include <stdint.h>

#include "mdev.h"
#include "netif.h"
#include "stream.h"
#include "util.h"
#include "vdev.h"
#include "vnic.h"

#define KIB	1024UL
#define MIB	(1024 * KIB)

#define ERROR		VFIO_DEVICE_STATE_ERROR
#define STOP		VFIO_DEVICE_STATE_STOP
#define RUNNING		VFIO_DEVICE_STATE_RUNNING
#define STOP_COPY	VFIO_DEVICE_STATE_STOP_COPY
#define RESUMING	VFIO_DEVICE_STATE_RESUMING
#define RUNNING_P2P	VFIO_DEVICE_STATE_RUNNING_P2P
#define PRE_COPY	VFIO_DEVICE_STATE_PRE_COPY
#define PRE_COPY_P2P	VFIO_DEVICE_STATE_PRE_COPY_P2P
#define NR_STATES	VFIO_DEVICE_STATE_NR

bool way_available(enum vdev_how how);
bool has_pre_copy(struct vdev *v);
bool has_state(struct vdev *v, unsigned int state);
enum vdev_how any_way(void);

/**
 * struct pair - a source and a destination
 * @a: source
 * @b: destination
 */
struct pair {
	struct vdev a;
	struct vdev b;
};

int create_open(struct vdev *v, const char *uuid, enum vdev_how how);
void close_remove(struct vdev *v);
int pair_open(struct pair *p, enum vdev_how how);
void pair_close(struct pair *p);

/**
 * struct snapshot - what a user can see of a device without stopping it
 * @config: PCI configuration space
 * @common: virtio's common configuration, of each queue
 * @device: virtio's device configuration
 * @mac: attribute
 * @migration_config: attribute
 */
struct snapshot {
	uint8_t config[256];
	uint8_t common[2][56];
	uint8_t device[16];
	char mac[32];
	char migration_config[256];
};

int snapshot_take(struct vdev *v, struct snapshot *snap);
bool snapshot_equal(const struct snapshot *a, const struct snapshot *b);

int last_error(const char *uuid, char *text, size_t size);
bool state_is(struct vdev *v, unsigned int state);
int go_to(struct vdev *v, unsigned int state, int *data_fd);
__attribute__((format(printf, 1, 2)))
void log_line(const char *fmt, ...);
unsigned int count_entries(const char *dir);

#define MODULE	"mdev_virtio_net"

int module_unload(const char *name);
int module_insert(const char *path, const char *params);
int module_load(const char *params);

#endif /* TESTS_SELFTESTS_COMMON_H */
