/* SPDX-License-Identifier: GPL-2.0-only */
/* Cards in states that are worth keeping a stream of. */
#ifndef TESTS_SELFTESTS_STREAM_STATES_H
#define TESTS_SELFTESTS_STREAM_STATES_H

#include "common.h"

/* The card's address in every stream, and where its guest memory is. */
#define STATES_MAC	"02:00:5e:10:20:30"
#define STATES_IOVA	MIB
#define STATES_SIZE	(4 * MIB)
#define STATES_RING	16

/**
 * struct maker - a card that is brought into a state
 * @v: the device
 * @mem: guest memory
 * @nic: the driver, as far as the state has one
 * @net: a socket on the host's interface, or -1
 * @features: that the device offers
 * @pairs: queue pairs that it has
 */
struct maker {
	struct vdev v;
	struct guest_mem mem;
	struct vnic nic;
	int net;
	uint64_t features;
	unsigned int pairs;
};

/**
 * struct state - a state
 * @name: of its stream
 * @type: mdev type
 * @params: those that differ from the type's, as "name=value,...", or "-"
 * @make: brings a card that was just opened into it; 0 or an errno
 * @what: in words
 */
struct state {
	const char *name;
	const char *type;
	const char *params;
	int (*make)(struct maker *m);
	const char *what;
};

extern const struct state stream_states[];
extern const unsigned int nr_stream_states;

int maker_open(struct maker *m, const char *uuid, const char *type,
	       const char *params, const char *mac, enum vdev_how how);
int maker_make(struct maker *m, const struct state *state);
void maker_close(struct maker *m);

#endif /* TESTS_SELFTESTS_STREAM_STATES_H */
