// SPDX-License-Identifier: GPL-2.0-only
/*
 * Snapshots: any bytes. What is read comes out again the same, and what find
 * reads fast is judged as what it reads slowly.
 */
#include <stdlib.h>
#include <string.h>

#include "../../tools/mdev-migrate/command.h"
#include "../../tools/mdev-migrate/memo.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool ok)
{
	if (!ok)
		abort();
}

static void again(const struct host *host)
{
	struct mdev_migrate_msg why;
	json_t *out = json_from_host(host), *second;
	struct host copy;

	expect(!json_to_host(&copy, out, &why));
	second = json_from_host(&copy);
	expect(json_equal(out, second));
	json_decref(out);
	json_decref(second);
	host_free(&copy);
}

static enum result verdict_of(const struct host *host)
{
	static const char text[] =
		"model=https://mdev-migrate.org/devices/virtio-net,mtu=1500,rss=on";
	struct source source = { .name = "source", .config_known = true };
	struct arena arena = { 0 };
	struct mdev_migrate_msg why;
	struct verdict verdict;

	expect(!config_read(&arena, &source.config, text, &why));
	judge_host(&arena, &verdict, &source, host);
	arena_free(&arena);
	return verdict.result;
}

static void read_one(const char *text, size_t len)
{
	struct doc doc = { .file = "fuzz", .line = 1, .text = text, .len = len };
	struct memo *memo = memo_new();
	struct host fast = { 0 }, slow;
	bool is_fast = !memo_read(memo, &fast, &doc);

	/* The second time around it is known. */
	expect(is_fast == !memo_read(memo, &fast, &doc));
	if (!host_from_doc(&slow, &doc)) {
		if (slow.nr_types && !slow.types[0].is_program)
			again(&slow);
		if (is_fast) {
			expect(fast.nr_types == slow.nr_types);
			expect(!strcmp(fast.name, slow.name));
			expect(verdict_of(&fast) == verdict_of(&slow));
		}
		host_free(&slow);
	}
	host_free(&fast);
	memo_free(memo);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);

	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	read_one(text, size);
	free(text);
	return 0;
}
