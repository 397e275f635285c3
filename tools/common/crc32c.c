// SPDX-License-Identifier: GPL-2.0-only
/* CRC-32C for the codec, as the kernel's: no inversion before or after. */
#include "../../drivers/mdev_migrate/codec/port.h"

#define POLYNOMIAL	0x82f63b78U
#define SLICES		8

static u32 table[SLICES][256];

/* Eight bytes at a time: table[k] is for a byte with k zero bytes after it. */
static void __attribute__((__constructor__)) fill_table(void)
{
	unsigned int i, k, bit;

	for (i = 0; i < 256; i++) {
		u32 crc = i;

		for (bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? POLYNOMIAL : 0);
		table[0][i] = crc;
	}
	for (k = 1; k < SLICES; k++) {
		for (i = 0; i < 256; i++)
			table[k][i] = table[k - 1][i] >> 8 ^
				      table[0][table[k - 1][i] & 0xff];
	}
}

static u32 eight_bytes(u32 crc, const u8 *p)
{
	crc ^= p[0] | p[1] << 8 | p[2] << 16 | (u32)p[3] << 24;
	return table[7][crc & 0xff] ^ table[6][crc >> 8 & 0xff] ^
	       table[5][crc >> 16 & 0xff] ^ table[4][crc >> 24] ^
	       table[3][p[4]] ^ table[2][p[5]] ^ table[1][p[6]] ^
	       table[0][p[7]];
}

u32 crc32c(u32 crc, const void *data, size_t len)
{
	const u8 *p = data;

	for (; len >= 8; len -= 8, p += 8)
		crc = eight_bytes(crc, p);
	while (len--)
		crc = crc >> 8 ^ table[0][(crc ^ *p++) & 0xff];
	return crc;
}
