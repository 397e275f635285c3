// SPDX-License-Identifier: GPL-2.0-only
#include "netif_xdp.h"

#include <errno.h>
#include <linux/bpf.h>
#include <linux/if_link.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

static int bpf(int cmd, union bpf_attr *attr)
{
	int ret = syscall(SYS_bpf, cmd, attr, sizeof(*attr));

	return ret < 0 ? -errno : ret;
}

int netif_xdp_pass(int ifindex)
{
	static const struct bpf_insn pass[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .imm = XDP_PASS },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	union bpf_attr load = {
		.prog_type = BPF_PROG_TYPE_XDP,
		.insns = (uintptr_t)pass,
		.insn_cnt = sizeof(pass) / sizeof(pass[0]),
		.license = (uintptr_t)"GPL",
	};
	union bpf_attr attach = {
		.link_create = {
			.attach_type = BPF_XDP,
			.flags = XDP_FLAGS_SKB_MODE,
		},
	};
	int prog, link;

	prog = bpf(BPF_PROG_LOAD, &load);
	if (prog < 0)
		return prog;
	attach.link_create.prog_fd = prog;
	attach.link_create.target_ifindex = ifindex;
	link = bpf(BPF_LINK_CREATE, &attach);
	close(prog);
	return link;
}
