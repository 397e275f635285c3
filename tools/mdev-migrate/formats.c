// SPDX-License-Identifier: GPL-2.0-only
#include "command.h"
int format_nova(const struct host *host, FILE *out) { return 2; }
int format_nfd(const struct host *host, FILE *out) { return 2; }
int format_prometheus(const struct host *host, FILE *out) { return 2; }
