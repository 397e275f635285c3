// SPDX-License-Identifier: GPL-2.0-only
/* save and load: a device's state through the kernel's migration protocol. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../common/json_read.h"
#include "../common/replace.h"
#include "commands.h"
#include "vfio.h"

#define BLOCK	(1024 * 1024)

/**
 * struct pipe - where the state comes from and goes to
 * @from: file descriptor
 * @from_name: for messages
 * @to: file descriptor
 * @to_name: for messages
 * @bytes: moved so far
 * @to_failed: it was what it goes to that refused
 */
struct pipe {
	int from;
	const char *from_name;
	int to;
	const char *to_name;
	uint64_t bytes;
	bool to_failed;
};

/* 0 or a negative errno */
static int write_all(int fd, const char *data, size_t len)
{
	while (len) {
		ssize_t n = write(fd, data, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n ? -errno : -EIO;
		data += n;
		len -= n;
	}
	return 0;
}

/* All of it, in blocks. 0 or a negative errno, @pipe->to_failed says whose. */
static int move_all(struct pipe *pipe)
{
	char *block = malloc(BLOCK);
	int ret = 0;
	ssize_t n;

	if (!block)
		out_of_memory();
	for (;;) {
		n = read(pipe->from, block, BLOCK);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			ret = n ? -errno : 0;
			break;
		}
		ret = write_all(pipe->to, block, n);
		if (ret) {
			pipe->to_failed = true;
			break;
		}
		pipe->bytes += n;
		progress_step(pipe->bytes);
	}
	free(block);
	return ret;
}

/* A device's step failed: whose words there are, and what was done then. */
static int step_failed(struct vfio_dev *dev, const char *step, int err)
{
	struct arena arena = { 0 };
	const char *why = vfio_last_error(&arena, dev);
	int reset;

	reset = vfio_reset(dev);
	complain(DONE_ERROR, "%s: %s failed: %s%s%s; the device was %s", dev->name, step,
		 strerror(-err), *why ? ": " : "", why,
		 reset ? "not reset, since that failed too" : "reset");
	arena_free(&arena);
	return DONE_NO;
}

static int can_migrate(struct vfio_dev *dev)
{
	uint64_t flags;
	int ret = vfio_mig_flags(dev, &flags);

	if (!ret && flags & MIG_HAS_STOP_COPY)
		return 0;
	complain(DONE_ERROR, "%s: its driver does not support migration%s%s", dev->name,
		 ret ? ": " : "", ret ? strerror(-ret) : "");
	return DONE_NO;
}

/* What was done, for programs. */
static int print_moved(const struct options *options, const char *command,
		       uint64_t bytes)
{
	struct json *answer;

	if (!options->json)
		return 0;
	answer = json_answer(command);
	json_put_text(answer, "device", options->args[0]);
	json_put_number(answer, "bytes", bytes);
	return json_print(answer, stdout, "standard output", false);
}

/* The state of a device, which is in @after then: the state that it was in. */
static int save_to(struct vfio_dev *dev, int fd, const char *name,
		   enum mig_state after, uint64_t *bytes)
{
	struct pipe pipe = {
		.from = -1, .from_name = dev->name, .to = fd, .to_name = name,
	};
	int ret;

	ret = vfio_mig_set(dev, MIG_STOP_COPY, &pipe.from);
	if (ret)
		return step_failed(dev, "going to STOP_COPY", ret);
	progress_begin("save", 0);
	ret = move_all(&pipe);
	progress_end();
	close(pipe.from);
	*bytes = pipe.bytes;
	if (ret && pipe.to_failed) {
		vfio_mig_set(dev, after, NULL);
		return complain(DONE_ERROR, "cannot write %s: %s", name, strerror(-ret));
	}
	if (ret)
		return step_failed(dev, "reading the state", ret);
	ret = vfio_mig_set(dev, after, NULL);
	return ret ? step_failed(dev, "leaving STOP_COPY", ret) : 0;
}

/* A state that is not whole is worse than none: it is not left behind. */
static int save_to_file(struct vfio_dev *dev, const char *file,
			enum mig_state after, uint64_t *bytes)
{
	struct replacement new;
	int fd, ret;

	fd = replace_open(&new, file, 0600);
	if (fd < 0)
		return DONE_ERROR;
	ret = save_to(dev, fd, file, after, bytes);
	if (!ret)
		ret = replace_sync(&new, fd);
	if (close(fd) && !ret)
		ret = complain(DONE_ERROR, "cannot write %s: %s", file, strerror(errno));
	return replace_end(&new, ret);
}

int cmd_save(const struct options *options)
{
	const char *file = options->output;
	struct vfio_dev dev;
	uint64_t bytes = 0;
	int ret;

	if (file && !strcmp(file, "-"))
		file = NULL;
	if (options->json && !file)
		return complain(DONE_ERROR,
				"standard output has the state, so --json needs -o FILE");
	if (!file && isatty(STDOUT_FILENO))
		return complain(DONE_ERROR,
				"refusing to write a state to a terminal: give a file with -o, or a pipe");
	/* The device has to be brought back, whoever stops reading. */
	signal(SIGPIPE, SIG_IGN);
	ret = vfio_open(&dev, options->args[0], options->root);
	if (ret)
		return ret;
	ret = can_migrate(&dev);
	if (!ret && file)
		ret = save_to_file(&dev, file, MIG_RUNNING, &bytes);
	else if (!ret)
		ret = save_to(&dev, STDOUT_FILENO, "standard output",
			      MIG_RUNNING, &bytes);
	if (!ret)
		ret = print_moved(options, "save", bytes);
	vfio_close(&dev);
	return ret;
}

static int load_from(struct vfio_dev *dev, int fd, const char *name,
		     uint64_t *bytes)
{
	struct pipe pipe = {
		.from = fd, .from_name = name, .to = -1, .to_name = dev->name,
	};
	int ret;

	ret = vfio_mig_set(dev, MIG_RESUMING, &pipe.to);
	if (ret)
		return step_failed(dev, "going to RESUMING", ret);
	progress_begin("load", 0);
	ret = move_all(&pipe);
	progress_end();
	*bytes = pipe.bytes;
	if (ret && !pipe.to_failed) {
		close(pipe.to);
		vfio_reset(dev);
		return complain(DONE_ERROR, "cannot read %s: %s; the device was reset",
				name, strerror(-ret));
	}
	if (!ret)
		ret = vfio_mig_set(dev, MIG_STOP, NULL);
	close(pipe.to);
	return ret ? step_failed(dev, "loading the state", ret) : 0;
}

static int run(struct vfio_dev *dev)
{
	int ret = vfio_mig_set(dev, MIG_RUNNING, NULL);

	return ret ? step_failed(dev, "going to RUNNING", ret) : 0;
}

static void holding_signals(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGHUP);
}

/*
 * A device is reset when it is closed; until a signal it is not. It does not run,
 * since there is no guest whose memory it could use: its state stays what it is.
 */
static int hold(struct vfio_dev *dev, const struct options *options)
{
	uint64_t bytes;
	sigset_t set;
	int signal;

	fprintf(stderr,
		"%s: %s has the state and is stopped; SIGINT or SIGTERM ends this%s%s\n",
		program, dev->name, options->output ? ", and its state goes to " : "",
		options->output ? options->output : "");
	holding_signals(&set);
	sigwait(&set, &signal);
	return options->output ? save_to_file(dev, options->output, MIG_STOP, &bytes) : 0;
}

int cmd_load(const struct options *options)
{
	const char *file = options->nr > 1 ? options->args[1] : "-";
	struct vfio_dev dev;
	int fd = STDIN_FILENO;
	uint64_t bytes = 0;
	sigset_t set;
	int ret;

	if (options->output && !options->hold)
		return complain(DONE_ERROR,
				"load -o writes the state that was held: add --hold");
	if (!strcmp(file, "-")) {
		file = "standard input";
		if (isatty(fd))
			return complain(DONE_ERROR,
					"refusing to read a state from a terminal: give a file, or a pipe");
	} else {
		fd = open(file, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			return complain(DONE_ERROR, "cannot open %s: %s", file,
					strerror(errno));
	}
	ret = refuse_folder(fd, file, "a saved state");
	if (!ret)
		ret = vfio_open(&dev, options->args[0], options->root);
	if (!ret) {
		ret = can_migrate(&dev);
		if (!ret)
			ret = load_from(&dev, fd, file, &bytes);
		if (!ret && options->hold) {
			/* One that comes before hold() waits is not lost. */
			holding_signals(&set);
			sigprocmask(SIG_BLOCK, &set, NULL);
			ret = print_moved(options, "load", bytes);
			if (!ret)
				ret = hold(&dev, options);
		} else if (!ret) {
			ret = run(&dev);
			if (!ret)
				ret = print_moved(options, "load", bytes);
		}
		vfio_close(&dev);
	}
	if (fd != STDIN_FILENO)
		close(fd);
	return ret;
}
