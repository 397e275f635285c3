// SPDX-License-Identifier: GPL-2.0-only
/* A saved state as a source: of what is in it only the configuration is used. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../drivers/mdev_migrate/codec/stream.h"
#include "reading.h"

/* What is in a record is its device's business; the module's reader takes its sums. */
struct state {
	struct mdm_reader reader;
	struct mdev_migrate_msg why;
	struct arena *arena;
	const char *config;
	void *payload;
};

static int take_config(struct mdm_reader *reader, const char *text, size_t len)
{
	struct state *state = reader->context;

	state->config = arena_strndup(state->arena, text, len);
	return 0;
}

static int take_begin(struct mdm_reader *reader, u32 tag, u32 flags, u32 length)
{
	struct state *state = reader->context;

	/* A record without a place is one that its device does not know. */
	free(state->payload);
	state->payload = malloc(length ? length : 1);
	if (!state->payload)
		out_of_memory();
	reader->buf = state->payload;
	return 0;
}

static int take_record(struct mdm_reader *reader, u32 tag, u32 flags,
		       u32 length)
{
	return 0;
}

static const struct mdm_reader_ops ops = {
	.config = take_config,
	.begin = take_begin,
	.record = take_record,
};

/*
 * The configuration in a saved state, NULL if the file is none. What comes behind it is read
 * too: of a damaged state nothing else can be used.
 */
const char *config_of_state(struct arena *arena, const char *file)
{
	struct state state = { .arena = arena };
	char buf[64 * 1024];
	struct stat st;
	ssize_t len;
	int fd;

	/* What comes from a pipe comes once, and its writer ends with its first reader. */
	if (stat(file, &st) || !S_ISREG(st.st_mode))
		return NULL;
	fd = open(file, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return NULL;
	mdm_reader_init(&state.reader, &ops, &state, &state.why);
	do
		len = read(fd, buf, sizeof(buf));
	while (len > 0 && !mdm_reader_push(&state.reader, buf, len));
	close(fd);
	if (mdm_reader_finish(&state.reader) && state.config)
		complain(DONE_NO,
			 "%s: the state is damaged, and no device will load it (good up to byte %llu: %s): only its configuration is compared",
			 file, (unsigned long long)state.reader.offset,
			 len < 0 ? "the rest cannot be read" : state.why.text);
	free(state.payload);
	return state.config;
}
