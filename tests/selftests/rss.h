/* SPDX-License-Identifier: GPL-2.0-only */
/* The driver's side of receive side scaling. Behind full.h. */
#ifndef TESTS_SELFTESTS_RSS_H
#define TESTS_SELFTESTS_RSS_H

/* The verification suite's key. */
static const uint8_t key[40] = {
	0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67,
	0x25, 0x3d, 0x43, 0xa3, 0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb,
	0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3, 0x80, 0x30,
	0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa,
};

/**
 * struct rss - arguments of RSS_CONFIG
 * @types: hash types
 * @entries: of the table, in which entry i is i % @spread
 * @spread: see @entries
 * @unclassified: queue
 * @max_tx: queues for sending
 * @key_len: bytes of key
 */
struct rss {
	uint32_t types;
	uint32_t entries;
	uint16_t spread;
	uint16_t unclassified;
	uint16_t max_tx;
	uint8_t key_len;
};

/* With @padding bytes behind it. */
static inline int rss_config_padded(struct vnic *nic, const struct rss *rss,
				    size_t padding)
{
	uint8_t data[1000] = { 0 }, *p = data;
	unsigned int i;

	put_le32(p, rss->types);
	put_le16(p + 4, rss->entries - 1);
	put_le16(p + 6, rss->unclassified);
	p += 8;
	for (i = 0; i < rss->entries && i < 256; i++, p += 2)
		put_le16(p, i % rss->spread);
	put_le16(p, rss->max_tx);
	p[2] = rss->key_len;
	memcpy(p + 3, key, sizeof(key));
	return vnic_command(nic, VIRTIO_NET_CTRL_MQ,
			    VIRTIO_NET_CTRL_MQ_RSS_CONFIG, data,
			    p + 3 + rss->key_len + padding - data);
}

static inline int rss_config(struct vnic *nic, const struct rss *rss)
{
	return rss_config_padded(nic, rss, 0);
}

#define TYPES	0x3f

static const struct rss good = { TYPES, 128, FULL_PAIRS, 1, FULL_PAIRS, 40 };

/*
 * All of Microsoft's verification suite: source, destination, the hashes of the
 * addresses and of them with the ports.
 */
static const struct {
	struct packet_flow flow;
	uint32_t ip, tcp;
} vectors[] = {
	{ { 1, 0x420995bb, 0xa18e6450, 2794, 1766, { NULL, NULL } },
	  0x323e8fc2, 0x51ccc178 },
	{ { 1, 0xc75c6f02, 0x41458c53, 14230, 4739, { NULL, NULL } },
	  0xd718262a, 0xc626b0ea },
	{ { 1, 0x1813c65f, 0x0c16cfb8, 12898, 38024, { NULL, NULL } },
	  0xd2d0a5de, 0x5c2b394a },
	{ { 1, 0x261bcd1e, 0xd18ea306, 48228, 2217, { NULL, NULL } },
	  0x82989176, 0xafc7327f },
	{ { 1, 0x9927a3bf, 0xcabc7f02, 44251, 1303, { NULL, NULL } },
	  0x5d1809c5, 0x10e828a2 },
	{ { 1, 0, 0, 2794, 1766,
	    { "3ffe:2501:200:1fff::7", "3ffe:2501:200:3::1" } },
	  0x2cc18cd5, 0x40207d3d },
	{ { 1, 0, 0, 14230, 4739,
	    { "3ffe:501:8::260:97ff:fe40:efab", "ff02::1" } },
	  0x0f0c461c, 0xdde51bbf },
	{ { 1, 0, 0, 44251, 38024,
	    { "3ffe:1900:4545:3:200:f8ff:fe21:67cf",
	      "fe80::200:f8ff:fe21:67cf" } },
	  0x4b61e985, 0x02d1feef },
};

#endif /* TESTS_SELFTESTS_RSS_H */
