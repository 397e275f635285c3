// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the guest's driver reads of the monitor: one block of EDID 1.4 (VESA E-EDID
 * Standard, Release A, Revision 2), made of the configuration.
 */
#include <linux/unaligned.h>

#include "bochs_display.h"

/* Offsets in the block. */
#define EDID_ID			8
#define EDID_WEEK		16
#define EDID_ESTABLISHED	35
#define EDID_STANDARD		38
#define EDID_NR_STANDARD	8
#define EDID_DESCRIPTORS	54
#define EDID_DESCRIPTOR_SIZE	18

/* Of the mode: blanks as of CVT with reduced blanking, 60 times a second if that goes. */
#define H_BLANK			160
#define H_FRONT			48
#define H_SYNC			32
#define V_FRONT			3
#define V_SYNC			6
#define REFRESH_HZ		60
/* The clock has 16 bits, of 10 kHz each. */
#define CLOCK_HZ		10000

/* A line is a 29th more than what is shown; that is 460 us of 60 Hz, about. */
static u32 v_blank(u32 height)
{
	return height / 28 + V_FRONT + V_SYNC + 6;
}

static void put_mode(u8 *to, u32 width, u32 height)
{
	u32 blank = v_blank(height), mm_x, mm_y;
	u64 clock = div_u64((u64)(width + H_BLANK) * (height + blank) * REFRESH_HZ, CLOCK_HZ);

	/* 96 pixels an inch of 25.4 mm. */
	mm_x = width * 254 / 960;
	mm_y = height * 254 / 960;
	put_unaligned_le16(min_t(u64, clock, U16_MAX), to);
	to[2] = width;
	to[3] = H_BLANK;
	to[4] = (width >> 8) << 4;
	to[5] = height;
	to[6] = blank;
	to[7] = (height >> 8) << 4 | blank >> 8;
	to[8] = H_FRONT;
	to[9] = H_SYNC;
	to[10] = V_FRONT << 4 | V_SYNC;
	to[12] = mm_x;
	to[13] = mm_y;
	to[14] = (mm_x >> 8) << 4 | mm_y >> 8;
	/* Digital, separate sync, neither is negative. */
	to[17] = 0x1e;
}

static void put_text(u8 *to, u8 type, const char *text)
{
	size_t len = strlen(text);

	to[3] = type;
	memset(to + 5, ' ', EDID_DESCRIPTOR_SIZE - 5);
	memcpy(to + 5, text, len);
	to[5 + len] = '\n';
}

/* What Linux takes other modes to lie in; without more about how they are timed. */
static void put_ranges(u8 *to)
{
	static const u8 ranges[] = {
		0, 0, 0, 0xfd, 0,
		20, 75,		/* Hz */
		1, 255,		/* kHz */
		66,		/* 10 MHz */
		0x01, '\n', ' ', ' ', ' ', ' ', ' ', ' ',
	};

	BUILD_BUG_ON(sizeof(ranges) != EDID_DESCRIPTOR_SIZE);
	memcpy(to, ranges, sizeof(ranges));
}

/* Modes of 60 Hz that have a bit in the block. */
static const struct {
	u16 width, height;
	u8 byte, bit;
} established[] = {
	{ 640, 480, 0, 5 },
	{ 800, 600, 0, 0 },
	{ 1024, 768, 1, 3 },
};

/* Others; the largest that there are have the eight places. */
static const struct {
	u16 width, height;
	u8 aspect;
} standard[] = {
	{ 2048, 1152, 3 },
	{ 1920, 1200, 0 },
	{ 1920, 1080, 3 },
	{ 1680, 1050, 0 },
	{ 1600, 1200, 1 },
	{ 1440, 900, 0 },
	{ 1280, 1024, 2 },
	{ 1280, 720, 3 },
	{ 1152, 864, 1 },
};

static void put_modes(const struct mdev_migrate_config *config, u8 *edid)
{
	unsigned int i, n = 0;

	for (i = 0; i < ARRAY_SIZE(established); i++) {
		if (bochs_fits(config, established[i].width, established[i].height))
			edid[EDID_ESTABLISHED + established[i].byte] |=
				BIT(established[i].bit);
	}
	memset(edid + EDID_STANDARD, 0x01, 2 * EDID_NR_STANDARD);
	for (i = 0; i < ARRAY_SIZE(standard) && n < EDID_NR_STANDARD; i++) {
		if (!bochs_fits(config, standard[i].width, standard[i].height))
			continue;
		edid[EDID_STANDARD + 2 * n] = standard[i].width / 8 - 31;
		edid[EDID_STANDARD + 2 * n++ + 1] =
			standard[i].aspect << 6 | (REFRESH_HZ - 60);
	}
}

static u8 checksum(const u8 *edid)
{
	unsigned int i;
	u8 sum = 0;

	for (i = 0; i < BOCHS_EDID_SIZE - 1; i++)
		sum += edid[i];
	return -sum;
}

/**
 * bochs_edid_make - make the EDID of a configuration
 * @config: the configuration; without an EDID
 * @edid: BOCHS_EDID_SIZE bytes; all ones then, as where there is nothing
 */
void bochs_edid_make(const struct mdev_migrate_config *config, u8 *edid)
{
	static const u8 head[] = {
		0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x00,
		0x31, 0xd8,		/* LNX, which Linux's own EDIDs have */
		0x11, 0x11, 0, 0, 0, 0,	/* product, no serial number */
		0, 36,			/* made in 2026 */
		1, 4,			/* EDID 1.4 */
		0xa5,			/* digital, 8 bits a colour, DisplayPort */
		0, 0,			/* centimetres */
		120,			/* gamma 2.2 */
		0x06,			/* sRGB; the first mode is preferred */
		/* Colours and white of sRGB. */
		0xee, 0x91, 0xa3, 0x54, 0x4c, 0x99, 0x26, 0x0f, 0x50, 0x54,
	};
	u32 width = bochs_preferred_width(config);
	u32 height = bochs_preferred_height(config);
	u8 *to = edid + EDID_DESCRIPTORS;

	if (!config->values[BOCHS_EDID]) {
		memset(edid, 0xff, BOCHS_EDID_SIZE);
		return;
	}
	BUILD_BUG_ON(sizeof(head) != EDID_ESTABLISHED);
	memset(edid, 0, BOCHS_EDID_SIZE);
	memcpy(edid, head, sizeof(head));
	edid[21] = width * 254 / 9600;
	edid[22] = height * 254 / 9600;
	put_modes(config, edid);
	put_mode(to, width, height);
	put_ranges(to + EDID_DESCRIPTOR_SIZE);
	put_text(to + 2 * EDID_DESCRIPTOR_SIZE, 0xfc, "mdev-migrate");
	/* The fourth one is none. */
	to[3 * EDID_DESCRIPTOR_SIZE + 3] = 0x10;
	edid[BOCHS_EDID_SIZE - 1] = checksum(edid);
}
