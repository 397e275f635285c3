// SPDX-License-Identifier: GPL-2.0-only
/* probe: what a VMM would find, measured. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../common/downtime.h"
#include "commands.h"
#include "vfio.h"

#define ARCS_MAX	8
#define BLOCK		(1024 * 1024)

/**
 * struct probe - what was found
 * @dev: the device
 * @flags: MIG_HAS_*
 * @flags_err: why there are none
 * @data_size: estimate of the state's bytes
 * @data_size_err: why there is none
 * @reset: 1 if there is one
 * @dma_logging: likewise
 * @arcs: how long each step took
 * @nr_arcs: how many steps
 * @bytes: of the state
 * @times: of all of it
 */
struct probe {
	struct vfio_dev dev;
	uint64_t flags;
	int flags_err;
	uint64_t data_size;
	int data_size_err;
	int reset;
	int dma_logging;
	struct arc {
		enum mig_state from;
		enum mig_state to;
		double us;
	} arcs[ARCS_MAX];
	size_t nr_arcs;
	uint64_t bytes;
	struct device_times times;
};

/* What QEMU (10.0 and newer) does about what is missing. */
struct remark {
	const char *code;
	const char *severity;
	const char *message;
	const char *fix;
};

static double now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1e6 + now.tv_nsec / 1e3;
}

/* 0 or a negative errno */
static int go(struct probe *probe, enum mig_state from, enum mig_state to,
	      int *data_fd)
{
	double start = now_us();
	int ret = vfio_mig_set(&probe->dev, to, data_fd);

	if (ret)
		return ret;
	probe->arcs[probe->nr_arcs++] = (struct arc) {
		from, to, now_us() - start,
	};
	return 0;
}

static int read_state(struct probe *probe, int fd)
{
	char *block = malloc(BLOCK);
	double start = now_us();
	ssize_t n;

	if (!block)
		out_of_memory();
	while ((n = read(fd, block, BLOCK)) > 0)
		probe->bytes += n;
	probe->times.read_us = now_us() - start;
	probe->times.bytes = probe->bytes;
	n = n ? -errno : 0;
	free(block);
	return n;
}

static double sum_arcs(const struct probe *probe, size_t from)
{
	double us = 0;

	for (; from < probe->nr_arcs; from++)
		us += probe->arcs[from].us;
	return us;
}

/* There and back; a device that is not in use is disturbed in nothing. */
static int measure(struct probe *probe)
{
	bool p2p = probe->flags & MIG_HAS_P2P;
	enum mig_state last = p2p ? MIG_RUNNING_P2P : MIG_RUNNING;
	int ret = 0, fd = -1;
	size_t back;

	if (p2p)
		ret = go(probe, MIG_RUNNING, MIG_RUNNING_P2P, NULL);
	if (!ret)
		ret = go(probe, last, MIG_STOP, NULL);
	if (!ret)
		ret = go(probe, MIG_STOP, MIG_STOP_COPY, &fd);
	if (ret)
		return ret;
	probe->times.stop_us = sum_arcs(probe, 0);
	ret = read_state(probe, fd);
	close(fd);
	if (!ret)
		ret = go(probe, MIG_STOP_COPY, MIG_STOP, NULL);
	back = probe->nr_arcs;
	if (!ret)
		ret = go(probe, MIG_STOP, last, NULL);
	if (!ret && p2p)
		ret = go(probe, MIG_RUNNING_P2P, MIG_RUNNING, NULL);
	probe->times.start_us = sum_arcs(probe, back);
	return ret;
}

static size_t remarks_of(const struct probe *probe, struct remark *remarks)
{
	size_t nr = 0;

	if (probe->flags_err || !(probe->flags & MIG_HAS_STOP_COPY))
		remarks[nr++] = (struct remark) { "no-stop-copy", "refuses",
			"the driver does not support migration", NULL };
	if (probe->dma_logging != 1)
		remarks[nr++] = (struct remark) { "no-dma-logging", "refuses",
			"the device does not track what it writes to guest memory",
			"-device vfio-pci,...,enable-migration=on: the container tracks it then" };
	if (!(probe->flags & MIG_HAS_P2P))
		remarks[nr++] = (struct remark) { "no-p2p", "refuses",
			"a guest with another VFIO device besides, since P2P is not supported",
			NULL };
	if (probe->data_size_err)
		remarks[nr++] = (struct remark) { "no-data-size", "guesses",
			"the state's size is not known: QEMU assumes 100 GiB and never gets to the switchover",
			"migrate-set-parameters downtime-limit=..." };
	if (!(probe->flags & MIG_HAS_PRE_COPY))
		remarks[nr++] = (struct remark) { "no-pre-copy", "slow",
			"all of the state moves while the guest is stopped, since PRE_COPY is not supported",
			NULL };
	if (probe->reset != 1)
		remarks[nr++] = (struct remark) { "no-reset", "warns",
			"the device cannot be reset", NULL };
	return nr;
}

static struct json *to_json(const struct probe *probe, double bandwidth)
{
	static const char * const names[] = { "STOP_COPY", "P2P", "PRE_COPY" };
	struct json *answer = json_answer("probe");
	struct json *array = json_new_array();
	struct remark remarks[8];
	size_t i, nr;

	json_put_text(answer, "device", probe->dev.name);
	json_put_text(answer, "opened_through", probe->dev.how);
	for (i = 0; i < 3; i++) {
		if (probe->flags & 1 << i)
			json_add(array, json_string(names[i]));
	}
	json_put(answer, "migration", array);
	if (!probe->data_size_err)
		json_put_number(answer, "data_size", probe->data_size);
	json_put_bool(answer, "dma_logging", probe->dma_logging == 1);
	json_put_bool(answer, "reset", probe->reset == 1);
	json_put_number(answer, "state_bytes", probe->bytes);
	json_put(answer, "stop_us", json_real(probe->times.stop_us));
	json_put(answer, "start_us", json_real(probe->times.start_us));
	json_put(answer, "read_us", json_real(probe->times.read_us));
	array = json_new_array();
	for (i = 0; i < probe->nr_arcs; i++) {
		struct json *arc = json_new_object();

		json_put_text(arc, "from", vfio_mig_name(probe->arcs[i].from));
		json_put_text(arc, "to", vfio_mig_name(probe->arcs[i].to));
		json_put(arc, "us", json_real(probe->arcs[i].us));
		json_add(array, arc);
	}
	json_put(answer, "arcs", array);
	array = json_new_array();
	nr = remarks_of(probe, remarks);
	for (i = 0; i < nr; i++) {
		struct json *remark = json_new_object();

		json_put_text(remark, "code", remarks[i].code);
		json_put_text(remark, "qemu", remarks[i].severity);
		json_put_text(remark, "message", remarks[i].message);
		json_put_text(remark, "fix", remarks[i].fix);
		json_add(array, remark);
	}
	json_put(answer, "remarks", array);
	if (bandwidth > 0)
		json_put(answer, "expected_downtime_ms",
			 json_real(downtime_ms(&probe->times, probe->bytes, bandwidth)));
	return answer;
}

static void print_text(const struct probe *probe, double bandwidth)
{
	struct remark remarks[8];
	size_t i, nr;

	printf("%-14s %s\n", "device", probe->dev.name);
	printf("%-14s %s\n", "opened through", probe->dev.how);
	printf("%-14s%s%s%s%s\n", "migration",
	       probe->flags & MIG_HAS_STOP_COPY ? " STOP_COPY" : "",
	       probe->flags & MIG_HAS_P2P ? " P2P" : "",
	       probe->flags & MIG_HAS_PRE_COPY ? " PRE_COPY" : "",
	       probe->flags ? "" : " none");
	printf("%-14s %s\n", "dirty pages",
	       probe->dma_logging == 1 ? "tracked by the device" :
					 "not tracked by the device");
	printf("%-14s %s\n", "reset", probe->reset == 1 ? "yes" : "no");
	if (!probe->data_size_err)
		printf("%-14s %llu bytes\n", "estimated",
		       (unsigned long long)probe->data_size);
	if (probe->nr_arcs)
		printf("%-14s %llu bytes, read in %.3f ms\n", "state",
		       (unsigned long long)probe->bytes, probe->times.read_us / 1e3);
	for (i = 0; i < probe->nr_arcs; i++)
		printf("%-14s %s -> %s: %.3f ms\n", i ? "" : "steps",
		       vfio_mig_name(probe->arcs[i].from),
		       vfio_mig_name(probe->arcs[i].to),
		       probe->arcs[i].us / 1e3);
	nr = remarks_of(probe, remarks);
	for (i = 0; i < nr; i++) {
		printf("%-14s %s: %s\n", i ? "" : "QEMU", remarks[i].severity,
		       remarks[i].message);
		if (remarks[i].fix)
			printf("%-14s   lifted by %s\n", "", remarks[i].fix);
	}
	if (!nr)
		printf("%-14s migrates it\n", "QEMU");
	if (bandwidth > 0)
		printf("%-14s %.3f ms, the guest's own last pages not counted\n",
		       "downtime", downtime_ms(&probe->times, probe->bytes, bandwidth));
}

int cmd_probe(const struct options *options)
{
	struct arena arena = { 0 };
	struct probe probe = { 0 };
	double bandwidth = 0;
	int ret;

	if (options->bandwidth)
		bandwidth = bandwidth_from_text(options->bandwidth);
	if (options->bandwidth && !bandwidth)
		return complain(DONE_ERROR,
				"--bandwidth: \"%s\" is not written as 10Gbit/s, 1.25GB/s or 100M",
				options->bandwidth);
	ret = vfio_open(&probe.dev, options->args[0], options->root);
	if (ret)
		return ret;
	probe.reset = vfio_has_reset(&probe.dev);
	probe.flags_err = vfio_mig_flags(&probe.dev, &probe.flags);
	probe.dma_logging = vfio_has_dma_logging(&probe.dev);
	probe.data_size_err = vfio_mig_data_size(&probe.dev, &probe.data_size);
	if (probe.flags & MIG_HAS_STOP_COPY)
		ret = measure(&probe);
	if (ret) {
		complain(DONE_ERROR,
			 "%s: a step of the migration failed: %s: %s; the device is being reset",
			 probe.dev.name, strerror(-ret),
			 vfio_last_error(&arena, &probe.dev));
		vfio_reset(&probe.dev);
		ret = DONE_NO;
	} else if (options->json) {
		ret = json_print(to_json(&probe, bandwidth), stdout,
				 "standard output", false);
	} else {
		print_text(&probe, bandwidth);
		ret = finish_output(stdout, "standard output");
	}
	if (!ret && !(probe.flags & MIG_HAS_STOP_COPY))
		ret = DONE_NO;
	arena_free(&arena);
	vfio_close(&probe.dev);
	return ret;
}
