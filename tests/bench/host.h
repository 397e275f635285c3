/* SPDX-License-Identifier: GPL-2.0-only */
/* The host's end of a card: what sends into its interface and receives there. */
#ifndef TESTS_BENCH_HOST_H
#define TESTS_BENCH_HOST_H

#include "port.h"

/* One in so many packets that the host receives is looked at. */
#define HOST_SAMPLE	64

/**
 * struct load - packets of one kind
 * @len: bytes from the Ethernet header on
 * @tso: to be cut into segments by who sends them out, which nobody does here
 * @burst: how many of a flow come at once where the host sends
 * @count: how many a measurement takes; a multiple of @burst for each pair
 */
struct load {
	uint32_t len;
	bool tso;
	uint32_t burst;
	uint32_t count;
};

/**
 * struct host - the host's end
 * @port: of which card
 * @source: packet socket that sends
 * @sink: packet socket that receives samples
 * @ring: what @sink received
 * @next: frame of it that comes next
 * @load: what the sockets are set up for
 * @received: interface's counter at host_sink_begin()
 * @first: first sequence number of each pair, likewise
 * @flows: the first of the flows, one for each pair
 * @msg: what @source sends
 * @bridge: that host_reflect() made
 */
struct host {
	struct port *port;
	int source;
	int sink;
	uint8_t *ring;
	unsigned int next;
	const struct load *load;
	uint64_t received;
	uint32_t first[PORT_PAIRS];
	uint16_t flows;
	uint8_t *msg;
	const char *bridge;
};

void host_open(struct host *h, struct port *p);
void host_close(struct host *h);
void host_load(struct host *h, const struct load *load);
void host_send_burst(struct host *h, struct port_pair *pp);
void host_sink_begin(struct host *h);
void host_sink_end(struct host *h);
void host_reflect(struct host *h, const char *bridge);
size_t host_seq_offset(const struct host *h, unsigned int q);
void host_make_frame(const struct host *h, const struct port_pair *pp,
		     uint8_t *frame);

#endif /* TESTS_BENCH_HOST_H */
