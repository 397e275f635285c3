// SPDX-License-Identifier: GPL-2.0-only
/*
 * How long mdev-migrate says that a guest would be stopped, beside how long it is: the
 * state of a running device goes through a pipe that lets so much through in a second,
 * into another device. Both are of one moment, so that how fast the machine is does not
 * matter.
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mdev.h"
#include "state.h"

#define TOOLS		"/src/build/tools-static"
#define PROBE		"/tmp/estimate_probe"
#define UUID_FROM	"6d646576-0003-4000-8000-00000000000a"
#define UUID_TO		"6d646576-0003-4000-8000-00000000000b"
#define UUID_IDLE	"6d646576-0003-4000-8000-00000000000c"
/* Bytes a second, as the tool is told and as the pipe lets through. */
#define RATE_TEXT	"800Mbit/s"
#define RATE		100e6
#define PART		65536
#define ROUNDS		5
#define LIMIT		25.0

static const unsigned int sizes[] = { 16, 64 };

static void run(const char *command)
{
	if (system(command))
		die("%s fails", command);
}

/* What an operator does: one that is not in use tells how long it takes to stop and start. */
static void measure_idle(unsigned int mib)
{
	struct state_dev d;

	state_open(&d, UUID_IDLE, mib);
	vdev_close(&d.v);
	run(TOOLS "/mdev-migrate-stream probe --json " UUID_IDLE " >" PROBE);
	if (mdev_remove(UUID_IDLE))
		die("%s cannot be removed", UUID_IDLE);
}

/* Milliseconds that the tool expects. */
static double ask(void)
{
	static const char key[] = "\"ms\": ";
	char text[256], *at = NULL;
	double ms = -1;
	FILE *answer;

	answer = popen(TOOLS "/mdev-migrate check --json --bandwidth " RATE_TEXT
		       " --probe " PROBE " " UUID_FROM " " UUID_TO, "r");
	while (answer && fgets(text, sizeof(text), answer)) {
		at = strstr(text, key);
		if (at)
			ms = strtod(at + strlen(key), NULL);
	}
	if (!answer || pclose(answer) < 0 || ms < 0)
		die("mdev-migrate check says nothing of a downtime");
	return ms;
}

/* The source's end of the channel. */
static void send_state(int from, int pipe)
{
	static uint8_t part[PART];
	uint64_t start = now_ns(), sent = 0;
	double ahead;
	ssize_t n;

	while ((n = read(from, part, sizeof(part))) > 0) {
		if (write(pipe, part, n) != n)
			_exit(1);
		sent += n;
		ahead = sent / RATE * 1e9 - (now_ns() - start);
		if (ahead > 0)
			usleep(ahead / 1000);
	}
	_exit(n ? 1 : 0);
}

/* The destination's: milliseconds from RUNNING to RUNNING. */
static double migrate(struct state_dev *a, struct state_dev *b)
{
	uint64_t start;
	int from, to, ends[2], status;
	ssize_t n;
	pid_t pid;
	static uint8_t part[PART];

	if (vdev_reset(&b->v) || pipe(ends))
		die("no destination: %s", strerror(errno));
	state_set(&b->v, VFIO_DEVICE_STATE_RESUMING, &to);
	start = now_ns();
	state_set(&a->v, VFIO_DEVICE_STATE_STOP_COPY, &from);
	pid = fork();
	if (pid < 0)
		die("fork: %s", strerror(errno));
	if (!pid)
		send_state(from, ends[1]);
	close(ends[1]);
	while ((n = read(ends[0], part, sizeof(part))) > 0)
		state_write(to, part, n);
	close(to);
	state_set(&b->v, VFIO_DEVICE_STATE_RUNNING, NULL);
	n = now_ns() - start;
	if (waitpid(pid, &status, 0) != pid || status)
		die("the state is not sent");
	close(ends[0]);
	close(from);
	state_set(&a->v, VFIO_DEVICE_STATE_RUNNING, NULL);
	return n / 1e6;
}

static bool bench_size(unsigned int mib)
{
	double errors[ROUNDS], expected[ROUNDS], took[ROUNDS], error;
	struct state_dev a, b;
	unsigned int i;

	measure_idle(mib);
	state_open(&a, UUID_FROM, mib);
	state_open(&b, UUID_TO, mib);
	state_fill(&a);
	for (i = 0; i < ROUNDS; i++) {
		expected[i] = ask();
		took[i] = migrate(&a, &b);
		errors[i] = fabs(expected[i] - took[i]) / took[i] * 100;
	}
	error = measure_median(errors, ROUNDS);
	printf("bench: estimate_error_%u ours=%.1f%% limit=%.0f%%\n", mib, error, LIMIT);
	printf("# estimate_error_%u: expected %.1f ms, took %.1f ms; from %.1f%% to %.1f%%\n",
	       mib, measure_median(expected, ROUNDS), measure_median(took, ROUNDS),
	       errors[0], errors[ROUNDS - 1]);
	fflush(stdout);
	state_close(&a);
	state_close(&b);
	return error <= LIMIT;
}

bool bench_estimate(char **names)
{
	bool good = true;
	unsigned int i;

	if (!measure_wanted("estimate_error", names))
		return true;
	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		good = bench_size(sizes[i]) && good;
	return good;
}
