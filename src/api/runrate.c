/* SPDX-License-Identifier: Apache-2.0
 *
 * librunrate: the public header over plan/ and model/. No arithmetic of its own.
 */
#include "runrate/runrate.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "model/price.h"
#include "plan/formula.h"

struct runrate_book {
	struct book *book;
};

struct runrate_plan {
	struct formula_run run;
	struct sb verdict, why;
};

static void say(const struct err *e, char *error, size_t size)
{
	if (error && size)
		err_text(e, error, size);
}

const char *runrate_version(void)
{
	return RUNRATE_VERSION;
}

struct runrate_book *runrate_book_open(const char *path, char *error, size_t error_size)
{
	struct err e = {0};
	struct runrate_book *b = calloc(1, sizeof *b);
	if (b)
		b->book = path ? book_load(path, &e) : book_builtin(&e);
	if (!b || !b->book) {
		say(&e, error, error_size);
		free(b);
		return NULL;
	}
	return b;
}

void runrate_book_close(struct runrate_book *book)
{
	if (book)
		book_free(book->book);
	free(book);
}

int runrate_price_body(const struct runrate_book *book, const char *dialect, const char *provider, const char *model,
		       int64_t at_us, const char *body, size_t body_bytes, struct runrate_price *out)
{
	enum usage_shape shape;
	struct json top;
	struct usage u;
	struct price_result r;
	memset(out, 0, sizeof *out);
	if (usage_shape_parse(str_of(dialect), &shape) < 0) {
		snprintf(out->why, sizeof out->why, "unknown dialect %s", dialect);
		return -RR_NOTFOUND;
	}
	int rc = json_parse(str_make(body, body_bytes), &top, NULL);
	memset(&u, 0, sizeof u);
	if (rc == 0)
		rc = usage_read(shape, top, &u);
	if (rc < 0 || !(u.flags & USAGE_SEEN)) {
		snprintf(out->why, sizeof out->why, rc < 0 ? "the body is no %s response" : "no usage in this %s body",
			 dialect);
		return rc < 0 ? rc : -RR_INPUT;
	}
	struct price_query q = {.provider = str_of(provider ? provider : ""), .model = model ? str_of(model) : u.model,
				.at_us = at_us};
	rc = price(book->book, &q, &u, &r);
	out->input_tokens = usage_input_tok(&u);
	out->output_tokens = usage_output_tok(&u);
	out->priced = r.status == PRICE_PRICED || r.status == PRICE_FREE;
	snprintf(out->currency, sizeof out->currency, "%s", r.currency.code);
	snprintf(out->why, sizeof out->why, "%s", r.why);
	str_copy(out->model, sizeof out->model, r.model);
	out->input_pico = r.input_pico;
	out->output_pico = r.output_pico;
	out->tools_pico = r.tools_pico;
	out->total_pico = r.total_pico;
	return rc == -RR_RANGE ? rc : 0;
}

struct runrate_plan *runrate_plan_new(const char *plan, const struct runrate_input *inputs, size_t count, char *error,
				      size_t error_size)
{
	struct err e = {0};
	const struct formula *f = formula_find(str_of(plan));
	struct runrate_plan *p = calloc(1, sizeof *p);
	if (!p) {
		err_set(&e, RR_NOMEM, "out of memory");
		goto fail;
	}
	sb_init(&p->verdict, 4096);
	sb_init(&p->why, 8192);
	if (!f) {
		const char *near = formula_nearest(str_of(plan));
		err_set(&e, RR_NOTFOUND, "there is no plan \"%s\"%s%s%s", plan, near ? ": did you mean " : "",
			near ? near : "", near ? "?" : "");
		goto fail;
	}
	formula_start(&p->run, f, clock_real(&clock_system));
	for (size_t i = 0; i < count; i++) {
		int input = formula_input(f, str_of(inputs[i].name)), rc;
		if (f->columns && strcmp(inputs[i].name, f->columns->name) == 0)
			rc = formula_row_text(&p->run, str_of(inputs[i].value), &e);
		else if (input < 0)
			rc = err_set(&e, RR_INPUT, "plan %s has no input \"%s\"", plan, inputs[i].name);
		else
			rc = formula_set(&p->run, input, str_of(inputs[i].value), "given", &e);
		if (rc < 0)
			goto fail;
	}
	if (formula_finish(&p->run, &e) < 0)
		goto fail;
	if (f->say)
		f->say(&p->run, &p->verdict, &p->why);
	return p;
fail:
	say(&e, error, error_size);
	runrate_plan_free(p);
	return NULL;
}

void runrate_plan_free(struct runrate_plan *p)
{
	if (!p)
		return;
	sb_fini(&p->verdict);
	sb_fini(&p->why);
	free(p);
}

size_t runrate_plan_figures(const struct runrate_plan *p)
{
	return formula_output_count(p->run.f);
}

struct runrate_figure runrate_plan_figure(const struct runrate_plan *p, size_t index)
{
	if (index >= runrate_plan_figures(p))
		return (struct runrate_figure){NULL, NAN, NULL, NULL};
	const struct formula_output *o = &p->run.f->outputs[index];
	return (struct runrate_figure){o->name, p->run.out[index], o->unit, o->expression};
}

double runrate_plan_value(const struct runrate_plan *p, const char *name)
{
	return formula_value(&p->run, name);
}

const char *runrate_plan_verdict(const struct runrate_plan *p)
{
	return sb_str(&p->verdict).p;
}

const char *runrate_plan_why(const struct runrate_plan *p)
{
	return sb_str(&p->why).p;
}

const char *runrate_plan_currency(const struct runrate_plan *p)
{
	return p->run.currency.code;
}
