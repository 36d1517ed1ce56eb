/* SPDX-License-Identifier: Apache-2.0
 *
 * See regroup.h.
 */
#include "import/regroup.h"

#include <stdlib.h>
#include <string.h>

#include "base/intern.h"

enum { GROUPS_MOST = 32 };

static int by_day(const void *a, const void *b)
{
	const struct feed_day *x = a, *y = b;
	return (x->day > y->day) - (x->day < y->day);
}

/* A copy, by day; to be freed. NULL: no memory. */
static struct feed_day *sorted(const struct feed_counts *n)
{
	struct feed_day *d = malloc((n->days + 1) * sizeof *d);
	if (!d)
		return NULL;
	memcpy(d, n->day, n->days * sizeof *d);
	qsort(d, n->days, sizeof *d, by_day);
	return d;
}

static bool same_sums(const struct feed_day *a, const struct feed_day *b)
{
	return (a->tok || a->billed_pico) && a->tok == b->tok && a->billed_pico == b->billed_pico;
}

/* The group's place among those seen, GROUPS_MOST where there are too many to compare. */
static unsigned place_of(uint32_t seen[GROUPS_MOST], unsigned *count, uint32_t group)
{
	unsigned i = 0;
	while (i < *count && seen[i] != group)
		i++;
	if (i == *count && i < GROUPS_MOST)
		seen[(*count)++] = group;
	return i;
}

unsigned regroup_days_twice(const struct feed_counts *n)
{
	struct feed_day *d = n->days ? sorted(n) : NULL;
	uint32_t seen[GROUPS_MOST];
	unsigned groups = 0, most = 0, same[GROUPS_MOST][GROUPS_MOST] = {{0}}, other[GROUPS_MOST][GROUPS_MOST] = {{0}};
	for (unsigned i = 0; d && i < n->days; i++)
		for (unsigned k = i + 1; k < n->days && d[k].day == d[i].day; k++) {
			unsigned a = place_of(seen, &groups, d[i].group), b = place_of(seen, &groups, d[k].group);
			if (a < GROUPS_MOST && b < GROUPS_MOST)
				(same_sums(&d[i], &d[k]) ? same : other)[a < b ? a : b][a < b ? b : a]++;
		}
	for (unsigned a = 0; a < groups; a++)
		for (unsigned b = a + 1; b < groups; b++)
			if (!other[a][b] && same[a][b] > most)
				most = same[a][b];
	free(d);
	return most;
}

struct standing {
	struct feed_day *stood; /* by day, each once */
	unsigned days;
	uint32_t provider;
};

static int stands(const struct rollup_row *r, void *arg)
{
	struct standing *s = arg;
	enum batch_side side = batch_side(intern_str(r->key.surface));
	struct feed_day key = {.day = r->key.hour_us / US_PER_DAY}, *at;
	if (r->key.provider != s->provider || r->key.provenance != PROV_IMPORTED || side == SIDE_LOG)
		return 0;
	at = bsearch(&key, s->stood, s->days, sizeof *at, by_day);
	if (at && side == SIDE_USAGE)
		at->tok += r->sum.input_tok + r->sum.output_tok;
	else if (at)
		at->billed_pico += r->sum.billed_pico;
	return 0;
}

unsigned regroup_days_stood(const struct feed_counts *n, struct ledger *l, uint32_t provider)
{
	struct feed_day *now = n->days ? sorted(n) : NULL;
	struct standing s = {.stood = now ? calloc(n->days, sizeof *now) : NULL, .provider = provider};
	unsigned same = 0;
	for (unsigned i = 0; s.stood && i < n->days; i++) {
		struct feed_day one = now[i];
		if (!s.days || now[s.days - 1].day != one.day)
			now[s.days++] = (struct feed_day){.day = one.day};
		now[s.days - 1].tok += one.tok;
		now[s.days - 1].billed_pico += one.billed_pico;
	}
	for (unsigned i = 0; i < s.days; i++)
		s.stood[i].day = now[i].day;
	if (s.days && ledger_rollup_by(l, GRAIN_DAY, now[0].day * US_PER_DAY, (now[s.days - 1].day + 1) * US_PER_DAY,
				       stands, &s, NULL) == 0)
		/* where a day stood there on one side alone, that one is compared */
		for (unsigned i = 0; i < s.days; i++)
			same += (now[i].tok && now[i].tok == s.stood[i].tok) ||
				(now[i].billed_pico && now[i].billed_pico == s.stood[i].billed_pico);
	free(now);
	free(s.stood);
	return same;
}
