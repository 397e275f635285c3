// SPDX-License-Identifier: GPL-2.0-only
#include "host.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/ethtool.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "mdev.h"
#include "netif.h"

#define SOCK_BYTES	(64 << 20)
/* Of what the sink looks at. */
#define RING_FRAME	256
#define RING_FRAMES	1024
#define RING_BLOCK	4096
#define MSS		1460
#define IP_AT		ETH_HLEN
#define L4_AT		(IP_AT + sizeof(struct iphdr))
#define UDP_DATA	(L4_AT + sizeof(struct udphdr))
#define TCP_DATA	(L4_AT + sizeof(struct tcphdr))
#define MSG_MAX		(sizeof(struct virtio_net_hdr) + 65536 + ETH_HLEN)

static int packet_socket(int protocol, int ifindex)
{
	struct sockaddr_ll addr = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(protocol),
		.sll_ifindex = ifindex,
	};
	int bytes = SOCK_BYTES;
	int fd;

	fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&addr, sizeof(addr)) ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof(bytes)))
		die("no packet socket: %s", strerror(errno));
	return fd;
}

void host_open(struct host *h, struct port *p)
{
	memset(h, 0, sizeof(*h));
	h->port = p;
	h->flows = 9;
	h->source = -1;
	h->sink = -1;
	h->msg = calloc(1, MSG_MAX);
	if (!h->msg)
		die("no memory for the host's end");
}

static void close_sockets(struct host *h)
{
	if (h->ring)
		munmap(h->ring, RING_FRAMES * RING_FRAME);
	h->ring = NULL;
	if (h->source >= 0)
		close(h->source);
	if (h->sink >= 0)
		close(h->sink);
	h->source = -1;
	h->sink = -1;
}

static void remove_bridge(struct host *h)
{
	struct ifreq ifr = { 0 };
	int fd;

	if (!h->bridge)
		return;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", h->bridge);
	/* One that is up stays. */
	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &ifr) ||
	    ioctl(fd, SIOCBRDELBR, h->bridge))
		die("the bridge stays: %s", strerror(errno));
	close(fd);
}

void host_close(struct host *h)
{
	close_sockets(h);
	remove_bridge(h);
	free(h->msg);
}

/*
 * What the guest sends is IP if the card has to tell flows from each other; else
 * it is nothing that anybody but the sink looks at.
 */
static bool guest_sends_ip(const struct host *h)
{
	return h->load->tso || h->port->pairs > 1;
}

/* Where packets to (@q PORT_RX) or from the guest have their sequence number. */
size_t host_seq_offset(const struct host *h, unsigned int q)
{
	if (h->load->tso)
		return TCP_DATA;
	return q == PORT_RX || guest_sends_ip(h) ? UDP_DATA : ETH_HLEN;
}

static void put_ip(uint8_t *frame, uint8_t protocol, size_t len)
{
	struct iphdr ip = {
		.version = 4,
		.ihl = sizeof(ip) / 4,
		.tot_len = htons(len - IP_AT),
		.ttl = 64,
		.protocol = protocol,
		.saddr = htonl(0xc6120001),	/* 198.18.0.1, for benchmarks */
		.daddr = htonl(0xc6120002),
	};

	frame[12] = ETH_P_IP >> 8;
	frame[13] = ETH_P_IP & 0xff;
	memcpy(frame + IP_AT, &ip, sizeof(ip));
}

/* In both directions: ports are at the same place in TCP and UDP. */
static void put_flow(const struct host *h, const struct port_pair *pp,
		     uint8_t *frame)
{
	uint16_t port = htons(h->flows + pp->index);

	memcpy(frame + L4_AT, &port, sizeof(port));
	memcpy(frame + L4_AT + sizeof(port), &port, sizeof(port));
}

static void put_udp(uint8_t *frame, size_t len)
{
	struct udphdr udp = {
		.len = htons(len - L4_AT),
	};

	put_ip(frame, IPPROTO_UDP, len);
	memcpy(frame + L4_AT, &udp, sizeof(udp));
}

static void put_tcp(uint8_t *frame, size_t len)
{
	struct tcphdr tcp = {
		.doff = sizeof(tcp) / 4,
		.ack = 1,
		.window = htons(65535),
	};

	put_ip(frame, IPPROTO_TCP, len);
	memcpy(frame + L4_AT, &tcp, sizeof(tcp));
}

/*
 * Short packets go into the kernel as one long UDP packet per burst, which the
 * host cuts into the packets of the load before the card sees it: of all ways
 * to send a packet the one that costs least.
 */
static void make_message(struct host *h)
{
	const struct load *load = h->load;
	struct virtio_net_hdr *hdr = (void *)h->msg;
	uint8_t *frame = h->msg + sizeof(*hdr);

	memset(h->msg, 0, MSG_MAX);
	memcpy(frame, h->port->guest_mac, ETH_ALEN);
	memcpy(frame + ETH_ALEN, h->port->mac, ETH_ALEN);
	hdr->flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
	hdr->csum_start = L4_AT;
	if (load->tso) {
		hdr->gso_type = VIRTIO_NET_HDR_GSO_TCPV4;
		hdr->hdr_len = TCP_DATA;
		hdr->gso_size = MSS;
		hdr->csum_offset = offsetof(struct tcphdr, check);
		put_tcp(frame, load->len);
	} else {
		hdr->gso_type = VIRTIO_NET_HDR_GSO_UDP_L4;
		hdr->hdr_len = UDP_DATA;
		hdr->gso_size = load->len - UDP_DATA;
		hdr->csum_offset = offsetof(struct udphdr, check);
		put_udp(frame, UDP_DATA + load->burst * hdr->gso_size);
	}
}

/*
 * The samples are copied into a ring. Packets that lay in a socket until they
 * are looked at would keep memory away that the next ones could have, in pieces
 * as large as who made the packets likes: that would not be the same for all.
 */
static void map_ring(struct host *h)
{
	struct tpacket_req req = {
		.tp_block_size = RING_BLOCK,
		.tp_block_nr = RING_FRAMES * RING_FRAME / RING_BLOCK,
		.tp_frame_size = RING_FRAME,
		.tp_frame_nr = RING_FRAMES,
	};
	int version = TPACKET_V2;

	if (setsockopt(h->sink, SOL_PACKET, PACKET_VERSION, &version,
		       sizeof(version)) ||
	    setsockopt(h->sink, SOL_PACKET, PACKET_RX_RING, &req, sizeof(req)))
		die("no ring for a packet socket: %s", strerror(errno));
	h->ring = mmap(NULL, RING_FRAMES * RING_FRAME, PROT_READ | PROT_WRITE,
		       MAP_SHARED, h->sink, 0);
	if (h->ring == MAP_FAILED)
		die("no memory for a packet socket's ring");
	h->next = 0;
}

/* Passes one in HOST_SAMPLE of the guest's packets. */
static void attach_filter(struct host *h)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, host_seq_offset(h, PORT_TX)),
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, HOST_SAMPLE - 1, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, ~0U),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog prog = {
		.len = sizeof(code) / sizeof(code[0]),
		.filter = code,
	};

	if (setsockopt(h->sink, SOL_SOCKET, SO_ATTACH_FILTER, &prog,
		       sizeof(prog)))
		die("no socket filter: %s", strerror(errno));
}

/* An interface may follow what the driver accepts with a delay. */
static void wait_segmentation(struct host *h)
{
	struct ethtool_value tso = { .cmd = ETHTOOL_GTSO };
	struct ifreq ifr = { .ifr_data = (void *)&tso };
	int64_t deadline = deadline_ms(DEADLINE_MS);

	memcpy(ifr.ifr_name, h->port->ifname, sizeof(ifr.ifr_name));
	do {
		if (ioctl(h->source, SIOCETHTOOL, &ifr))
			die("%s has no TSO: %s", h->port->ifname,
			    strerror(errno));
		if (tso.data)
			return;
		sched_yield();
	} while (deadline_left(deadline));
	die("%s does not begin to do TSO", h->port->ifname);
}

/* Prepares both directions for packets of this kind. */
void host_load(struct host *h, const struct load *load)
{
	int one = 1;

	close_sockets(h);
	h->load = load;
	make_message(h);
	h->source = packet_socket(0, h->port->ifindex);
	if (setsockopt(h->source, SOL_PACKET, PACKET_VNET_HDR, &one,
		       sizeof(one)))
		die("no PACKET_VNET_HDR: %s", strerror(errno));
	h->sink = packet_socket(guest_sends_ip(h) ? ETH_P_IP : VNIC_PROTO,
				h->port->ifindex);
	attach_filter(h);
	map_ring(h);
	if (load->tso)
		wait_segmentation(h);
}

static void send_message(struct host *h, size_t len)
{
	ssize_t n = send(h->source, h->msg, len, 0);

	if (n != (ssize_t)len)
		die("%s: the host cannot send: %s", h->port->ifname,
		    n < 0 ? strerror(errno) : "cut short");
}

static void put_seq(uint8_t *at, uint32_t seq)
{
	seq = htonl(seq);
	memcpy(at, &seq, sizeof(seq));
}

/* Sends load->burst packets of the flow that belongs to a pair. */
void host_send_burst(struct host *h, struct port_pair *pp)
{
	uint8_t *frame = h->msg + sizeof(struct virtio_net_hdr);
	uint32_t *seq = &pp->seq[PORT_RX];
	const struct load *load = h->load;
	uint32_t step = load->len - UDP_DATA;
	uint32_t i;

	put_flow(h, pp, frame);
	if (load->tso) {
		for (i = 0; i < load->burst; i++) {
			put_seq(frame + TCP_DATA, (*seq)++);
			send_message(h, frame - h->msg + load->len);
		}
		return;
	}
	for (i = 0; i < load->burst; i++)
		put_seq(frame + UDP_DATA + i * step, (*seq)++);
	send_message(h, frame - h->msg + UDP_DATA + load->burst * step);
}

/* A packet for the guest to send; the sequence number is the caller's. */
void host_make_frame(const struct host *h, const struct port_pair *pp,
		     uint8_t *frame)
{
	memcpy(frame, h->port->mac, ETH_ALEN);
	memcpy(frame + ETH_ALEN, h->port->guest_mac, ETH_ALEN);
	frame[12] = VNIC_PROTO >> 8;
	frame[13] = VNIC_PROTO & 0xff;
	if (!guest_sends_ip(h))
		return;
	if (h->load->tso)
		put_tcp(frame, h->load->len);
	else
		put_udp(frame, h->load->len);
	put_flow(h, pp, frame);
	/* For another host: the host's IP need not bother. */
	frame[ETH_ALEN - 1] ^= 1;
}

static uint64_t received(const struct host *h)
{
	char path[128], value[32];

	snprintf(path, sizeof(path), "/sys/class/net/%s/statistics/rx_packets",
		 h->port->ifname);
	if (sysfs_read(path, value, sizeof(value)) < 0)
		die("%s has no counters", h->port->ifname);
	return strtoull(value, NULL, 10);
}

void host_sink_begin(struct host *h)
{
	struct port_pair *pp;

	h->received = received(h);
	for (pp = h->port->pair; pp < port_end(h->port); pp++)
		h->first[pp->index] = pp->seq[PORT_TX];
}

/* The next sample: that of one of the flows. */
static void check_sample(struct host *h, uint32_t *want)
{
	struct tpacket2_hdr *hdr = (void *)(h->ring + h->next * RING_FRAME);
	const uint8_t *frame = (uint8_t *)hdr + hdr->tp_mac;
	uint32_t seq, flow;

	if (!(__atomic_load_n(&hdr->tp_status, __ATOMIC_ACQUIRE) &
	      TP_STATUS_USER))
		die("%s: a packet did not arrive", h->port->ifname);
	memcpy(&seq, frame + host_seq_offset(h, PORT_TX), sizeof(seq));
	seq = ntohl(seq);
	flow = seq >> PORT_SEQ_SHIFT;
	if (hdr->tp_len != h->load->len || flow >= h->port->pairs ||
	    seq != want[flow])
		die("%s: packet %#x of %u bytes is not the next of its flow",
		    h->port->ifname, seq, hdr->tp_len);
	want[flow] += HOST_SAMPLE;
	__atomic_store_n(&hdr->tp_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
	h->next = (h->next + 1) % RING_FRAMES;
}

/* Did all packets of the guest arrive, as they were, each flow in order? */
void host_sink_end(struct host *h)
{
	uint64_t n = received(h) - h->received;
	uint32_t sent = 0, samples = 0;
	uint32_t want[PORT_PAIRS];
	struct port_pair *pp;

	for (pp = h->port->pair; pp < port_end(h->port); pp++) {
		uint32_t end = pp->seq[PORT_TX];
		uint32_t *seq = &want[pp->index];

		*seq = h->first[pp->index];
		sent += end - *seq;
		*seq = (*seq + HOST_SAMPLE - 1) / HOST_SAMPLE * HOST_SAMPLE;
		if (*seq < end)
			samples += (end - *seq - 1) / HOST_SAMPLE + 1;
	}
	if (n != sent)
		die("%s: %llu of %u packets arrived", h->port->ifname,
		    (unsigned long long)n, sent);
	while (samples--)
		check_sample(h, want);
}

static void write_file(const char *fmt, const char *name, const char *value)
{
	char path[128];
	int ret;

	snprintf(path, sizeof(path), fmt, name);
	ret = sysfs_write(path, value);
	if (ret)
		die("%s: %s", path, strerror(-ret));
}

/* From here on a bridge sends back to the card what the guest sends to itself. */
void host_reflect(struct host *h, const char *bridge)
{
	struct ifreq ifr = { .ifr_ifindex = h->port->ifindex };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	close_sockets(h);
	if (fd < 0 || ioctl(fd, SIOCBRADDBR, bridge))
		die("no bridge: %s", strerror(errno));
	h->bridge = bridge;
	write_file("/sys/class/net/%s/bridge/forward_delay", bridge, "0");
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", bridge);
	if (ioctl(fd, SIOCBRADDIF, &ifr))
		die("%s does not join a bridge: %s", h->port->ifname,
		    strerror(errno));
	write_file("/sys/class/net/%s/brport/hairpin_mode", h->port->ifname,
		   "1");
	if (netif_up(bridge))
		die("%s does not come up", bridge);
	close(fd);
}
