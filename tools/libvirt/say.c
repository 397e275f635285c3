// SPDX-License-Identifier: GPL-2.0-only
/* Sentences on the standard error, which virsh shows; files; and other programs. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "say.h"

/* libvirt waits for its hook, and holds the domain meanwhile. */
#define RUN_SECONDS	20
#define OUTPUT_MAX	(1 << 20)

/* Bytes of a character that begins another line, or at which a terminal does something. */
static size_t control_at(const char *at)
{
	unsigned char c = *at, next = at[1];

	if (c == 0xc2 && next >= 0x80 && next < 0xa0)
		return 2;
	return c < ' ' || c == 0x7f;
}

/**
 * say - say why something cannot be done
 * @format: as printf()'s: a sentence, without its end of line
 *
 * It may quote what is in a domain's XML. Control characters become question marks.
 *
 * Return: -1.
 */
int say(const char *format, ...)
{
	char *sentence, *at;
	va_list args;

	va_start(args, format);
	if (vasprintf(&sentence, format, args) < 0)
		sentence = NULL;
	va_end(args);
	for (at = sentence; at && *at; at++)
		memset(at, '?', control_at(at));
	fprintf(stderr, "mdev-migrate: %s\n", sentence ? sentence : "out of memory");
	free(sentence);
	return -1;
}

/**
 * text - make a text
 * @format: as printf()'s
 *
 * Return: the text, for free(). Without memory the program ends: what it has made
 * is in its record, and is taken back when the domain ends, or comes again.
 */
char *text(const char *format, ...)
{
	va_list args;
	char *made;

	va_start(args, format);
	if (vasprintf(&made, format, args) < 0)
		made = NULL;
	va_end(args);
	if (!made) {
		say("out of memory");
		exit(1);
	}
	return made;
}

static char *read_fd(int fd, const char *name, size_t max, size_t *len)
{
	char *data = NULL, *more;
	size_t size = 0;
	ssize_t n;

	*len = 0;
	do {
		if (*len + 1 >= size) {
			size = size ? 2 * size : 4096;
			more = size <= 2 * max ? realloc(data, size) : NULL;
			if (!more) {
				say("%s: more than %zu bytes, or out of memory",
				    name, max);
				free(data);
				return NULL;
			}
			data = more;
		}
		n = read(fd, data + *len, size - 1 - *len);
		if (n > 0)
			*len += n;
	} while (n > 0 || (n < 0 && errno == EINTR));
	if (n < 0) {
		say("%s: %s", name, strerror(errno));
		free(data);
		return NULL;
	}
	data[*len] = 0;
	return data;
}

/**
 * read_all - read a file
 * @path: which; NULL is the standard input
 * @max: bytes that it may have
 * @len: set to its bytes
 *
 * Return: what is in it, a zero behind it, for free(); or NULL, which was said.
 */
char *read_all(const char *path, size_t max, size_t *len)
{
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : STDIN_FILENO;
	char *data;

	if (fd < 0) {
		say("%s: %s", path, strerror(errno));
		return NULL;
	}
	data = read_fd(fd, path ? path : "the standard input", max, len);
	if (path)
		close(fd);
	return data;
}

static void __attribute__((noreturn)) become(const char *const *argv, FILE *in,
					     FILE *out)
{
	dup2(fileno(in), STDIN_FILENO);
	dup2(fileno(out), STDOUT_FILENO);
	/* Whatever it waits for: this outlives the exec. */
	alarm(RUN_SECONDS);
	execvp(argv[0], (char *const *)argv);
	say("%s: %s", argv[0], strerror(errno));
	_exit(127);
}

/**
 * run - run a program to its end, for RUN_SECONDS at most
 * @argv: its name, looked for in PATH, and its arguments
 * @input: its standard input
 * @output: set to its standard output, for free(), whatever its status; or NULL: that
 *	goes to the standard error
 *
 * Its standard error is this program's.
 *
 * Return: its exit status; or -1 if it could not be run or was killed, which was said.
 */
int run(const char *const *argv, const char *input, char **output)
{
	FILE *in = tmpfile(), *out = output ? tmpfile() : stderr;
	int status, ret = -1;
	size_t len;
	pid_t pid;

	if (!in || !out || fputs(input, in) < 0 || fflush(in) ||
	    fseek(in, 0, SEEK_SET)) {
		say("%s: no temporary file: %s", argv[0], strerror(errno));
		goto close;
	}
	pid = fork();
	if (!pid)
		become(argv, in, out);
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (pid < 0)
		say("%s: %s", argv[0], strerror(errno));
	else if (WIFSIGNALED(status))
		say("%s: %s", argv[0], WTERMSIG(status) == SIGALRM ?
		    "does not end" : strsignal(WTERMSIG(status)));
	else
		ret = WEXITSTATUS(status);
	if (output && ret >= 0) {
		rewind(out);
		*output = read_fd(fileno(out), argv[0], OUTPUT_MAX, &len);
		if (!*output)
			ret = -1;
	}
close:
	if (in)
		fclose(in);
	if (output && out)
		fclose(out);
	return ret;
}
