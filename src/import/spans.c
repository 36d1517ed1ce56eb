/* SPDX-License-Identifier: Apache-2.0
 *
 * See spans.h.
 */
#include "import/spans.h"

#include <stdlib.h>

enum { SPANS_MOST = 16 * 1024 * 1024, UP_MOST = 256 };

void span_init(struct span *n)
{
	*n = (struct span){.claimed_pico = INT64_MIN};
}

static uint32_t *find(const struct spans *s, uint64_t id)
{
	uint32_t i = (uint32_t)(id ^ id >> 32) & (s->slots - 1);
	while (s->slot[i] && s->span[s->slot[i] - 1].id != id)
		i = (i + 1) & (s->slots - 1);
	return &s->slot[i];
}

static int grow(struct spans *s, struct err *e)
{
	uint32_t room = s->room ? s->room * 2 : 1024;
	struct span *p = s->room == SPANS_MOST ? NULL : realloc(s->span, room * sizeof *p);
	uint32_t *slot = calloc((size_t)room * 2, sizeof *slot);
	if (p)
		s->span = p;
	if (!p || !slot) {
		free(slot);
		return err_set(e, RR_LIMIT, "more spans than fit in memory (at most %d): import fewer files at once", SPANS_MOST);
	}
	free(s->slot);
	s->slot = slot;
	s->room = room;
	s->slots = room * 2;
	for (uint32_t i = 0; i < s->count; i++)
		*find(s, s->span[i].id) = i + 1;
	return 0;
}

int spans_add(struct import_ctx *x, struct spans *s, const struct span *n, struct err *e)
{
	uint32_t *at;
	if (s->count == s->room) {
		int rc = grow(s, e);
		if (rc)
			return rc;
	}
	at = find(s, n->id);
	if (*at) {
		struct span *old = &s->span[*at - 1];
		bool newer =
			n->version || old->version ? n->version >= old->version && (n->used || n->version) : n->used;
		if (old->used && n->used)
			row_repeated(x);
		if (newer)
			*old = *n;
		return 0;
	}
	s->span[s->count++] = *n;
	*at = s->count;
	return 0;
}

static int put(struct import_ctx *x, const struct spans *s, const struct span *n, struct err *e)
{
	struct call *k = row_begin(x, n->number);
	struct usage *u = &k->usage;
	char claimed[MONEY_TEXT];
	for (unsigned i = 0; i < CLASSES; i++)
		u->tok[i] = n->tok[i];
	u->vendor_total_tok = usage_total_tok(u);
	u->flags = n->uncounted ? 0 : n->flags | USAGE_SEEN;
	u->tier = n->tier ? (enum tier)n->tier : TIER_STANDARD;
	k->start_us = n->start_us;
	k->end_us = n->end_us;
	k->ttft_us = n->ttft_us;
	k->streamed = n->streamed;
	k->outcome = n->failed ? OUTCOME_VENDOR_ERROR : OUTCOME_OK;
	k->provider = n->provider;
	k->model_asked = n->model_asked;
	k->model_answered = n->model;
	k->surface = n->surface;
	k->env = n->env;
	k->feature = n->feature;
	k->team = n->team;
	k->project = n->project;
	k->key = n->key;
	str_copy(k->vendor_ref, sizeof k->vendor_ref, intern_str(n->reference));
	if (n->claimed_pico != INT64_MIN) {
		x->claimed = str_of(money_text(n->claimed_pico, claimed));
		x->claim_counts = true;
		k->currency = intern(STR("USD"));
	}
	row_is(x, BOOK_INFERENCE, s->rule ? s->rule : "trace-span");
	key_add_u64(x, n->id);
	return row_end(x, e);
}

static uint64_t own_tok(const struct span *n)
{
	uint64_t sum = 0;
	for (unsigned i = 0; i < CLASSES; i++)
		sum += n->tok[i];
	return sum;
}

/* Calls each span above number i, until see says that the rest is known. */
static void walk_up(const struct spans *s, uint32_t i, bool (*see)(uint64_t *of, uint64_t tok), uint64_t *of)
{
	uint64_t up = s->span[i].parent, tok = own_tok(&s->span[i]);
	for (unsigned depth = 0; up && depth < UP_MOST; depth++) {
		uint32_t at = *find(s, up);
		if (!at || !see(&of[at - 1], tok))
			break;
		up = s->span[at - 1].parent;
	}
}

static bool mark(uint64_t *above, uint64_t tok)
{
	bool first = !*above;
	*above = 1;
	return first;
}

static bool add_below(uint64_t *below, uint64_t tok)
{
	*below += tok;
	return true;
}

/* What is above others and not their sum may have used a model itself, or has children in another file. */
static void say_other_sums(struct import_ctx *x, const struct spans *s, const uint64_t *below)
{
	uint64_t others = 0;
	for (uint32_t i = 0; i < s->count; i++)
		others += s->span[i].used && below[i] && below[i] != own_tok(&s->span[i]) + 1;
	if (others)
		import_note(x, "%llu spans with other tokens than the calls below them: the calls count, they do not",
			    (unsigned long long)others);
}

int spans_finish(struct import_ctx *x, struct spans *s, struct err *e)
{
	uint64_t *above = calloc(s->count ? s->count : 1, sizeof *above); /* 1 + the tokens of the calls below */
	uint64_t agents = 0;
	int rc = 0;
	if (!above)
		return err_set(e, RR_NOMEM, "out of memory for a tree of spans");
	for (uint32_t i = 0; i < s->count; i++)
		if (s->span[i].used)
			walk_up(s, i, mark, above);
	for (uint32_t i = 0; i < s->count && !rc; i++) {
		const struct span *n = &s->span[i];
		if (!n->used || above[i])
			continue;
		walk_up(s, i, add_below, above);
		agents += n->agent;
		if (!n->agent)
			rc = put(x, s, n, e);
	}
	say_other_sums(x, s, above);
	if (agents && !rc)
		import_note(x, "%llu agents' spans carry sums whose model calls are not in the file: they are left out",
			    (unsigned long long)agents);
	free(above);
	return rc;
}

void spans_fini(struct spans *s)
{
	free(s->span);
	free(s->slot);
}

/* ---- counts by name ---- */

void named_count_add(struct named_counts *c, struct str name, uint64_t value)
{
	struct token_words w;
	if (str_icontains(name, STR("total"))) {
		c->total = value;
		c->has_total = true;
		return;
	}
	token_words_read(name, &w);
	if (w.known && w.cls == CLASS_IN_PLAIN && str_icontains(name, STR("tool"))) {
		c->extra_in = value > c->extra_in ? value : c->extra_in;
		return;
	}
	if (!w.known) {
		c->unknown = c->unknown || value != 0;
		return;
	}
	c->any = c->any || value != 0;
	if (value > c->n[w.cls])
		c->n[w.cls] = value;
}

static uint64_t details(const struct named_counts *c, bool output)
{
	uint64_t sum = 0;
	for (unsigned i = 0; i < CLASSES; i++)
		if (i != CLASS_IN_PLAIN && i != CLASS_OUT_TEXT && token_class_is_output((enum token_class)i) == output)
			sum += c->n[i];
	return sum;
}

/* Whether the details stand inside: by the total, where it fits one reading. */
static bool fits(const struct named_counts *c, uint64_t in, uint64_t out, uint64_t din, uint64_t dout,
		bool *in_inside, bool *out_inside)
{
	*in_inside = *out_inside = true;
	if (c->total == in + out + din + dout)
		*in_inside = *out_inside = din + dout == 0;
	else if (c->total == in + out + din)
		*in_inside = false;
	else if (c->total == in + out + dout)
		*out_inside = false;
	else if (c->total != in + out)
		return false;
	return true;
}

void named_counts_read(const struct named_counts *given, uint32_t tok[CLASSES], uint32_t *flags)
{
	struct named_counts c = *given;
	uint64_t *write = &c.n[CLASS_IN_CACHE_WRITE],
		 split = c.n[CLASS_IN_CACHE_WRITE_5M] + c.n[CLASS_IN_CACHE_WRITE_1H];
	uint64_t in = c.n[CLASS_IN_PLAIN], out = c.n[CLASS_OUT_TEXT], din, dout;
	bool in_inside = !c.beside, out_inside = !c.beside, ok = true;
	if (*write >= split) /* the sum of its parts, and they are counted */
		*write -= split;
	din = details(&c, false);
	dout = details(&c, true);
	if (c.has_total && c.total != 0) {
		ok = fits(&c, in, out, din, dout, &in_inside, &out_inside);
		if (!ok && c.extra_in && fits(&c, in + c.extra_in, out, din, dout, &in_inside, &out_inside)) {
			in += c.extra_in;
			ok = true;
		}
	} else {
		in += c.extra_in;
		/* what is more than the whole is no part of it */
		in_inside = in_inside && c.n[CLASS_IN_CACHE_READ] <= in;
	}
	if ((in_inside && din > in) || (out_inside && dout > out))
		ok = false;
	for (unsigned i = 0; i < CLASSES; i++) {
		uint64_t v = i == CLASS_IN_PLAIN ? in : i == CLASS_OUT_TEXT ? out : c.n[i];
		if (i == CLASS_IN_PLAIN && in_inside && ok)
			v = in - din;
		if (i == CLASS_OUT_TEXT && out_inside && ok)
			v = out - dout;
		tok[i] = v < UINT32_MAX ? (uint32_t)v : UINT32_MAX;
	}
	*flags |= ok ? 0 : USAGE_MISMATCH;
}

uint32_t provider_named(struct str name)
{
	/* OpenTelemetry's gen_ai.provider.name values, LiteLLM's custom_llm_provider; read 21 Nov 2026 */
	static const char *const names[][2] = {
		{"vertex_ai", "google"},
		{"vertex_ai_beta", "google"},
		{"gemini", "google"},
		{"gcp.gemini", "google"},
		{"gcp.vertex_ai", "google"},
		{"gcp.gen_ai", "google"},
		{"gcp.vertex.agent", "google"},
		{"google-gla", "google"},
		{"google-vertex", "google"},
		{"google.generative-ai", "google"},
		{"google.vertex", "google"},
		{"bedrock", "aws"},
		{"bedrock_converse", "aws"},
		{"aws.bedrock", "aws"},
		{"amazon-bedrock", "aws"},
		{"az.ai.openai", "azure"},
		{"azure.ai.openai", "azure"},
		{"az.ai.inference", "azure"},
		{"azure.ai.inference", "azure"},
		{"azure_ai", "azure"},
		{"mistral_ai", "mistral"},
		{"mistralai", "mistral"},
		{"cohere_chat", "cohere"},
		{"x_ai", "xai"},
		{"together_ai", "together"},
		{"fireworks_ai", "fireworks"},
		{"text-completion-openai", "openai"},
		{"openai.chat", "openai"},
		{"openai.responses", "openai"},
		{"anthropic.messages", "anthropic"},
		{"vertex", "google"},
		{"google-ai-studio", "google"},
		{"google-vertex-anthropic", "google"},
		{"gemini-cli", "google"},
		{"x", "xai"},
		{"x-ai", "xai"},
		{"togetherai", "together"},
		{"fireworks-ai", "fireworks"},
		{"moonshotai", "moonshot"},
		{"langchain", ""},
		{"crewai", ""},
	};
	char lower[64];
	size_t n = 0;
	for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
		if (str_ieq(name, str_of(names[i][0])))
			return names[i][1][0] ? intern(str_of(names[i][1])) : 0;
	if (name.n >= sizeof lower) /* no provider's name */
		return intern(name);
	for (; n < name.n; n++) /* Helicone writes OPENAI */
		lower[n] = name.p[n] >= 'A' && name.p[n] <= 'Z' ? (char)(name.p[n] + 32) : name.p[n];
	return n ? intern(str_make(lower, n)) : 0;
}
