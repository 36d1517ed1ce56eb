/* SPDX-License-Identifier: Apache-2.0
 *
 * Any bytes as a price file, of any format: it is refused with a reason or it is a book. A book never holds a
 * negative price, finds its own rules by their ids, and prices a call without leaving its bounds.
 */
#include "base/err.h"
#include "model/book_check.h"
#include "model/toml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int seen(void *to, struct str path, struct str value, bool quoted)
{
	(void)quoted;
	*(size_t *)to += path.n + value.n;
	return 0;
}

static void finding(void *to, const struct lint_finding *f)
{
	*(size_t *)to += strlen(f->text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = str_make((const char *)data, size);
	struct err e = {0};
	struct usage u = {.flags = USAGE_SEEN};
	struct book *b = size > 65536 ? NULL : book_parse(text, "fuzz", &e);
	size_t sum = 0;
	toml_read(text, "fuzz", seen, &sum, NULL);
	if (!b) {
		check(size > 65536 || e.code != 0);
		return 0;
	}
	for (unsigned k = 0; k < CLASSES; k++)
		u.tok[k] = 1000 * k + 7;
	for (size_t i = 0; i < book_rule_count(b); i++) {
		const struct price_rule *r = book_rule(b, i);
		check(r->listed_atto >= 0 && r->listed_per > 0 && book_rule_by_id(b, r->id) != NULL);
	}
	for (size_t i = 0; i < book_model_count(b) && i < 64; i++) {
		struct price_query q = {.at_us = INT64_C(1790000000000000)};
		struct price_result r;
		int rc;
		q.model = book_model_name(b, i, &q.provider);
		u.tier = (enum tier)(i % TIERS);
		rc = price(b, &q, &u, &r);
		check(rc == 0 || rc == -RR_UNPRICED || rc == -RR_RANGE);
		check((rc == 0) == (r.status != PRICE_UNPRICED));
		check(r.lines <= PRICE_LINES && r.total_pico >= 0);
		book_suggest(b, q.provider, str_sub(q.model, 1, q.model.n));
	}
	book_lint(b, finding, &sum);
	book_free(b);
	return 0;
}
