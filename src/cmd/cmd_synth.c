/* SPDX-License-Identifier: Apache-2.0
 *
 * runrate synth: a made-up export in a vendor's shape on stdout, its true totals on stderr.
 */
#include <stdio.h>

#include "base/clock.h"
#include "base/json.h"
#include "cmd/cmd.h"
#include "sandbox/synth.h"

enum { DAYS_UNLESS_SAID = 31 };

static const struct opt synth_help[] = {
	{"days", 0, OPT_U64, NULL, NULL, "N", "how many days (default 31, at most 3660)"},
	{"since", 0, OPT_TIME, NULL, NULL, "TIME", "the first day, UTC (default 2026-10-01)"},
	{"list", 0, OPT_FLAG, NULL, NULL, NULL, "the shapes that there are"},
	{NULL},
};

static int run(int argc, char **argv);
const struct command cmd_synth = {
	.name = "synth",
	.summary = "make up an export in a vendor's shape, with its true totals, to try things out",
	.usage = "synth SHAPE [--seed N] [--days N] [--since TIME]\n       runrate synth --list",
	.text = "The export goes to standard output, its true totals go to standard error as one line of JSON.\n"
		"The same shape, seed and days give the same bytes.\n\n"
		"Usage and costs of one vendor and seed tell of the same calls and agree to the last decimal.\n"
		"No real account has a part in it, and all of it is marked as synthetic; `runrate import --undo`\n"
		"takes an import of it back.",
	.examples = "$ runrate synth openai-costs --seed 7 --days 90 > costs.json\n"
		    "$ runrate synth claude-code | runrate import - --ledger demo.db\n",
	.options = synth_help,
	.run = run,
};

static int shape_of(const char *name, struct synth *s, struct err *e)
{
	for (unsigned i = 0; synth_name(i); i++) {
		if (strcmp(name, synth_name(i)) == 0) {
			s->shape = (enum synth_shape)i;
			return 0;
		}
	}
	err_set(e, RR_USAGE, "there is no shape '%s'", name);
	err_hint(e, "runrate synth --list names them");
	return -RR_USAGE;
}

static int list_shapes(void)
{
	struct sb b;
	int rc;
	sb_init(&b, 4096);
	for (unsigned i = 0; synth_name(i); i++)
		sb_addf(&b, "%-18s %s\n", synth_name(i), synth_title(i));
	rc = cmd_print(sb_str(&b));
	sb_fini(&b);
	return rc;
}

static void print_truth(const struct synth *s, const struct synth_truth *t)
{
	struct sb b;
	struct json_out w;
	char text[TIME_TEXT];
	sb_init(&b, 4096);
	jw_init(&w, &b);
	jw_object(&w);
	jw_kbool(&w, "synthetic", true);
	jw_kcstr(&w, "source", synth_name(s->shape));
	jw_ku64(&w, "seed", s->seed);
	jw_kcstr(&w, "from", time_date(s->first_day * US_PER_DAY, text));
	jw_kcstr(&w, "until",
		 time_date((s->first_day + s->days) * US_PER_DAY, text)); /* the first day that is not in it */
	jw_ku64(&w, "rows", t->rows);
	jw_ku64(&w, "calls", t->calls);
	jw_ku64(&w, "tokens", t->tokens);
	if (t->lines)
		jw_ku64(&w, "lines", t->lines);
	jw_kcstr(&w, "currency", "USD");
	jw_kmoney(&w, "inference", t->inference);
	jw_kmoney(&w, "training", t->training);
	jw_kmoney(&w, "other", t->other);
	jw_end_object(&w);
	sb_addc(&b, '\n');
	fwrite(b.p, 1, b.n, stderr);
	sb_fini(&b);
}

static int run(int argc, char **argv)
{
	uint64_t days = DAYS_UNLESS_SAID;
	int64_t since_us = days_from_civil(2026, 10, 1) * US_PER_DAY;
	const char *name[1];
	unsigned count;
	bool list = false;
	struct synth s = {.shape = SYNTH_SHAPES};
	struct synth_truth t = {0};
	struct err e = {0};
	struct sb out;
	const struct opt table[] = {
		{"days", 0, OPT_U64, &days, NULL, NULL, NULL}, {"since", 0, OPT_TIME, &since_us, NULL, NULL, NULL},
		{"list", 0, OPT_FLAG, &list, NULL, NULL, NULL}, {NULL},
	};
	int rc = cmd_parse(&cmd_synth, argc, argv, table, name, &count, 1);
	if (rc)
		return rc > 0 ? 0 : err_exit_code(rc);
	if (list)
		return list_shapes();
	if (!count) {
		err_set(&e, RR_USAGE, "which shape shall the export have?");
		err_hint(&e, "runrate synth openai-usage > usage.json; runrate synth --list names them");
		return cmd_fail(&e);
	}
	if (shape_of(name[0], &s, &e))
		return cmd_fail(&e);
	if (!days || days > SYNTH_DAYS || since_us < 0 || since_us % US_PER_DAY) {
		err_set(&e, RR_USAGE, "--days is 1 to %d, and --since a whole day from 1970-01-01 on", SYNTH_DAYS);
		return cmd_fail(&e);
	}
	s.seed = globals.seed;
	s.days = (uint32_t)days;
	s.first_day = since_us / US_PER_DAY;
	sb_init(&out, SYNTH_DAY_BYTES);
	for (uint32_t day = 0; day < s.days && !rc; day++) {
		sb_clear(&out);
		synth_day(&s, day, &out, &t);
		if (out.full) {
			err_set(&e, RR_LIMIT, "a day does not fit in %d bytes", SYNTH_DAY_BYTES);
			rc = cmd_fail(&e);
		} else {
			rc = cmd_print(sb_str(&out));
		}
	}
	sb_fini(&out);
	if (!rc)
		print_truth(&s, &t);
	return rc;
}
