/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the codec needs of its surroundings: the kernel's headers or the C
 * library's. Nothing else in this folder knows which of the two it is in.
 */
#ifndef MDM_CODEC_PORT_H
#define MDM_CODEC_PORT_H

#ifdef __KERNEL__

#include <asm/byteorder.h>
#include <linux/crc32c.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/string.h>
#include <linux/unaligned.h>

#else

#include <endian.h>
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <linux/types.h>

typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;

#define le16_to_cpu(x)	le16toh((__u16)(x))
#define le32_to_cpu(x)	le32toh((__u32)(x))
#define le64_to_cpu(x)	le64toh((__u64)(x))
#define cpu_to_le16(x)	((__le16)htole16(x))
#define cpu_to_le32(x)	((__le32)htole32(x))
#define cpu_to_le64(x)	((__le64)htole64(x))

#define __printf(a, b)	__attribute__((__format__(printf, a, b)))
#define ARRAY_SIZE(x)	(sizeof(x) / sizeof((x)[0]))

static inline u32 get_unaligned_le32(const void *p)
{
	__le32 value;

	memcpy(&value, p, sizeof(value));
	return le32_to_cpu(value);
}

static inline u64 get_unaligned_le64(const void *p)
{
	__le64 value;

	memcpy(&value, p, sizeof(value));
	return le64_to_cpu(value);
}

/* As the kernel's: no inversion before or after. */
u32 crc32c(u32 crc, const void *data, size_t len);

#endif /* __KERNEL__ */

#endif /* MDM_CODEC_PORT_H */
