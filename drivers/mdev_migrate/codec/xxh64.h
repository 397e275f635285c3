/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The 64-bit xxhash of the bytes of bulk records. A kernel need not have the one
 * of <linux/xxhash.h>, and the tools have none: so here is one for both.
 */
#ifndef MDM_CODEC_XXH64_H
#define MDM_CODEC_XXH64_H

#include "port.h"

#define MDM_XXH64_STRIPE	32

/**
 * struct mdm_xxh64 - a digest under way
 * @total: bytes so far
 * @lane: the four sums
 * @rest: bytes of a stripe that is not whole
 * @have: how many
 */
struct mdm_xxh64 {
	u64 total;
	u64 lane[4];
	u8 rest[MDM_XXH64_STRIPE];
	u32 have;
};

void mdm_xxh64_init(struct mdm_xxh64 *hash);
void mdm_xxh64_update(struct mdm_xxh64 *hash, const void *data, size_t len);
u64 mdm_xxh64_digest(const struct mdm_xxh64 *hash);

#endif /* MDM_CODEC_XXH64_H */
