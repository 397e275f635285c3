// SPDX-License-Identifier: GPL-2.0-only
/*
 * draw: a picture that changes and says what it is, on /dev/fb0.
 *
 *   draw STEPS MS [EVERY SECONDS]
 *
 * The screen is bands of BAND lines. Step N, from 0, paints band N modulo their number;
 * its pixel in column X of line Y is
 *
 *   red   X + 3 * Y + 7 * N
 *   green N / 256
 *   blue  N
 *
 * modulo 256 each. What was not painted yet is black. After each step it waits for MS
 * milliseconds, and after EVERY of them, to be looked at, for some seconds. Linked
 * statically, so that it runs in a guest that has nothing else.
 */
#include <fcntl.h>
#include <linux/fb.h>
#include <linux/kd.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define BAND	16

static int fail(const char *what)
{
	perror(what);
	printf("draw: failed\n");
	return 1;
}

/* All at once: a line that is written by itself is 0 wide to Linux (memory_range_to_clip). */
static int put_band(int fb, const struct fb_fix_screeninfo *fix, unsigned int band,
		    const uint8_t *lines)
{
	ssize_t len = fix->line_length * BAND;

	return pwrite(fb, lines, len, band * len) == len ? 0 : -1;
}

static int paint(int fb, const struct fb_var_screeninfo *var,
		 const struct fb_fix_screeninfo *fix, uint8_t *lines, unsigned int n)
{
	unsigned int band = n % (var->yres / BAND), x, y;

	for (y = 0; y < BAND; y++) {
		uint32_t *line = (uint32_t *)(lines + y * fix->line_length);

		for (x = 0; x < var->xres; x++)
			line[x] = ((x + 3 * (y + band * BAND) + 7 * n) & 0xff) << 16 |
				  (n / 256 & 0xff) << 8 | (n & 0xff);
	}
	return put_band(fb, fix, band, lines);
}

int main(int argc, char **argv)
{
	unsigned int steps = argc > 2 ? atoi(argv[1]) : 0, every = argc > 4 ? atoi(argv[3]) : 0;
	unsigned int ms, n;
	struct fb_var_screeninfo var;
	struct fb_fix_screeninfo fix;
	int fb = open("/dev/fb0", O_RDWR), tty = open("/dev/tty0", O_RDWR);
	uint8_t *lines;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (fb < 0 || ioctl(fb, FBIOGET_VSCREENINFO, &var) ||
	    ioctl(fb, FBIOGET_FSCREENINFO, &fix))
		return fail("/dev/fb0");
	/* Or the console's cursor would be in the picture. */
	if (tty < 0 || ioctl(tty, KDSETMODE, KD_GRAPHICS))
		return fail("/dev/tty0");
	lines = calloc(BAND, fix.line_length);
	if (!lines || var.bits_per_pixel != 32 || !steps)
		return fail("draw");
	for (n = 0; n < var.yres / BAND; n++) {
		if (put_band(fb, &fix, n, lines))
			return fail("clear");
	}
	ms = atoi(argv[2]);
	printf("draw: %ux%u driver %s\n", var.xres, var.yres, fix.id);
	for (n = 0; n < steps; n++) {
		if (paint(fb, &var, &fix, lines, n))
			return fail("write");
		if (n % 20 == 19 || n + 1 == steps)
			printf("draw: step %u\n", n + 1);
		usleep(1000 * ms);
		if (every && n % every == every - 1 && n + 1 < steps) {
			/* What comes to the device a little later has come by then. */
			sleep(1);
			printf("draw: rests after step %u\n", n + 1);
			sleep(atoi(argv[4]));
		}
	}
	sleep(1);
	printf("draw: done\n");
	return 0;
}
