/* SPDX-License-Identifier: Apache-2.0
 *
 * The made-up world behind synth.h and its billing exports. See synth_log.c for the agent's logs, synth_csv.c for
 * the clouds' bills.
 *
 * A cell is a day, a project and a model: calls, and tokens by class. Working days are busier than weekends, and
 * use grows by a fifth of a percent a day, so that reports and forecasts have something to find.
 */
#include <stdio.h>

#include "base/clock.h"
#include "base/json.h"
#include "sandbox/synth_int.h"

/* List prices in 10^-12 USD a token: 1 USD per million tokens is 1,000,000. As data/prices has them on
 * 2026-11-21, written again so that the truth does not lean on the book that it tests. */
static const struct synth_rate openai_rate[] = {
	{"gpt-5-2025-08-07", NULL, 1250000, 125000, 0, 10000000, 0},
	{"gpt-5-mini-2025-08-07", NULL, 250000, 25000, 0, 2000000, 0},
	{"gpt-4.1-mini-2025-04-14", NULL, 400000, 100000, 0, 1600000, 5000000},
};
const struct synth_rate synth_claude_rate[SYNTH_CLAUDES] = {
	{"claude-opus-4-5-20251101", "Claude Opus 4.5", 5000000, 500000, 6250000, 25000000, 0},
	{"claude-sonnet-4-5-20250929", "Claude Sonnet 4.5", 3000000, 300000, 3750000, 15000000, 0},
	{"claude-haiku-4-5-20251001", "Claude Haiku 4.5", 1000000, 100000, 1250000, 5000000, 0},
};
static const struct {
	const char *name, *title;
} shapes[SYNTH_SHAPES] = {
	[SYNTH_OPENAI_USAGE] = {"openai-usage",
				"pages of OpenAI's usage API (completions), grouped by project and model"},
	[SYNTH_OPENAI_COSTS] = {"openai-costs", "pages of OpenAI's costs API for the same calls, with fine-tuning"},
	[SYNTH_ANTHROPIC_USAGE] = {"anthropic-usage", "pages of Anthropic's usage_report/messages"},
	[SYNTH_ANTHROPIC_COSTS] = {"anthropic-costs", "pages of Anthropic's cost_report for the same calls, in cents"},
	[SYNTH_CLAUDE_CODE] = {"claude-code",
			       "a log of Claude Code: answers of several lines, and replays by sub-agents"},
	[SYNTH_AWS] = {"aws", "an AWS Cost and Usage Report 2.0: Bedrock, SageMaker and storage"},
	[SYNTH_FOCUS] = {"focus", "the same bill in the columns of FOCUS 1.2 that readers need"},
};

enum { PROJECTS = 3, MODELS = 3 };
static const char *const project_name[PROJECTS] = {"synthetic-shop", "synthetic-support", "synthetic-research"};

struct cell {
	const struct synth_rate *rate;
	const char *project;
	uint64_t calls, plain, read, write, out, train;
};

const char *synth_name(unsigned shape)
{
	return shape < SYNTH_SHAPES ? shapes[shape].name : NULL;
}

const char *synth_title(unsigned shape)
{
	return shape < SYNTH_SHAPES ? shapes[shape].title : NULL;
}

void synth_rng(const struct synth *s, uint64_t world, uint32_t day, struct rng *r)
{
	uint64_t base;
	rng_seed(r, s->seed ^ world * UINT64_C(0x9e3779b97f4a7c15));
	base = rng_u64(r);
	rng_seed(r, base + (uint64_t)(s->first_day + day));
}

/* 1970-01-01 was a Thursday. */
uint64_t synth_busy(const struct synth *s, uint32_t day)
{
	bool weekend = (s->first_day + day + 3) % 7 >= 5;
	return (weekend ? 30 : 100) * (uint64_t)(1000 + 2 * day) / 1000;
}

static struct cell draw(struct rng *r, const struct synth_rate *rate, const char *project, uint64_t busy)
{
	struct cell c = {.rate = rate, .project = project};
	c.calls = 1 + busy * (20 + rng_below(r, 80)) / 100;
	c.plain = c.calls * (200 + rng_below(r, 1800));
	c.read = c.calls * rng_below(r, 3000);
	if (rate->write)
		c.write = c.calls * rng_below(r, 400);
	c.out = c.calls * (50 + rng_below(r, 750));
	if (rate->train && rng_below(r, 10) == 0)
		c.train = 100000 + rng_below(r, 5000000);
	return c;
}

/* ---- OpenAI ---- */

static void begin_openai(struct json_out *w, const char *object, const struct cell *c, struct synth_truth *t)
{
	jw_object(w);
	jw_kcstr(w, "object", object);
	jw_kcstr(w, "project_id", c->project);
	jw_kcstr(w, "api_key_id", NULL);
	t->rows++;
}

static void openai_usage(struct json_out *w, const struct cell *c, struct synth_truth *t)
{
	begin_openai(w, "organization.usage.completions.result", c, t);
	jw_kcstr(w, "user_id", NULL);
	jw_kcstr(w, "model", c->rate->model);
	jw_kbool(w, "batch", false);
	jw_kcstr(w, "service_tier", "default");
	jw_ku64(w, "num_model_requests", c->calls);
	jw_ku64(w, "input_tokens", c->plain + c->read); /* what was read from the cache is inside */
	jw_ku64(w, "input_cached_tokens", c->read);
	jw_ku64(w, "input_uncached_tokens", c->plain);
	jw_ku64(w, "output_tokens", c->out);
	jw_end_object(w);
	t->calls += c->calls;
	t->tokens += c->plain + c->read + c->out;
	t->inference += synth_worth(c->rate, c->plain, c->read, c->write, c->out);
}

static void openai_cost(struct json_out *w, const struct cell *c, const char *what, uint64_t n, uint64_t rate,
			money_wide *sum, struct synth_truth *t)
{
	char item[96];
	if (!n)
		return;
	snprintf(item, sizeof item, "%s, %s", c->rate->model, what);
	begin_openai(w, "organization.costs.result", c, t);
	jw_kcstr(w, "line_item", item);
	jw_ku64(w, "quantity", n);
	jw_kcstr(w, "quantity_unit", "tokens");
	jw_key(w, "amount");
	jw_object(w);
	jw_key(w, "value");
	char text[MONEY_TEXT];
	jw_raw(w, str_of(money_text((money_wide)n * rate, text)));
	jw_kcstr(w, "currency", "usd");
	jw_end_object(w);
	jw_end_object(w);
	*sum += (money_wide)n * rate;
}

static void openai_costs(struct json_out *w, const struct cell *c, struct synth_truth *t)
{
	const struct synth_rate *r = c->rate;
	openai_cost(w, c, "input", c->plain, r->plain, &t->inference, t);
	openai_cost(w, c, "cached input", c->read, r->read, &t->inference, t);
	openai_cost(w, c, "output", c->out, r->out, &t->inference, t);
	openai_cost(w, c, "fine-tuning training", c->train, r->train, &t->training, t);
}

/* ---- Anthropic ---- */

static void begin_anthropic(struct json_out *w, const struct cell *c, struct synth_truth *t)
{
	jw_object(w);
	jw_kcstr(w, "workspace_id", c->project);
	jw_kcstr(w, "model", c->rate->model);
	jw_kcstr(w, "service_tier", "standard");
	jw_kcstr(w, "context_window", "0-200k");
	jw_kcstr(w, "inference_geo", "not_available");
	t->rows++;
}

static void anthropic_usage(struct json_out *w, const struct cell *c, struct synth_truth *t)
{
	begin_anthropic(w, c, t);
	jw_kcstr(w, "api_key_id", NULL);
	jw_ku64(w, "uncached_input_tokens", c->plain);
	jw_key(w, "cache_creation");
	jw_object(w);
	jw_ku64(w, "ephemeral_5m_input_tokens", c->write);
	jw_ku64(w, "ephemeral_1h_input_tokens", 0);
	jw_end_object(w);
	jw_ku64(w, "cache_read_input_tokens", c->read);
	jw_ku64(w, "output_tokens", c->out);
	jw_key(w, "server_tool_use");
	jw_object(w);
	jw_ku64(w, "web_search_requests", 0);
	jw_end_object(w);
	jw_end_object(w);
	t->tokens += c->plain + c->read + c->write + c->out; /* this report does not count calls */
	t->inference += synth_worth(c->rate, c->plain, c->read, c->write, c->out);
}

static void anthropic_cost(struct json_out *w, const struct cell *c, const char *type, const char *words, uint64_t n,
			   uint64_t rate, struct synth_truth *t)
{
	char text[MONEY_TEXT], description[96];
	if (!n)
		return;
	snprintf(description, sizeof description, "%s Usage - %s", c->rate->title, words);
	begin_anthropic(w, c, t);
	jw_kcstr(w, "amount", money_text((money_wide)n * rate * 100, text)); /* cents */
	jw_kcstr(w, "currency", "USD");
	jw_kcstr(w, "cost_type", "tokens");
	jw_kcstr(w, "description", description);
	jw_kcstr(w, "token_type", type);
	jw_end_object(w);
	t->inference += (money_wide)n * rate;
}

static void anthropic_costs(struct json_out *w, const struct cell *c, struct synth_truth *t)
{
	const struct synth_rate *r = c->rate;
	anthropic_cost(w, c, "uncached_input_tokens", "Input Tokens", c->plain, r->plain, t);
	anthropic_cost(w, c, "cache_read_input_tokens", "Input Tokens, Cache Read", c->read, r->read, t);
	anthropic_cost(w, c, "cache_creation.ephemeral_5m_input_tokens", "Input Tokens, Cache Write (5m)",
		       c->write, r->write, t);
	anthropic_cost(w, c, "output_tokens", "Output Tokens", c->out, r->out, t);
}

/* ---- pages ---- */

static void bucket_times(struct json_out *w, const struct synth *s, uint32_t day, bool openai)
{
	int64_t from_us = (s->first_day + day) * US_PER_DAY;
	char text[TIME_TEXT];
	if (openai) {
		jw_kcstr(w, "object", "bucket");
		jw_ki64(w, "start_time", from_us / US_PER_S);
		jw_ki64(w, "end_time", (from_us + US_PER_DAY) / US_PER_S);
		return;
	}
	jw_kcstr(w, "starting_at", time_text(from_us, text));
	jw_kcstr(w, "ending_at", time_text(from_us + US_PER_DAY, text));
}

static void one_cell(struct json_out *w, enum synth_shape shape, const struct cell *c, struct synth_truth *t)
{
	switch (shape) {
	case SYNTH_OPENAI_USAGE:
		openai_usage(w, c, t);
		break;
	case SYNTH_OPENAI_COSTS:
		openai_costs(w, c, t);
		break;
	case SYNTH_ANTHROPIC_USAGE:
		anthropic_usage(w, c, t);
		break;
	case SYNTH_ANTHROPIC_COSTS:
		anthropic_costs(w, c, t);
		break;
	case SYNTH_CLAUDE_CODE:
	case SYNTH_AWS:
	case SYNTH_FOCUS:
	case SYNTH_SHAPES:
		break;
	}
}

/* One page holds at most 31 buckets of a day, as the vendors' do; each page is a line. */
static void page_day(const struct synth *s, uint32_t day, struct sb *out, struct synth_truth *t)
{
	bool openai = s->shape == SYNTH_OPENAI_USAGE || s->shape == SYNTH_OPENAI_COSTS, more = day + 1 < s->days;
	const struct synth_rate *rates = openai ? openai_rate : synth_claude_rate;
	struct rng r;
	struct json_out w;
	if (day % SYNTH_PAGE_DAYS)
		sb_adds(out, ",\n");
	else
		sb_addf(out, "{%s\"synthetic\":true,\"data\":[\n", openai ? "\"object\":\"page\"," : "");
	synth_rng(s, openai ? 1 : 2, day, &r);
	jw_init(&w, out);
	jw_object(&w);
	bucket_times(&w, s, day, openai);
	jw_key(&w, "results");
	jw_array(&w);
	for (unsigned i = 0; i < PROJECTS * MODELS; i++) {
		struct cell c = draw(&r, &rates[i % MODELS], project_name[i / MODELS], synth_busy(s, day));
		one_cell(&w, s->shape, &c, t);
	}
	jw_end_array(&w);
	jw_end_object(&w);
	if ((day + 1) % SYNTH_PAGE_DAYS && more)
		return;
	sb_addf(out, "\n],\"has_more\":%s,\"next_page\":", more ? "true" : "false");
	if (more)
		sb_addf(out, "\"page_synthetic_%u\"}\n", (day + 1) / SYNTH_PAGE_DAYS);
	else
		sb_adds(out, "null}\n");
}

void synth_day(const struct synth *s, uint32_t day, struct sb *out, struct synth_truth *t)
{
	if (s->shape == SYNTH_CLAUDE_CODE)
		synth_log_day(s, day, out, t);
	else if (s->shape == SYNTH_AWS || s->shape == SYNTH_FOCUS)
		synth_csv_day(s, day, out, t);
	else
		page_day(s, day, out, t);
}
