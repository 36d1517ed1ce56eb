/* SPDX-License-Identifier: Apache-2.0
 *
 * Figures in plan files: a YAML node as a quantity, a share, a range; errors with place, allowed range, nearest name.
 */
#ifndef RR_PLAN_NODE_H
#define RR_PLAN_NODE_H

#include "base/conf.h"
#include "plan/dist.h"
#include "plan/value.h"

/* Whether every key of the map is one of the names (NULL-ended); the others are errors in d. */
int node_keys(struct conf_doc *d, const struct conf_node *map, const char *const *names);
/* A scalar in [least, most]. 0 or -RR_CONFIG with the error in d. */
int node_number(struct conf_doc *d, const struct conf_node *n, const char *unit, double least, double most,
		int64_t now_us, struct currency *cur, double *out);
/* The same, or {low, mode, high} (mode may be left out: the middle). */
int node_dist(struct conf_doc *d, const struct conf_node *n, const char *unit, double least, double most,
	      int64_t now_us, struct currency *cur, struct dist *out);
/* A member of a map by one of two names. */
const struct conf_node *node_get(const struct conf_node *map, const char *name, const char *alias);
/* The figure `name` of a map into *out, which keeps its value when it is absent. */
int node_member(struct conf_doc *d, const struct conf_node *map, const char *name, const char *unit, double least,
		double most, struct currency *cur, double *out);
int node_member_dist(struct conf_doc *d, const struct conf_node *map, const char *name, const char *unit, double least,
		     double most, struct currency *cur, struct dist *out);

#endif
