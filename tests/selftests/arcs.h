/* SPDX-License-Identifier: GPL-2.0-only */
/* The arcs of the VFIO v2 state machine that a driver with PRE_COPY and P2P has. */
#ifndef TESTS_SELFTESTS_ARCS_H
#define TESTS_SELFTESTS_ARCS_H

#include "common.h"

/* From, to; see include/uapi/linux/vfio.h. */
static const uint8_t arcs[][2] = {
	{ RUNNING_P2P, STOP }, { STOP_COPY, STOP }, { RESUMING, STOP },
	{ PRE_COPY, RUNNING }, { RUNNING_P2P, RUNNING },
	{ PRE_COPY_P2P, RUNNING_P2P }, { RUNNING, RUNNING_P2P },
	{ STOP, RUNNING_P2P }, { RUNNING, PRE_COPY },
	{ RUNNING_P2P, PRE_COPY_P2P }, { STOP, STOP_COPY },
	{ PRE_COPY, PRE_COPY_P2P }, { PRE_COPY_P2P, PRE_COPY },
	{ PRE_COPY_P2P, STOP_COPY }, { STOP, RESUMING },
};

#endif /* TESTS_SELFTESTS_ARCS_H */
