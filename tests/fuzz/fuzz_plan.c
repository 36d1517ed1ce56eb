/* SPDX-License-Identifier: Apache-2.0
 *
 * Plan files from anywhere: claims, stacks, scenarios, quotes. Whatever stands in them, they are read or refused; what
 * was read can be computed and told.
 */
#include <stdlib.h>

#include "model/book.h"
#include "plan/advise.h"
#include "plan/claims.h"
#include "plan/lifetime_say.h"
#include "plan/quote.h"
#include "plan/stack_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct book *small_book(void)
{
	static struct book *book;
	if (!book)
		book = book_parse(STR("provider,model,meter,price,per,currency\nacme,big,in_plain,1,1M,USD\n"), "small.csv", NULL);
	return book;
}

static void lifetime(struct scenario *s, struct sb *out)
{
	struct lifetime *l = calloc(1, sizeof *l);
	struct advice *a = calloc(1, sizeof *a);
	s->draws = s->draws > 8 ? 8 : s->draws;
	if (l && a && s->workloads && lifetime_run(s, l, NULL) == 0 && advise(s, a, NULL) == 0) {
		lifetime_json(s, l, out);
		lifetime_text(s, l, out);
		advise_text(s, a, out);
	}
	free(l);
	free(a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct claim c;
	static struct scenario s;
	static struct stack_plan p;
	static struct quote_plan q;
	struct conf_doc d;
	struct sb out;
	if (size > 1 << 16)
		return 0;
	sb_init(&out, 1 << 22);
	for (unsigned kind = 0; kind < 4; kind++) {
		struct arena a;
		memset(&d, 0, sizeof d);
		arena_init(&a, 1 << 22);
		if (conf_parse(&d, &a, str_make((const char *)data, size), "fuzz.yaml") == 0) {
			if (kind == 0 && claim_read(&c, &d, 0) == 0) {
				claim_json(&c, &out);
				claim_text(&c, &out);
			} else if (kind == 1 && stack_read(&p, &d) == 0) {
				stack_json(&p, &out);
				stack_text(&p, &out);
			} else if (kind == 2 && scenario_read(&s, &d, small_book(), 0) == 0) {
				lifetime(&s, &out);
			} else if (kind == 3) {
				memset(&q, 0, sizeof q);
				if (quote_read(&q, &d, small_book(), 0) == 0 && quote_compare(&q, NULL) == 0) {
					quote_json(&q, &out);
					quote_text(&q, &out);
				}
			}
		}
		conf_errors_text(&d, &out);
		arena_fini(&a);
		sb_clear(&out);
	}
	sb_fini(&out);
	return 0;
}
