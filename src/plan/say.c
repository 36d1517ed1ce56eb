/* SPDX-License-Identifier: Apache-2.0
 *
 * See say.h. Names of figures become words by their underscores; the layout is 80 columns wide.
 */
#include "plan/say.h"

#include <math.h>

/* "breakeven_tokens_per_month" to "breakeven tokens per month". */
static void words(struct sb *out, const char *name, unsigned width)
{
	unsigned n = 0;
	for (const char *p = name; *p; p++, n++)
		sb_addc(out, *p == '_' ? ' ' : *p);
	for (; n < width; n++)
		sb_addc(out, ' ');
}

void plan_say_paragraph(struct sb *out, struct str text, unsigned first, unsigned indent)
{
	enum { WIDTH = 80 };
	struct str rest = str_trim(text);
	unsigned column = 0, blanks = first;
	while (rest.p && rest.n) {
		struct str word = str_cut(&rest, ' ');
		unsigned n = (unsigned)str_columns(word);
		if (!n)
			continue;
		if (column && column + 1 + n > WIDTH) {
			sb_addc(out, '\n');
			column = 0;
			blanks = indent;
		}
		if (column == 0) {
			for (unsigned i = 0; i < blanks; i++)
				sb_addc(out, ' ');
			column = blanks;
		} else {
			sb_addc(out, ' ');
			column++;
		}
		sb_add_str(out, word);
		column += n;
	}
	sb_addc(out, '\n');
}

void plan_say_text(const struct formula_run *r, bool explain, struct sb *out)
{
	struct sb verdict, why;
	char text[64];
	sb_init(&verdict, 4096);
	sb_init(&why, 8192);
	sb_addf(out, "plan %s: %s\n\n", r->f->name, r->f->summary);
	if (r->f->page)
		r->f->page(r, out);
	for (unsigned i = 0; !r->f->page && r->f->outputs[i].name; i++) {
		if (r->f->outputs[i].quiet || isnan(r->out[i]))
			continue;
		sb_adds(out, "  ");
		words(out, r->f->outputs[i].name, 32);
		sb_addf(out, " %s", value_text(r->out[i], r->f->outputs[i].unit, r->currency, text));
		if (r->uncertain && r->band[i].p10 < r->band[i].p90) {
			sb_addf(out, "  (80 %%: %s",
				value_text(r->band[i].p10, r->f->outputs[i].unit, r->currency, text));
			sb_addf(out, " to %s)", value_text(r->band[i].p90, r->f->outputs[i].unit, r->currency, text));
		}
		sb_addc(out, '\n');
	}
	if (r->f->say) {
		r->f->say(r, &verdict, &why);
		sb_addc(out, '\n');
		plan_say_paragraph(out, sb_str(&verdict), 0, 0);
		if (why.n)
			plan_say_paragraph(out, sb_str(&why), 0, 0);
	}
	bool assumed = false;
	for (unsigned i = 0; r->f->inputs[i].name; i++) {
		const char *expression = NULL;
		for (unsigned o = 0; r->f->outputs[o].name; o++)
			if (!isnan(r->out[o]) && strstr(r->f->outputs[o].expression, r->f->inputs[i].name))
				expression = r->f->outputs[o].expression;
		/* Only defaults that say something: a zero is "not counted" and stands in --explain. */
		if (r->given[i] || isnan(r->in[i]) || r->in[i] == 0 || !expression || !r->f->inputs[i].source)
			continue;
		if (!assumed)
			sb_adds(out, "\nAssumed, because it was not given:\n");
		assumed = true;
		sb_adds(out, "* ");
		words(out, r->f->inputs[i].name, 0);
		sb_addf(out, " %s (%s)\n", value_text(r->in[i], r->f->inputs[i].unit, r->currency, text),
			r->f->inputs[i].source);
	}
	if (explain) {
		sb_addc(out, '\n');
		for (unsigned i = 0; r->f->outputs[i].name; i++)
			if (!isnan(r->out[i]))
				formula_explain_text(r, i, out);
		sb_addf(out, "source: %s\n", r->f->source);
	} else {
		sb_addf(out, "\nEvery term: add --explain\n");
	}
	sb_fini(&verdict);
	sb_fini(&why);
}

void plan_say_json(const struct formula_run *r, struct sb *out)
{
	struct json_out w;
	jw_init(&w, out);
	jw_object(&w);
	jw_kcstr(&w, "plan", r->f->name);
	formula_json(r, &w);
	jw_end_object(&w);
	sb_addc(out, '\n');
}
