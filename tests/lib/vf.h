/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Virtual functions of the card that tests/modules/virtio_pf is, bound to Linux's own
 * virtio_vfio_pci; device parts as virtio 1.4 has them; and the records around them that
 * this driver reads and writes.
 *
 * Functions return 0 or what is said there, and a negative errno on failure.
 */
#ifndef TESTS_LIB_VF_H
#define TESTS_LIB_VF_H

#include "util.h"
#include "vdev.h"

#define VF_MAX		4
#define VF_OWNER	"0000:40:00.0"
/* The driver that migrates functions, and the one that uses them. */
#define VF_MIGRATES	"virtio_vfio_pci"
#define VF_USES		"virtio-pci"
#define VF_DEBUG	"/sys/kernel/debug/virtio_pf"

/* Functions are counted from 1 on. */
const char *vf_name(unsigned int nr);
int vf_make(unsigned int nr);
int vf_remove(void);
bool vf_has(unsigned int nr, const char *driver);
int vf_bind(unsigned int nr, const char *driver);
int vf_netdev(unsigned int nr, char *name);
int vf_read(unsigned int nr, const char *file, struct buf *text);
int vf_write(unsigned int nr, const char *file, const char *value);

/* Types of parts. */
enum part_type {
	PART_DEV_FEATURES = 0x100,
	PART_DRV_FEATURES,
	PART_COMMON,
	PART_STATUS,
	PART_QUEUE,
	PART_NOTIFY,
	PART_CTRL = 0x200,
};

#define PART_HDR	16U
#define PART_OPTIONAL	1
#define PART_SELECTOR(class, command)	((class) | (command) << 8)

/**
 * struct part - a device part
 * @at: of its header, in the buffer
 * @type: of it
 * @flags: of it
 * @selector: as a number, the first byte in the lowest bits
 * @len: bytes of @value
 * @value: of it
 */
struct part {
	size_t at;
	uint16_t type;
	uint8_t flags;
	uint64_t selector;
	uint32_t len;
	const uint8_t *value;
};

bool part_next(const uint8_t *parts, size_t len, size_t *at, struct part *part);
bool part_find(const struct buf *parts, uint16_t type, uint64_t selector,
	       struct part *part);
int part_append(struct buf *parts, uint16_t type, uint8_t flags,
		uint64_t selector, const void *value, uint32_t len);
int part_remove(struct buf *parts, uint16_t type, uint64_t selector);

#define RECORD_HDR	16U
#define RECORD_OPTIONAL	1

int record_append(struct buf *stream, uint32_t flags, uint32_t tag,
		  const void *data, size_t len);
int record_last(const struct buf *stream, struct buf *parts);
int vf_feed(struct vdev *v, const void *parts, size_t len);
int vf_take(struct vdev *v, struct buf *parts);

/**
 * struct vf_command - an administration command
 * @opcode: of it
 * @group: type of the group
 * @member: of it
 * @data: command_specific_data
 * @len: bytes of it
 */
struct vf_command {
	uint16_t opcode;
	uint16_t group;
	uint64_t member;
	const void *data;
	size_t len;
};

/* What a command comes to, if it is no errno. */
#define VF_STATUS(status, qualifier)	((status) | (qualifier) << 16)

int vf_command(const struct vf_command *command, struct buf *result);

#endif /* TESTS_LIB_VF_H */
