/* SPDX-License-Identifier: GPL-2.0-only */
/* How long a guest is stopped while a device's state moves. */
#ifndef MDEV_MIGRATE_DOWNTIME_H
#define MDEV_MIGRATE_DOWNTIME_H

/**
 * struct device_times - what was measured of a device, in microseconds
 * @stop_us: from RUNNING until the state can be read
 * @read_us: until all of it is read
 * @start_us: from STOP to RUNNING
 * @bytes: of the state that was read
 */
struct device_times {
	double stop_us;
	double read_us;
	double start_us;
	double bytes;
};

double bandwidth_from_text(const char *text);
double downtime_ms(const struct device_times *times, double bytes,
		   double bandwidth);

#endif /* MDEV_MIGRATE_DOWNTIME_H */
