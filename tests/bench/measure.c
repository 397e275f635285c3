// SPDX-License-Identifier: GPL-2.0-only
#include "measure.h"

#include <fnmatch.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mdev.h"

void die(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	printf("# failed: ");
	vprintf(fmt, args);
	printf("\n");
	va_end(args);
	exit(1);
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Sorts the values. */
double measure_median(double *values, unsigned int n)
{
	qsort(values, n, sizeof(*values), compare);
	return n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

/* Is a line to be printed? Any is, if there are no @names. */
bool measure_wanted(const char *name, char **names)
{
	if (!*names)
		return true;
	for (; *names; names++) {
		if (!fnmatch(*names, name, 0))
			return true;
	}
	return false;
}

/* What is freed late, and what is a cache, is not of interest: it goes first. */
static void settle(void)
{
	usleep(200000);
	sysfs_write("/proc/sys/vm/drop_caches", "3");
	usleep(50000);
}

/* The lines of /proc/meminfo with one of these names, in KiB. */
static double sum_of(const char *const *names, unsigned int nr)
{
	unsigned long value, sum = 0;
	char line[128], name[32];
	unsigned int i;
	FILE *file = fopen("/proc/meminfo", "r");

	if (!file)
		die("no /proc/meminfo");
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%31[^:]: %lu", name, &value) != 2)
			continue;
		for (i = 0; i < nr; i++)
			sum += strcmp(name, names[i]) ? 0 : value;
	}
	fclose(file);
	return sum;
}

/* Memory in use, in KiB. */
double measure_used_kib(void)
{
	static const char *const total = "MemTotal", *const unused = "MemFree";

	settle();
	return sum_of(&total, 1) - sum_of(&unused, 1);
}

/* The kernel's own memory, without pages that it gets one by one, in KiB. */
double measure_kernel_kib(void)
{
	static const char *const names[] = { "Slab", "VmallocUsed", "Percpu" };

	settle();
	return sum_of(names, sizeof(names) / sizeof(names[0]));
}
