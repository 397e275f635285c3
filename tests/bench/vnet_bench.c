// SPDX-License-Identifier: GPL-2.0-only
/*
 * Measures our card beside vhost-net. Samples of both alternate, and what counts
 * is the median of the ratios of neighbouring samples: whatever else the machine
 * does meets both. See README.rst.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "life.h"
#include "mdev.h"
#include "measure.h"
#include "traffic.h"
#include "unmap.h"

#define ROUNDS_MAX	5001
#define SAMPLE_SECONDS	20
/* How often devices come and go, and the time that they may take. */
#define LIVES		5
#define LIFE_SECONDS	5.0
/* Migrations whose last step is timed, and the limits that it has. */
#define STOPS		21
#define STOP_US		1000
#define STATE_BYTES	16384

static unsigned int rounds = 201;
/* The only side that is measured, if it is one. */
static unsigned int only = PORT_SIDES;

/**
 * struct measure - a line of the output
 * @name: its name
 * @unit: of the values
 * @less: less is better
 * @sample: takes a sample
 * @load: of what
 */
struct measure {
	const char *name;
	const char *unit;
	bool less;
	double (*sample)(struct host *h);
	const struct load *load;
};

static const struct load load_64 = { 64, false, 128, 128 * 48 };
static const struct load load_1500 = { 1500, false, 32, 32 * 128 };
static const struct load load_few = { 64, false, 32, 32 * 128 };
static const struct load load_64k = { 54 + 44 * 1460, true, 8, 8 * 32 };

static const struct measure short_packets[] = {
	{ "tx_64", "pps", false, traffic_tx, &load_64 },
	{ "rx_64", "pps", false, traffic_rx, &load_64 },
	{ "tx_1500", "pps", false, traffic_tx, &load_1500 },
	{ "rx_1500", "pps", false, traffic_rx, &load_1500 },
	{ "cpu_tx_64", "ns", true, traffic_cpu_tx, &load_few },
	{ "cpu_rx_64", "ns", true, traffic_cpu_rx, &load_few },
	{ "latency_tx", "us", true, traffic_latency_tx, &load_64 },
	{ NULL }
};

static const struct measure long_packets[] = {
	{ "tx_64k_tso", "pps", false, traffic_tx, &load_64k },
	{ "rx_64k_tso", "pps", false, traffic_rx, &load_64k },
	{ NULL }
};

static const struct measure reflected[] = {
	{ "latency_round", "us", true, traffic_latency_round, &load_64 },
	{ NULL }
};

/* Reads that wait for ever are interrupted, so that they fail. */
static void on_alarm(int signal)
{
}

static void set_alarm(unsigned int seconds)
{
	const struct itimerval timer = { { 1, 0 }, { seconds, 0 } };
	const struct sigaction action = { .sa_handler = on_alarm };

	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &timer, NULL);
}

/**
 * struct line - where a measure is printed
 * @measure: which
 * @name: with the number of queue pairs, if it is not one
 */
struct line {
	const struct measure *measure;
	char name[32];
};

static void print_measure(const struct line *line, const double *ours,
			  const double *peer, const double *ratio)
{
	const char *unit = line->measure->unit;
	int digits = strcmp(unit, "us") ? 0 : 2;

	printf("bench: vnet_%s ours=%.*f%s peer=%.*f%s ratio=%.2f\n",
	       line->name, digits, *ours, unit, digits, *peer, unit, *ratio);
}

/* For a profiler: one side and nothing else. */
static void run_alone(const struct line *line, struct host *h)
{
	const struct measure *m = line->measure;
	double values[ROUNDS_MAX];
	unsigned int i;

	host_load(h, m->load);
	for (i = 0; i < rounds; i++) {
		set_alarm(SAMPLE_SECONDS);
		values[i] = m->sample(h);
	}
	printf("# vnet_%s alone: %.0f%s\n", line->name, measure_median(values, rounds),
	       m->unit);
}

static void run_measure(const struct line *line, struct host *hosts)
{
	double values[PORT_SIDES][ROUNDS_MAX], ratios[ROUNDS_MAX];
	const struct measure *m = line->measure;
	double ours, peer, ratio;
	unsigned int i, side;

	for (side = 0; side < PORT_SIDES; side++) {
		host_load(&hosts[side], m->load);
		set_alarm(SAMPLE_SECONDS);
		m->sample(&hosts[side]);
	}
	for (i = 0; i < rounds; i++) {
		for (side = 0; side < PORT_SIDES; side++) {
			unsigned int s = side ^ (i & 1);

			set_alarm(SAMPLE_SECONDS);
			values[s][i] = m->sample(&hosts[s]);
		}
		ratios[i] = values[PORT_OURS][i] / values[PORT_PEER][i];
		if (m->less)
			ratios[i] = 1 / ratios[i];
	}
	ours = measure_median(values[PORT_OURS], rounds);
	peer = measure_median(values[PORT_PEER], rounds);
	ratio = measure_median(ratios, rounds);
	print_measure(line, &ours, &peer, &ratio);
	printf("# vnet_%s: half of %u ratios are from %.2f to %.2f\n",
	       line->name, rounds, ratios[rounds / 4],
	       ratios[rounds - 1 - rounds / 4]);
	fflush(stdout);
}

/* Is this measure to be printed, and where? */
static bool get_line(const struct measure *m, unsigned int pairs, char **names,
		     struct line *line)
{
	line->measure = m;
	if (pairs > 1)
		snprintf(line->name, sizeof(line->name), "%s_%uq", m->name,
			 pairs);
	else
		snprintf(line->name, sizeof(line->name), "%s", m->name);
	return measure_wanted(line->name, names);
}

static bool any_wanted(unsigned int pairs, char **names)
{
	static const struct measure * const all[] = {
		short_packets, long_packets, reflected,
	};
	const struct measure *m;
	struct line line;
	unsigned int i;

	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		for (m = all[i]; m->name; m++) {
			if (get_line(m, pairs, names, &line))
				return true;
		}
	}
	return pairs == 1 && measure_wanted("idle_cpu", names);
}

static void run_measures(const struct measure *m, struct host *hosts,
			 char **names)
{
	unsigned int pairs = hosts[PORT_OURS].port->pairs;
	struct line line;

	for (; m->name; m++) {
		if (!get_line(m, pairs, names, &line))
			continue;
		if (only < PORT_SIDES)
			run_alone(&line, &hosts[only]);
		else
			run_measure(&line, hosts);
	}
}

static void up(struct host *hosts, uint64_t features)
{
	unsigned int side;

	for (side = 0; side < PORT_SIDES; side++) {
		struct port *p = hosts[side].port;

		if (features & ~p->offered)
			die("%s does not offer features %#llx", p->ifname,
			    (unsigned long long)(features & ~p->offered));
		port_up(p, features);
	}
}

static void down(struct host *hosts)
{
	unsigned int side;

	for (side = 0; side < PORT_SIDES; side++)
		port_down(hosts[side].port);
}

/* Lines without a peer have a limit: the project's own. */
static void print_limit(const char *name, const char *unit, double value,
			double limit)
{
	printf("bench: vnet_%s ours=%.*f%s limit=%.*f%s\n", name,
	       value < 10 ? 1 : 0, value, unit, limit < 10 ? 1 : 0, limit,
	       unit);
	fflush(stdout);
}

/* With traffic on all queue pairs, and as much state as a card can have. */
static void bench_stop_copy(char **names)
{
	static struct port port;
	double values[STOPS];
	struct host host;
	size_t bytes = 0;
	unsigned int i;

	if (!measure_wanted("stop_copy", names))
		return;
	set_alarm(60);
	port_open(&port, PORT_OURS, MDEV_UUID_A, PORT_PAIRS);
	host_open(&host, &port);
	port_up(&port, PORT_FEATURES | PORT_TABLES);
	host_load(&host, &load_64);
	traffic_both(&host);
	port_fill_tables(&port);
	for (i = 0; i < STOPS; i++) {
		set_alarm(SAMPLE_SECONDS);
		traffic_both(&host);
		values[i] = life_stop_copy(&port, &bytes);
	}
	port_down(&port);
	host_close(&host);
	port_close(&port);
	print_limit("stop_copy", "us", measure_median(values, STOPS), STOP_US);
	print_limit("state", "B", bytes, STATE_BYTES);
	if (bytes > STATE_BYTES)
		die("the state is too large");
}

/* Both cards, with one or more queue pairs. */
static void bench_traffic(unsigned int pairs, char **names)
{
	static struct port ports[PORT_SIDES];
	struct host hosts[PORT_SIDES];
	unsigned int side;

	if (!any_wanted(pairs, names))
		return;
	for (side = 0; side < PORT_SIDES; side++) {
		port_open(&ports[side], side, MDEV_UUID_A, pairs);
		host_open(&hosts[side], &ports[side]);
	}
	up(hosts, PORT_FEATURES);
	run_measures(short_packets, hosts, names);
	if (pairs == 1 && measure_wanted("idle_cpu", names)) {
		set_alarm(SAMPLE_SECONDS);
		print_limit("idle_cpu", "%", life_idle_cpu(), 1);
	}
	down(hosts);
	up(hosts, PORT_FEATURES | PORT_TSO);
	run_measures(long_packets, hosts, names);
	down(hosts);
	up(hosts, PORT_FEATURES);
	host_reflect(&hosts[PORT_OURS], "bench-ours");
	host_reflect(&hosts[PORT_PEER], "bench-peer");
	run_measures(reflected, hosts, names);
	down(hosts);
	for (side = 0; side < PORT_SIDES; side++) {
		host_close(&hosts[side]);
		port_close(&ports[side]);
	}
}

static void bench_life_cycles(void)
{
	double ours[LIVES], peer[LIVES];
	struct life_cycle c;
	unsigned int i;

	for (i = 0; i < LIVES; i++) {
		set_alarm(SAMPLE_SECONDS);
		life_cycle_peer(&c);
		peer[i] = c.seconds;
		life_cycle_ours(&c);
		ours[i] = c.seconds;
	}
	printf("bench: vnet_%u_devices ours=%.2fs limit=%.2fs\n", LIFE_DEVICES,
	       measure_median(ours, LIVES), LIFE_SECONDS);
	printf("# vnet_%u_devices: as many taps with vhost-net, %.2f s\n",
	       LIFE_DEVICES, measure_median(peer, LIVES));
	print_limit("device_memory", "KiB", c.each, 256);
	print_limit("devices_lost", "KiB", c.lost, LIFE_DEVICES);
}

static void bench_life(char **names)
{
	if (measure_wanted("devices", names))
		bench_life_cycles();
	set_alarm(60);
	if (measure_wanted("idle_memory", names))
		print_limit("idle_memory", "KiB", life_idle_memory(PORT_OURS),
			    256);
}

/* Memory that the guest's driver maps and unmaps: there is no peer. */
static void bench_unmap(char **names)
{
	double values[ROUNDS_MAX], ratios[ROUNDS_MAX];
	struct unmap_rates rates;
	unsigned int i;

	if (measure_wanted("unmap_touched", names)) {
		set_alarm(60);
		unmap_touched(values, rounds);
		printf("bench: unmap_touched ours=%.1fus limit=%dus\n",
		       measure_median(values, rounds), UNMAP_US);
		printf("# unmap_touched: one in a hundred takes more than %.1f us\n",
		       values[rounds * 99 / 100]);
		fflush(stdout);
	}
	if (!measure_wanted("map_unmap_per_packet", names))
		return;
	set_alarm(120);
	unmap_begin();
	for (i = 0; i < rounds; i++) {
		unmap_per_packet(&rates);
		values[i] = rates.packets;
		ratios[i] = rates.packets / rates.untouched;
	}
	unmap_end();
	printf("bench: map_unmap_per_packet ours=%.0fpps ratio=%.2f limit=%.2f\n",
	       measure_median(values, rounds), measure_median(ratios, rounds), UNMAP_RATIO);
	printf("# map_unmap_per_packet: untouched %.0f/s, mapped once %.0fpps\n",
	       rates.untouched, rates.once);
	fflush(stdout);
}

static int bad_usage(void)
{
	fputs("vnet_bench [-r ROUNDS] [-s ours|peer] [NAME...]\n"
	      "  -s     only this side, for a profiler\n"
	      "  NAME   only this measure, without vnet_; can have * and ?\n", stderr);
	return 2;
}

int main(int argc, char **argv)
{
	int opt;

	while ((opt = getopt(argc, argv, "r:s:")) != -1) {
		if (opt == 'r')
			rounds = atoi(optarg);
		else if (opt == 's')
			only = *optarg == 'p' ? PORT_PEER : PORT_OURS;
		else
			return bad_usage();
	}
	if (rounds < 1 || rounds > ROUNDS_MAX)
		return bad_usage();
	bench_life(argv + optind);
	bench_stop_copy(argv + optind);
	bench_unmap(argv + optind);
	bench_traffic(1, argv + optind);
	bench_traffic(PORT_PAIRS, argv + optind);
	return 0;
}
