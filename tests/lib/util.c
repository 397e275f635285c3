// SPDX-License-Identifier: GPL-2.0-only
#include "util.h"

#include <endian.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

int buf_reserve(struct buf *b, size_t len)
{
	size_t cap = b->cap ? b->cap : 1024;
	uint8_t *data;

	while (cap < len)
		cap *= 2;
	if (cap == b->cap)
		return 0;
	data = realloc(b->data, cap);
	if (!data)
		return -ENOMEM;
	b->data = data;
	b->cap = cap;
	return 0;
}

int buf_append(struct buf *b, const void *data, size_t len)
{
	int ret = buf_reserve(b, b->len + len);

	if (ret)
		return ret;
	if (len)
		memcpy(b->data + b->len, data, len);
	b->len += len;
	return 0;
}

int buf_copy(struct buf *b, const struct buf *from)
{
	b->len = 0;
	return buf_append(b, from->data, from->len);
}

bool buf_equal(const struct buf *a, const struct buf *b)
{
	return a->len == b->len && !memcmp(a->data, b->data, a->len);
}

void buf_free(struct buf *b)
{
	free(b->data);
	memset(b, 0, sizeof(*b));
}

uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

/* For DEADLINE_MS. */
int deadline_default(void)
{
	const char *ms = getenv(DEADLINE_ENV);

	return ms ? atoi(ms) : 5000;
}

int64_t deadline_ms(int ms)
{
	return now_ns() / 1000000 + ms;
}

/* Milliseconds until @deadline, 0 if it has passed. */
int deadline_left(int64_t deadline)
{
	int64_t left = deadline - (int64_t)(now_ns() / 1000000);

	return left > 0 ? (int)left : 0;
}

/* 1 if @fd became readable within @ms, 0 if not, or a negative errno. */
int wait_readable(int fd, int ms)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	int ret = poll(&pfd, 1, ms);

	if (ret < 0)
		return -errno;
	return ret && (pfd.revents & POLLIN);
}

/* xorshift64*: the same sequence for the same seed, which must not be 0. */
uint64_t rng_next(uint64_t *state)
{
	uint64_t x = *state;

	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	*state = x;
	return x * 0x2545f4914f6cdd1dULL;
}

uint16_t get_le16(const void *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof(v));
	return le16toh(v);
}

uint32_t get_le32(const void *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return le32toh(v);
}

uint64_t get_le64(const void *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return le64toh(v);
}

void put_le16(void *p, uint16_t v)
{
	v = htole16(v);
	memcpy(p, &v, sizeof(v));
}

void put_le32(void *p, uint32_t v)
{
	v = htole32(v);
	memcpy(p, &v, sizeof(v));
}

void put_le64(void *p, uint64_t v)
{
	v = htole64(v);
	memcpy(p, &v, sizeof(v));
}

static int compare_u64(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* What is in the middle of @nr values, which are sorted. */
uint64_t median_u64(uint64_t *values, size_t nr)
{
	qsort(values, nr, sizeof(*values), compare_u64);
	return values[nr / 2];
}
