/* SPDX-License-Identifier: GPL-2.0-only */
/* What the benchmarks share. */
#ifndef TESTS_BENCH_MEASURE_H
#define TESTS_BENCH_MEASURE_H

#include <stdbool.h>

__attribute__((noreturn, format(printf, 1, 2)))
void die(const char *fmt, ...);
double measure_median(double *values, unsigned int n);
bool measure_wanted(const char *name, char **names);
double measure_used_kib(void);
double measure_kernel_kib(void);

#endif /* TESTS_BENCH_MEASURE_H */
