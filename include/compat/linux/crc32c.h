/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef COMPAT_LINUX_CRC32C_H
#define COMPAT_LINUX_CRC32C_H

#include_next <linux/crc32c.h>

/*
 * crc32c() used to be a module of its own, which a kernel's configuration may
 * lack; CRC32 has had the same function all the time, if not the fastest.
 */
#if defined(COMPAT_CRC32C_IN_LIBCRC32C) && !IS_ENABLED(CONFIG_LIBCRC32C)
#include <linux/crc32.h>

static inline u32 compat_crc32c(u32 crc, const void *data, size_t len)
{
	return __crc32c_le(crc, data, len);
}

#define crc32c(crc, data, len)	compat_crc32c(crc, data, len)
#endif

#endif /* COMPAT_LINUX_CRC32C_H */
