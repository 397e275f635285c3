// SPDX-License-Identifier: GPL-2.0-only
#include "downtime.h"

#include <stdlib.h>
#include <string.h>

/* Reading a state that is smaller says nothing about how fast large ones are. */
#define BYTES_MIN	(1024 * 1024)

/*
 * "10Gbit/s", "1.25GB/s", "100MB", "10M": in bytes a second, of which there are eight bits
 * to one; units are powers of 1000. 0 if it is not written so.
 */
double bandwidth_from_text(const char *text)
{
	static const char units[] = "kMGT";
	const char *unit;
	double number;
	char *end;

	number = strtod(text, &end);
	/* Neither 0x10 nor 1e9, nor inf. */
	if ((size_t)(end - text) != strspn(text, "0123456789."))
		return 0;
	unit = *end ? strchr(units, *end == 'K' ? 'k' : *end) : NULL;
	if (unit) {
		end++;
		for (; unit >= units; unit--)
			number *= 1000;
	}
	if (!strncmp(end, "bit", 3)) {
		number /= 8;
		end += 3;
	} else if (*end == 'B') {
		end++;
	}
	if (!strcmp(end, "/s"))
		end += 2;
	return !*end && number > 0 && number < 1e18 ? number : 0;
}

/*
 * Stopping, moving the state, starting: while one part of it is read the last is on its
 * way, and the destination, taken to be as fast, loads the one before. @times may be NULL.
 */
double downtime_ms(const struct device_times *times, double bytes,
		   double bandwidth)
{
	double us = bytes / bandwidth * 1e6, read;

	if (!times)
		return us / 1e3;
	if (times->bytes >= BYTES_MIN) {
		read = times->read_us * bytes / times->bytes;
		us = read > us ? read : us;
	}
	return (times->stop_us + us + times->start_us) / 1e3;
}
