// SPDX-License-Identifier: GPL-2.0-only
#include "vnic_tables.h"

#include <linux/if_ether.h>
#include <linux/virtio_net.h>
#include <stdint.h>

#include "util.h"

/* Those of the newest version. */
#define MACS		64
#define VLANS		4096
#define RSS_ENTRIES	128
#define RSS_KEY		40
#define RSS_TYPES	(VIRTIO_NET_RSS_HASH_TYPE_IPv4 |	\
			 VIRTIO_NET_RSS_HASH_TYPE_TCPv4 |	\
			 VIRTIO_NET_RSS_HASH_TYPE_UDPv4 |	\
			 VIRTIO_NET_RSS_HASH_TYPE_IPv6 |	\
			 VIRTIO_NET_RSS_HASH_TYPE_TCPv6 |	\
			 VIRTIO_NET_RSS_HASH_TYPE_UDPv6)

/* Half of the addresses are of groups. */
static int fill_macs(vnic_command_fn command, void *card)
{
	uint8_t data[2 * sizeof(uint32_t) + MACS * ETH_ALEN] = { 0 };
	unsigned int list, i;
	uint8_t *at = data;

	for (list = 0; list < 2; list++) {
		put_le32(at, MACS / 2);
		at += sizeof(uint32_t);
		for (i = 0; i < MACS / 2; i++, at += ETH_ALEN) {
			at[0] = 2 | list;
			at[5] = i;
		}
	}
	return command(card, VIRTIO_NET_CTRL_MAC,
		       VIRTIO_NET_CTRL_MAC_TABLE_SET, data, sizeof(data));
}

static int fill_vlans(vnic_command_fn command, void *card)
{
	uint8_t data[sizeof(uint16_t)];
	int ret = VIRTIO_NET_OK;
	unsigned int vid;

	for (vid = 0; ret == VIRTIO_NET_OK && vid < VLANS; vid++) {
		put_le16(data, vid);
		ret = command(card, VIRTIO_NET_CTRL_VLAN,
			      VIRTIO_NET_CTRL_VLAN_ADD, data, sizeof(data));
	}
	return ret;
}

static int fill_rss(vnic_command_fn command, void *card, unsigned int pairs)
{
	uint8_t data[8 + RSS_ENTRIES * sizeof(uint16_t) + 3 + RSS_KEY] = { 0 };
	uint8_t *at = data + 8;
	unsigned int i;

	put_le32(data, RSS_TYPES);
	put_le16(data + 4, RSS_ENTRIES - 1);
	for (i = 0; i < RSS_ENTRIES; i++, at += sizeof(uint16_t))
		put_le16(at, i % pairs);
	put_le16(at, pairs);
	at[2] = RSS_KEY;
	for (i = 0; i < RSS_KEY; i++)
		at[3 + i] = 37 * i + 11;
	return command(card, VIRTIO_NET_CTRL_MQ, VIRTIO_NET_CTRL_MQ_RSS_CONFIG,
		       data, sizeof(data));
}

/*
 * Every address, VLAN, entry of the indirection table and byte of the key, for
 * a card of @pairs queue pairs. Returns what the last command did.
 */
int vnic_fill_tables(vnic_command_fn command, void *card, unsigned int pairs)
{
	int ret;

	ret = fill_macs(command, card);
	if (ret == VIRTIO_NET_OK)
		ret = fill_vlans(command, card);
	if (ret == VIRTIO_NET_OK)
		ret = fill_rss(command, card, pairs);
	return ret;
}
