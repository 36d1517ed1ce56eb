/* SPDX-License-Identifier: Apache-2.0
 *
 * See alert_when.h.
 */
#include "gate/alert_when.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/err.h"

const struct alert_figure alert_figures[] = {
#define F(name_, unit_, measure_, window_, scope_, text_) \
	{#name_, UNIT_##unit_, MEASURE_##measure_, WINDOW_##window_, SCOPE_##scope_, text_},
#include "gate/alert_figures.def"
};
const unsigned alert_figure_count = sizeof alert_figures / sizeof *alert_figures;

/* A token in a message: its beginning. */
#define SHORT(s) (int)((s).n > 60 ? 60 : (s).n), (s).p

struct reading {
	struct str text;
	size_t at; /* where the next token begins */
	struct alert_fault *fault;
};

__attribute__((format(printf, 4, 5)))
static int wrong(struct reading *r, size_t at, const char *hint, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(r->fault->what, sizeof r->fault->what, fmt, ap);
	va_end(ap);
	r->fault->at = at;
	str_copy(r->fault->hint, sizeof r->fault->hint, str_of(hint));
	return -RR_SYNTAX;
}

static bool word_byte(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool number_byte(char c)
{
	return (c >= '0' && c <= '9') || c == '.';
}

static void skip_blanks(struct reading *r)
{
	while (r->at < r->text.n && (r->text.p[r->at] == ' ' || r->text.p[r->at] == '\t'))
		r->at++;
}

/* The run of bytes that `is` takes, from here on; may be empty. */
static struct str run_of(struct reading *r, bool (*is)(char c))
{
	size_t from;
	skip_blanks(r);
	from = r->at;
	while (r->at < r->text.n && is(r->text.p[r->at]))
		r->at++;
	return str_sub(r->text, from, r->at);
}

static size_t place(const struct reading *r, struct str token)
{
	return (size_t)(token.p - r->text.p);
}

static int read_figure(struct reading *r, struct alert_when *w)
{
	struct str name = run_of(r, word_byte);
	char hint[240] = "figures:";
	const char *near = NULL;
	unsigned best = 4;
	for (unsigned i = 0; i < alert_figure_count; i++) {
		unsigned far = str_distance(name, str_of(alert_figures[i].name));
		size_t n = strlen(hint);
		if (str_eqc(name, alert_figures[i].name)) {
			w->figure = &alert_figures[i];
			return 0;
		}
		snprintf(hint + n, sizeof hint - n, " %s", alert_figures[i].name);
		if (far < best) {
			best = far;
			near = alert_figures[i].name;
		}
	}
	if (near)
		snprintf(hint, sizeof hint, "did you mean %s?", near);
	return wrong(r, place(r, name), hint, name.n ? "there is no figure '%.*s'" : "a figure is wanted%.*s",
		     SHORT(name));
}

static int read_op(struct reading *r, struct alert_when *w)
{
	static const struct {
		const char *text;
		enum alert_op op;
	} ops[] = {{">=", OP_ABOVE_OR_AT}, {"<=", OP_BELOW_OR_AT}, {">", OP_ABOVE},
		   {"<", OP_BELOW}}; /* the longer first */
	skip_blanks(r);
	for (unsigned i = 0; i < sizeof ops / sizeof *ops; i++) {
		struct str op = str_of(ops[i].text);
		if (str_starts(str_sub(r->text, r->at, r->text.n), op)) {
			r->at += op.n;
			w->op = ops[i].op;
			return 0;
		}
	}
	return wrong(r, r->at, "as in: spend_hour > 20 USD", "a comparison is wanted: > >= < or <=");
}

static const char *form_of(const struct alert_figure *f)
{
	return f->unit == UNIT_MONEY   ? (f->window == WINDOW_MONTH ? "as in: > 2000 GBP, or: > plan, or: > 1.1 x plan"
								   : "as in: > 20 USD, or: > 3 x usual")
	       : f->unit == UNIT_SHARE ? "as in: > 80%"
	       : f->measure == MEASURE_UNPRICED ? "as in: > 0"
						: "as in: > 1000, or: > 3 x usual";
}

/* usual or plan, if it may stand here. */
static int read_word(struct reading *r, struct alert_when *w, struct str word)
{
	const struct alert_figure *f = w->figure;
	if (str_eqc(word, "usual") && f->window != WINDOW_TOTAL && f->measure < MEASURE_UNPRICED) {
		w->limit = LIMIT_USUAL;
		return 0;
	}
	if (str_eqc(word, "plan") && f->unit == UNIT_MONEY && f->window == WINDOW_MONTH) {
		w->limit = LIMIT_PLAN;
		return 0;
	}
	return wrong(r, place(r, word), form_of(f), "%s cannot be compared with '%.*s'", f->name, SHORT(word));
}

static int read_amount(struct reading *r, struct alert_when *w, struct currency usual, size_t number_at)
{
	struct str code = run_of(r, word_byte);
	w->currency = usual;
	if (code.n && currency_parse(code, &w->currency))
		return wrong(r, place(r, code), form_of(w->figure), "'%.*s' is no currency", SHORT(code));
	if (!w->currency.code[0])
		return wrong(r, number_at, "write it as 20 USD, or set currency: {report: USD}",
			     "%s is money: in which currency?", w->figure->name);
	return 0;
}

static int read_percent(struct reading *r, struct alert_when *w, size_t number_at)
{
	skip_blanks(r);
	if (r->at < r->text.n && r->text.p[r->at] == '%') {
		r->at++;
		w->number_pico = (int64_t)money_round(w->number_pico, 100);
		return 0;
	}
	if (w->number_pico > 1 * PICO_PER_UNIT)
		return wrong(r, number_at, form_of(w->figure), "%s is a share: a percentage is wanted",
			     w->figure->name);
	return 0;
}

static int read_limit(struct reading *r, struct alert_when *w, struct currency usual)
{
	struct str number = run_of(r, number_byte), word;
	bool exact;
	w->number_pico = PICO_PER_UNIT;
	if (!number.n) {
		word = run_of(r, word_byte);
		return word.n ? read_word(r, w, word) : wrong(r, r->at, form_of(w->figure), "a limit is wanted");
	}
	if (money_parse(number, &w->number_pico, &exact) || !exact)
		return wrong(r, place(r, number), form_of(w->figure), "'%.*s' is no number of at most 12 decimals",
			     SHORT(number));
	skip_blanks(r);
	if (r->at < r->text.n && r->text.p[r->at] == 'x' &&
	    (r->at + 1 == r->text.n || !word_byte(r->text.p[r->at + 1]))) {
		r->at++;
		if (!w->number_pico)
			return wrong(r, place(r, number), form_of(w->figure), "0 times something is always passed");
		word = run_of(r, word_byte);
		return word.n ? read_word(r, w, word)
			      : wrong(r, r->at, form_of(w->figure), "times what? usual or plan");
	}
	switch (w->figure->unit) {
	case UNIT_MONEY: return read_amount(r, w, usual, place(r, number));
	case UNIT_SHARE: return read_percent(r, w, place(r, number));
	case UNIT_COUNT: break;
	}
	return 0;
}

int alert_when_parse(struct str text, struct currency usual, struct alert_when *out, struct alert_fault *f)
{
	struct reading r = {text, 0, f};
	int rc;
	memset(out, 0, sizeof *out);
	out->currency = usual;
	rc = read_figure(&r, out);
	if (!rc)
		rc = read_op(&r, out);
	if (!rc)
		rc = read_limit(&r, out, usual);
	if (rc)
		return rc;
	skip_blanks(&r);
	if (r.at < text.n)
		return wrong(&r, r.at, form_of(out->figure), "the condition was over before this");
	return 0;
}

bool alert_when_holds(enum alert_op op, money_wide value, money_wide limit)
{
	switch (op) {
	case OP_ABOVE: return value > limit;
	case OP_ABOVE_OR_AT: return value >= limit;
	case OP_BELOW: return value < limit;
	case OP_BELOW_OR_AT: return value <= limit;
	}
	return false;
}
