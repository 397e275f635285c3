// SPDX-License-Identifier: GPL-2.0-only
/*
 * tcpstream: a TCP connection that checks itself. Both ends send numbered
 * blocks for as long as it lasts; each end checks every byte it receives and
 * tells the other how far it got. A lost, doubled or changed byte is an error,
 * and so is an end that comes too early.
 *
 *   tcpstream serve PORT                 one connection after the other
 *   tcpstream connect ADDRESS PORT RATE  until end of input; RATE in KiB/s and
 *                                        direction, 0 for no limit
 *
 * The connecting end prints a line a second, `t=SECONDS sent=BYTES
 * received=BYTES confirmed=BYTES gap_ms=LONGEST`, and at the end one that
 * begins with `ok` or `error`. Linked statically, so that it runs in a guest
 * that has nothing else.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BLOCK_SIZE	4096
#define BLOCK_MAGIC	0x6d6d6967u
#define FLAG_LAST	1u

struct block {
	uint32_t magic;
	uint32_t flags;
	uint64_t number;
	uint64_t verified;	/* bytes that the sender has received, checked */
	uint64_t checksum;	/* of data */
	uint64_t data[(BLOCK_SIZE - 32) / 8];
};

struct end {
	int fd;
	uint64_t rate;		/* bytes a second, 0: no limit */
	uint64_t start_ms;
	struct block out;
	size_t out_pos;		/* BLOCK_SIZE: none under way */
	uint64_t out_number;
	uint64_t sent;
	bool finishing;
	bool last_sent;
	struct block in;
	size_t in_pos;
	uint64_t in_number;
	uint64_t received;
	uint64_t confirmed;
	bool last_received;
	uint64_t last_in_ms;
	uint64_t gap_ms;
};

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* The contents of block @number, and their checksum. */
static uint64_t fill(uint64_t *data, size_t words, uint64_t number)
{
	uint64_t x = (number + 1) * 0x9e3779b97f4a7c15ull, sum = 0;
	size_t i;

	for (i = 0; i < words; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		data[i] = x;
		sum = (sum << 1 | sum >> 63) ^ x;
	}
	return sum;
}

static void make_block(struct end *end)
{
	struct block *b = &end->out;

	b->magic = BLOCK_MAGIC;
	b->flags = end->finishing ? FLAG_LAST : 0;
	b->number = end->out_number++;
	b->verified = end->received;
	b->checksum = fill(b->data, sizeof(b->data) / 8, b->number);
	end->out_pos = 0;
}

static int bad(const char *what, uint64_t have, uint64_t want)
{
	printf("error: %s is %llu, expected %llu\n", what,
	       (unsigned long long)have, (unsigned long long)want);
	fflush(stdout);
	return -1;
}

static int check_block(struct end *end)
{
	struct block expected;
	struct block *b = &end->in;
	uint64_t sum;

	if (b->magic != BLOCK_MAGIC)
		return bad("block magic", b->magic, BLOCK_MAGIC);
	if (b->number != end->in_number)
		return bad("block number", b->number, end->in_number);
	sum = fill(expected.data, sizeof(expected.data) / 8, b->number);
	if (b->checksum != sum)
		return bad("checksum", b->checksum, sum);
	if (memcmp(b->data, expected.data, sizeof(b->data)))
		return bad("data of block", b->number, b->number);
	end->in_number++;
	end->received += BLOCK_SIZE;
	end->confirmed = b->verified;
	if (b->flags & FLAG_LAST)
		end->last_received = true;
	return 0;
}

static bool may_send(const struct end *end)
{
	if (end->last_sent)
		return false;
	if (end->out_pos < BLOCK_SIZE || end->finishing || !end->rate)
		return true;
	return end->sent < (now_ms() - end->start_ms) * end->rate / 1000;
}

static int do_send(struct end *end)
{
	ssize_t n;

	if (end->out_pos == BLOCK_SIZE)
		make_block(end);
	n = send(end->fd, (char *)&end->out + end->out_pos,
		 BLOCK_SIZE - end->out_pos, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (n < 0)
		return errno == EAGAIN ? 0 : -1;
	end->out_pos += n;
	end->sent += n;
	if (end->out_pos == BLOCK_SIZE && (end->out.flags & FLAG_LAST))
		end->last_sent = true;
	return 0;
}

static int do_receive(struct end *end)
{
	uint64_t now = now_ms();
	ssize_t n;

	n = recv(end->fd, (char *)&end->in + end->in_pos,
		 BLOCK_SIZE - end->in_pos, MSG_DONTWAIT);
	if (n < 0)
		return errno == EAGAIN ? 0 : -1;
	if (!n)
		return bad("connection: bytes before its end", end->received, 0);
	if (end->last_in_ms && now - end->last_in_ms > end->gap_ms)
		end->gap_ms = now - end->last_in_ms;
	end->last_in_ms = now;
	end->in_pos += n;
	if (end->in_pos < BLOCK_SIZE)
		return 0;
	end->in_pos = 0;
	return check_block(end);
}

static void report(const struct end *end, const char *prefix)
{
	printf("%st=%.1f sent=%llu received=%llu confirmed=%llu gap_ms=%llu\n",
	       prefix, (now_ms() - end->start_ms) / 1000.0,
	       (unsigned long long)end->sent,
	       (unsigned long long)end->received,
	       (unsigned long long)end->confirmed,
	       (unsigned long long)end->gap_ms);
	fflush(stdout);
}

/* Until both have sent their last block; @control ends it, -1: the peer does. */
static int run(struct end *end, int control)
{
	uint64_t next_report = now_ms() + 1000;
	struct pollfd fds[2];
	char c;

	while (!end->last_received || !end->last_sent) {
		fds[0].fd = end->fd;
		fds[0].events = POLLIN | (may_send(end) ? POLLOUT : 0);
		fds[1].fd = end->finishing ? -1 : control;
		fds[1].events = POLLIN;
		if (poll(fds, 2, 20) < 0 && errno != EINTR)
			return -1;
		if (fds[0].revents & POLLOUT && do_send(end))
			return -1;
		if (fds[0].revents & (POLLIN | POLLHUP | POLLERR) &&
		    !end->last_received && do_receive(end))
			return -1;
		if (fds[1].fd >= 0 && fds[1].revents && read(control, &c, 1) <= 0)
			end->finishing = true;
		if (control < 0 && end->last_received)
			end->finishing = true;
		if (control >= 0 && now_ms() >= next_report) {
			report(end, "");
			next_report += 1000;
		}
	}
	return 0;
}

static void end_init(struct end *end, int fd, uint64_t rate)
{
	int one = 1;

	memset(end, 0, sizeof(*end));
	end->fd = fd;
	end->rate = rate;
	end->out_pos = BLOCK_SIZE;
	end->start_ms = now_ms();
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
}

static int serve(uint16_t port)
{
	struct sockaddr_in addr = { .sin_family = AF_INET,
				    .sin_port = htons(port) };
	int one = 1, listener = socket(AF_INET, SOCK_STREAM, 0);
	static struct end end;
	uint64_t rate;
	int fd;

	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(listener, (struct sockaddr *)&addr, sizeof(addr)) ||
	    listen(listener, 4)) {
		perror("tcpstream: bind or listen");
		return 1;
	}
	printf("tcpstream: serving\n");
	fflush(stdout);
	while ((fd = accept(listener, NULL, NULL)) >= 0) {
		/* The peer says first how fast we shall send. */
		if (recv(fd, &rate, sizeof(rate), MSG_WAITALL) ==
		    sizeof(rate)) {
			end_init(&end, fd, rate);
			report(&end, run(&end, -1) ? "tcpstream: error " :
						     "tcpstream: ok ");
		}
		close(fd);
	}
	perror("tcpstream: accept");
	return 1;
}

static int connect_to(const char *address, uint16_t port, uint64_t rate)
{
	struct sockaddr_in addr = { .sin_family = AF_INET,
				    .sin_port = htons(port) };
	static struct end end;
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	int ret;

	if (inet_pton(AF_INET, address, &addr.sin_addr) != 1 ||
	    connect(fd, (struct sockaddr *)&addr, sizeof(addr))) {
		fprintf(stderr, "tcpstream: cannot connect to %s port %u: %s\n",
			address, port, strerror(errno));
		return 1;
	}
	if (send(fd, &rate, sizeof(rate), 0) != sizeof(rate))
		return 1;
	end_init(&end, fd, rate);
	ret = run(&end, 0);
	if (ret)
		printf("error: %s\n", strerror(errno));
	report(&end, ret ? "error " : "ok ");
	close(fd);
	return ret ? 1 : 0;
}

int main(int argc, char **argv)
{
	signal(SIGPIPE, SIG_IGN);
	if (argc == 3 && !strcmp(argv[1], "serve"))
		return serve(atoi(argv[2]));
	if (argc == 5 && !strcmp(argv[1], "connect"))
		return connect_to(argv[2], atoi(argv[3]),
				  strtoull(argv[4], NULL, 10) * 1024);
	fprintf(stderr,
		"usage: tcpstream serve PORT\n"
		"       tcpstream connect ADDRESS PORT RATE\n");
	return 2;
}
