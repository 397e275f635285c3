// SPDX-License-Identifier: GPL-2.0-only
/*
 * The virtio records. Device parts are shown one by one, as virtio 1.4 defines
 * them, and are in order if the module's own code says so.
 */
#include <endian.h>
#include <errno.h>
#include <linux/mdev_migrate.h>
#include <string.h>

#include "../../drivers/virtio_net/parts.h"
#include <linux/mdev_migrate/config.h>

#include "decode.h"

#define PART_HDR	16
#define VQ_CFG_SIZE	32
#define VQ_NOTIFY_SIZE	8

enum {
	PART_DEV_FEATURES = 0x100,
	PART_DRV_FEATURES,
	PART_PCI_COMMON_CFG,
	PART_DEVICE_STATUS,
	PART_VQ_CFG,
	PART_VQ_NOTIFY_CFG,
	PART_CVQ_CFG = 0x200,
};

static void put_bytes(struct json *object, const char *key, const uint8_t *data,
		      size_t len)
{
	struct text text = { 0 };
	size_t i;

	for (i = 0; i < len && i < 64; i++)
		text_printf(&text, "%02x", data[i]);
	if (len > 64)
		text_printf(&text, "... (%zu bytes)", len);
	json_put_text(object, key, text.len ? text.data : "");
	text_free(&text);
}

static void put_status(struct json *object, uint8_t status)
{
	static const char * const bits[] = {
		"ACKNOWLEDGE", "DRIVER", "DRIVER_OK", "FEATURES_OK", NULL,
		NULL, "NEEDS_RESET", "FAILED",
	};
	struct text text = { 0 };
	int i;

	text_printf(&text, "0x%02x", status);
	for (i = 0; i < 8; i++) {
		if (status & 1 << i && bits[i])
			text_printf(&text, " %s", bits[i]);
	}
	json_put_text(object, "status", text.data);
	text_free(&text);
}

static const char *feature_name(int bit)
{
	static const char * const names[64] = {
		[0] = "CSUM", [1] = "GUEST_CSUM",
		[2] = "CTRL_GUEST_OFFLOADS", [3] = "MTU", [5] = "MAC",
		[7] = "GUEST_TSO4", [8] = "GUEST_TSO6", [9] = "GUEST_ECN",
		[10] = "GUEST_UFO", [11] = "HOST_TSO4", [12] = "HOST_TSO6",
		[13] = "HOST_ECN", [14] = "HOST_UFO", [15] = "MRG_RXBUF",
		[16] = "STATUS", [17] = "CTRL_VQ", [18] = "CTRL_RX",
		[19] = "CTRL_VLAN", [20] = "CTRL_RX_EXTRA",
		[21] = "GUEST_ANNOUNCE", [22] = "MQ", [23] = "CTRL_MAC_ADDR",
		[28] = "INDIRECT_DESC", [29] = "EVENT_IDX", [32] = "VERSION_1",
		[33] = "ACCESS_PLATFORM", [34] = "RING_PACKED",
		[35] = "IN_ORDER", [36] = "ORDER_PLATFORM", [37] = "SR_IOV",
		[38] = "NOTIFICATION_DATA", [39] = "NOTIF_CONFIG_DATA",
		[40] = "RING_RESET", [41] = "ADMIN_VQ", [51] = "DEVICE_STATS",
		[52] = "VQ_NOTF_COAL", [53] = "NOTF_COAL", [54] = "GUEST_USO4",
		[55] = "GUEST_USO6", [56] = "HOST_USO", [57] = "HASH_REPORT",
		[59] = "GUEST_HDRLEN", [60] = "RSS",
		[61] = "RSC_EXT", [62] = "STANDBY", [63] = "SPEED_DUPLEX",
	};

	return names[bit];
}

static void put_features(struct json *object, uint64_t features)
{
	struct text text = { 0 };
	int bit;

	text_printf(&text, "0x%llx", (unsigned long long)features);
	for (bit = 0; bit < 64; bit++) {
		if (!(features >> bit & 1))
			continue;
		if (feature_name(bit))
			text_printf(&text, " %s", feature_name(bit));
		else
			text_printf(&text, " bit%d", bit);
	}
	json_put_text(object, "features", text.data);
	text_free(&text);
}

static void put_common(struct json *object, uint32_t offset, const uint8_t *value,
		       size_t len)
{
	static const struct {
		uint32_t offset;
		const char *name;
	} fields[] = {
		{ 0, "device_feature_select" }, { 8, "driver_feature_select" },
		{ 16, "config_msix_vector" }, { 22, "queue_select" },
	};
	const struct vnet_common_field *field = vnet_common_field_find(offset);
	size_t i;

	json_put_number(object, "offset", offset);
	if (field)
		json_put_text(object, "field", field->name);
	for (i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		if (fields[i].offset == offset)
			json_put_text(object, "field", fields[i].name);
	}
	if (len <= 8)
		decode_hex(object, "value", decode_le(value, len), 0);
}

static void put_queue(struct json *object, const uint8_t *value)
{
	json_put_number(object, "size", decode_le(value, 2));
	decode_hex(object, "vector", decode_le(value + 2, 2), 0);
	json_put_bool(object, "enabled", decode_le(value + 4, 2));
	decode_hex(object, "desc", decode_le(value + 8, 8), 0);
	decode_hex(object, "driver", decode_le(value + 16, 8), 0);
	decode_hex(object, "device", decode_le(value + 24, 8), 0);
}

static const char *part_name(unsigned int type)
{
	static const char * const names[] = {
		"DEV_FEATURES", "DRV_FEATURES", "PCI_COMMON_CFG",
		"DEVICE_STATUS", "VQ_CFG", "VQ_NOTIFY_CFG",
	};

	if (type == PART_CVQ_CFG)
		return "CVQ_CFG";
	if (type < PART_DEV_FEATURES || type > PART_VQ_NOTIFY_CFG)
		return "unknown part";
	return names[type - PART_DEV_FEATURES];
}

/* virtio 1.4, "Control Virtqueue" of the network device */
static const char *command_name(unsigned int class, unsigned int command)
{
	static const char * const names[][6] = {
		[0] = { "RX_PROMISC", "RX_ALLMULTI", "RX_ALLUNI", "RX_NOMULTI",
			"RX_NOUNI", "RX_NOBCAST" },
		[1] = { "MAC_TABLE_SET", "MAC_ADDR_SET" },
		[2] = { "VLAN_ADD", "VLAN_DEL" },
		[3] = { "ANNOUNCE_ACK" },
		[4] = { "MQ_VQ_PAIRS_SET", "MQ_RSS_CONFIG", "MQ_HASH_CONFIG" },
		[5] = { "GUEST_OFFLOADS_SET" },
	};

	if (class >= sizeof(names) / sizeof(names[0]) || command >= 6)
		return NULL;
	return names[class][command];
}

static void put_value(struct json *object, unsigned int type, const uint8_t *selector,
		      const uint8_t *value, size_t len)
{
	if ((type == PART_DEV_FEATURES || type == PART_DRV_FEATURES) &&
	    len == 8) {
		put_features(object, decode_le(value, 8));
	} else if (type == PART_PCI_COMMON_CFG) {
		put_common(object, decode_le(selector, 4), value, len);
	} else if (type == PART_DEVICE_STATUS && len == 1) {
		put_status(object, *value);
	} else if (type == PART_VQ_CFG && len == VQ_CFG_SIZE) {
		json_put_number(object, "queue", decode_le(selector, 2));
		put_queue(object, value);
	} else if (type == PART_VQ_NOTIFY_CFG && len == VQ_NOTIFY_SIZE) {
		json_put_number(object, "queue", decode_le(selector, 2));
		decode_hex(object, "notify_off", decode_le(value, 2), 0);
		decode_hex(object, "notif_config_data", decode_le(value + 2, 2), 0);
	} else if (type == PART_CVQ_CFG) {
		json_put_number(object, "class", selector[0]);
		json_put_number(object, "command", selector[1]);
		json_put_text(object, "name",
			      command_name(selector[0], selector[1]));
		put_bytes(object, "value", value, len);
	} else {
		put_bytes(object, "selector", selector, 8);
		put_bytes(object, "value", value, len);
	}
}

int decode_virtio_parts(struct json *object, const uint8_t *data, size_t len,
			struct mdev_migrate_msg *why)
{
	struct json *array = json_new_array();
	struct vnet_parts parts;
	const uint8_t *p = data;
	size_t left = len;

	json_put(object, "parts", array);
	while (left >= PART_HDR && decode_le(p + 12, 4) <= left - PART_HDR) {
		unsigned int type = decode_le(p, 2);
		size_t length = decode_le(p + 12, 4);
		struct json *part = json_new_object();

		json_put_text(part, "part", part_name(type));
		decode_hex(part, "type", type, 0);
		json_put_bool(part, "optional", p[2] & 1);
		put_value(part, type, p + 4, p + PART_HDR, length);
		json_add(array, part);
		p += PART_HDR + length;
		left -= PART_HDR + length;
	}
	return vnet_parts_decode(&parts, data, len, why);
}

static int wrong_size(struct mdev_migrate_msg *why, const char *record,
		      size_t has, size_t wants)
{
	snprintf(why->text, sizeof(why->text),
		 "%s has %zu bytes, this program expects %zu", record, has, wants);
	return -EINVAL;
}

int decode_virtio_isr(struct json *object, const uint8_t *data, size_t len,
		      struct mdev_migrate_msg *why)
{
	struct mdev_migrate_virtio_isr state;

	if (len != sizeof(state))
		return wrong_size(why, "VIRTIO_ISR", len, sizeof(state));
	memcpy(&state, data, sizeof(state));
	decode_hex(object, "isr", state.isr, 0);
	json_put_number(object, "generation", state.generation);
	return 0;
}

int decode_virtio_net(struct json *object, const uint8_t *data, size_t len,
		      struct mdev_migrate_msg *why)
{
	struct mdev_migrate_virtio_net state;
	char mac[32];

	if (len != sizeof(state))
		return wrong_size(why, "VIRTIO_NET", len, sizeof(state));
	memcpy(&state, data, sizeof(state));
	snprintf(mac, sizeof(mac), "%02x:%02x:%02x:%02x:%02x:%02x",
		 state.mac[0], state.mac[1], state.mac[2], state.mac[3],
		 state.mac[4], state.mac[5]);
	json_put_text(object, "mac", mac);
	json_put_bool(object, "link_up", le16toh(state.status) & 1);
	decode_hex(object, "broken_queues", le32toh(state.broken), 0);
	return 0;
}

int decode_virtio_net_offloads(struct json *object, const uint8_t *data, size_t len,
			       struct mdev_migrate_msg *why)
{
	struct mdev_migrate_virtio_net_offloads state;

	if (len != sizeof(state))
		return wrong_size(why, "VIRTIO_NET_OFFLOADS", len, sizeof(state));
	memcpy(&state, data, sizeof(state));
	put_features(object, le64toh(state.offloads));
	return 0;
}
