/* SPDX-License-Identifier: Apache-2.0
 *
 * See telemetry.h.
 */
#include "gate/telemetry.h"

#include <stdio.h>

#include "base/intern.h"

/* ---- trace context ---- */

static bool hex_bytes(struct str s, unsigned char *out, size_t n)
{
	for (size_t i = 0; i < n * 2; i++) {
		char c = s.p[i];
		int v = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1; /* lower case only */
		if (v < 0)
			return false;
		out[i / 2] = (unsigned char)(i % 2 ? out[i / 2] | v : v << 4);
	}
	return true;
}

static bool all_zero(const unsigned char *p, size_t n)
{
	unsigned char sum = 0;
	for (size_t i = 0; i < n; i++)
		sum |= p[i];
	return sum == 0;
}

bool trace_parse(struct str h, struct trace *t)
{
	enum { LENGTH = 55 };
	unsigned char version, flags;
	struct trace got = {.given = true};
	memset(t, 0, sizeof *t);
	h = str_trim(h);
	if (h.n < LENGTH || h.p[2] != '-' || h.p[35] != '-' || h.p[52] != '-' || !hex_bytes(h, &version, 1) ||
	    !hex_bytes(str_sub(h, 3, 35), got.id, sizeof got.id) ||
	    !hex_bytes(str_sub(h, 36, 52), got.parent, sizeof got.parent) || !hex_bytes(str_sub(h, 53, 55), &flags, 1))
		return false;
	if (version == 0xff || (version == 0 && h.n != LENGTH) || (h.n > LENGTH && h.p[LENGTH] != '-'))
		return false; /* a later version may go on, behind a dash */
	if (all_zero(got.id, sizeof got.id) || all_zero(got.parent, sizeof got.parent))
		return false;
	got.sampled = flags & 1;
	*t = got;
	return true;
}

/* ---- names ---- */

/* The conventions' names for providers that our price book calls otherwise. */
static struct str provider_name(struct str ours)
{
	static const char *const names[][2] = {
		{"gemini", "gcp.gemini"},    {"google", "gcp.gemini"},
		{"vertex", "gcp.vertex_ai"}, {"azure", "azure.ai.openai"},
		{"bedrock", "aws.bedrock"},  {"aws", "aws.bedrock"},
		{"mistral", "mistral_ai"},   {"xai", "x_ai"},
	};
	for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
		if (str_eqc(ours, names[i][0]))
			return str_of(names[i][1]);
	return ours;
}

struct str telemetry_operation(struct str surface)
{
	static const char *const rules[][2] = { /* the first that stands in the surface's name */
		{"embed", "embeddings"}, {"-completions", "text_completion"}, {"-generate", "generate_content"},
		{"-stream", "generate_content"}, {"-chat", "chat"}, {"-responses", "chat"}, {"-messages", "chat"},
		{"vertex-anthropic", "chat"},
	};
	for (unsigned i = 0; i < sizeof rules / sizeof *rules; i++)
		if (str_contains(surface, str_of(rules[i][0])))
			return str_of(rules[i][1]);
	return surface; /* the conventions name no such operation */
}

static void add(struct attributes *a, const char *name, enum attribute_kind kind, struct str text, int64_t number)
{
	check(a->count < ATTRIBUTES_MOST);
	a->item[a->count++] = (struct attribute){name, kind, text, number};
}

static void add_str(struct attributes *a, const char *name, struct str text)
{
	if (text.n)
		add(a, name, ATTR_STR, text, 0);
}

static void add_int(struct attributes *a, const char *name, uint64_t n)
{
	add(a, name, ATTR_INT, str_make("", 0), n > INT64_MAX ? INT64_MAX : (int64_t)n);
}

static void add_count(struct attributes *a, const char *name, uint64_t n)
{
	if (n)
		add_int(a, name, n);
}

static void add_server(const struct gate *g, struct attributes *a, uint32_t provider)
{
	for (unsigned i = 0; i < g->upstreams; i++)
		if (g->upstream[i].name_id == provider) {
			add_str(a, "server.address", str_of(g->upstream[i].origin.host));
			add_int(a, "server.port", g->upstream[i].origin.port);
		}
}

/* The disjoint classes, which the conventions cannot tell (how long a cache write lives, which tokens were speech). */
static void add_classes(struct attributes *a, const struct usage *u)
{
	static const char *const names[CLASSES] = {
#define X(NAME, name, side, text) "runrate.usage." #name,
#include "model/token_classes.def"
#undef X
	};
	for (unsigned i = 0; i < CLASSES; i++)
		add_count(a, names[i], u->tok[i]);
}

static void add_usage(struct attributes *a, const struct usage *u)
{
	uint64_t tok[TALLY_TOKENS];
	if (!(u->flags & (USAGE_SEEN | USAGE_ESTIMATED | USAGE_PARTIAL)))
		return; /* nothing is known: that is not zero */
	tally_tokens_of(u, tok);
	add_int(a, "gen_ai.usage.input_tokens", tok[TALLY_IN]);
	add_int(a, "gen_ai.usage.output_tokens", tok[TALLY_OUT]);
	add_count(a, "gen_ai.usage.cache_read.input_tokens", tok[TALLY_CACHE_READ]);
	add_count(a, "gen_ai.usage.cache_creation.input_tokens", tok[TALLY_CACHE_WRITE]);
	add_count(a, "gen_ai.usage.reasoning.output_tokens", tok[TALLY_REASONING]);
	add_classes(a, u);
}

static void add_cost(struct attributes *a, const struct call *c)
{
	add_str(a, "runrate.cost.status", str_of(price_status_name((enum price_status)c->price_status)));
	if (c->price_status != PRICE_PRICED)
		return;
	add_str(a, "runrate.cost.amount", str_of(money_text(c->cost_pico, a->cost)));
	add_str(a, "runrate.cost.currency", intern_str(c->currency));
	if (c->provenance == PROV_ESTIMATED) {
		add_str(a, "runrate.cost.low", str_of(money_text(c->low_pico, a->low)));
		add_str(a, "runrate.cost.high", str_of(money_text(c->high_pico, a->high)));
	}
}

static void add_names(const struct gate *g, struct attributes *a, const struct tally_key *k)
{
	add_str(a, "gen_ai.operation.name", telemetry_operation(intern_str(k->surface)));
	add_str(a, "gen_ai.provider.name", provider_name(intern_str(k->provider)));
	add_str(a, "gen_ai.request.model", intern_str(k->asked));
	add_str(a, "gen_ai.response.model", intern_str(k->answered));
	add_server(g, a, k->provider);
	add_str(a, "runrate.surface", intern_str(k->surface));
}

void telemetry_series(const struct gate *g, const struct tally_key *k, struct attributes *a)
{
	a->count = 0;
	add_names(g, a, k);
	add_str(a, "error.type", intern_str(k->error));
}

void telemetry_attributes(const struct gate *g, const struct sight *s, struct attributes *a)
{
	const struct call *c = &s->call;
	a->count = 0;
	add_names(g, a, &(struct tally_key){c->provider, c->surface, c->model_asked, c->model_answered, 0});
	add_str(a, "gen_ai.response.id", str_of(c->vendor_ref));
	if (c->streamed)
		add(a, "gen_ai.request.stream", ATTR_BOOL, str_make("", 0), 1);
	if (c->ttft_us)
		add(a, "gen_ai.response.time_to_first_chunk", ATTR_SECONDS, str_make("", 0), c->ttft_us);
	add_usage(a, &c->usage);
	if (c->usage.tier != TIER_UNKNOWN && str_starts(intern_str(c->surface), STR("openai")))
		add_str(a, "openai.response.service_tier",
			c->usage.tier == TIER_STANDARD ? STR("default") : str_of(tier_name(c->usage.tier)));
	if (c->status)
		add_int(a, "http.response.status_code", c->status);
	add_str(a, "error.type", call_error_type(c, a->error));
	add_str(a, "runrate.call.id", str_of(call_id_text(c->id, a->id)));
	add_str(a, "runrate.operation.id", str_of(call_id_text(c->operation, a->operation)));
	add_count(a, "runrate.attempt", c->attempt);
	add_str(a, "runrate.outcome", str_of(outcome_name((enum outcome)c->outcome)));
	add_str(a, "runrate.key", intern_str(c->key));
	add_str(a, "runrate.team", intern_str(c->team));
	add_str(a, "runrate.feature", intern_str(c->feature));
	add_str(a, "deployment.environment.name", intern_str(c->env));
	add_cost(a, c);
}
