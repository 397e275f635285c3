// SPDX-License-Identifier: GPL-2.0-only
/*
 * Text that comes from elsewhere, as it may be shown: what a terminal takes for a
 * command, what changes the order of what is read and what nobody sees is written
 * in ASCII instead: \x9b for a byte, \u202e or \U000e0001 for a character.
 */
#include <string.h>

#include "util.h"

/*
 * Unicode's controls (Cc), format characters (Cf), separators of lines (Zl) and
 * paragraphs (Zp), what is to be ignored if it is not known
 * (Default_Ignorable_Code_Point), noncharacters, and the blank that is no space.
 */
static const struct range {
	uint32_t first;
	uint32_t last;
} hidden[] = {
	{ 0x00000, 0x0001f }, { 0x0007f, 0x0009f }, { 0x000ad, 0x000ad },
	{ 0x0034f, 0x0034f }, { 0x00600, 0x00605 }, { 0x0061c, 0x0061c },
	{ 0x006dd, 0x006dd }, { 0x0070f, 0x0070f }, { 0x00890, 0x00891 },
	{ 0x008e2, 0x008e2 }, { 0x0115f, 0x01160 }, { 0x017b4, 0x017b5 },
	{ 0x0180b, 0x0180f }, { 0x0200b, 0x0200f }, { 0x02028, 0x0202e },
	{ 0x02060, 0x0206f }, { 0x02800, 0x02800 }, { 0x03164, 0x03164 },
	{ 0x0fdd0, 0x0fdef }, { 0x0fe00, 0x0fe0f }, { 0x0feff, 0x0feff },
	{ 0x0ffa0, 0x0ffa0 }, { 0x0fff0, 0x0fffb }, { 0x110bd, 0x110bd },
	{ 0x110cd, 0x110cd }, { 0x13430, 0x1343f }, { 0x1bca0, 0x1bca3 },
	{ 0x1d173, 0x1d17a }, { 0xe0000, 0xe0fff },
};

static bool is_hidden(uint32_t c)
{
	size_t i;

	for (i = 0; i < sizeof(hidden) / sizeof(hidden[0]); i++) {
		if (c >= hidden[i].first && c <= hidden[i].last)
			return true;
	}
	return (c & 0xfffe) == 0xfffe;
}

/* How many bytes of UTF-8 a character has there, which is @c; 0 if it is none. */
static size_t utf8_char(const char *text, uint32_t *c)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	const unsigned char *p = (const unsigned char *)text;
	size_t len = *p < 0x80 ? 1 : *p < 0xc0 ? 0 : *p < 0xe0 ? 2 :
		     *p < 0xf0 ? 3 : *p < 0xf8 ? 4 : 0;
	size_t i;

	*c = len > 1 ? *p & (0x7f >> len) : *p;
	/* The NUL at the end is no byte of one. */
	for (i = 1; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		*c = *c << 6 | (p[i] & 0x3f);
	}
	if (*c < least[len] || *c > 0x10ffff || (*c >= 0xd800 && *c < 0xe000))
		return 0;
	return len;
}

/* How much of @text can be shown as it is; the controls in @but can. */
static size_t plain_len(const char *text, const char *but)
{
	const char *p = text;
	uint32_t c;
	size_t len;

	for (; *p; p += len) {
		if ((*p >= ' ' && *p < 0x7f) || strchr(but, *p)) {
			len = 1;
			continue;
		}
		len = utf8_char(p, &c);
		if (!len || is_hidden(c))
			break;
	}
	return p - text;
}

/* @but: controls that stay */
void text_add_visible(struct text *text, const char *value, const char *but)
{
	uint32_t c;
	size_t len;

	for (;;) {
		len = plain_len(value, but);
		text_add(text, value, len);
		value += len;
		if (!*value)
			return;
		len = utf8_char(value, &c);
		if (len < 2)
			text_printf(text, "\\x%02x", (unsigned char)*value);
		else
			text_printf(text, c > 0xffff ? "\\U%08x" : "\\u%04x", c);
		value += len ? len : 1;
	}
}

/* NULL stays NULL. What has been shown so once stays as it is. */
char *visible(struct arena *arena, const char *value)
{
	struct text text = { 0 };
	size_t len;
	char *copy;

	if (!value)
		return NULL;
	len = strlen(value);
	if (plain_len(value, "") == len)
		return arena_strndup(arena, value, len);
	text_add_visible(&text, value, "");
	copy = arena_strndup(arena, text.data, text.len);
	text_free(&text);
	return copy;
}
