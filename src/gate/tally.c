/* SPDX-License-Identifier: Apache-2.0
 *
 * See tally.h.
 */
#include "gate/tally.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/hash.h"
#include "base/intern.h"

const char *const tally_token_name[TALLY_TOKENS] = {"input", "output", "cache_read", "cache_write", "reasoning"};

static const struct tally_bounds durations = {
	10000,
	1,
	{"0.01", "0.02", "0.04", "0.08", "0.16", "0.32", "0.64", "1.28", "2.56", "5.12", "10.24", "20.48", "40.96",
	 "81.92"},
	true,
};
static const struct tally_bounds tokens = {
	1, 2,
	{"1", "4", "16", "64", "256", "1024", "4096", "16384", "65536", "262144", "1048576", "4194304", "16777216",
	 "67108864"},
	false,
};

const struct tally_bounds *tally_bounds_of(enum tally_what what)
{
	return what == TALLY_DURATION || what == TALLY_FIRST ? &durations : &tokens;
}

int tally_init(struct tally *t)
{
	memset(t, 0, sizeof *t);
	pthread_mutex_init(&t->lock, NULL);
	t->series = calloc(TALLY_SERIES + 1, sizeof *t->series);
	return t->series ? 0 : -RR_NOMEM;
}

void tally_fini(struct tally *t)
{
	if (t->series)
		pthread_mutex_destroy(&t->lock);
	free(t->series);
	t->series = NULL;
}

/* The series of a key; a new one where there is room, else "(other)". */
static struct tally_series *find(struct tally *t, const struct tally_key *k)
{
	struct tally_series *s = &t->series[TALLY_SERIES];
	uint64_t at = hash_xxh3(k, sizeof *k);
	for (;; at++) {
		uint16_t *slot = &t->slot[at % TALLY_SLOTS];
		if (*slot && memcmp(&t->series[*slot - 1].key, k, sizeof *k) == 0)
			return &t->series[*slot - 1];
		if (*slot)
			continue;
		if (t->count == TALLY_SERIES)
			break;
		s = &t->series[t->count++];
		s->key = *k;
		*slot = (uint16_t)t->count;
		return s;
	}
	s->key.provider = s->key.surface = s->key.answered = intern(STR("(other)"));
	return s;
}

const struct tally_series *tally_at(const struct tally *t, unsigned i)
{
	if (i == t->count)
		i = TALLY_SERIES;
	return i < t->count || (i == TALLY_SERIES && t->series[i].calls) ? &t->series[i] : NULL;
}

/* A name that only the client vouches for opens no series. */
static bool known_model(const struct tally *t, const struct tally_key *k)
{
	for (unsigned i = 0; i < t->count; i++)
		if (t->series[i].key.asked == k->asked && t->series[i].key.answered &&
		    t->series[i].key.provider == k->provider)
			return true;
	return false;
}

unsigned tally_bucket(const struct tally_bounds *b, uint64_t v)
{
	uint64_t over = v ? (v - 1) / b->first : 0;
	unsigned bits = over ? 64 - (unsigned)__builtin_clzll(over) : 0, i = (bits + b->doublings - 1) / b->doublings;
	return i < TALLY_BOUNDS ? i : TALLY_BOUNDS;
}

static void hist_count(struct tally_hist *h, const struct tally_bounds *b, uint64_t v)
{
	h->bucket[tally_bucket(b, v)]++;
	h->count++;
	h->sum += v;
}

void tally_tokens_of(const struct usage *u, uint64_t tok[TALLY_TOKENS])
{
	tok[TALLY_IN] = tok[TALLY_OUT] = 0;
#define X(NAME, name, side, text) tok[side == 'o' ? TALLY_OUT : TALLY_IN] += u->tok[CLASS_##NAME];
#include "model/token_classes.def"
#undef X
	tok[TALLY_CACHE_READ] = u->tok[CLASS_IN_CACHE_READ] + u->tok[CLASS_IN_AUDIO_CACHE_READ] +
				u->tok[CLASS_IN_IMAGE_CACHE_READ];
	tok[TALLY_CACHE_WRITE] = u->tok[CLASS_IN_CACHE_WRITE] + u->tok[CLASS_IN_CACHE_WRITE_5M] +
				 u->tok[CLASS_IN_CACHE_WRITE_30M] + u->tok[CLASS_IN_CACHE_WRITE_1H] +
				 u->tok[CLASS_IN_CACHE_WRITE_12H];
	tok[TALLY_REASONING] = u->tok[CLASS_OUT_REASONING];
}

struct str call_error_type(const struct call *c, char out[24])
{
	out[0] = 0;
	if (c->outcome == OUTCOME_VENDOR_ERROR && c->status)
		snprintf(out, 24, "%u", c->status);
	else if (c->outcome != OUTCOME_OK && c->outcome != OUTCOME_CACHED)
		str_copy(out, 24, str_of(outcome_name((enum outcome)c->outcome)));
	return str_of(out);
}

static void add_cost(struct tally_series *s, uint32_t currency, money_wide pico)
{
	for (unsigned i = 0; i < TALLY_CURRENCIES; i++)
		if (!s->cost[i].currency || s->cost[i].currency == currency) {
			s->cost[i].currency = currency;
			s->cost[i].pico += pico;
			return;
		}
	s->unsummed++;
}

void tally_add(struct tally *t, const struct call *c)
{
	struct tally_key k = {c->provider, c->surface, c->model_asked, c->model_answered, 0};
	uint64_t tok[TALLY_TOKENS];
	struct tally_series *s;
	char error[24];
	if (call_error_type(c, error).n)
		k.error = intern(str_of(error));
	tally_tokens_of(&c->usage, tok);
	pthread_mutex_lock(&t->lock);
	if (!k.answered && k.asked && !known_model(t, &k))
		k.asked = 0;
	s = find(t, &k);
	s->calls++;
	s->streamed += c->streamed;
	s->estimated += c->provenance == PROV_ESTIMATED;
	s->unpriced += c->price_status == PRICE_UNPRICED;
	for (unsigned i = 0; i < TALLY_TOKENS; i++)
		s->tok[i] += tok[i];
	if (c->price_status == PRICE_PRICED)
		add_cost(s, c->currency, c->cost_pico);
	hist_count(&s->hist[TALLY_DURATION], &durations,
		   c->end_us > c->start_us ? (uint64_t)(c->end_us - c->start_us) : 0);
	if (c->ttft_us)
		hist_count(&s->hist[TALLY_FIRST], &durations, c->ttft_us);
	if (c->usage.flags & USAGE_SEEN) {
		hist_count(&s->hist[TALLY_INPUT], &tokens, tok[TALLY_IN]);
		hist_count(&s->hist[TALLY_OUTPUT], &tokens, tok[TALLY_OUT]);
	}
	pthread_mutex_unlock(&t->lock);
}

static void add_series(struct tally_series *s, const struct tally_series *from)
{
	s->calls += from->calls;
	s->streamed += from->streamed;
	s->estimated += from->estimated;
	s->unpriced += from->unpriced;
	s->unsummed += from->unsummed;
	for (unsigned i = 0; i < TALLY_TOKENS; i++)
		s->tok[i] += from->tok[i];
	for (unsigned i = 0; i < TALLY_CURRENCIES && from->cost[i].currency; i++)
		add_cost(s, from->cost[i].currency, from->cost[i].pico);
	for (unsigned w = 0; w < TALLY_WHATS; w++) {
		for (unsigned i = 0; i <= TALLY_BOUNDS; i++)
			s->hist[w].bucket[i] += from->hist[w].bucket[i];
		s->hist[w].count += from->hist[w].count;
		s->hist[w].sum += from->hist[w].sum;
	}
}

void tally_merge(struct tally *into, struct tally *from)
{
	pthread_mutex_lock(&from->lock);
	for (unsigned i = 0; i < from->count; i++)
		add_series(find(into, &from->series[i].key), &from->series[i]);
	if (from->series[TALLY_SERIES].calls) {
		struct tally_series *other = &into->series[TALLY_SERIES];
		other->key = from->series[TALLY_SERIES].key;
		add_series(other, &from->series[TALLY_SERIES]);
	}
	pthread_mutex_unlock(&from->lock);
}
