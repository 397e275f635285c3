/* SPDX-License-Identifier: GPL-2.0-only */
/* What devices cost besides their traffic. */
#ifndef TESTS_BENCH_LIFE_H
#define TESTS_BENCH_LIFE_H

#include "port.h"

#define LIFE_DEVICES	200

/**
 * struct life_cycle - LIFE_DEVICES devices come and go
 * @seconds: creating, configuring, removing
 * @each: kernel memory that a device took, in KiB
 * @lost: kernel memory that was not given back, in KiB
 */
struct life_cycle {
	double seconds;
	double each;
	double lost;
};

void life_cycle_ours(struct life_cycle *c);
void life_cycle_peer(struct life_cycle *c);
double life_idle_cpu(void);
double life_idle_memory(enum port_side side);
double life_stop_copy(struct port *p, size_t *bytes);

#endif /* TESTS_BENCH_LIFE_H */
