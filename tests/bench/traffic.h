/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is measured with packets: each function takes one sample and checks that
 * the packets arrived.
 */
#ifndef TESTS_BENCH_TRAFFIC_H
#define TESTS_BENCH_TRAFFIC_H

#include "host.h"

double traffic_tx(struct host *h);
double traffic_rx(struct host *h);
double traffic_cpu_tx(struct host *h);
double traffic_cpu_rx(struct host *h);
double traffic_latency_tx(struct host *h);
double traffic_latency_round(struct host *h);
bool traffic_both(struct host *h);

#endif /* TESTS_BENCH_TRAFFIC_H */
