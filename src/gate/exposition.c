/* SPDX-License-Identifier: Apache-2.0
 *
 * See exposition.h.
 */
#include "gate/exposition.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/intern.h"
#include "gate/watch.h"

enum { CAPS_SHOWN = 1024 };

unsigned long long gate_total(const struct gate *g, size_t member)
{
	unsigned long long sum = 0;
	for (unsigned i = 0; i < g->workers; i++)
		sum += atomic_load_explicit((atomic_ullong *)((char *)&g->worker[i]->stats + member),
					    memory_order_relaxed);
	return sum;
}

int gate_tally(struct gate *g, struct tally *sum)
{
	int rc = tally_init(sum);
	for (unsigned i = 0; i < g->workers && !rc; i++)
		tally_merge(sum, &g->worker[i]->tally);
	return rc;
}

int gate_disk(const struct gate *g, uint64_t *free_bytes, uint64_t *size_bytes)
{
	char folder[4096], *slash = strrchr(str_copy(folder, sizeof folder, str_of(g->ledger_path)), '/');
	struct statvfs disk;
	if (slash)
		*slash = 0;
	if (statvfs(slash ? (folder[0] ? folder : "/") : ".", &disk))
		return -RR_IO;
	*free_bytes = (uint64_t)disk.f_bavail * disk.f_frsize;
	*size_bytes = (uint64_t)disk.f_blocks * disk.f_frsize;
	return 0;
}

static void family(struct sb *out, const char *name, const char *kind, const char *help)
{
	sb_addf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind);
}

static void value_u64(struct sb *out, uint64_t v)
{
	sb_addc(out, ' ');
	sb_add_u64(out, v);
	sb_addc(out, '\n');
}

static void value_us(struct sb *out, uint64_t us)
{
	sb_addf(out, " %llu.%06llu\n", (unsigned long long)us / 1000000, (unsigned long long)us % 1000000);
}

static void value_money(struct sb *out, money_wide pico)
{
	char text[MONEY_TEXT];
	sb_addf(out, " %s\n", money_text(pico, text));
}

/* name="value" with what the format escapes: backslash, quote, line feed. */
static void label(struct sb *out, const char *name, struct str value)
{
	struct sb clean;
	if (out->n && out->p[out->n - 1] != '{')
		sb_addc(out, ',');
	sb_addf(out, "%s=\"", name);
	sb_init(&clean, 4096);
	sb_add_utf8(&clean, value);
	for (size_t i = 0; i < clean.n; i++) {
		char c = clean.p[i];
		if (c == '\\' || c == '"')
			sb_addc(out, '\\');
		if (c == '\n')
			sb_adds(out, "\\n");
		else
			sb_addc(out, c);
	}
	sb_addc(out, '"');
	sb_fini(&clean);
}

/* ---- models ---- */

static void begin(struct sb *out, const char *name, const char *suffix, const struct tally_key *k)
{
	sb_addf(out, "%s%s{", name, suffix);
	label(out, "provider", intern_str(k->provider));
	label(out, "operation", intern_str(k->surface));
	label(out, "model", intern_str(k->answered ? k->answered : k->asked));
	label(out, "request_model", intern_str(k->asked));
	label(out, "error", intern_str(k->error));
}

static void histogram(struct sb *out, const struct tally *t, enum tally_what what, const char *name, const char *help)
{
	const struct tally_bounds *b = tally_bounds_of(what);
	const struct tally_series *s;
	family(out, name, "histogram", help);
	for (unsigned i = 0; (s = tally_at(t, i)); i++) {
		const struct tally_hist *h = &s->hist[what];
		uint64_t sum = 0;
		if (!h->count)
			continue;
		for (unsigned j = 0; j <= TALLY_BOUNDS; j++) {
			sum += h->bucket[j];
			begin(out, name, "_bucket", &s->key);
			label(out, "le", str_of(j < TALLY_BOUNDS ? b->text[j] : "+Inf"));
			sb_addc(out, '}');
			value_u64(out, sum);
		}
		begin(out, name, "_sum", &s->key);
		sb_addc(out, '}');
		if (b->seconds)
			value_us(out, h->sum);
		else
			value_u64(out, h->sum);
		begin(out, name, "_count", &s->key);
		sb_addc(out, '}');
		value_u64(out, h->count);
	}
}

static void models(struct sb *out, const struct tally *t)
{
	static const struct {
		const char *name, *help;
		size_t member;
	} counters[] = {
		{"runrate_model_requests_total", "Calls recorded", offsetof(struct tally_series, calls)},
		{"runrate_model_streams_total", "Calls answered as a stream", offsetof(struct tally_series, streamed)},
		{"runrate_model_estimated_total", "Calls whose usage had to be estimated",
		 offsetof(struct tally_series, estimated)},
		{"runrate_model_unpriced_total", "Calls without a known price: their cost is in no total",
		 offsetof(struct tally_series, unpriced)},
	};
	const struct tally_series *s;
	for (unsigned c = 0; c < sizeof counters / sizeof *counters; c++) {
		family(out, counters[c].name, "counter", counters[c].help);
		for (unsigned i = 0; (s = tally_at(t, i)); i++) {
			begin(out, counters[c].name, "", &s->key);
			sb_addc(out, '}');
			value_u64(out, *(const uint64_t *)((const char *)s + counters[c].member));
		}
	}
	family(out, "runrate_model_tokens_total", "counter",
	       "Tokens; input includes cache_read and cache_write, output includes reasoning");
	for (unsigned i = 0; (s = tally_at(t, i)); i++)
		for (unsigned k = 0; k < TALLY_TOKENS; k++) {
			begin(out, "runrate_model_tokens_total", "", &s->key);
			label(out, "type", str_of(tally_token_name[k]));
			sb_addc(out, '}');
			value_u64(out, s->tok[k]);
		}
	family(out, "runrate_model_cost_total", "counter", "Cost of priced calls in units of the currency");
	for (unsigned i = 0; (s = tally_at(t, i)); i++)
		for (unsigned k = 0; k < TALLY_CURRENCIES && s->cost[k].currency; k++) {
			begin(out, "runrate_model_cost_total", "", &s->key);
			label(out, "currency", intern_str(s->cost[k].currency));
			sb_addc(out, '}');
			value_money(out, s->cost[k].pico);
		}
	histogram(out, t, TALLY_DURATION, "runrate_model_duration_seconds",
		  "From the request to the end of the vendor's answer");
	histogram(out, t, TALLY_FIRST, "runrate_model_time_to_first_token_seconds",
		  "From the request to the first generated content");
}

/* ---- caps ---- */

static void cap_labels(struct sb *out, const char *name, const struct cap_live *c)
{
	sb_addf(out, "%s{", name);
	label(out, "cap", str_of(c->rule.id));
	label(out, "book", str_of(book_kind_name(c->book)));
	label(out, "window", str_of(window_name(c->rule.window)));
	label(out, "team", intern_str(c->rule.scope.team));
	label(out, "feature", intern_str(c->rule.scope.feature));
}

static void caps(struct sb *out, struct gate *g)
{
	enum { MONEY, COUNT };
	static const struct {
		const char *name, *kind, *help;
		size_t member;
		int what;
	} figures[] = {
		{"runrate_cap_limit", "gauge", "What may be spent in the window, in units of the currency",
		 offsetof(struct cap_live, rule.amount_pico), MONEY},
		{"runrate_cap_spent", "gauge", "What was spent in the window", offsetof(struct cap_live, spent_pico),
		 MONEY},
		{"runrate_cap_reserved", "gauge", "What calls under way hold", offsetof(struct cap_live, reserved_pico),
		 MONEY},
		{"runrate_cap_limit_tokens", "gauge", "Tokens that may be used in the window",
		 offsetof(struct cap_live, rule.tokens), COUNT},
		{"runrate_cap_spent_tokens", "gauge", "Tokens used in the window", offsetof(struct cap_live, spent_tok),
		 COUNT},
		{"runrate_cap_refused", "gauge", "Calls refused in the window", offsetof(struct cap_live, refused),
		 COUNT},
	};
	struct cap_live *state = calloc(CAPS_SHOWN, sizeof *state);
	unsigned n = state ? caps_list(g->caps, state, CAPS_SHOWN) : 0;
	n += state ? training_list(g->training, state + n, CAPS_SHOWN - n) : 0;
	for (unsigned f = 0; f < sizeof figures / sizeof *figures && n; f++) {
		family(out, figures[f].name, figures[f].kind, figures[f].help);
		for (unsigned i = 0; i < n; i++) {
			const char *at = (const char *)&state[i] + figures[f].member;
			int64_t pico = *(const int64_t *)at;
			uint64_t count = *(const uint64_t *)at;
			if (figures[f].what == MONEY ? pico == INT64_MAX : count == UINT64_MAX)
				continue; /* no such limit */
			cap_labels(out, figures[f].name, &state[i]);
			if (figures[f].what == MONEY)
				label(out, "currency", str_of(state[i].rule.currency.code));
			sb_addc(out, '}');
			if (figures[f].what == MONEY)
				value_money(out, pico);
			else
				value_u64(out, count);
		}
	}
	free(state);
}

/* ---- the process and its disk ---- */

static void process(struct sb *out, const struct gate *g)
{
	struct rusage used;
	struct rlimit files;
	uint64_t free_bytes, size_bytes;
	char statm[128], *rest; /* "total resident shared ...", in pages */
	FILE *f = fopen("/proc/self/statm", "re");
	family(out, "runrate_build_info", "gauge", "1; the version stands in the label");
	sb_adds(out, "runrate_build_info{version=\"" RUNRATE_VERSION "\"} 1\n");
	family(out, "process_start_time_seconds", "gauge", "Start of the process since the Unix epoch");
	sb_adds(out, "process_start_time_seconds");
	value_us(out, (uint64_t)g->started_us);
	if (getrusage(RUSAGE_SELF, &used) == 0) {
		family(out, "process_cpu_seconds_total", "counter", "CPU time, user and system");
		sb_adds(out, "process_cpu_seconds_total");
		value_us(out, (uint64_t)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000000 +
				      (uint64_t)(used.ru_utime.tv_usec + used.ru_stime.tv_usec));
	}
	if (f && fgets(statm, sizeof statm, f) && (rest = strchr(statm, ' ')) != NULL) {
		family(out, "process_resident_memory_bytes", "gauge", "Resident memory");
		sb_adds(out, "process_resident_memory_bytes");
		value_u64(out, strtoull(rest, NULL, 10) * (uint64_t)sysconf(_SC_PAGESIZE));
	}
	if (f)
		fclose(f);
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		family(out, "process_max_fds", "gauge", "Most open descriptors");
		sb_adds(out, "process_max_fds");
		value_u64(out, files.rlim_cur);
	}
	if (gate_disk(g, &free_bytes, &size_bytes) == 0) {
		family(out, "runrate_ledger_disk_free_bytes", "gauge", "Free on the ledger's disk");
		sb_adds(out, "runrate_ledger_disk_free_bytes");
		value_u64(out, free_bytes);
		family(out, "runrate_ledger_disk_size_bytes", "gauge", "Size of the ledger's disk");
		sb_adds(out, "runrate_ledger_disk_size_bytes");
		value_u64(out, size_bytes);
		family(out, "runrate_ledger_disk_low", "gauge", "1 when a tenth or less of it is free");
		sb_adds(out, "runrate_ledger_disk_low");
		value_u64(out, atomic_load(&g->disk_low));
	}
}

static void ledger(struct sb *out, const struct gate *g)
{
	enum writer_state state = writer_state(g->writer);
	struct writer_stats ws;
	writer_stats(g->writer, &ws);
	family(out, "runrate_ledger_up", "gauge", "1 when the ledger takes rows");
	sb_adds(out, "runrate_ledger_up");
	value_u64(out, state == WRITER_OK || state == WRITER_FULL);
	family(out, "runrate_ledger_rows_total", "counter", "Rows made durable");
	sb_adds(out, "runrate_ledger_rows_total");
	value_u64(out, ws.rows);
	family(out, "runrate_ledger_commits_total", "counter", "Group commits");
	sb_adds(out, "runrate_ledger_commits_total");
	value_u64(out, ws.commits);
	family(out, "runrate_ledger_queued", "gauge", "Rows waiting for the writer");
	sb_adds(out, "runrate_ledger_queued");
	value_u64(out, ws.queued);
	family(out, "runrate_ledger_longest_commit_seconds", "gauge", "Longest commit since start");
	sb_adds(out, "runrate_ledger_longest_commit_seconds");
	value_us(out, ws.longest_commit_us);
}

/* What one way out has done: delivered, failed for good, dropped because too much waited. */
static void way_out(struct sb *out, const char *what, const struct outbox_stats *s)
{
	static const struct {
		const char *name, *help;
		size_t member;
	} counters[] = {
		{"delivered_total", "delivered", offsetof(struct outbox_stats, delivered)},
		{"failed_total", "given up: refused, or not deliverable in time",
		 offsetof(struct outbox_stats, failed)},
		{"dropped_total", "dropped because too much waited", offsetof(struct outbox_stats, dropped)},
	};
	for (unsigned i = 0; i < sizeof counters / sizeof *counters; i++) {
		char name[80], help[160];
		snprintf(name, sizeof name, "runrate_%s_%s", what, counters[i].name);
		snprintf(help, sizeof help, "What was to be sent out and was %s", counters[i].help);
		family(out, name, "counter", help);
		sb_adds(out, name);
		value_u64(out, *(const uint64_t *)((const char *)s + counters[i].member));
	}
}

static void outside(struct sb *out, const struct gate *g)
{
	struct watch_figures f;
	watch_figures(g->watch, &f);
	family(out, "runrate_telemetry_lost_total", "counter",
	       "Calls that no log line and no span tells of; the ledger has them");
	sb_adds(out, "runrate_telemetry_lost_total");
	value_u64(out, f.lost);
	if (f.alerts) {
		family(out, "runrate_alerts_fired_total", "counter", "Alerts that became true");
		sb_adds(out, "runrate_alerts_fired_total");
		value_u64(out, f.alert.fired);
		family(out, "runrate_alerts_firing", "gauge", "Alerts that hold now");
		sb_adds(out, "runrate_alerts_firing");
		value_u64(out, f.alert.firing);
		way_out(out, "alerts", &f.alert.sent);
	}
	if (f.otlp) {
		way_out(out, "otlp_spans", &f.spans);
		way_out(out, "otlp_metrics", &f.metrics);
	}
}

void exposition_write(struct gate *g, struct sb *out)
{
	struct tally sum;
	process(out, g);
#define X(member, name, kind, help)                   \
	family(out, #name, #kind, help);              \
	sb_adds(out, #name);                          \
	value_u64(out, gate_total(g, offsetof(struct gate_stats, member)));
#include "gate/metrics.def"
#undef X
	family(out, "runrate_responses_total", "counter", "Answers given, by first digit of the status");
	for (unsigned i = 2; i < 6; i++) {
		sb_addf(out, "runrate_responses_total{class=\"%uxx\"}", i);
		value_u64(out, gate_total(g, offsetof(struct gate_stats, status_class) + i * sizeof(atomic_ullong)));
	}
	ledger(out, g);
	caps(out, g);
	outside(out, g);
	if (gate_tally(g, &sum) == 0)
		models(out, &sum);
	tally_fini(&sum);
}
