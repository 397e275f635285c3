// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest's driver under load. It behaves as Linux's does: receives as NAPI
 * does, without interrupts while there are packets, and wants one interrupt
 * when most of a full transmit ring is free again.
 */
#include "traffic.h"

#include <arpa/inet.h>
#include <string.h>

/* Packets that a driver takes before it gives the buffers back: NAPI's. */
#define NAPI_WEIGHT	64
/* Packets of a latency sample, one after the other. */
#define ROUND_TRIPS	100

static void put_seq(uint8_t *at, uint32_t seq)
{
	seq = htonl(seq);
	memcpy(at, &seq, sizeof(seq));
}

static bool can_send(const struct port *p)
{
	return p->nr_tx_free && p->vq[PORT_TX].nr_free >= VQ_TABLE;
}

/* Puts a packet into the transmit ring. */
static void send_one(struct host *h, size_t seq_at)
{
	struct port *p = h->port;
	uint8_t *buf = p->tx_free[--p->nr_tx_free];

	put_seq(buf + PORT_HDR + seq_at, p->seq[PORT_TX]++);
	port_send(p, buf, h->load->len);
}

static void flush_tx(struct port *p)
{
	if (vq_publish(&p->vq[PORT_TX]))
		port_kick(p, PORT_TX);
}

/* Sleeps until @nr more packets are out. */
static void wait_tx(struct port *p, unsigned int nr)
{
	struct vq *vq = &p->vq[PORT_TX];

	while (vq_arm_after(vq, nr))
		port_wait(p, PORT_TX);
	vq_disarm(vq);
	port_reap_tx(p);
}

/* Every transmit buffer is a whole packet but for its sequence number. */
static void prepare_tx(struct host *h)
{
	struct virtio_net_hdr_v1 hdr = { 0 };
	struct port *p = h->port;
	unsigned int i;

	if (h->load->tso) {
		hdr.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
		hdr.gso_type = VIRTIO_NET_HDR_GSO_TCPV4;
		hdr.hdr_len = 54;
		hdr.gso_size = 1460;
		hdr.csum_start = 34;
		hdr.csum_offset = 16;
	}
	port_reap_tx(p);
	if (p->nr_tx_free != p->nr_tx)
		die("%s: %u packets are still on their way", p->ifname,
		    p->nr_tx - p->nr_tx_free);
	for (i = 0; i < p->nr_tx_free; i++) {
		memcpy(p->tx_free[i], &hdr, PORT_HDR);
		host_make_frame(h, p->tx_free[i] + PORT_HDR);
	}
}

/* Packets per second from the guest to the host. */
double traffic_tx(struct host *h)
{
	size_t seq_at = host_seq_offset(h->load, PORT_TX);
	struct port *p = h->port;
	unsigned int left = h->load->count;
	uint64_t start;

	prepare_tx(h);
	host_sink_begin(h);
	start = now_ns();
	while (left) {
		while (left && can_send(p)) {
			send_one(h, seq_at);
			left--;
		}
		flush_tx(p);
		if (left)
			wait_tx(p, (p->nr_tx - p->nr_tx_free) * 3 / 4);
	}
	wait_tx(p, p->nr_tx - p->nr_tx_free);
	start = now_ns() - start;
	host_sink_end(h);
	return h->load->count * 1e9 / start;
}

/* Takes a packet, which can be in several buffers; returns the first. */
static uint8_t *take_packet(struct port *p, uint8_t **bufs, unsigned int *nr,
			    uint32_t *len)
{
	struct virtio_net_hdr_v1 hdr;
	unsigned int more = 0;
	uint32_t part;

	*nr = 0;
	bufs[(*nr)++] = vq_get(&p->vq[PORT_RX], len);
	if (!bufs[0])
		die("%s: a used element is not valid", p->ifname);
	if (p->features & VNIC_FEATURE(VIRTIO_NET_F_MRG_RXBUF)) {
		memcpy(&hdr, bufs[0], sizeof(hdr));
		more = hdr.num_buffers - 1U;
	}
	for (; more; more--) {
		bufs[*nr] = vq_get(&p->vq[PORT_RX], &part);
		if (!bufs[*nr] || *nr == VQ_TABLE * 4)
			die("%s: a packet without its end", p->ifname);
		(*nr)++;
		*len += part;
	}
	return bufs[0];
}

static void receive_one(struct host *h, size_t seq_at, uint32_t want)
{
	uint8_t *bufs[VQ_TABLE * 4 + 1];
	struct port *p = h->port;
	uint32_t len, seq;
	unsigned int nr;
	uint8_t *first;

	first = take_packet(p, bufs, &nr, &len);
	memcpy(&seq, first + PORT_HDR + seq_at, sizeof(seq));
	if (len != PORT_HDR + h->load->len || ntohl(seq) != want)
		die("%s: packet %u has %u bytes where packet %u of %u bytes should be",
		    p->ifname, ntohl(seq), len, want, h->load->len);
	while (nr)
		port_post_rx(p, bufs[--nr]);
}

/* Takes the packets up to sequence number @end, the first being @next. */
static void receive(struct host *h, uint32_t next, uint32_t end)
{
	size_t seq_at = host_seq_offset(h->load, PORT_RX);
	struct port *p = h->port;
	struct vq *vq = &p->vq[PORT_RX];
	unsigned int n;

	while (next != end) {
		while (vq_arm(vq))
			port_wait(p, PORT_RX);
		vq_disarm(vq);
		for (n = 0; n < NAPI_WEIGHT && vq_pending(vq); n++)
			receive_one(h, seq_at, next++);
		if (vq_publish(vq))
			port_kick(p, PORT_RX);
	}
}

/* A burst of the host's, and the driver that is woken by it. */
static void receive_burst(struct host *h)
{
	struct port *p = h->port;
	uint32_t first = p->seq[PORT_RX];

	vq_arm(&p->vq[PORT_RX]);
	host_send_burst(h);
	port_wait(p, PORT_RX);
	receive(h, first, p->seq[PORT_RX]);
}

/* Packets per second from the host to the guest. */
double traffic_rx(struct host *h)
{
	uint32_t bursts = h->load->count / h->load->burst, i;
	uint64_t start = now_ns();

	for (i = 0; i < bursts; i++)
		receive_burst(h);
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
	size_t seq_at = host_seq_offset(h->load, PORT_TX);
	struct port *p = h->port;
	uint32_t i, left = h->load->count;
	uint64_t start;

	prepare_tx(h);
	host_sink_begin(h);
	start = now_ns();
	for (; left; left -= h->load->burst) {
		for (i = 0; i < h->load->burst; i++)
			send_one(h, seq_at);
		flush_tx(p);
		wait_tx(p, h->load->burst);
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
	size_t seq_at = host_seq_offset(h->load, PORT_TX);
	struct port *p = h->port;
	uint64_t start;
	unsigned int i;

	prepare_tx(h);
	start = now_ns();
	for (i = 0; i < ROUND_TRIPS; i++) {
		send_one(h, seq_at);
		vq_arm(&p->vq[PORT_TX]);
		flush_tx(p);
		port_wait(p, PORT_TX);
		wait_tx(p, 1);
	}
	return (now_ns() - start) / 1e3 / ROUND_TRIPS;
}

static void expect_own(struct port *p, uint32_t want, size_t seq_at)
{
	uint32_t len, seq;
	uint8_t *buf;

	buf = vq_get(&p->vq[PORT_RX], &len);
	if (!buf)
		die("%s: a used element is not valid", p->ifname);
	memcpy(&seq, buf + PORT_HDR + seq_at, sizeof(seq));
	if (ntohl(seq) != want)
		die("%s: packet %u came back instead of packet %u", p->ifname,
		    ntohl(seq), want);
	port_post_rx(p, buf);
	if (vq_publish(&p->vq[PORT_RX]))
		port_kick(p, PORT_RX);
}

/* From the kick to the interrupt that says that the packet is back, in us. */
double traffic_latency_round(struct host *h)
{
	size_t seq_at = host_seq_offset(h->load, PORT_TX);
	struct port *p = h->port;
	uint64_t start;
	unsigned int i;

	prepare_tx(h);
	for (i = 0; i < p->nr_tx_free; i++)
		memcpy(p->tx_free[i] + PORT_HDR, p->guest_mac, ETH_ALEN);
	vq_disarm(&p->vq[PORT_TX]);
	start = now_ns();
	for (i = 0; i < ROUND_TRIPS; i++) {
		vq_arm(&p->vq[PORT_RX]);
		send_one(h, seq_at);
		flush_tx(p);
		port_wait(p, PORT_RX);
		while (vq_arm(&p->vq[PORT_RX]))
			port_wait(p, PORT_RX);
		expect_own(p, p->seq[PORT_TX] - 1, seq_at);
		port_reap_tx(p);
	}
	return (now_ns() - start) / 1e3 / ROUND_TRIPS;
}
