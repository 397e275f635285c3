// SPDX-License-Identifier: GPL-2.0-only
/*
 * A program for a bare PC (Multiboot 1) that says on the serial port what it was
 * loaded with: the length and the CRC-32 of the payload in it. A boot firmware
 * that loads it over a network shows so that each byte came as it was.
 *
 * Linked to run at 1 MiB, see prepare.sh.
 */
#include <stdint.h>

#define COM1		0x3f8
#define LINE_STATUS	(COM1 + 5)
#define THR_EMPTY	0x20

static uint8_t read_port(uint16_t port)
{
	uint8_t value;

	asm volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
	return value;
}

static void write_port(uint16_t port, uint8_t value)
{
	asm volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static void put_char(char c)
{
	while (!(read_port(LINE_STATUS) & THR_EMPTY))
		;
	write_port(COM1, c);
}

static void put_text(const char *text)
{
	while (*text)
		put_char(*text++);
}

static void put_hex(uint32_t value)
{
	int shift;

	for (shift = 28; shift >= 0; shift -= 4)
		put_char("0123456789abcdef"[value >> shift & 15]);
}

static uint32_t crc32(const uint8_t *p, const uint8_t *end)
{
	uint32_t crc = ~0U;
	int bit;

	for (; p < end; p++) {
		crc ^= *p;
		for (bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
	}
	return ~crc;
}

/* Called by netboot_start.S. */
void netboot(const uint8_t *payload, const uint8_t *end)
{
	put_text("\r\nnetboot: length ");
	put_hex(end - payload);
	put_text(" crc32 ");
	put_hex(crc32(payload, end));
	put_text("\r\n");
}
