// SPDX-License-Identifier: GPL-2.0-only
/*
 * Hosts that are asked for their snapshots: ssh runs "mdev-migrate export" there. Its
 * output goes to memory and not to a pipe: a connection that ssh keeps open for others
 * would keep that open too.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "remote.h"

/* For a connection; and for all of it, if TIMEOUT does not say otherwise. */
#define CONNECT_TIMEOUT		"ConnectTimeout=10"
#define ANSWER_SECONDS		60
#define TIMEOUT			"MDEV_MIGRATE_SSH_TIMEOUT"
/* So many hosts are asked side by side. */
#define BESIDE			32
/* More than any snapshot has. */
#define ANSWER_MAX		(64UL << 20)

#define COMMAND			"mdev-migrate export --compact"

/**
 * struct remote - a host that is asked
 * @name: what it was called: ssh:HOST
 * @user: or NULL
 * @host: for ssh
 * @port: or NULL
 * @pid: ssh's, 0 before and after it runs
 * @until: when it has to have ended, as now_ms()
 * @out: its answer, or -1
 * @err: what else it said, or -1
 * @status: of waitpid()
 * @why: it was not run, or not to its end, and why; or NULL
 * @uses: how often it will still be read
 */
struct remote {
	const char *name;
	const char *user;
	const char *host;
	const char *port;
	pid_t pid;
	uint64_t until;
	int out;
	int err;
	int status;
	const char *why;
	unsigned int uses;
};

/* A program asks for all that its arguments name, in their order, some at a time. */
static struct {
	struct arena arena;
	struct remote *remotes;
	size_t nr;
	size_t next;
	size_t running;
} asked;

/* The part that is a host's name, with its user; an address is in brackets. */
static size_t host_len(const char *spec)
{
	size_t len = 0;

	while (spec[len] && spec[len] != ':' && spec[len] != '/') {
		if (spec[len] == '[')
			len += strcspn(spec + len, "]");
		len += !!spec[len];
	}
	return len;
}

static const char *const schemes[] = { "ssh://", "ssh:", "qemu+ssh://" };

/* What begins it, or NULL. */
static const char *scheme_of(const char *spec)
{
	size_t i;

	for (i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
		if (!strncmp(spec, schemes[i], strlen(schemes[i])))
			return schemes[i];
	}
	return NULL;
}

size_t remote_len(const char *spec)
{
	const char *scheme = scheme_of(spec), *rest;

	if (!scheme)
		return 0;
	rest = spec + strlen(scheme);
	rest += host_len(rest);
	/* A URI has a port, and a path. */
	if (scheme[strlen(scheme) - 1] == '/' && *rest == ':')
		rest += 1 + strspn(rest + 1, "0123456789");
	return rest + strcspn(rest, ":") - spec;
}

/* Nothing that ssh, or a shell that it runs, could take for anything but a name. */
static bool name_ok(const char *name)
{
	const char *p;

	for (p = name; *p; p++) {
		if (!isalnum((unsigned char)*p) && !strchr("._-%:+", *p))
			return false;
	}
	return *name && *name != '-';
}

static bool parse(struct remote *remote)
{
	struct arena *arena = &asked.arena;
	const char *scheme = scheme_of(remote->name);
	const char *rest = remote->name + strlen(scheme);
	size_t len = host_len(rest);
	char *host = arena_strndup(arena, rest, len);
	char *at = strrchr(host, '@');

	rest += len;
	if (*rest && scheme[strlen(scheme) - 1] != '/')
		return false;
	if (*rest == ':')
		remote->port = arena_strndup(arena, rest + 1, strcspn(rest + 1, "/"));
	if (at) {
		*at = '\0';
		remote->user = host;
		host = at + 1;
	}
	len = strlen(host);
	if (len > 2 && *host == '[' && host[len - 1] == ']') {
		host[len - 1] = '\0';
		host++;
	}
	remote->host = host;
	return name_ok(host) && (!remote->user || name_ok(remote->user)) &&
	       (!remote->port ||
		(*remote->port && !remote->port[strspn(remote->port, "0123456789")]));
}

static int spawn(struct remote *remote, const char *const *argv)
{
	posix_spawn_file_actions_t files;
	int err;

	if (posix_spawn_file_actions_init(&files))
		out_of_memory();
	err = posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null",
					       O_RDONLY, 0);
	if (!err)
		err = posix_spawn_file_actions_adddup2(&files, remote->out, STDOUT_FILENO);
	if (!err)
		err = posix_spawn_file_actions_adddup2(&files, remote->err, STDERR_FILENO);
	if (!err)
		err = posix_spawnp(&remote->pid, argv[0], &files, NULL,
				   (char *const *)argv, environ);
	posix_spawn_file_actions_destroy(&files);
	return err;
}

static unsigned int answer_seconds(void)
{
	const char *text = getenv(TIMEOUT);
	unsigned long seconds = text ? strtoul(text, NULL, 10) : 0;

	return seconds && seconds <= 3600 ? seconds : ANSWER_SECONDS;
}

static void begin(struct remote *remote)
{
	const struct rlimit limit = { ANSWER_MAX, ANSWER_MAX };
	const char *const all[] = {
		"ssh", "-T", "-o", "BatchMode=yes",
		"-o", CONNECT_TIMEOUT,
		"-l", remote->user, "-p", remote->port, "--", remote->host, COMMAND,
	};
	const char *argv[sizeof(all) / sizeof(all[0]) + 1];
	size_t i, nr = 0;
	int err;

	/* An option whose value is not given is none. */
	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		if (!all[i])
			nr--;
		else
			argv[nr++] = all[i];
	}
	argv[nr] = NULL;
	remote->out = memfd_create("answer", MFD_CLOEXEC);
	remote->err = memfd_create("errors", MFD_CLOEXEC);
	err = remote->out < 0 || remote->err < 0 ? errno : spawn(remote, argv);
	if (err) {
		remote->pid = 0;
		remote->why = arena_printf(&asked.arena, "ssh cannot be run: %s%s",
					   strerror(err), err == ENOENT ?
					   "; install the package openssh-client" : "");
		return;
	}
	remote->until = now_ms() + answer_seconds() * 1000;
	prlimit(remote->pid, RLIMIT_FSIZE, &limit, NULL);
}

/* Has it ended, or is it late? */
static bool has_ended(struct remote *remote)
{
	int status;

	if (waitpid(remote->pid, &status, WNOHANG) == remote->pid) {
		remote->status = status;
		remote->pid = 0;
		return true;
	}
	if (now_ms() < remote->until)
		return false;
	kill(remote->pid, SIGKILL);
	waitpid(remote->pid, &status, 0);
	remote->pid = 0;
	remote->why = arena_printf(&asked.arena,
				   "there was no answer in %u seconds (" TIMEOUT " says how long)",
				   answer_seconds());
	return true;
}

/* This one's answer; meanwhile others, that come after it, are asked too. */
static void wait_for(const struct remote *remote)
{
	const struct timespec moment = { .tv_nsec = 5000000 };
	size_t at = remote - asked.remotes, i;

	for (;;) {
		while (asked.next < asked.nr && asked.next < at + BESIDE &&
		       asked.running < BESIDE) {
			if (!asked.remotes[asked.next].why)
				begin(&asked.remotes[asked.next]);
			asked.running += !!asked.remotes[asked.next++].pid;
		}
		if (asked.next > at && !remote->pid)
			return;
		nanosleep(&moment, NULL);
		for (i = 0; i < asked.next; i++) {
			if (asked.remotes[i].pid)
				asked.running -= has_ended(&asked.remotes[i]);
		}
	}
}

static struct remote *find(const char *name)
{
	size_t i;

	for (i = 0; i < asked.nr; i++) {
		if (!strcmp(asked.remotes[i].name, name))
			return &asked.remotes[i];
	}
	return NULL;
}

static void add(const char *spec)
{
	size_t len = remote_len(spec);
	char *name = arena_strndup(&asked.arena, spec, len);
	struct remote *remote;

	if (!len)
		return;
	remote = find(name);
	if (remote) {
		remote->uses++;
		return;
	}
	asked.remotes = grow_array(asked.remotes, asked.nr, sizeof(*remote));
	remote = &asked.remotes[asked.nr++];
	*remote = (struct remote) {
		.name = name, .out = -1, .err = -1, .uses = 1,
	};
	if (!parse(remote))
		remote->why = "that is no name of a host: write ssh:[USER@]HOST or qemu+ssh://[USER@]HOST[:PORT]/system";
}

/* What ssh, or the program there, said last, or all of it with @whole. */
static char *said(const struct remote *remote, bool whole)
{
	char text[4096], *line;
	off_t size = lseek(remote->err, 0, SEEK_END);
	ssize_t n = pread(remote->err, text, sizeof(text) - 1,
			  size > (off_t)sizeof(text) - 1 ? size - (off_t)sizeof(text) + 1 : 0);

	while (n > 0 && isspace((unsigned char)text[n - 1]))
		n--;
	text[n > 0 ? n : 0] = '\0';
	line = whole ? NULL : strrchr(text, '\n');
	return arena_strdup(&asked.arena, line ? line + 1 : text);
}

/* What statuses of ssh mean. */
static const struct {
	int status;
	const char *what;
	const char *help;
} meanings[] = {
	{ 255, "ssh could not connect, or the connection was lost",
	  "without a password this has to work: ssh -o BatchMode=yes" },
	{ 127, "mdev-migrate was not found on that host",
	  "install it there; its folder has to be in the PATH of" },
	{ 126, "mdev-migrate cannot be run on that host", "try there: ssh" },
};

static int complain_of(const struct remote *remote)
{
	const char *last;
	size_t i;

	if (remote->why)
		return complain(DONE_ERROR, "%s: %s", remote->name, remote->why);
	last = said(remote, false);
	if (!WIFEXITED(remote->status))
		return complain(DONE_ERROR, "%s: ssh was killed: %s", remote->name,
				strsignal(WTERMSIG(remote->status)));
	for (i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++) {
		if (WEXITSTATUS(remote->status) == meanings[i].status)
			return complain(DONE_ERROR, "%s: %s (exit status %d%s%s); %s %s%s%s",
					remote->name, meanings[i].what,
					meanings[i].status, *last ? ": " : "", last,
					meanings[i].help,
					remote->user ? remote->user : "",
					remote->user ? "@" : "", remote->host);
	}
	return complain(DONE_ERROR,
			"%s: \"" COMMAND "\" failed on that host (exit status %d%s%s)",
			remote->name, WEXITSTATUS(remote->status), *last ? ": " : "",
			last);
}

/* Complains, or reads what there is. */
static int read_answer(const struct remote *remote, doc_each each, void *context,
		       struct docs_read *done)
{
	int status = WEXITSTATUS(remote->status);
	const char *text;

	if (remote->why || !WIFEXITED(remote->status) ||
	    (status && status != DONE_LEFT_OUT))
		return complain_of(remote);
	/* Some of that host may be left out. */
	done->bad += status == DONE_LEFT_OUT;
	text = said(remote, true);
	if (*text)
		complain(DONE_YES, "%s: %s", remote->name, text);
	lseek(remote->out, 0, SEEK_SET);
	return docs_each_of(remote->out, remote->name, each, context, done);
}

int remote_each(const char *spec, const struct options *options, doc_each each,
		void *context, struct docs_read *done)
{
	struct remote *remote;
	int i, ret;

	if (!asked.nr) {
		for (i = 0; i < options->nr; i++)
			add(options->args[i]);
	}
	remote = find(arena_strndup(&asked.arena, spec, remote_len(spec)));
	wait_for(remote);
	ret = read_answer(remote, each, context, done);
	if (!--remote->uses && remote->out >= 0) {
		close(remote->out);
		close(remote->err);
	}
	return ret;
}
