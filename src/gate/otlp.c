/* SPDX-License-Identifier: Apache-2.0
 *
 * See otlp.h. Spans and metrics have an outbox each, so that the counts of one do not hide the other's.
 */
#include "gate/otlp.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/intern.h"
#include "base/log.h"
#include "gate/exposition.h"

enum {
	BATCH_SPANS = 512, BODY_BYTES = 16 * 1024 * 1024, TIMEOUT_US = 10000000,
	PATIENCE_US = 300000000, /* as OpenTelemetry's own exporters: five minutes */
	KIND_CLIENT = 3, STATUS_ERROR = 2, CUMULATIVE = 2,
	FLAG_SAMPLED = 1, FLAG_HAS_REMOTE = 0x100, FLAG_REMOTE = 0x200,
};

struct otlp {
	struct gate *gate;
	const struct gate_config *conf; /* of its beginning */
	struct outbox *spans_out, *metrics_out;
	struct header headers[OUTBOX_HEADERS];
	struct sb spans; /* the batch that grows: spans with commas between them */
	unsigned span_count;
	uint64_t spans_due_us, metrics_due_us;
	char instance[33];
	atomic_ullong refused; /* spans that the collector took and did not keep */
};

/* ---- the common parts ---- */

static void any_value(struct json_out *w, const struct attribute *a)
{
	char text[32];
	jw_object(w);
	switch (a->kind) {
	case ATTR_STR:
		jw_kstr(w, "stringValue", a->text);
		break;
	case ATTR_INT: /* 64 bits are text in protobuf's JSON */
		snprintf(text, sizeof text, "%lld", (long long)a->number);
		jw_kcstr(w, "intValue", text);
		break;
	case ATTR_SECONDS:
		jw_kdouble(w, "doubleValue", (double)a->number / 1e6);
		break;
	case ATTR_BOOL:
		jw_kbool(w, "boolValue", a->number != 0);
		break;
	}
	jw_end_object(w);
}

static void put(struct json_out *w, const struct attribute *a)
{
	jw_object(w);
	jw_kcstr(w, "key", a->name);
	jw_key(w, "value");
	any_value(w, a);
	jw_end_object(w);
}

static void put_str(struct json_out *w, const char *name, struct str text)
{
	put(w, &(struct attribute){name, ATTR_STR, text, 0});
}

static void put_all(struct json_out *w, const struct attributes *a)
{
	for (unsigned i = 0; i < a->count; i++)
		put(w, &a->item[i]);
}

static void key_text_u64(struct json_out *w, const char *key, uint64_t n)
{
	char text[24];
	snprintf(text, sizeof text, "%llu", (unsigned long long)n);
	jw_kcstr(w, key, text);
}

static void key_time(struct json_out *w, const char *key, int64_t us)
{
	key_text_u64(w, key, us > 0 ? (uint64_t)us * 1000 : 0);
}

/* {"resourceX":[{"resource":{..},"scopeX":[{"scope":{..},"X":[ ... the caller's ... ]}]}]} */
static void begin_body(const struct otlp *o, struct json_out *w, const char *resource, const char *scope,
		       const char *items)
{
	jw_object(w);
	jw_key(w, resource);
	jw_array(w);
	jw_object(w);
	jw_key(w, "resource");
	jw_object(w);
	jw_key(w, "attributes");
	jw_array(w);
	put_str(w, "service.name", o->conf->otlp.service);
	put_str(w, "service.version", STR(RUNRATE_VERSION));
	put_str(w, "service.instance.id", str_of(o->instance));
	jw_end_array(w);
	jw_end_object(w);
	jw_key(w, scope);
	jw_array(w);
	jw_object(w);
	jw_key(w, "scope");
	jw_object(w);
	jw_kcstr(w, "name", "runrate");
	jw_kcstr(w, "version", RUNRATE_VERSION);
	jw_end_object(w);
	jw_key(w, items);
	jw_array(w);
}

static void end_body(struct json_out *w)
{
	jw_end_array(w);
	jw_end_object(w);
	jw_end_array(w);
	jw_end_object(w);
	jw_end_array(w);
	jw_end_object(w);
}

/* ---- spans ---- */

static void big_endian(uint64_t v, unsigned char *out)
{
	for (unsigned i = 0; i < 8; i++)
		out[i] = (unsigned char)(v >> (56 - 8 * i));
}

static void span_ids(struct json_out *w, const struct sight *s)
{
	unsigned char trace[16], span[8];
	uint64_t id[2] = {s->call.id.hi, s->call.id.lo};
	char text[33];
	if (s->trace.given) {
		memcpy(trace, s->trace.id, sizeof trace);
	} else {
		big_endian(s->call.operation.hi, trace);
		big_endian(s->call.operation.lo, trace + 8);
	}
	big_endian(hash_xxh3(id, sizeof id) | 1, span); /* zero is no id */
	jw_kcstr(w, "traceId", hash_hex(trace, sizeof trace, text));
	jw_kcstr(w, "spanId", hash_hex(span, sizeof span, text));
	if (s->trace.given)
		jw_kcstr(w, "parentSpanId", hash_hex(s->trace.parent, sizeof s->trace.parent, text));
	jw_ku64(w, "flags", FLAG_SAMPLED | FLAG_HAS_REMOTE | (s->trace.given ? FLAG_REMOTE : 0));
}

void otlp_span(struct otlp *o, const struct sight *s)
{
	const struct call *c = &s->call;
	struct attributes a;
	struct json_out w;
	struct str model = intern_str(c->model_asked), operation = telemetry_operation(intern_str(c->surface));
	char name[600], error[24];
	if (!o->conf->otlp.traces || (s->trace.given && !s->trace.sampled))
		return;
	if (o->span_count)
		sb_addc(&o->spans, ',');
	jw_init(&w, &o->spans);
	jw_object(&w);
	span_ids(&w, s);
	snprintf(name, sizeof name, "%.*s%s%.*s", STR_ARG(operation), model.n ? " " : "", STR_ARG(model));
	jw_kcstr(&w, "name", name);
	jw_ku64(&w, "kind", KIND_CLIENT);
	key_time(&w, "startTimeUnixNano", c->start_us);
	key_time(&w, "endTimeUnixNano", c->end_us > c->start_us ? c->end_us : c->start_us);
	jw_key(&w, "attributes");
	jw_array(&w);
	telemetry_attributes(o->gate, s, &a);
	put_all(&w, &a);
	jw_end_array(&w);
	if (call_error_type(c, error).n) {
		jw_key(&w, "status");
		jw_object(&w);
		jw_ku64(&w, "code", STATUS_ERROR);
		jw_end_object(&w);
	}
	jw_end_object(&w);
	if (++o->span_count >= BATCH_SPANS)
		otlp_tick(o, false);
}

static void send_spans(struct otlp *o)
{
	struct json_out w;
	struct sb body;
	sb_init(&body, BODY_BYTES + 4096);
	jw_init(&w, &body);
	begin_body(o, &w, "resourceSpans", "scopeSpans", "spans");
	jw_raw(&w, sb_str(&o->spans));
	end_body(&w);
	if (!body.full && !o->spans.full)
		outbox_post(o->spans_out, "/v1/traces", sb_str(&body), o->span_count);
	sb_fini(&body);
	sb_clear(&o->spans);
	o->span_count = 0;
}

/* ---- metrics ---- */

static void begin_metric(struct json_out *w, const char *name, const char *unit, const char *help, const char *kind)
{
	jw_object(w);
	jw_kcstr(w, "name", name);
	jw_kcstr(w, "unit", unit);
	jw_kcstr(w, "description", help);
	jw_key(w, kind);
	jw_object(w);
	jw_ku64(w, "aggregationTemporality", CUMULATIVE);
	if (strcmp(kind, "sum") == 0)
		jw_kbool(w, "isMonotonic", true);
	jw_key(w, "dataPoints");
	jw_array(w);
}

static void end_metric(struct json_out *w)
{
	jw_end_array(w);
	jw_end_object(w);
	jw_end_object(w);
}

/* A data point up to its value. more: one attribute of its own, or NULL. */
static void begin_point(const struct otlp *o, struct json_out *w, const struct tally_key *k, const char *more,
			struct str value, int64_t now_us)
{
	struct attributes a = {.count = 0};
	jw_object(w);
	jw_key(w, "attributes");
	jw_array(w);
	if (k) {
		telemetry_series(o->gate, k, &a);
		put_all(w, &a);
	}
	if (more)
		put_str(w, more, value);
	jw_end_array(w);
	key_time(w, "startTimeUnixNano", o->gate->started_us);
	key_time(w, "timeUnixNano", now_us);
}

static void points(const struct otlp *o, struct json_out *w, const struct tally *t, enum tally_what what,
		   const char *type, int64_t now_us)
{
	const struct tally_bounds *b = tally_bounds_of(what);
	const struct tally_series *s;
	for (unsigned i = 0; (s = tally_at(t, i)); i++) {
		const struct tally_hist *h = &s->hist[what];
		if (!h->count)
			continue;
		begin_point(o, w, &s->key, type ? "gen_ai.token.type" : NULL, str_of(type), now_us);
		key_text_u64(w, "count", h->count);
		jw_kdouble(w, "sum", b->seconds ? (double)h->sum / 1e6 : (double)h->sum);
		jw_key(w, "bucketCounts");
		jw_array(w);
		for (unsigned j = 0; j <= TALLY_BOUNDS; j++) {
			char text[24];
			snprintf(text, sizeof text, "%llu", (unsigned long long)h->bucket[j]);
			jw_cstr(w, text);
		}
		jw_end_array(w);
		jw_key(w, "explicitBounds");
		jw_array(w);
		for (unsigned j = 0; j < TALLY_BOUNDS; j++)
			jw_raw(w, str_of(b->text[j]));
		jw_end_array(w);
		jw_end_object(w);
	}
}

static void model_metrics(const struct otlp *o, struct json_out *w, const struct tally *t, int64_t now_us)
{
	const struct tally_series *s;
	begin_metric(w, "gen_ai.client.token.usage", "{token}", "Number of input and output tokens used", "histogram");
	points(o, w, t, TALLY_INPUT, "input", now_us);
	points(o, w, t, TALLY_OUTPUT, "output", now_us);
	end_metric(w);
	begin_metric(w, "gen_ai.client.operation.duration", "s", "GenAI operation duration", "histogram");
	points(o, w, t, TALLY_DURATION, NULL, now_us);
	end_metric(w);
	begin_metric(w, "gen_ai.client.operation.time_to_first_chunk", "s", "Time to the first content",
		     "histogram");
	points(o, w, t, TALLY_FIRST, NULL, now_us);
	end_metric(w);
	begin_metric(w, "runrate.model.cost", "{currency}", "Cost of priced calls, in units of the currency", "sum");
	for (unsigned i = 0; (s = tally_at(t, i)); i++)
		for (unsigned k = 0; k < TALLY_CURRENCIES && s->cost[k].currency; k++) {
			begin_point(o, w, &s->key, "runrate.cost.currency", intern_str(s->cost[k].currency), now_us);
			jw_kdouble(w, "asDouble", (double)s->cost[k].pico / (double)PICO_PER_UNIT);
			jw_end_object(w);
		}
	end_metric(w);
	begin_metric(w, "runrate.model.unpriced", "{call}", "Calls without a known price: their cost is in no total",
		     "sum");
	for (unsigned i = 0; (s = tally_at(t, i)); i++) {
		begin_point(o, w, &s->key, NULL, str_make("", 0), now_us);
		key_text_u64(w, "asInt", s->unpriced);
		jw_end_object(w);
	}
	end_metric(w);
}

static void send_metrics(struct otlp *o)
{
	int64_t now_us = clock_real(o->gate->clock);
	struct json_out w;
	struct tally sum;
	struct sb body;
	sb_init(&body, BODY_BYTES);
	jw_init(&w, &body);
	begin_body(o, &w, "resourceMetrics", "scopeMetrics", "metrics");
	/* the gateway's counters: runrate_requests_total is runrate.requests here */
#define X(member, name, kind, help)                                                                            \
	if (strcmp(#kind, "counter") == 0) {                                                                   \
		begin_metric(&w, "runrate." #member, "1", help, "sum");                                        \
		begin_point(o, &w, NULL, NULL, str_make("", 0), now_us);                                       \
		key_text_u64(&w, "asInt", gate_total(o->gate, offsetof(struct gate_stats, member)));           \
		jw_end_object(&w);                                                                             \
		end_metric(&w);                                                                                \
	}
#include "gate/metrics.def"
#undef X
	if (gate_tally(o->gate, &sum) == 0)
		model_metrics(o, &w, &sum, now_us);
	tally_fini(&sum);
	end_body(&w);
	if (!body.full)
		outbox_post(o->metrics_out, "/v1/metrics", sb_str(&body), 1);
	sb_fini(&body);
}

/* ---- life ---- */

/* "partialSuccess": what was taken and not kept. */
static void on_spans_answer(void *arg, struct str body)
{
	struct otlp *o = arg;
	struct json top, part;
	char why[200], count[24];
	uint64_t n = 0;
	if (!body.n || json_parse(body, &top, NULL))
		return;
	part = json_get(top, "partialSuccess");
	if (str_u64(str_of(json_string_copy(json_get(part, "rejectedSpans"), count, sizeof count)), &n))
		n = json_u64_or0(json_get(part, "rejectedSpans"));
	if (!n)
		return;
	atomic_fetch_add(&o->refused, n);
	LOG(LOG_WARN, "spans_rejected", LOG_N("spans", n),
	    LOG_S("why", str_of(json_string_copy(json_get(part, "errorMessage"), why, sizeof why))));
}

static struct outbox *open_outbox(struct otlp *o, const char *what, struct err *e)
{
	const struct gate_config *conf = o->conf;
	struct outbox_config c = {.what = what, .url = conf->otlp.endpoint, .headers = o->headers,
				  .header_count = conf->otlp.header_count, .patience_us = PATIENCE_US, .timeout_us =
				  TIMEOUT_US,
				  .ca = conf->otlp.ca, .arg = o};
	if (strcmp(what, "spans") == 0)
		c.on_answer = on_spans_answer;
	return outbox_open(&c, e);
}

struct otlp *otlp_open(struct gate *g, struct err *e)
{
	struct otlp *o = calloc(1, sizeof *o);
	unsigned char id[16];
	if (!o) {
		err_set(e, RR_NOMEM, "no memory for the export");
		return NULL;
	}
	o->gate = g;
	o->conf = g->conf;
	hash_random(id, sizeof id);
	hash_hex(id, sizeof id, o->instance);
	for (unsigned i = 0; i < o->conf->otlp.header_count; i++)
		o->headers[i] = (struct header){o->conf->otlp.headers[i].name,
						secret_reveal(&o->conf->otlp.headers[i].value)};
	sb_init(&o->spans, BODY_BYTES);
	o->spans_due_us = o->metrics_due_us = clock_mono(g->clock) + o->conf->otlp.interval_us;
	o->spans_out = open_outbox(o, "spans", e);
	o->metrics_out = o->spans_out ? open_outbox(o, "metrics", e) : NULL;
	if (!o->metrics_out) {
		otlp_close(o);
		return NULL;
	}
	return o;
}

void otlp_tick(struct otlp *o, bool last)
{
	uint64_t now_us = clock_mono(o->gate->clock);
	if (o->span_count && (last || o->span_count >= BATCH_SPANS || now_us >= o->spans_due_us))
		send_spans(o);
	if (now_us >= o->spans_due_us)
		o->spans_due_us = now_us + o->conf->otlp.interval_us;
	if (o->conf->otlp.metrics && (last || now_us >= o->metrics_due_us)) {
		o->metrics_due_us = now_us + o->conf->otlp.interval_us;
		send_metrics(o);
	}
}

void otlp_hurry(struct otlp *o, uint64_t until_us)
{
	outbox_hurry(o->spans_out, until_us);
	outbox_hurry(o->metrics_out, until_us);
}

void otlp_close(struct otlp *o)
{
	if (!o)
		return;
	outbox_close(o->spans_out);
	outbox_close(o->metrics_out);
	sb_fini(&o->spans);
	free(o);
}

void otlp_stats(struct otlp *o, struct outbox_stats *spans, struct outbox_stats *metrics)
{
	uint64_t refused = atomic_load(&o->refused);
	outbox_stats(o->spans_out, spans);
	outbox_stats(o->metrics_out, metrics);
	spans->delivered -= refused < spans->delivered ? refused : spans->delivered;
	spans->failed += refused;
}
