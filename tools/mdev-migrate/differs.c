// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>

#include "command.h"

/* What was written to a device that its type does not have: "mtu=9000". */
char *device_differs(struct arena *arena, struct host *host,
		     const struct device *device)
{
	struct type *type = host_device_type(host, device);
	struct mdev_migrate_msg why;
	struct text text = { 0 };
	struct config config;
	char *differs;
	size_t i;

	if (!type || !type->params || !device->config ||
	    config_read(arena, &config, device->config, &why))
		return arena_strdup(arena, "?");
	for (i = 0; i < type->params->nr; i++) {
		const struct param *param = &type->params->params[i];
		const char *value = config_value(&config, param->codec.name);

		if (!value)
			value = param_value(arena, param, param->codec.off);
		if (strcmp(value, param_value(arena, param, param->def)))
			text_printf(&text, "%s%s=%s", text.len ? "," : "",
				    param->codec.name, value);
	}
	differs = arena_strdup(arena, text.len ? text.data : "");
	text_free(&text);
	return differs;
}
