// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "json_read.h"
#include "util.h"

#define PATIENCE_MS	1000
#define REDRAW_MS	100
#define WIDTH		30

static struct {
	const char *what;
	uint64_t total;
	uint64_t base;
	uint64_t last;
	uint64_t next_ms;
	bool shown;
} bar;

void progress_begin(const char *what, uint64_t total)
{
	memset(&bar, 0, sizeof(bar));
	if (!isatty(STDERR_FILENO))
		return;
	bar.what = what;
	bar.total = total;
	bar.next_ms = now_ms() + PATIENCE_MS;
}

/* @done may begin at 0 again, with the next file. */
void progress_step(uint64_t done)
{
	static const char marks[] = "##############################";
	unsigned int width = 0;
	uint64_t now;

	if (!bar.what)
		return;
	if (done < bar.last)
		bar.base += bar.last;
	bar.last = done;
	done += bar.base;
	now = now_ms();
	if (now < bar.next_ms)
		return;
	bar.next_ms = now + REDRAW_MS;
	bar.shown = true;
	if (bar.total)
		width = done < bar.total ? done * WIDTH / bar.total : WIDTH;
	fprintf(stderr, "\r%s [%-*.*s] %llu MiB", bar.what, WIDTH, (int)width,
		marks, (unsigned long long)(done >> 20));
	fflush(stderr);
}

void progress_end(void)
{
	if (bar.shown)
		fputs("\r\033[K", stderr);
	memset(&bar, 0, sizeof(bar));
}
