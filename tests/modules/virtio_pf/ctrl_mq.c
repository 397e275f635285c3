// SPDX-License-Identifier: GPL-2.0-only
/* VIRTIO_NET_CTRL_MQ: how many queue pairs there are, and which of them a packet goes to. */
#include <linux/log2.h>
#include <linux/unaligned.h>

#include "virtio_pf.h"

/* Before the table and behind it, in struct virtio_net_rss_config. */
#define RSS_HEAD	8
#define RSS_TAIL	3
#define HASH_HEAD	13

int vpf_set_pairs(struct vpf_net *net, u8 command, const u8 *data, size_t len)
{
	u16 pairs;

	if (len != 2)
		return -EINVAL;
	pairs = get_unaligned_le16(data);
	if (!pairs || pairs > vpf_nr_pairs)
		return -EINVAL;
	net->pairs = pairs;
	net->hash.rss = false;
	net->hash.mask = 0;
	net->hash.unclassified = 0;
	net->hash.max_tx = 0;
	memset(net->hash.table, 0, sizeof(net->hash.table));
	return 0;
}

/*
 * Open: two parts may say which pair a packet goes to, and no order is given between them,
 * though the last command counts. Only the part of that command is written.
 */
int vpf_get_pairs(const struct vpf_state *st, u8 command, u8 *data)
{
	if (st->net.hash.rss)
		return -1;
	put_unaligned_le16(st->net.pairs, data);
	return 2;
}

/* Types, and a key behind its length; bytes that this takes, or an error. */
static int parse_key(struct vpf_hash *hash, u32 types, const u8 *key, size_t len)
{
	if (types & ~VPF_HASH_TYPES || !len || key[0] > VPF_RSS_KEY ||
	    len < 1 + key[0])
		return -EINVAL;
	hash->types = types;
	hash->key_len = key[0];
	memset(hash->key, 0, sizeof(hash->key));
	memcpy(hash->key, key + 1, key[0]);
	return 1 + key[0];
}

/* A queue pair of the table: bit 15 is reserved. */
static bool valid_pair(u16 pair)
{
	return pair < vpf_nr_pairs;
}

/* struct virtio_net_rss_config; bytes of it, or an error. */
static int parse_rss(struct vpf_hash *hash, const u8 *data, size_t len)
{
	unsigned int entries, head, i;
	int key;

	if (len < RSS_HEAD)
		return -EINVAL;
	*hash = (struct vpf_hash) {
		.rss = true,
		.mask = get_unaligned_le16(data + 4),
		.unclassified = get_unaligned_le16(data + 6),
	};
	entries = hash->mask + 1;
	head = RSS_HEAD + 2 * entries;
	if (!is_power_of_2(entries) || entries > VPF_RSS_ENTRIES ||
	    !valid_pair(hash->unclassified) || len < head + RSS_TAIL)
		return -EINVAL;
	for (i = 0; i < entries; i++) {
		hash->table[i] = get_unaligned_le16(data + RSS_HEAD + 2 * i);
		if (!valid_pair(hash->table[i]))
			return -EINVAL;
	}
	hash->max_tx = get_unaligned_le16(data + head);
	if (!hash->max_tx || hash->max_tx > vpf_nr_pairs)
		return -EINVAL;
	key = parse_key(hash, get_unaligned_le32(data), data + head + 2,
			len - head - 2);
	return key < 0 ? key : head + 2 + key;
}

/* Linux's command is a byte longer than its contents: the padding of its structure. */
int vpf_set_rss(struct vpf_net *net, u8 command, const u8 *data, size_t len)
{
	struct vpf_hash hash;

	if (parse_rss(&hash, data, len) < 0)
		return -EINVAL;
	net->hash = hash;
	return 0;
}

/* A part's length is what its contents come to. */
int vpf_load_rss(struct vpf_net *net, u8 command, const u8 *data, size_t len)
{
	struct vpf_hash hash;

	if (parse_rss(&hash, data, len) != len)
		return -EINVAL;
	net->hash = hash;
	return 0;
}

int vpf_get_rss(const struct vpf_state *st, u8 command, u8 *data)
{
	const struct vpf_hash *hash = &st->net.hash;
	unsigned int i;
	u8 *at = data;

	if (!hash->rss)
		return -1;
	put_unaligned_le32(hash->types, at);
	put_unaligned_le16(hash->mask, at + 4);
	put_unaligned_le16(hash->unclassified, at + 6);
	at += RSS_HEAD;
	for (i = 0; i <= hash->mask; i++, at += 2)
		put_unaligned_le16(hash->table[i], at);
	put_unaligned_le16(hash->max_tx, at);
	at[2] = hash->key_len;
	memcpy(at + RSS_TAIL, hash->key, hash->key_len);
	return at + RSS_TAIL + hash->key_len - data;
}

/* struct virtio_net_hash_config, whose four reserved words "MUST contain zeroes". */
static int parse_hash(struct vpf_hash *hash, const u8 *data, size_t len)
{
	int key;

	if (len < HASH_HEAD || memchr_inv(data + 4, 0, HASH_HEAD - 1 - 4))
		return -EINVAL;
	key = parse_key(hash, get_unaligned_le32(data), data + HASH_HEAD - 1,
			len - (HASH_HEAD - 1));
	return key < 0 ? key : HASH_HEAD - 1 + key;
}

int vpf_set_hash(struct vpf_net *net, u8 command, const u8 *data, size_t len)
{
	return parse_hash(&net->hash, data, len) < 0 ? -EINVAL : 0;
}

int vpf_load_hash(struct vpf_net *net, u8 command, const u8 *data, size_t len)
{
	return parse_hash(&net->hash, data, len) == len ? 0 : -EINVAL;
}

/* With RSS, types and key are in its part. */
int vpf_get_hash(const struct vpf_state *st, u8 command, u8 *data)
{
	const struct vpf_hash *hash = &st->net.hash;

	if (hash->rss)
		return -1;
	memset(data, 0, HASH_HEAD);
	put_unaligned_le32(hash->types, data);
	data[HASH_HEAD - 1] = hash->key_len;
	memcpy(data + HASH_HEAD, hash->key, hash->key_len);
	return HASH_HEAD + hash->key_len;
}
