/* SPDX-License-Identifier: GPL-2.0-only */
/* Small things that every test needs. */
#ifndef TESTS_LIB_UTIL_H
#define TESTS_LIB_UTIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How long a test waits for what must happen, before it fails: 5 s, or what this says. */
#define DEADLINE_MS	deadline_default()
#define DEADLINE_ENV	"SELFTESTS_DEADLINE_MS"
/* How long a test waits for what must not happen. */
#define QUIET_MS	50

/**
 * struct buf - bytes that grow
 * @data: malloc()ed
 * @len: bytes in use
 * @cap: bytes allocated
 */
struct buf {
	uint8_t *data;
	size_t len;
	size_t cap;
};

int buf_reserve(struct buf *b, size_t len);
int buf_append(struct buf *b, const void *data, size_t len);
int buf_copy(struct buf *b, const struct buf *from);
bool buf_equal(const struct buf *a, const struct buf *b);
void buf_free(struct buf *b);

uint64_t now_ns(void);
int deadline_default(void);
int64_t deadline_ms(int ms);
int deadline_left(int64_t deadline);
int wait_readable(int fd, int ms);
uint64_t median_u64(uint64_t *values, size_t nr);
uint64_t rng_next(uint64_t *state);

uint16_t get_le16(const void *p);
uint32_t get_le32(const void *p);
uint64_t get_le64(const void *p);
void put_le16(void *p, uint16_t v);
void put_le32(void *p, uint32_t v);
void put_le64(void *p, uint64_t v);

#endif /* TESTS_LIB_UTIL_H */
