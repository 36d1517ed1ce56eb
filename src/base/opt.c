/* SPDX-License-Identifier: Apache-2.0
 *
 * See opt.h. A flag that takes a value takes the next argument, unless that looks like another flag: "--rate --json"
 * is a forgotten value, "--saving -5" and "--file -" are not.
 */
#include "base/opt.h"

#include <stdio.h>

#include "base/clock.h"

enum { HELP_COLUMN = 27, HELP_WIDTH = 80 };

static bool looks_like_flag(const char *a)
{
	bool number = (a[1] >= '0' && a[1] <= '9') || a[1] == '.' || a[1] == '$' || (unsigned char)a[1] >= 0x80;
	return a[0] == '-' && a[1] != 0 && !number;
}

static const struct opt *find(const struct opt *const *tables, unsigned count, struct str name, char letter)
{
	for (unsigned t = 0; t < count; t++)
		for (const struct opt *o = tables[t]; o->name; o++)
			if (name.n ? str_eqc(name, o->name) : o->letter && o->letter == letter)
				return o;
	return NULL;
}

static int unknown(const struct opt *const *tables, unsigned count, const char *flag, struct str name, struct err *e)
{
	const char *best = NULL;
	unsigned distance = (unsigned)(name.n < 60 ? name.n : 60) / 3 + 2;
	for (unsigned t = 0; t < count; t++)
		for (const struct opt *o = tables[t]; o->name; o++) {
			unsigned d = str_distance(name, str_of(o->name));
			if (name.n >= 3 && str_starts(str_of(o->name), name))
				d = 1;
			if (d < distance)
				best = o->name, distance = d;
		}
	err_set(e, RR_USAGE, "unknown flag '%.*s'", STR_ARG(str_sub(str_of(flag), 0, 80)));
	return best ? err_hint(e, "did you mean --%s?", best) : err_hint(e, "--help lists the flags");
}

/* Puts the flag's name before what the reader of numbers said. */
static int named(const struct opt *o, int rc, struct err *e)
{
	char what[sizeof e->what];
	if (!rc || !e)
		return rc ? -RR_USAGE : 0;
	snprintf(what, sizeof what, "%s", e->what);
	snprintf(e->what, sizeof e->what, "--%s: %.350s", o->name, what);
	e->code = RR_USAGE;
	return -RR_USAGE;
}

static int read_share(const struct opt *o, struct str s, struct err *e)
{
	double v;
	int rc = num_parse(s, &v, e);
	if (!rc && !(v >= 0 && v <= 1)) {
		rc = err_set(e, RR_RANGE, "'%.*s' is not between 0 and 1", STR_ARG(str_sub(s, 0, 60)));
		err_hint(e, "a share is written as 0.3 or as 30%%");
	}
	if (!rc)
		*(double *)o->to = v;
	return rc;
}

static int read_money(const struct opt *o, struct str s, struct err *e)
{
	struct opt_money m = {.given = true};
	int rc = num_parse_money(s, &m.pico, &m.currency, e);
	if (!rc)
		*(struct opt_money *)o->to = m;
	return rc;
}

static int read_time(const struct opt *o, struct str s, struct err *e)
{
	if (time_parse(s, o->to) == 0)
		return 0;
	err_set(e, RR_INPUT, "'%.*s' is not a date or time", STR_ARG(str_sub(s, 0, 60)));
	return err_hint(e, "write it as 2026-11-21, 2026-11-21T10:00:00Z or 2026-11-21T10:00:00+01:00");
}

static int add_item(const struct opt *o, const char *value, struct err *e)
{
	struct opt_list *list = o->to;
	if (list->count == OPT_LIST_MOST)
		return err_set(e, RR_INPUT, "given more than %d times", OPT_LIST_MOST);
	list->item[list->count++] = value;
	return 0;
}

static int store(const struct opt *o, const char *value, struct err *e)
{
	struct str s = str_of(value);
	int rc = 0;
	check(o->to);
	switch (o->kind) {
	case OPT_FLAG:
		*(bool *)o->to = true;
		break;
	case OPT_STR:
		*(const char **)o->to = value;
		break;
	case OPT_LIST:
		rc = add_item(o, value, e);
		break;
	case OPT_U64:
		rc = num_parse_u64(s, o->to, e);
		break;
	case OPT_NUM:
		rc = num_parse(s, o->to, e);
		break;
	case OPT_SHARE:
		rc = read_share(o, s, e);
		break;
	case OPT_MONEY:
		rc = read_money(o, s, e);
		break;
	case OPT_TIME:
		rc = read_time(o, s, e);
		break;
	case OPT_DURATION:
		rc = num_parse_duration(s, o->to, e);
		break;
	case OPT_BYTES:
		rc = num_parse_bytes(s, o->to, e);
		break;
	}
	if (!rc && o->given)
		*o->given = true;
	return named(o, rc, e);
}

/* One flag at argv[*i]; moves *i over its value. */
static int take_flag(int argc, char **argv, int *i, const struct opt *const *tables, unsigned count, struct err *e)
{
	char *arg = argv[*i], *value = NULL;
	struct str name = {NULL, 0};
	const struct opt *o;
	if (arg[1] == '-') {
		name = str_of(arg + 2);
		size_t at = str_chr(name, '=');
		if (at != SIZE_MAX) {
			value = arg + 2 + at + 1;
			name.n = at;
		}
	}
	o = arg[1] == '-' ? (name.n ? find(tables, count, name, 0) : NULL)
	    : arg[2] == 0 ? find(tables, count, name, arg[1])
			  : NULL;
	if (!o)
		return unknown(tables, count, arg, arg[1] == '-' ? name : str_of(arg + 1), e);
	if (o->kind == OPT_FLAG && value) {
		err_set(e, RR_USAGE, "--%s takes no value", o->name);
		return err_hint(e, "write --%s alone", o->name);
	}
	if (o->kind != OPT_FLAG && !value) {
		if (*i + 1 >= argc || looks_like_flag(argv[*i + 1])) {
			err_set(e, RR_USAGE, "--%s needs a value", o->name);
			return err_hint(e, "--%s %s: %s", o->name, o->arg ? o->arg : "VALUE", o->help ? o->help : "");
		}
		value = argv[++*i];
	}
	return store(o, value, e);
}

int opt_parse(int argc, char **argv, const struct opt *const *tables, unsigned table_count, const char **positional,
	      unsigned *count, unsigned most, struct err *e)
{
	unsigned n = 0;
	bool flags = true;
	for (int i = 1; i < argc; i++) {
		if (flags && strcmp(argv[i], "--") == 0) {
			flags = false;
		} else if (flags && (looks_like_flag(argv[i]))) {
			int rc = take_flag(argc, argv, &i, tables, table_count, e);
			if (rc)
				return rc;
		} else if (n < most) {
			positional[n++] = argv[i];
		} else {
			err_set(e, RR_USAGE, "unexpected argument '%.*s'", STR_ARG(str_sub(str_of(argv[i]), 0, 80)));
			return most ? err_hint(e, "at most %u arguments are taken here; see --help", most)
				    : err_hint(e, "only flags are taken here; see --help");
		}
	}
	if (count)
		*count = n;
	return 0;
}

static void wrapped(struct sb *out, const char *text)
{
	struct str rest = str_of(text);
	size_t column = HELP_COLUMN;
	bool first = true;
	while (rest.p) {
		struct str word = str_cut(&rest, ' ');
		size_t width = str_columns(word);
		if (!first && column + 1 + width > HELP_WIDTH) {
			sb_addf(out, "\n%*s", HELP_COLUMN, "");
			column = HELP_COLUMN;
		} else if (!first) {
			sb_addc(out, ' ');
			column++;
		}
		sb_add_str(out, word);
		column += width;
		first = false;
	}
	sb_addc(out, '\n');
}

void opt_help(const struct opt *table, struct sb *out)
{
	for (const struct opt *o = table; o->name; o++) {
		char left[128];
		int n = o->letter ? snprintf(left, sizeof left, "  -%c, --%s", o->letter, o->name)
				  : snprintf(left, sizeof left, "  --%s", o->name);
		if (o->arg && n > 0 && (size_t)n < sizeof left)
			n += snprintf(left + n, sizeof left - (size_t)n, " %s", o->arg);
		sb_adds(out, left);
		if (n + 1 >= HELP_COLUMN)
			sb_addf(out, "\n%*s", HELP_COLUMN, "");
		else
			sb_addf(out, "%*s", HELP_COLUMN - n, "");
		wrapped(out, o->help ? o->help : "");
	}
}
