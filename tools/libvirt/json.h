/* SPDX-License-Identifier: GPL-2.0-only */
/* What another program has answered: any of these may be NULL, and gives NULL. */
#ifndef MDEV_MIGRATE_DOMAIN_JSON_H
#define MDEV_MIGRATE_DOMAIN_JSON_H

#include <yajl/yajl_tree.h>

static inline yajl_val json_at(yajl_val tree, const char *const *path)
{
	return tree ? yajl_tree_get(tree, (const char **)path, yajl_t_any) : NULL;
}

static inline yajl_val json_first(yajl_val array)
{
	return YAJL_IS_ARRAY(array) && YAJL_GET_ARRAY(array)->len ?
	       YAJL_GET_ARRAY(array)->values[0] : NULL;
}

static inline const char *json_text(yajl_val tree, const char *const *path)
{
	yajl_val value = json_at(tree, path);

	return value ? YAJL_GET_STRING(value) : NULL;
}

#endif /* MDEV_MIGRATE_DOMAIN_JSON_H */
