/* SPDX-License-Identifier: GPL-2.0-only */
/* What it costs to take memory away from the card. */
#ifndef TESTS_BENCH_UNMAP_H
#define TESTS_BENCH_UNMAP_H

/* The project's own limits. */
#define UNMAP_US	200
#define UNMAP_RATIO	0.3

/**
 * struct unmap_rates - how often in a second
 * @packets: a page is mapped, sent and unmapped
 * @untouched: a page is mapped and unmapped
 * @once: a page that stays mapped is sent
 */
struct unmap_rates {
	double packets;
	double untouched;
	double once;
};

void unmap_touched(double *us, unsigned int rounds);
void unmap_begin(void);
void unmap_per_packet(struct unmap_rates *rates);
void unmap_end(void);

#endif /* TESTS_BENCH_UNMAP_H */
