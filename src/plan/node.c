/* SPDX-License-Identifier: Apache-2.0
 *
 * See node.h.
 */
#include "plan/node.h"

#include <math.h>
#include <stdio.h>

int node_keys(struct conf_doc *d, const struct conf_node *map, const char *const *names)
{
	int rc = 0;
	if (map->type != CONF_MAP)
		return conf_error(d, map, "a map is wanted here: {%s: ...}", names[0]);
	for (const struct conf_node *n = map->first; n; n = n->next) {
		const char *best = NULL;
		unsigned distance = 4, i = 0;
		for (; names[i] && !str_eqc(n->key, names[i]); i++) {
			unsigned far = str_distance(n->key, str_of(names[i]));
			if (far < distance)
				distance = far, best = names[i];
		}
		if (!names[i])
			rc = conf_error(d, n, "unknown key \"%.*s\"%s%s%s", STR_ARG(n->key),
					best ? ": did you mean " : "", best ? best : "", best ? "?" : "");
	}
	return rc;
}

static int in_range(struct conf_doc *d, const struct conf_node *n, double v, const char *unit, double least,
		    double most)
{
	char range[64];
	if (v >= least && v <= most)
		return 0;
	if (isinf(most))
		snprintf(range, sizeof range, "%g or more", least);
	else
		snprintf(range, sizeof range, "from %g to %g", least, most);
	return conf_error(d, n, "%.*s is %g: allowed is %s%s%s", STR_ARG(n->key), v, range, unit[0] ? ", in " : "",
			  unit);
}

int node_number(struct conf_doc *d, const struct conf_node *n, const char *unit, double least, double most,
		int64_t now_us, struct currency *cur, double *out)
{
	struct err e = {0};
	if (n->type != CONF_SCALAR)
		return conf_error(d, n, "a number%s%s is wanted here", unit[0] ? " in " : "", unit);
	if (value_read(n->scalar, unit, now_us, out, cur, &e) < 0)
		return conf_error(d, n, "%.*s: %s", STR_ARG(n->key), e.what);
	return in_range(d, n, *out, unit, least, most);
}

int node_dist(struct conf_doc *d, const struct conf_node *n, const char *unit, double least, double most,
	      int64_t now_us, struct currency *cur, struct dist *out)
{
	static const char *const names[] = {"low", "mode", "high", NULL};
	double v;
	if (n->type == CONF_SCALAR) {
		int rc = node_number(d, n, unit, least, most, now_us, cur, &v);
		*out = dist_point(v);
		return rc;
	}
	if (n->type != CONF_MAP || node_keys(d, n, names) < 0)
		return conf_error(d, n, "a number, or a range {low, mode, high}, is wanted here");
	const struct conf_node *low = conf_get(n, "low"), *mode = conf_get(n, "mode"), *high = conf_get(n, "high");
	if (!low || !high)
		return conf_error(d, n, "a range needs low and high (and mode)");
	int rc = node_number(d, low, unit, least, most, now_us, cur, &out->low);
	rc |= node_number(d, high, unit, least, most, now_us, cur, &out->high);
	out->mode = (out->low + out->high) / 2;
	if (mode)
		rc |= node_number(d, mode, unit, least, most, now_us, cur, &out->mode);
	if (rc < 0)
		return -RR_CONFIG;
	if (!(out->low <= out->mode && out->mode <= out->high))
		return conf_error(d, n, "low %g, mode %g, high %g: they must stand in this order", out->low, out->mode,
				  out->high);
	return 0;
}

const struct conf_node *node_get(const struct conf_node *map, const char *name, const char *alias)
{
	const struct conf_node *n = conf_get(map, name);
	return n || !alias ? n : conf_get(map, alias);
}

int node_member(struct conf_doc *d, const struct conf_node *map, const char *name, const char *unit, double least,
		double most, struct currency *cur, double *out)
{
	const struct conf_node *n = conf_get(map, name);
	return n ? node_number(d, n, unit, least, most, 0, cur, out) : 0;
}

int node_member_dist(struct conf_doc *d, const struct conf_node *map, const char *name, const char *unit, double least,
		     double most, struct currency *cur, struct dist *out)
{
	const struct conf_node *n = conf_get(map, name);
	return n ? node_dist(d, n, unit, least, most, 0, cur, out) : 0;
}
