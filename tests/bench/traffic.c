// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest's driver under load. It behaves as Linux's does: receives as NAPI
 * does, without interrupts while there are packets, and wants one interrupt
 * when most of a full transmit ring is free again. Queue pairs are served one
 * after the other, as there is one CPU.
 */
#include "traffic.h"

#include <arpa/inet.h>
#include <sched.h>
#include <string.h>

/* Packets that a driver takes before it gives the buffers back: NAPI's. */
#define NAPI_WEIGHT	64
/* Packets of a latency sample, one after the other. */
#define ROUND_TRIPS	100
/* How many flows are tried until a card tells those of all pairs apart. */
#define FLOW_TRIES	16

static void put_seq(uint8_t *at, uint32_t seq)
{
	seq = htonl(seq);
	memcpy(at, &seq, sizeof(seq));
}

static bool can_send(const struct port_pair *pp)
{
	return pp->nr_tx_free && pp->vq[PORT_TX].nr_free >= VQ_TABLE;
}

/* Puts a packet into the transmit ring. */
static void send_one(struct host *h, struct port_pair *pp, size_t seq_at)
{
	uint8_t *buf = pp->tx_free[--pp->nr_tx_free];

	put_seq(buf + h->port->hdr + seq_at, pp->seq[PORT_TX]++);
	port_send(pp, buf, h->load->len);
}

static void flush_tx(struct port_pair *pp)
{
	if (vq_publish(&pp->vq[PORT_TX]))
		port_kick(pp, PORT_TX);
}

/* Sleeps until @nr more packets are out. */
static void wait_tx(struct port_pair *pp, unsigned int nr)
{
	struct vq *vq = &pp->vq[PORT_TX];

	while (vq_arm_after(vq, nr))
		port_wait(pp, PORT_TX);
	vq_disarm(vq);
	port_reap_tx(pp);
}

/* Every transmit buffer is a whole packet but for its sequence number. */
static void prepare_pair(struct host *h, struct port_pair *pp)
{
	struct virtio_net_hdr_v1_hash hdr = { 0 };
	struct port *p = h->port;
	unsigned int i;

	if (h->load->tso) {
		hdr.hdr.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
		hdr.hdr.gso_type = VIRTIO_NET_HDR_GSO_TCPV4;
		hdr.hdr.hdr_len = 54;
		hdr.hdr.gso_size = 1460;
		hdr.hdr.csum_start = 34;
		hdr.hdr.csum_offset = 16;
	}
	port_reap_tx(pp);
	if (pp->nr_tx_free != pp->nr_tx)
		die("%s: %u packets are still on their way", p->ifname,
		    pp->nr_tx - pp->nr_tx_free);
	for (i = 0; i < pp->nr_tx_free; i++) {
		memcpy(pp->tx_free[i], &hdr, p->hdr);
		host_make_frame(h, pp, pp->tx_free[i] + p->hdr);
	}
}

static void prepare_tx(struct host *h)
{
	struct port_pair *pp;

	for (pp = h->port->pair; pp < port_end(h->port); pp++)
		prepare_pair(h, pp);
}

/* Fills the ring with what is @left to send. */
static void fill_tx(struct host *h, struct port_pair *pp, size_t seq_at,
		    unsigned int *left)
{
	if (!*left)
		return;
	for (; *left && can_send(pp); (*left)--)
		send_one(h, pp, seq_at);
	flush_tx(pp);
}

/* Packets per second from the guest to the host. */
double traffic_tx(struct host *h)
{
	size_t seq_at = host_seq_offset(h, PORT_TX);
	struct port *p = h->port;
	unsigned int left[PORT_PAIRS];
	struct port_pair *pp;
	uint64_t start;
	bool more;

	prepare_tx(h);
	for (pp = p->pair; pp < port_end(p); pp++)
		left[pp->index] = h->load->count / p->pairs;
	host_sink_begin(h);
	start = now_ns();
	do {
		more = false;
		for (pp = p->pair; pp < port_end(p); pp++)
			fill_tx(h, pp, seq_at, &left[pp->index]);
		for (pp = p->pair; pp < port_end(p); pp++) {
			if (!left[pp->index])
				continue;
			wait_tx(pp, (pp->nr_tx - pp->nr_tx_free) * 3 / 4);
			more = true;
		}
	} while (more);
	for (pp = p->pair; pp < port_end(p); pp++)
		wait_tx(pp, pp->nr_tx - pp->nr_tx_free);
	start = now_ns() - start;
	host_sink_end(h);
	return h->load->count * 1e9 / start;
}

/* Takes a packet, which can be in several buffers; returns the first. */
static uint8_t *take_packet(struct port_pair *pp, uint8_t **bufs,
			    unsigned int *nr, uint32_t *len)
{
	struct port *p = pp->port;
	struct virtio_net_hdr_v1 hdr;
	unsigned int more = 0;
	uint32_t part;

	*nr = 0;
	bufs[(*nr)++] = vq_get(&pp->vq[PORT_RX], len);
	if (!bufs[0])
		die("%s: a used element is not valid", p->ifname);
	if (p->features & VNIC_F(MRG_RXBUF)) {
		memcpy(&hdr, bufs[0], sizeof(hdr));
		more = hdr.num_buffers - 1U;
	}
	for (; more; more--) {
		bufs[*nr] = vq_get(&pp->vq[PORT_RX], &part);
		if (!bufs[*nr] || *nr == VQ_TABLE * 4)
			die("%s: a packet without its end", p->ifname);
		(*nr)++;
		*len += part;
	}
	return bufs[0];
}

/* @next: the next sequence number of each flow. Returns which flow it is. */
static unsigned int receive_one(struct host *h, struct port_pair *pp,
				size_t seq_at, uint32_t *next)
{
	uint8_t *bufs[VQ_TABLE * 4 + 1];
	uint32_t len, seq, flow;
	struct port *p = h->port;
	unsigned int nr;
	uint8_t *first;

	first = take_packet(pp, bufs, &nr, &len);
	memcpy(&seq, first + p->hdr + seq_at, sizeof(seq));
	seq = ntohl(seq);
	flow = seq >> PORT_SEQ_SHIFT;
	if (len != p->hdr + h->load->len || flow >= p->pairs ||
	    seq != next[flow])
		die("%s: packet %#x of %u bytes is not the next of its flow",
		    p->ifname, seq, len);
	next[flow]++;
	while (nr)
		port_post_rx(pp, bufs[--nr]);
	return flow;
}

/* Takes the packets of its flow up to sequence number @end. */
static void receive(struct host *h, struct port_pair *pp, uint32_t *next,
		    uint32_t end)
{
	size_t seq_at = host_seq_offset(h, PORT_RX);
	struct vq *vq = &pp->vq[PORT_RX];
	unsigned int n;

	while (next[pp->index] != end) {
		while (vq_arm(vq))
			port_wait(pp, PORT_RX);
		vq_disarm(vq);
		for (n = 0; n < NAPI_WEIGHT && vq_pending(vq); n++) {
			if (receive_one(h, pp, seq_at, next) != pp->index)
				die("%s: a packet on another queue than its flow",
				    h->port->ifname);
		}
		if (vq_publish(vq))
			port_kick(pp, PORT_RX);
	}
}

static void next_seqs(struct port *p, uint32_t *next)
{
	struct port_pair *pp;

	for (pp = p->pair; pp < port_end(p); pp++)
		next[pp->index] = pp->seq[PORT_RX];
}

/* A burst of the host's on each pair, and the driver that is woken by it. */
static void receive_bursts(struct host *h)
{
	struct port *p = h->port;
	uint32_t next[PORT_PAIRS];
	struct port_pair *pp;

	next_seqs(p, next);
	for (pp = p->pair; pp < port_end(p); pp++)
		vq_arm(&pp->vq[PORT_RX]);
	for (pp = p->pair; pp < port_end(p); pp++)
		host_send_burst(h, pp);
	for (pp = p->pair; pp < port_end(p); pp++) {
		port_wait(pp, PORT_RX);
		receive(h, pp, next, pp->seq[PORT_RX]);
	}
}

/* Without interrupts. How many packets came on the pair of their flow? */
static unsigned int poll_all(struct host *h, uint32_t *next, unsigned int nr)
{
	size_t seq_at = host_seq_offset(h, PORT_RX);
	int64_t deadline = deadline_ms(DEADLINE_MS);
	unsigned int here = 0;
	struct port_pair *pp;

	while (nr) {
		for (pp = h->port->pair; pp < port_end(h->port); pp++) {
			vq_disarm(&pp->vq[PORT_RX]);
			for (; nr && vq_pending(&pp->vq[PORT_RX]); nr--)
				here += receive_one(h, pp, seq_at, next) ==
					pp->index;
			if (vq_publish(&pp->vq[PORT_RX]))
				port_kick(pp, PORT_RX);
		}
		if (!deadline_left(deadline))
			die("%s: %u packets are missing", h->port->ifname, nr);
		sched_yield();
	}
	return here;
}

/*
 * A burst in each direction on all pairs, whichever the packets to the guest
 * come on. Returns whether each came on the pair on which the guest sent a
 * packet of its flow.
 */
bool traffic_both(struct host *h)
{
	size_t seq_at = host_seq_offset(h, PORT_TX);
	unsigned int nr = h->load->burst * h->port->pairs;
	uint32_t next[PORT_PAIRS];
	struct port_pair *pp;

	prepare_tx(h);
	host_sink_begin(h);
	for (pp = h->port->pair; pp < port_end(h->port); pp++) {
		unsigned int left = h->load->burst;

		fill_tx(h, pp, seq_at, &left);
		wait_tx(pp, pp->nr_tx - pp->nr_tx_free);
	}
	host_sink_end(h);
	next_seqs(h->port, next);
	for (pp = h->port->pair; pp < port_end(h->port); pp++)
		host_send_burst(h, pp);
	return poll_all(h, next, nr) == nr;
}

/*
 * A card sends a flow's packets to where the guest's came from, for a while. It
 * may not tell two flows apart; then others are taken.
 */
static void teach_flows(struct host *h)
{
	unsigned int tries;

	if (h->port->pairs == 1)
		return;
	for (tries = 0; tries < FLOW_TRIES; tries++) {
		if (traffic_both(h))
			return;
		h->flows += PORT_PAIRS;
	}
	die("%s: flows do not come on the queues that they are sent on",
	    h->port->ifname);
}

/* Packets per second from the host to the guest. */
double traffic_rx(struct host *h)
{
	uint32_t rounds = h->load->count / h->load->burst / h->port->pairs, i;
	uint64_t start;

	teach_flows(h);
	start = now_ns();
	for (i = 0; i < rounds; i++)
		receive_bursts(h);
	return h->load->count * 1e9 / (now_ns() - start);
}

/*
 * CPU time for a packet to the host that comes with few others: driver, kick,
 * worker, network stack, interrupt. There is one CPU and it is never idle in
 * between, so the time that passes is the time that all of them take together,
 * whichever process, kernel thread or interrupt it is spent in.
 */
double traffic_cpu_tx(struct host *h)
{
	size_t seq_at = host_seq_offset(h, PORT_TX);
	uint32_t burst = h->load->burst;
	struct port *p = h->port;
	struct port_pair *pp;
	uint32_t i, left;
	uint64_t start;

	prepare_tx(h);
	host_sink_begin(h);
	start = now_ns();
	for (left = h->load->count; left; left -= burst * p->pairs) {
		for (pp = p->pair; pp < port_end(p); pp++) {
			for (i = 0; i < burst; i++)
				send_one(h, pp, seq_at);
			flush_tx(pp);
		}
		for (pp = p->pair; pp < port_end(p); pp++)
			wait_tx(pp, burst);
	}
	start = now_ns() - start;
	host_sink_end(h);
	return (double)start / h->load->count;
}

/* Likewise, to the guest. */
double traffic_cpu_rx(struct host *h)
{
	return 1e9 / traffic_rx(h);
}

/* From the kick to the interrupt that says that the packet is out, in us. */
double traffic_latency_tx(struct host *h)
{
	size_t seq_at = host_seq_offset(h, PORT_TX);
	struct port_pair *pp = h->port->pair;
	uint64_t start;
	unsigned int i;

	prepare_tx(h);
	start = now_ns();
	for (i = 0; i < ROUND_TRIPS; i++) {
		send_one(h, pp, seq_at);
		vq_arm(&pp->vq[PORT_TX]);
		flush_tx(pp);
		port_wait(pp, PORT_TX);
		wait_tx(pp, 1);
	}
	return (now_ns() - start) / 1e3 / ROUND_TRIPS;
}

static void expect_own(struct port_pair *pp, uint32_t want, size_t seq_at)
{
	struct port *p = pp->port;
	uint32_t len, seq;
	uint8_t *buf;

	buf = vq_get(&pp->vq[PORT_RX], &len);
	if (!buf)
		die("%s: a used element is not valid", p->ifname);
	memcpy(&seq, buf + p->hdr + seq_at, sizeof(seq));
	if (ntohl(seq) != want)
		die("%s: packet %u came back instead of packet %u", p->ifname,
		    ntohl(seq), want);
	port_post_rx(pp, buf);
	if (vq_publish(&pp->vq[PORT_RX]))
		port_kick(pp, PORT_RX);
}

static void address_frames(struct port_pair *pp, const uint8_t *mac)
{
	unsigned int i;

	for (i = 0; i < pp->nr_tx_free; i++)
		memcpy(pp->tx_free[i] + pp->port->hdr, mac, ETH_ALEN);
}

/* From the kick to the interrupt that says that the packet is back, in us. */
double traffic_latency_round(struct host *h)
{
	size_t seq_at = host_seq_offset(h, PORT_TX);
	struct port_pair *pp = h->port->pair;
	struct port *p = h->port;
	uint64_t start;
	unsigned int i;

	prepare_tx(h);
	/* One that ends there: the card knows where the flow belongs then. */
	address_frames(pp, p->mac);
	send_one(h, pp, seq_at);
	flush_tx(pp);
	wait_tx(pp, 1);
	address_frames(pp, p->guest_mac);
	vq_disarm(&pp->vq[PORT_TX]);
	start = now_ns();
	for (i = 0; i < ROUND_TRIPS; i++) {
		vq_arm(&pp->vq[PORT_RX]);
		send_one(h, pp, seq_at);
		flush_tx(pp);
		port_wait(pp, PORT_RX);
		while (vq_arm(&pp->vq[PORT_RX]))
			port_wait(pp, PORT_RX);
		expect_own(pp, pp->seq[PORT_TX] - 1, seq_at);
		port_reap_tx(pp);
	}
	return (now_ns() - start) / 1e3 / ROUND_TRIPS;
}
