// SPDX-License-Identifier: GPL-2.0-only
/*
 * Snapshots: any bytes, through the commands themselves. What is read comes out again
 * the same, and what one command takes from a file all others take: check and find
 * say the same of each host, and leave out the same.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../tools/mdev-migrate/fleet.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

const char *const program = "fuzz";

#define SOURCE	"model=https://mdev-migrate.org/devices/virtio-net,mtu=1500,rss=on"

static void expect(bool ok)
{
	if (!ok)
		abort();
}

static enum result verdict_of(const struct host *host)
{
	struct source source = { .name = "source", .config_known = true };
	struct arena arena = { 0 };
	struct mdev_migrate_msg why;
	struct verdict verdict;

	expect(!config_read(&arena, &source.config, SOURCE, &why));
	judge_host(&arena, &verdict, &source, host);
	arena_free(&arena);
	return verdict.result;
}

/* What was read comes out again the same. */
static void again(struct host *host)
{
	struct json *out = json_from_host(host);
	struct mdev_migrate_msg why;
	struct host copy;

	expect(!json_to_host(&copy, out, NULL, &why));
	expect(json_equal(out, json_from_host(&copy)));
	expect(verdict_of(&copy) == verdict_of(host));
	host_free(&copy);
}

/* Hosts as one way of reading found them. */
struct found {
	enum result results[64];
	size_t nr;
};

static void add_host(struct found *found, struct host *host)
{
	if (found->nr < 64)
		found->results[found->nr] = verdict_of(host);
	found->nr++;
}

/* As check, list, show and plan read. */
static int plain(void *context, struct doc *doc)
{
	struct host host;

	if (host_from_doc(&host, doc, NULL))
		return -1;
	add_host(context, &host);
	if (!host.nr_types || !host.types[0].is_program)
		again(&host);
	host_free(&host);
	return 0;
}

/* As find, baseline and matrix do. */
static void shared(void *context, struct host *host)
{
	add_host(context, host);
	host_free(host);
}

static int status_of(int (*run)(const struct options *options), char **args, int nr)
{
	struct options options = {
		.root = "/nonexistent", .json = true, .args = args, .nr = nr,
	};

	return run(&options);
}

/* The commands' exit status says whether, and whether all of it, was read. */
static void commands(char *file, const struct docs_read *done)
{
	char source[] = SOURCE, *args[] = { source, file };
	int status;

	status = status_of(cmd_find, args, 2);
	expect((status == DONE_ERROR) == !done->read);
	expect(!done->read || !!(status & DONE_LEFT_OUT) == !!done->bad);
	status = status_of(cmd_matrix, args + 1, 1);
	expect((status == DONE_ERROR) == !done->read);
	status = status_of(cmd_baseline, args + 1, 1);
	expect(done->read || status == DONE_ERROR);
	status = status_of(cmd_list, args + 1, 1);
	expect((status == DONE_ERROR) == (done->read != 1));
	status = status_of(cmd_check, args, 2);
	expect((status == DONE_ERROR) == (done->read != 1));
	status = status_of(cmd_plan, args, 2);
	expect(done->read == 1 || status == DONE_ERROR);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct options options = { .root = "/nonexistent", .nr = 1 };
	int fd = memfd_create("fuzz", 0);
	struct docs_read done = { 0 };
	struct found one = { 0 }, two = { 0 };
	struct fleet fleet = { 0 };
	char file[64], *args[] = { file };

	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		abort();
	snprintf(file, sizeof(file), "/proc/self/fd/%d", fd);
	options.args = args;
	/* One that is empty is an error, too. */
	docs_each(file, plain, &one, &done);
	fleet.memo = memo_new(true);
	fleet_each(&fleet, &options, 0, "fuzz", shared, &two);
	expect(one.nr == two.nr && one.nr == done.read);
	expect(!memcmp(one.results, two.results, sizeof(one.results)));
	expect(!!fleet.left_out == (done.bad || !done.read));
	memo_free(fleet.memo);
	commands(file, &done);
	complaints_forget();
	json_forget();
	close(fd);
	return 0;
}
