/* SPDX-License-Identifier: Apache-2.0
 *
 * See lever.h. Nothing here knows a price or a vendor.
 */
#include "model/lever.h"

static const struct {
	const char *name, *text;
} levers[LEVERS] = {
#define X(NAME, name, text) {name, text},
	LEVERS_X(X)
#undef X
};

const char *lever_name(enum lever l)
{
	return (unsigned)l < LEVERS ? levers[l].name : "?";
}

const char *lever_text(enum lever l)
{
	return (unsigned)l < LEVERS ? levers[l].text : "?";
}

int lever_parse(struct str s, enum lever *out)
{
	for (unsigned i = 0; i < LEVERS; i++)
		if (str_eqc(s, levers[i].name)) {
			*out = (enum lever)i;
			return 0;
		}
	return -RR_NOTFOUND;
}

/* The text classes that a prefix cache moves tokens between. */
static const enum token_class text_input[] = {CLASS_IN_PLAIN, CLASS_IN_CACHE_READ, CLASS_IN_CACHE_WRITE,
					      CLASS_IN_CACHE_WRITE_5M, CLASS_IN_CACHE_WRITE_30M,
					      CLASS_IN_CACHE_WRITE_1H, CLASS_IN_CACHE_WRITE_12H};
enum { TEXT_INPUT = sizeof text_input / sizeof *text_input };

/* All text input back into in_plain; returns it. */
static uint64_t uncache(struct usage *u)
{
	uint64_t sum = 0;
	for (unsigned i = 0; i < TEXT_INPUT; i++) {
		sum += u->tok[text_input[i]];
		u->tok[text_input[i]] = 0;
	}
	u->tok[CLASS_IN_PLAIN] = sum;
	return sum;
}

void lever_cache(struct lever_call *c, uint64_t prefix_tok, bool hit, enum token_class write)
{
	uint64_t input = uncache(&c->usage);
	uint64_t prefix = prefix_tok < input ? prefix_tok : input;
	c->usage.tok[CLASS_IN_PLAIN] -= prefix;
	c->usage.tok[hit ? CLASS_IN_CACHE_READ : write] += prefix;
	c->levers |= LEVER_BIT(LEVER_CACHE);
}

void lever_batch(struct lever_call *c, enum tier tier)
{
	c->usage.tier = tier;
	c->levers |= LEVER_BIT(LEVER_BATCH);
}

static uint64_t scaled(uint64_t tok, uint32_t ratio)
{
	return (uint64_t)money_round((money_wide)tok * ratio, RATIO_ONE);
}

static void point_at(struct lever_call *c, const struct lever_target *t)
{
	struct usage *u = &c->usage;
	uint64_t total = 0;
	if (!t->keeps_cache)
		uncache(u);
	for (unsigned i = 0; i < CLASSES; i++) {
		u->tok[i] = scaled(u->tok[i],
				   token_class_is_output((enum token_class)i) ? t->output_ratio : t->input_ratio);
		total += u->tok[i];
	}
	u->vendor_total_tok = total;
	u->geo[0] = 0; /* the other vendor's geography is its own */
	u->fast = false;
	c->query.provider = t->provider;
	c->query.model = t->model;
	c->query.region = STR("");
}

void lever_route(struct lever_call *c, const struct lever_target *t)
{
	point_at(c, t);
	c->levers |= LEVER_BIT(LEVER_ROUTE);
}

void lever_tune(struct lever_call *c, const struct lever_target *t, uint64_t removed_tok)
{
	uint64_t input = uncache(&c->usage), removed = removed_tok < input ? removed_tok : input;
	c->usage.tok[CLASS_IN_PLAIN] -= removed;
	c->usage.vendor_total_tok -= removed < c->usage.vendor_total_tok ? removed : c->usage.vendor_total_tok;
	point_at(c, t);
	c->levers |= LEVER_BIT(LEVER_TUNE);
}

void lever_respond(struct lever_call *c)
{
	c->own = true;
	c->levers |= LEVER_BIT(LEVER_RESPOND);
}

void lever_selfhost(struct lever_call *c)
{
	c->own = true;
	c->levers |= LEVER_BIT(LEVER_SELFHOST);
}

int lever_price(const struct book *b, const struct lever_call *c, struct price_result *r, int64_t *pico)
{
	if (c->own) {
		*pico = c->extra_pico;
		return 0;
	}
	int rc = price(b, &c->query, &c->usage, r);
	if (rc < 0)
		return rc;
	return money_add(r->total_pico, c->extra_pico, pico);
}

static int class_price(const struct book *b, const struct price_query *q, enum token_class class, uint64_t tok,
		       int64_t *pico)
{
	struct usage u = {.flags = USAGE_SEEN, .tier = TIER_STANDARD, .vendor_total_tok = tok};
	struct price_result r;
	u.tok[class] = tok;
	int rc = price(b, q, &u, &r);
	*pico = rc < 0 ? 0 : r.total_pico;
	return rc;
}

int lever_switch_cost(const struct book *b, const struct price_query *from, const struct price_query *to,
		      uint64_t prefix_tok, enum token_class write, int64_t *pico)
{
	int64_t stay, move;
	int rc = class_price(b, from, CLASS_IN_CACHE_READ, prefix_tok, &stay);
	if (rc)
		return rc;
	rc = class_price(b, to, write, prefix_tok, &move);
	return rc ? rc : money_add(move, -stay, pico);
}
