/* SPDX-License-Identifier: GPL-2.0-only */
/* Where a Multiboot loader begins, and what netboot.c checks: PAYLOAD, a file. */
	.text
	.balign 4
	/* Magic number, no flags, what makes the sum zero. */
	.long 0x1badb002, 0, -0x1badb002
	.globl _start
_start:
	movl $stack_end, %esp
	pushl $payload_end
	pushl $payload
	call netboot
0:	cli
	hlt
	jmp 0b

	.data
payload:
	.incbin PAYLOAD
payload_end:

	.bss
	.balign 16
	.skip 4096
stack_end:
