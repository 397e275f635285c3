// SPDX-License-Identifier: GPL-2.0-only
/*
 * XXH64 with seed 0, after the specification of xxHash, version 0.1.1
 * (github.com/Cyan4973/xxHash, doc/xxhash_spec.md).
 */
#include "xxh64.h"

#define PRIME_1		0x9e3779b185ebca87ULL
#define PRIME_2		0xc2b2ae3d27d4eb4fULL
#define PRIME_3		0x165667b19e3779f9ULL
#define PRIME_4		0x85ebca77c2b2ae63ULL
#define PRIME_5		0x27d4eb2f165667c5ULL

static u64 rotate(u64 value, unsigned int bits)
{
	return value << bits | value >> (64 - bits);
}

static u64 add_word(u64 lane, u64 word)
{
	return rotate(lane + word * PRIME_2, 31) * PRIME_1;
}

static u64 merge_lane(u64 sum, u64 lane)
{
	return (sum ^ add_word(0, lane)) * PRIME_1 + PRIME_4;
}

/* Whole stripes. The lanes stay in registers: @p could alias them. */
static void add_stripes(struct mdm_xxh64 *hash, const u8 *p, size_t nr)
{
	u64 a = hash->lane[0], b = hash->lane[1];
	u64 c = hash->lane[2], d = hash->lane[3];

	for (; nr; nr--, p += MDM_XXH64_STRIPE) {
		a = add_word(a, get_unaligned_le64(p));
		b = add_word(b, get_unaligned_le64(p + 8));
		c = add_word(c, get_unaligned_le64(p + 16));
		d = add_word(d, get_unaligned_le64(p + 24));
	}
	hash->lane[0] = a;
	hash->lane[1] = b;
	hash->lane[2] = c;
	hash->lane[3] = d;
}

/**
 * mdm_xxh64_init - begin a digest
 * @hash: the digest
 */
void mdm_xxh64_init(struct mdm_xxh64 *hash)
{
	hash->total = 0;
	hash->have = 0;
	hash->lane[0] = PRIME_1 + PRIME_2;
	hash->lane[1] = PRIME_2;
	hash->lane[2] = 0;
	hash->lane[3] = 0 - PRIME_1;
}

/**
 * mdm_xxh64_update - add bytes to a digest
 * @hash: the digest
 * @data: the bytes
 * @len: how many
 */
void mdm_xxh64_update(struct mdm_xxh64 *hash, const void *data, size_t len)
{
	const u8 *p = data;
	size_t n;

	hash->total += len;
	if (hash->have) {
		n = MDM_XXH64_STRIPE - hash->have;
		if (n > len)
			n = len;
		memcpy(hash->rest + hash->have, p, n);
		hash->have += n;
		p += n;
		len -= n;
		if (hash->have < MDM_XXH64_STRIPE)
			return;
		add_stripes(hash, hash->rest, 1);
		hash->have = 0;
	}
	n = len / MDM_XXH64_STRIPE;
	add_stripes(hash, p, n);
	hash->have = len % MDM_XXH64_STRIPE;
	if (hash->have)
		memcpy(hash->rest, p + n * MDM_XXH64_STRIPE, hash->have);
}

/* What does not fill a stripe. */
static u64 add_rest(u64 sum, const u8 *p, u32 len)
{
	for (; len >= 8; len -= 8, p += 8)
		sum = rotate(sum ^ add_word(0, get_unaligned_le64(p)), 27) * PRIME_1 +
		      PRIME_4;
	if (len >= 4) {
		sum = rotate(sum ^ get_unaligned_le32(p) * PRIME_1, 23) * PRIME_2 +
		      PRIME_3;
		p += 4;
		len -= 4;
	}
	while (len--)
		sum = rotate(sum ^ *p++ * PRIME_5, 11) * PRIME_1;
	return sum;
}

/**
 * mdm_xxh64_digest - the digest of what was added
 * @hash: the digest; more can be added afterwards
 *
 * Return: the digest.
 */
u64 mdm_xxh64_digest(const struct mdm_xxh64 *hash)
{
	const u64 *lane = hash->lane;
	u64 sum = PRIME_5;

	if (hash->total >= MDM_XXH64_STRIPE) {
		sum = rotate(lane[0], 1) + rotate(lane[1], 7) +
		      rotate(lane[2], 12) + rotate(lane[3], 18);
		sum = merge_lane(sum, lane[0]);
		sum = merge_lane(sum, lane[1]);
		sum = merge_lane(sum, lane[2]);
		sum = merge_lane(sum, lane[3]);
	}
	sum = add_rest(sum + hash->total, hash->rest, hash->have);
	sum = (sum ^ sum >> 33) * PRIME_2;
	sum = (sum ^ sum >> 29) * PRIME_3;
	return sum ^ sum >> 32;
}
