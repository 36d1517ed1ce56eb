/* SPDX-License-Identifier: Apache-2.0
 *
 * Rows: what becomes of a record once its source has read it.
 *
 *   source -> [classify: which checkbook, by which rule] -> [price: our book, where tokens are known]
 *          -> [natural key, body hash] -> ledger batch -> sums of this import
 *
 * (The last step and the one before are two threads: feed.h.)
 *
 * 1. A row is in exactly one of new, duplicate, revised, rejected; together they are the rows read.
 * 2. The sums are over what the files hold, so that importing a file twice prints the same money.
 * 3. The body hash covers what the source said, not what our book makes of it: a new price list is no revision.
 * 4. A row counts with its billed amount where its source bills; else with the price.
 *    What comes again within the import counts once, as it came last: as in the ledger.
 * 5. A call that the gateway measured and a log repeats (the vendor's response id says so) counts once, as measured.
 * 6. Equal keys in a bill's file are several rows, and so they are in the parts of one export. But files that lie
 *    together may also be exports of the same days, or copies. Such a one is a file of whose first rows a quarter (of a
 *    thousand and more a tenth) have come already, amount and all, or that has half of what came. It is a batch of its
 *    own, behind the first, and revises it.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/array.h"
#include "base/keymap.h"
#include "import/import_i.h"
#include "import/regroup.h"
#include "model/price.h"

struct call *row_begin(struct import_ctx *x, uint64_t number)
{
	call_init(&x->call);
	x->call.provenance = PROV_IMPORTED;
	x->call.book = BOOK_UNCLASSIFIED;
	x->row = number;
	sb_clear(&x->key);
	x->key_parts = x->grouped = 0;
	x->claimed = STR("");
	x->claim_counts = false;
	x->class_source = NULL;
	x->context_tok = 0;
	x->classified = false;
	memset(&x->facts, 0, sizeof x->facts);
	return &x->call;
}

void key_add(struct import_ctx *x, struct str part)
{
	uint64_t n = part.n; /* with its length, so that "a","bc" is not "ab","c" */
	sb_add(&x->key, (const char *)&n, sizeof n);
	sb_add_str(&x->key, part);
	x->grouped |= (uint32_t)(part.n != 0) << (x->key_parts++ & 31);
}

void key_add_u64(struct import_ctx *x, uint64_t v)
{
	sb_add(&x->key, (const char *)&v, sizeof v);
}

/* -RR_LIMIT: the row's key is longer than its limit. */
static int key_hash(const struct import_ctx *x, struct hash128 *natural)
{
	*natural = hash_xxh3_128(x->key.p, x->key.n);
	return x->key.full ? -RR_LIMIT : 0;
}

/* The same for the next row with that key. */
static int key_next(struct import_ctx *x, uint32_t before, struct hash128 *natural)
{
	key_add_u64(x, before);
	return key_hash(x, natural);
}

void fact(struct import_ctx *x, enum class_field f, struct str text)
{
	x->facts.fact[f] = text;
}

void row_is(struct import_ctx *x, enum book_kind book, const char *rule)
{
	x->call.book = (uint8_t)book;
	x->call.class_rule = intern(str_of(rule));
	x->classified = true;
}

int row_reject(struct import_ctx *x, uint64_t number, const char *fmt, ...)
{
	struct import_summary *s = x->s;
	va_list ap;
	if (x->csv && csv_names_columns(x->csv)) {
		x->header_again = true;
		return 0;
	}
	if (x->sample)
		return 0;
	s->rows_read++;
	s->rows_rejected++;
	if (x->b) {
		x->b->rows_read++;
		x->b->rows_rejected++;
	}
	x->rejected++;
	if (!s->reject)
		s->reject = calloc(IMPORT_REJECTS, sizeof *s->reject);
	if (s->reject && s->rejects < IMPORT_REJECTS) {
		struct import_reject *r = &s->reject[s->rejects++];
		char text[sizeof r->reason];
		struct sb clean;
		r->row = number;
		str_copy(r->file, sizeof r->file, str_of(x->path));
		va_start(ap, fmt);
		vsnprintf(text, sizeof text, fmt, ap);
		va_end(ap);
		sb_init(&clean, sizeof text * 3); /* what stood in the file may be no UTF-8 */
		sb_add_utf8(&clean, str_of(text));
		str_copy(r->reason, sizeof r->reason, sb_str(&clean));
		sb_fini(&clean);
	}
	return 0;
}

void row_repeated(struct import_ctx *x)
{
	x->s->rows_read++;
	x->s->rows_duplicate++;
	x->b->rows_read++;
	x->b->rows_duplicate++;
}

enum { NOTE_BYTES = sizeof ((struct import_summary *)0)->note[0] };

/* Once, however often it is said; its text in any case. */
__attribute__((format(printf, 3, 0))) static void add_note(struct import_ctx *x, char text[NOTE_BYTES], const char *fmt,
							    va_list ap)
{
	struct import_summary *s = x->s;
	vsnprintf(text, NOTE_BYTES, fmt, ap);
	for (unsigned i = 0; i < s->notes; i++)
		if (strcmp(s->note[i], text) == 0)
			return;
	if (s->notes < IMPORT_NOTES && !x->sample)
		str_copy(s->note[s->notes++], NOTE_BYTES, str_of(text));
}

void import_note(struct import_ctx *x, const char *fmt, ...)
{
	char text[NOTE_BYTES];
	va_list ap;
	va_start(ap, fmt);
	add_note(x, text, fmt, ap);
	va_end(ap);
}

void import_twice(struct import_ctx *x, const char *fmt, ...)
{
	char text[NOTE_BYTES];
	va_list ap;
	va_start(ap, fmt);
	add_note(x, text, fmt, ap);
	va_end(ap);
	if (!x->s->twice[0])
		str_copy(x->s->twice, sizeof x->s->twice, str_of(text));
}

/* Nobody paid for tokens before, nor is an export written ahead for so long: such a time is a damaged one. */
static const int64_t FIRST_US = 946684800 * US_PER_S, LAST_US = 4102444800 * US_PER_S;

/* What the call was priced at: status, cost, rule. */
static void row_price(struct import_ctx *x)
{
	struct call *c = &x->call;
	struct price_result r;
	struct price_query q = {
		.provider = intern_str(c->provider),
		.model = intern_str(c->model_answered ? c->model_answered : c->model_asked),
		.at_us = c->start_us,
		.region = str_of(c->usage.geo),
		.context_tok = x->context_tok,
	};
	const struct price_rule *rule;
	if (!(c->usage.flags & USAGE_SEEN)) {
		/* billed at nothing is an amount that is known */
		c->price_status = c->billed_pico == 0 ? PRICE_FREE : PRICE_NO_USAGE;
		return;
	}
	if (c->billed_pico != BILLED_UNKNOWN) { /* rule 4: reconcile prices these, the bill counts */
		c->price_status = c->billed_pico == 0 ? PRICE_FREE : PRICE_NO_USAGE;
		return;
	}
	/* A long-context step is by request: the sum of a bucket's requests must not set it off. */
	if (!q.context_tok && c->calls > 1)
		q.context_tok = (usage_input_tok(&c->usage) + c->calls - 1) / c->calls;
	price(x->o->book, &q, &c->usage, &r);
	c->price_status = (uint8_t)r.status;
	if (r.status == PRICE_PRICED || r.status == PRICE_FREE) {
		c->cost_pico = r.total_pico;
		if (!c->currency)
			c->currency = intern(str_of(r.currency.code));
	}
	rule = r.lines ? r.line[0].rule : NULL;
	for (unsigned i = 0; i < r.lines && !rule; i++)
		rule = r.line[i].rule;
	if (rule)
		c->rule = intern(rule->id);
}

void row_class(struct import_ctx *x, enum spend_class spend, uint32_t rule)
{
	x->call.book = (uint8_t)spend_class_book(spend);
	x->call.class_rule = rule;
	x->classified = true;
	if (!x->call.surface) { /* "bill I-hosting": hosting of a tuned model is a line of its own by --by surface */
		char text[64];
		struct str kind = intern_str(rule);
		size_t dash = str_chr(kind, '-');
		kind = dash == SIZE_MAX ? STR("") : str_sub(kind, dash + 1, kind.n < dash + 33 ? kind.n : dash + 33);
		/* a tuned model's, by rules whose names end so, beside provisioned capacity and machines that serve */
		bool tuned = spend == SPEND_I_HOSTING && str_ends(intern_str(rule), STR("-ft-hosting"));
		snprintf(text, sizeof text, "bill %s%s", spend == SPEND_NONE ? "unclassified" : spend_class_name(spend),
			 tuned ? " tuned" : "");
		/* taxes, credits, support and storage are each a line of their own: rule "charge-tax" is "bill O
		 * tax" */
		if (x->call.book == BOOK_OTHER && kind.n)
			snprintf(text, sizeof text, "bill O %.*s", STR_ARG(kind));
		x->call.surface = intern(str_of(text));
	}
}

void row_classify(struct import_ctx *x)
{
	enum spend_class spend;
	uint32_t rule;
	if (x->classified)
		return;
	spend = classify(x->classes, x->class_source ? x->class_source : x->source->name, &x->facts, &rule);
	row_class(x, spend, rule);
}

/* Rule 3. Names by their text: their numbers differ from run to run. */
static struct hash128 body_hash(const struct import_ctx *x)
{
	const struct call *c = &x->call;
	const uint32_t names[] = {c->key, c->team, c->feature, c->env, c->project, c->provider, c->surface,
				  c->model_asked, c->model_answered, c->region, c->class_rule,
				  c->billed_pico == BILLED_UNKNOWN ? 0 : c->currency};
	struct {
		uint64_t name[sizeof names / sizeof *names];
		uint64_t tok[CLASSES], tools[TOOLS];
		int64_t number[16];
		uint64_t text[3];
	} b;
	memset(&b, 0, sizeof b);
	for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
		b.name[i] = intern_hash(names[i]);
	memcpy(b.tok, c->usage.tok, sizeof b.tok);
	for (unsigned i = 0; i < TOOLS; i++)
		b.tools[i] = c->usage.tools[i];
	const int64_t numbers[] = {c->start_us,
				   c->end_us,
				   c->calls,
				   c->status,
				   c->book,
				   c->outcome,
				   c->streamed,
				   c->billed_pico,
				   (int64_t)c->usage.audio_ms,
				   (int64_t)c->usage.images,
				   (int64_t)c->usage.characters,
				   (int64_t)c->usage.storage_token_hours,
				   (int64_t)c->usage.trained_tok,
				   c->usage.tier,
				   c->usage.fast,
				   (int64_t)c->usage.flags};
	memcpy(b.number, numbers, sizeof numbers);
	b.text[0] = hash_xxh3(x->claimed.p, x->claimed.n);
	b.text[1] = hash_xxh3(c->vendor_ref, strnlen(c->vendor_ref, sizeof c->vendor_ref));
	b.text[2] = hash_xxh3(c->usage.geo, strnlen(c->usage.geo, sizeof c->usage.geo));
	return hash_xxh3_128(&b, sizeof b);
}

static struct import_money *money_of(struct import_ctx *x, uint32_t currency)
{
	struct import_summary *s = x->s;
	struct currency cur = {{0}};
	if (!currency || currency_parse(intern_str(currency), &cur))
		cur = USD;
	for (unsigned i = 0; i < s->currencies; i++)
		if (currency_eq(s->money[i].currency, cur))
			return &s->money[i];
	if (s->currencies == IMPORT_CURRENCIES)
		return NULL;
	s->money[s->currencies].currency = cur;
	return &s->money[s->currencies++];
}

/* What a row added to the sums. */
struct row_sum {
	int64_t pico, claimed_pico; /* pico: billed where it is, else priced */
	uint64_t tokens;
	uint32_t calls;
	uint8_t currency, book;     /* currency: its place in import_summary.money */
	bool unpriced : 1, billed : 1, priced : 1;
	uint32_t batch, provider;   /* batch: which of the import's */
	uint8_t side;               /* or NO_SIDE: it tells of nothing that another one tells of */
	uint64_t body, scope;
	int64_t start_us;
};
enum { NO_CURRENCY = IMPORT_CURRENCIES, NO_SIDE = SIDES, SUMMED_MOST = 1 << 20 };

static uint8_t side_of(const struct call *c)
{
	struct str surface = intern_str(c->surface);
	enum batch_side side = batch_side(surface);
	bool else_in_bill = side == SIDE_BILL && !is_token_bill(surface);
	return c->book != BOOK_INFERENCE || else_in_bill ? NO_SIDE : (uint8_t)side;
}

static struct row_sum sum_of(struct import_ctx *x)
{
	const struct call *c = &x->call;
	bool priced = c->price_status == PRICE_PRICED || c->price_status == PRICE_FREE;
	bool billed = c->billed_pico != BILLED_UNKNOWN;
	struct import_money *m = money_of(x, c->currency);
	struct row_sum n = {.tokens = usage_total_tok(&c->usage),
			    .calls = c->calls,
			    .book = c->book,
			    .unpriced = !priced && !billed,
			    .billed = billed,
			    .priced = priced && (c->usage.flags & USAGE_SEEN),
			    .currency = NO_CURRENCY};
	if (!m) {
		import_note(x, "more than %d currencies: the sums of the last ones are left out", IMPORT_CURRENCIES);
		return n;
	}
	n.currency = (uint8_t)(m - x->s->money);
	n.provider = c->provider;
	n.side = side_of(c);
	n.pico = billed ? c->billed_pico : priced ? c->cost_pico : 0;
	if (x->claim_counts && money_parse(x->claimed, &n.claimed_pico, NULL))
		n.claimed_pico = 0;
	return n;
}

/* 0 or -RR_NOMEM. */
static int sum_add(struct import_summary *s, const struct row_sum *n, int sign)
{
	struct import_money *m = n->currency == NO_CURRENCY ? NULL : &s->money[n->currency];
	uint64_t one = (uint64_t)(int64_t)sign; /* counts wrap back */
	s->tokens += one * n->tokens;
	s->calls += one * n->calls;
	s->unpriced_rows += one * n->unpriced;
	if (!m)
		return 0;
	m->book[n->book] += sign * (money_wide)n->pico;
	m->claimed += sign * (money_wide)n->claimed_pico;
	m->billed += n->billed ? sign * (money_wide)n->pico : 0;
	m->priced += n->priced ? sign * (money_wide)n->pico : 0;
	if (n->side == NO_SIDE || !n->pico)
		return 0;
	struct sides_cell key = {.day = n->start_us / US_PER_DAY, .provider = n->provider, .currency = n->currency};
	return sides_add(&s->sides, &key, (enum batch_side)n->side, sign * (money_wide)n->pico);
}

/* The rows of a batch whose keys may repeat: what each key added last. A key is told by 64 bits, as in seen.c. Where
 * only files may repeat each other (rule 6) the first million rows are enough. */
struct summed {
	struct keymap *at; /* key to its place + 1 */
	struct row_sum *sum;
	uint32_t count, room;
};

void summed_free(struct summed *s)
{
	if (s) {
		keymap_free(s->at);
		free(s->sum);
	}
	free(s);
}

static struct row_sum *summed_new(struct summed *s)
{
	return array_room(s->sum, s->count, s->room, ARRAY_MOST) ? &s->sum[s->count++] : NULL;
}

static int row_sum(struct import_ctx *x, struct hash128 natural, struct hash128 body, struct err *e)
{
	struct row_sum n = sum_of(x), *last;
	bool unique = x->source->flags & (SRC_OCCURRENCE | SRC_UNIQUE);
	uint32_t *at;
	n.batch = x->s->batches;
	n.body = body.lo;
	n.scope = x->scope;
	n.start_us = x->call.start_us;
	if (!unique || (x->several && (!x->summed || x->summed->count < SUMMED_MOST))) {
		if (!x->summed && (x->summed = calloc(1, sizeof *x->summed)))
			x->summed->at = keymap_new();
		at = x->summed && x->summed->at ? keymap_at(x->summed->at, natural.lo) : NULL;
		last = !at ? NULL : *at ? &x->summed->sum[*at - 1] : summed_new(x->summed);
		if (!last)
			return err_set(e, RR_NOMEM, "out of memory for the sums of an import");
		if (*at)
			sum_add(x->s, last, -1); /* its cell is there */
		*at = (uint32_t)(last - x->summed->sum) + 1;
		*last = n;
	}
	return sum_add(x->s, &n, 1) ? err_set(e, RR_NOMEM, "out of memory for the sums of an import") : 0;
}

/* Rule 6. */
static int row_sample(struct import_ctx *x, struct hash128 natural, struct hash128 body)
{
	uint32_t at = x->summed && x->summed->at ? keymap_get(x->summed->at, natural.lo) : 0;
	const struct row_sum *last = at ? &x->summed->sum[at - 1] : NULL;
	x->sample->rows++;
	x->sample->known += last && last->batch == x->s->batches && last->body == body.lo;
	return 0;
}

/* What the batch replaces of this import's own earlier ones is no longer in the sums. */
int import_reports(struct import_ctx *x, int64_t from_us, int64_t to_us, bool in_parts, struct err *e)
{
	int rc = x->sample ? 0 : feed_drain(x->feed, e);
	if (rc || x->sample)
		return rc;
	for (uint32_t i = 0; x->summed && i < x->summed->count; i++) {
		struct row_sum *n = &x->summed->sum[i];
		if (n->batch >= x->s->batches || n->scope != x->scope || n->start_us < from_us || n->start_us >= to_us)
			continue;
		sum_add(x->s, n, -1);
		*n = (struct row_sum){.currency = NO_CURRENCY};
	}
	return x->again || !in_parts ? ledger_import_replace(x->im, from_us, to_us, e)
			: ledger_import_report(x->im, from_us, to_us, e);
}

void row_statement(struct import_ctx *x)
{
	seen_free(x->cells);
	x->cells = NULL;
	x->said = 0;
}

/* A vendor groups by more than we know of (api_source was new in 2026), or a table has lost a column: two cells with
 * one key are two. A table's row that repeats another one whole repeats it. */
static int cell_key(struct import_ctx *x, struct hash128 *natural, bool *repeated)
{
	struct hash128 whole = {natural->hi, natural->lo ^ x->said};
	uint32_t before = 0;
	int rc;
	if (!x->cells && !(x->cells = seen_new()))
		return -RR_NOMEM;
	*repeated = x->said && seen_has(x->cells, whole);
	if (*repeated)
		return 0;
	rc = x->said ? seen_count(x->cells, whole, &before) : 0;
	if (!rc)
		rc = seen_count(x->cells, *natural, &before);
	if (rc)
		return rc;
	return before ? key_next(x, before, natural) : 0;
}

static int row_natural(struct import_ctx *x, struct hash128 *natural, struct err *e)
{
	key_add(x, str_of(x->source->name));
	if (key_hash(x, natural))
		return err_set(e, RR_LIMIT, "a row's key is longer than its limit");
	if (x->seen)
		seen_soon(x->seen, *natural);
	return 0;
}

/* Which of several rows with that key it is. */
static int row_key(struct import_ctx *x, struct hash128 *natural, bool *repeated, struct err *e)
{
	uint32_t before = 0;
	int rc = x->source->flags & SRC_CELLS ? cell_key(x, natural, repeated) : 0;
	if (!rc && x->source->flags & SRC_OCCURRENCE)
		rc = x->seen || (x->seen = seen_new()) ? seen_count(x->seen, *natural, &before) : -RR_NOMEM;
	if (rc == -RR_NOMEM)
		return err_set(e, RR_NOMEM, "out of memory to tell rows apart");
	if (rc)
		return err_set(e, RR_LIMIT, "too many rows to tell apart in one import: split the file");
	if (before && key_next(x, before, natural))
		return err_set(e, RR_LIMIT, "a row's key is longer than its limit");
	return 0;
}

void import_covers(struct import_ctx *x, struct str provider, enum batch_side side, int64_t start_us)
{
	unsigned i = 0;
	if (start_us > x->covered_us)
		x->covered_us = start_us;
	while (i < x->sides && (x->side[i].side != side || !str_eq(x->side[i].provider, provider)))
		i++;
	if (i == x->sides && i < IMPORT_SIDES)
		x->side[x->sides++] = (struct batch_cover){.provider = intern_str(intern(provider)), .side = side};
}

void covers_begin(struct import_ctx *x)
{
	x->sides = 0;
	x->side_provider = x->side_surface = 0;
	x->covered_us = x->o->replace_to_us ? x->o->replace_to_us : INT64_MIN;
	x->first_us = INT64_MAX;
	x->last_us = 0;
}

/* A vendor's bills from two sources (its cost report, and a download of the console) are the same money: both count. */
static int say_twin(struct import_ctx *x, int64_t batch, const struct batch_cover *c, struct err *e)
{
	char source[48], from[TIME_TEXT], to[TIME_TEXT];
	int64_t from_us, to_us;
	int rc = c->side == SIDE_BILL && c->first_us
			 ? ledger_cover_twin(x->o->ledger, batch, c, source, &from_us, &to_us, e)
			 : 0;
	if (rc <= 0)
		return rc;
	import_twice(x, "%.*s's bills of %s to %s stand here from %s too: they count twice; keep one of the two (runrate import"
		     " --undo)", STR_ARG(c->provider), time_date(from_us, from), time_date(to_us, to), source);
	return 0;
}

int covers_end(struct import_ctx *x, int64_t batch, struct err *e)
{
	bool living = x->source->flags & SRC_LIVING;
	int64_t until = living || x->covered_us > x->o->now_us ? x->o->now_us : x->covered_us;
	if (x->o->dry_run || x->covered_us == INT64_MIN)
		return 0;
	for (unsigned i = 0; i < x->sides; i++) {
		struct batch_cover *c = &x->side[i];
		int rc;
		c->until_us = until - (living ? 0 : IMPORT_LAG_US);
		c->first_us = x->last_us && !(x->source->flags & SRC_ALONE) ? x->first_us : 0;
		c->last_us = c->first_us ? x->last_us : 0;
		rc = say_twin(x, batch, c, e);
		if (rc)
			return rc;
	}
	return ledger_add_covers(x->o->ledger, batch, x->side, x->sides, e);
}

static void row_covers(struct import_ctx *x)
{
	const struct call *c = &x->call;
	x->first_us = c->start_us < x->first_us ? c->start_us : x->first_us;
	x->last_us = c->start_us > x->last_us ? c->start_us : x->last_us;
	if (c->provider == x->side_provider && c->surface == x->side_surface) {
		if (c->start_us > x->covered_us)
			x->covered_us = c->start_us;
		return;
	}
	x->side_provider = c->provider;
	x->side_surface = c->surface;
	import_covers(x, intern_str(c->provider), batch_side(intern_str(c->surface)), c->start_us);
}

static struct hash128 ref_hash(struct str ref)
{
	return hash_xxh3_128(ref.p, ref.n);
}

static int add_live(struct str ref, void *arg)
{
	uint32_t before;
	int rc = seen_count(arg, ref_hash(ref), &before);
	return before == UINT16_MAX ? 0 : rc;
}

/* Rule 5. */
static int was_measured(struct import_ctx *x, bool *yes, struct err *e)
{
	struct str ref = str_make(x->call.vendor_ref, strnlen(x->call.vendor_ref, sizeof x->call.vendor_ref));
	*yes = false;
	if (!ref.n)
		return 0;
	if (!x->live) {
		int rc;
		x->live = seen_new();
		rc = x->live ? feed_drain(x->feed, e) : -RR_NOMEM;
		if (!rc)
			rc = ledger_live_refs(x->o->ledger, add_live, x->live, e);
		if (rc)
			return e && e->code ? -e->code
					    : err_set(e, RR_LIMIT, "too many measured calls to compare with");
	}
	*yes = seen_has(x->live, ref_hash(ref));
	return 0;
}

/* What the report that this row is of is grouped by, and how wide its buckets are: asked of such reports alone
 * (feed_open). */
static uint32_t grouping(const struct import_ctx *x)
{
	if (!(x->source->flags & SRC_CELLS))
		return 0;
	return (uint32_t)hash_xxh3_seed(&x->grouped, sizeof x->grouped, (uint64_t)(x->call.end_us - x->call.start_us));
}

int row_end(struct import_ctx *x, struct err *e)
{
	bool measured, repeated = false;
	struct hash128 natural = {0}, body;
	int rc = row_natural(x, &natural, e);
	if (rc)
		return rc;
	row_classify(x);
	row_price(x);
	body = body_hash(x);
	if (x->call.start_us < FIRST_US || x->call.end_us >= LAST_US)
		return row_reject(x, x->row, "its time lies outside of the years 2000 to 2099");
	if (!x->call.currency && x->call.billed_pico != BILLED_UNKNOWN)
		return row_reject(x, x->row, "it has an amount but no currency");
	if (x->sample)
		return row_sample(x, natural, body);
	row_covers(x);
	rc = was_measured(x, &measured, e);
	if (!rc && measured) {
		import_note(x, "calls that the gateway measured are not counted again");
		row_repeated(x);
		return 0;
	}
	if (!rc)
		rc = row_key(x, &natural, &repeated, e);
	if (!rc && repeated) {
		row_repeated(x);
		return 0;
	}
	if (!rc)
		rc = row_sum(x, natural, body, e);
	if (!rc)
		rc = feed_push(x->feed, &x->call, natural, body, (int64_t)x->row, x->claimed, grouping(x), e);
	if (rc)
		return rc;
	x->s->rows_read++;
	x->b->rows_read++;
	return 0;
}

void batch_count(struct import_ctx *x, const struct feed_counts *n)
{
	struct str vendor = intern_str(x->call.provider);
	unsigned twice;
	x->s->rows_new += n->added;
	x->s->rows_duplicate += n->duplicate;
	x->s->rows_revised += n->revised;
	x->b->rows_new += n->added;
	x->b->rows_duplicate += n->duplicate;
	x->b->rows_revised += n->revised;
	twice = regroup_days_twice(n);
	if (twice)
		import_twice(x, "%u day%s of %.*s came in two groupings with the same sums: they count twice now; take this import back (runrate"
			       " import --undo) and import one of them", twice, twice == 1 ? "" : "s", STR_ARG(vendor));
	twice = regroup_days_stood(n, x->o->ledger, x->call.provider);
	if (twice)
		import_twice(x, "%u day%s of %.*s stand here already with the same sums, in other groups: they count twice now; take one of the"
			       " imports back (runrate import --undo)", twice, twice == 1 ? "" : "s", STR_ARG(vendor));
}

int row_outlay(struct import_ctx *x, uint64_t number, const struct outlay *o, struct err *e)
{
	struct import_money *m;
	uint32_t before = 0;
	int rc = feed_drain(x->feed, e);
	if (rc)
		return rc;
	rc = ledger_import_outlay(x->im, o, e);
	if (rc && rc != -RR_EXISTS)
		return rc;
	if (ledger_import_pause(x->im, rc ? NULL : e))
		return -RR_STORE;
	x->s->rows_read++;
	x->b->rows_read++;
	*(rc ? &x->s->rows_duplicate : &x->s->rows_new) += 1;
	*(rc ? &x->b->rows_duplicate : &x->b->rows_new) += 1;
	if (rc && e)
		memset(e, 0, sizeof *e);
	if (!x->outlays && !(x->outlays = seen_new()))
		return err_set(e, RR_NOMEM, "out of memory for the sums of an import");
	if (seen_count(x->outlays, ref_hash(str_of(o->id)), &before) == 0 && before) /* the file says it again */
		return 0;
	m = money_of(x, intern(str_of(o->currency.code)));
	if (m) {
		m->book[BOOK_TRAINING] += o->amount_pico;
		m->priced += o->amount_pico;
	}
	return 0;
}
