/* SPDX-License-Identifier: Apache-2.0
 *
 * The parts of the importers: records out of JSON of any size, the rules of classification against their own examples,
 * words of meters, occurrences, values as exports write them.
 */
#include "import/feed.h"
#include "import/import_i.h"
#include "import/invoice.h"
#include "import/records.h"
#include "import/spans.h"

#include <unistd.h>

#include "ledger_help.h"
#include "t.h"

static const char *const opened[] = {"data", NULL};

static const char *temporary(const char *text, size_t n)
{
	static char path[128];
	int fd;
	snprintf(path, sizeof path, "/tmp/rr-records-XXXXXX");
	fd = mkstemp(path);
	if (fd < 0 || write(fd, text, n) != (ssize_t)n)
		abort();
	close(fd);
	return path;
}

/* All records of a text, joined by '|'; an error is "!". */
static const char *all(const char *text, enum records_mode mode)
{
	static char out[1 << 16];
	struct sb b;
	struct str t;
	struct err e = {0};
	const char *path = temporary(text, strlen(text));
	struct records *r = records_open(path, mode, opened, &e);
	int rc;
	sb_init(&b, sizeof out);
	while (r && (rc = records_next(r, &t, &e)) != 0) {
		if (b.n)
			sb_addc(&b, '|');
		rc > 0 ? sb_add_str(&b, t) : sb_addc(&b, '!');
	}
	records_close(r);
	unlink(path);
	str_copy(out, sizeof out, sb_str(&b));
	sb_fini(&b);
	return out;
}

TEST(values_of_every_place)
{
	T_EQ_S(all("[1, \"a,]\", {\"x\":[1,2]} ,[3]]", RECORDS_VALUES), "1|\"a,]\"|{\"x\":[1,2]}|[3]");
	T_EQ_S(all("{\"a\":1,\"data\":[{\"b\":2},{\"b\":3}],\"more\":false}", RECORDS_VALUES), "{\"b\":2}|{\"b\":3}");
	T_EQ_S(all("{\"a\":{\"data\":[1]}}", RECORDS_VALUES), "{\"a\":{\"data\":[1]}}");
	T_EQ_S(all("{\"data\":[1]} {\"data\":[2]}\n{\"c\":3}", RECORDS_VALUES), "1|2|{\"c\":3}");
	T_EQ_S(all("\xEF\xBB\xBF {\"data\" : [ ] , \"data\":[7]}", RECORDS_VALUES), "7");
	T_EQ_S(all("{\"data\":{\"x\":1}}", RECORDS_VALUES), "{\"data\":{\"x\":1}}");
	T_EQ_S(all("", RECORDS_VALUES), "");
	T_EQ_S(all("  \n ", RECORDS_VALUES), "");
}

TEST(values_cut_off_and_broken)
{
	T_EQ_S(all("{\"data\":[{\"b\":2},{\"b\":", RECORDS_VALUES), "{\"b\":2}|!");
	T_EQ_S(all("{\"data\":[1", RECORDS_VALUES), "1|!");
	T_EQ_S(all("{\"a\"", RECORDS_VALUES), "!");
	T_EQ_S(all("{\"a\":\"\\", RECORDS_VALUES), "!");
	T_EQ_S(all("{,}", RECORDS_VALUES), "{,}"); /* balanced; json_parse refuses it */
	T_EQ_S(all("{1:2}", RECORDS_VALUES), "!");
	T_EQ_S(all("]", RECORDS_VALUES), "!");
	T_EQ_S(all("[1}2]", RECORDS_VALUES), "1|!|2");
}

TEST(lines_with_and_without_ends)
{
	T_EQ_S(all("a\n\nb\r\nc", RECORDS_LINES), "a|b|c");
	T_EQ_S(all("\xEF\xBB\xBF{}\n", RECORDS_LINES), "{}");
	T_EQ_S(all("\n", RECORDS_LINES), "");
}

/* The window moves: records of every length around its size come out whole, in order. */
TEST(long_records_cross_the_window)
{
	enum { N = 40 };
	struct sb b;
	struct str t;
	struct err e = {0};
	const char *path;
	sb_init(&b, 64 << 20);
	sb_adds(&b, "{\"data\":[");
	for (unsigned i = 0; i < N; i++) {
		sb_adds(&b, i ? ",\"" : "\"");
		for (unsigned k = 0; k < i * 40000 + 1; k++)
			sb_addc(&b, (char)('a' + i % 26));
		sb_addc(&b, '"');
	}
	sb_adds(&b, "]}");
	path = temporary(b.p, b.n);
	struct records *r = records_open(path, RECORDS_VALUES, opened, &e);
	for (unsigned i = 0; i < N; i++) {
		T_EQ_I(records_next(r, &t, &e), 1);
		T_EQ_I(t.n, i * 40000 + 3);
		T_TRUE(t.n > 2 && t.p[1] == (char)('a' + i % 26) && t.p[t.n - 2] == t.p[1]);
	}
	T_EQ_I(records_next(r, &t, &e), 0);
	records_close(r);
	unlink(path);
	sb_fini(&b);
}

/* Each rule must claim its own example, or an earlier rule of the same class must. */
TEST(every_rule_fits_its_example)
{
	struct err e = {0};
	struct classifier *c = classifier_builtin(&e);
	T_TRUE(c != NULL);
	if (!c)
		return;
	T_TRUE(classifier_count(c) > 60);
	for (unsigned i = 0; i < classifier_count(c); i++) {
		const struct class_rule *r = classifier_rule(c, i);
		struct class_facts f;
		char source[64];
		struct str first = r->source;
		uint32_t rule;
		memset(&f, 0, sizeof f);
		f.fact[r->field] = r->example;
		first = str_cut(&first, '|');
		str_copy(source, sizeof source, str_eqc(first, "*") ? STR("mapping") : first);
		if (classify(c, source, &f, &rule) != r->spend) {
			printf("  rule %.*s: its example is not of its class\n", STR_ARG(r->id));
			t_bad++;
		}
		T_EQ_I(r->date.n, 10);
		T_TRUE(r->example.n > 0);
		for (unsigned k = 0; k < i; k++)
			T_TRUE(!str_eq(classifier_rule(c, k)->id, r->id));
	}
	classifier_free(c);
}

TEST(nothing_is_guessed)
{
	struct err e = {0};
	struct classifier *c = classifier_builtin(&e);
	struct class_facts f;
	uint32_t rule = 7;
	memset(&f, 0, sizeof f);
	f.fact[CF_TYPE] = STR("USE1-Something-New");
	f.fact[CF_TEXT] = STR("BoxUsage:p5.48xlarge"); /* a machine with GPUs may train or serve */
	T_EQ_I(classify(c, "aws", &f, &rule), SPEND_NONE);
	T_EQ_I(rule, 0);
	T_EQ_I(spend_class_book(SPEND_NONE), BOOK_UNCLASSIFIED);
	T_TRUE(class_pattern_matches(STR("a*c|x"), STR("ABC")) && class_pattern_matches(STR("a*c|x"), STR("X")));
	T_TRUE(!class_pattern_matches(STR("a*c"), STR("ab")) && class_pattern_matches(STR("*a*b*"), STR("--a--b")));
	T_TRUE(!class_pattern_matches(STR("ab"), STR("abc")));
	classifier_free(c);
	static const char *const bad[] = {"id,source\n1,2\n", "id,source,field,pattern,class,confidence,example,date\na,*,nofield,x,O,5,e,d\n",
					  "id,source,field,pattern,class,confidence,example,date\na,*,type,x,Q,5,e,d\n",
					  "id,source,field,pattern,class,confidence,example,date\na,*,type,x,O,500,e,d\n",
					  "id,source,field,pattern,class,confidence,example,date\na,*,type,,O,5,e,d\n"};
	for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++)
		T_TRUE(classifier_parse(str_of(bad[i]), &e) == NULL && e.code);
}

static void words(const char *text, int cls, enum tier tier)
{
	struct token_words w;
	token_words_read(str_of(text), &w);
	if (!w.known || (int)w.cls != cls || w.tier != tier) {
		printf("  %s: known %d, %s, %s\n", text, w.known, token_class_name(w.cls), tier_name(w.tier));
		t_bad++;
	}
}

/* The examples of sources.md 2.5 to 2.7 and 2.9. */
TEST(words_of_meters)
{
	words("USE1-Claude3Haiku-input-tokens", CLASS_IN_PLAIN, TIER_STANDARD);
	words("USE1-Claude3Haiku-output-tokens-batch", CLASS_OUT_TEXT, TIER_BATCH);
	words("USE1-NovaMicro-cache-read-input-token-count", CLASS_IN_CACHE_READ, TIER_STANDARD);
	words("USE1-x-cache-write-tokens-5m-long-ctx-flex", CLASS_IN_CACHE_WRITE_5M, TIER_FLEX);
	words("USE1-MP:USE1_cache_write_tokens_1h_global_standard-Units", CLASS_IN_CACHE_WRITE_1H, TIER_STANDARD);
	words("USE1-MP:USE1_CacheReadInputTokenCount-Units", CLASS_IN_CACHE_READ, TIER_STANDARD);
	words("USE1-MP:USE1_MillionBatchInputTokens-Units", CLASS_IN_PLAIN, TIER_BATCH);
	words("5.4 opt Dz 1M Tokens", CLASS_OUT_TEXT, TIER_STANDARD);
	words("gpt-4o 0806 cchd Inp glbl Tokens", CLASS_IN_CACHE_READ, TIER_STANDARD);
	words("Mnstrl 3b Inp FT regnl Tokens", CLASS_IN_PLAIN, TIER_STANDARD);
	words("Gemini 3 Flash Thinking Text Output - Predictions", CLASS_OUT_REASONING, TIER_STANDARD);
	words("Gemini 3 Flash Text Input Caching", CLASS_IN_CACHE_READ, TIER_STANDARD);
	words("promptTokenCount", CLASS_IN_PLAIN, TIER_STANDARD);
	words("completion_details.reasoning", CLASS_OUT_REASONING, TIER_STANDARD);
	words("input_cache_creation", CLASS_IN_CACHE_WRITE, TIER_STANDARD);
	struct token_words w;
	token_words_read(STR("Gemini 3 Flash Text Input Caching Storage"), &w);
	T_TRUE(!w.known && !w.tokens); /* token-hours */
	token_words_read(STR("Data Transfer Out"), &w);
	T_TRUE(!w.tokens);
	token_words_read(STR("Reserved_1Month_InputTPM_Geo"), &w);
	T_TRUE(!w.tokens); /* a commitment */
}

TEST(named_counts_inside_and_beside)
{
	struct named_counts c = {0};
	uint32_t tok[CLASSES], flags = 0;
	named_count_add(&c, STR("input"), 600);
	named_count_add(&c, STR("input_cached_tokens"), 400);
	named_count_add(&c, STR("cache_read_input_tokens"), 400); /* a synonym */
	named_count_add(&c, STR("output"), 100);
	named_count_add(&c, STR("total"), 1100);
	named_counts_read(&c, tok, &flags);
	T_EQ_I(tok[CLASS_IN_PLAIN], 600);
	T_EQ_I(tok[CLASS_IN_CACHE_READ], 400);
	T_EQ_I(flags, 0);
	c.n[CLASS_IN_PLAIN] = 1000; /* now they stand inside */
	named_counts_read(&c, tok, &flags);
	T_EQ_I(tok[CLASS_IN_PLAIN], 600);
	T_EQ_I(flags, 0);
	c.total = 1;
	named_counts_read(&c, tok, &flags);
	T_EQ_I(flags, USAGE_MISMATCH);
}

TEST(occurrences_by_the_hundred_thousand)
{
	struct seen *s = seen_new();
	uint32_t before;
	for (uint32_t round = 0; round < 3; round++)
		for (uint64_t i = 0; i < 100000; i++) {
			struct hash128 h = hash_xxh3_128(&i, sizeof i);
			if (seen_count(s, h, &before) || before != round)
				t_bad++;
		}
	seen_free(s);
}

TEST(values_as_exports_write_them)
{
	int64_t v, t;
	uint64_t n;
	T_TRUE(!read_money(STR(" 0.00 "), &v, NULL) && v == 0);
	T_TRUE(!read_money(STR("1.9e-08"), &v, NULL) && v == 19000);
	T_TRUE(read_money(STR("1,23"), &v, NULL) && strstr(read_money(STR("1,23"), &v, NULL), "comma"));
	T_TRUE(read_money(STR(""), &v, NULL) && read_money(STR("NaN"), &v, NULL) && read_money(STR("99999999999"), &v, NULL));
	T_TRUE(!read_count(STR("59200.0"), &n) && n == 59200);
	T_TRUE(read_count(STR("1.5"), &n) && read_count(STR("-1"), &n) && read_count(STR("1e30"), &n) && read_count(STR("x"), &n));
	T_TRUE(!read_time(STR("2024-09-01 00:00:00 UTC"), &t) && !read_time(STR("2024-09-01T00:00:00Z"), &v) && t == v);
	T_TRUE(read_time(STR("01/09/2024"), &t) != NULL);
	T_EQ_I(read_null(STR(" NULL ")).n, 0);
}

static const char *amount(const char *text, char mark)
{
	static char out[MONEY_TEXT];
	int64_t pico;
	return invoice_amount(str_of(text), mark, &pico) ? money_text(pico, out) : "none";
}

TEST(amounts_and_dates_of_invoices)
{
	static const char *const points[][2] = {{"$1,234.50", "1234.5"}, {"1,234.50 USD", "1234.5"}, {"(12.00)", "-12"}, {"-$5.25", "-5.25"},
						{"$-5.25", "-5.25"}, {"5.00-", "-5"}, {"\xE2\x88\x92" "5.00", "-5"}, {"$20", "20"}, {"CA$ 3.10", "3.1"},
						{"20", "none"}, {"1,23", "none"}, {"12,34.00", "none"}, {"1.2.3", "none"}, {"INV-0042", "none"},
						{"20.00%", "none"}, {"", "none"}, {"-", "none"}, {"$", "none"}, {"31.10.2026", "none"}};
	static const char *const commas[][2] = {{"1.234,50 \xE2\x82\xAC", "1234.5"}, {"1\xC2\xA0" "234,50", "1234.5"}, {"7,5", "none"}, {"1.234", "none"},
						{"EUR 1.234", "1234"}, {"0,10", "0.1"}};
	static const struct {
		const char *text;
		int year, month, day;
	} dates[] = {{"2026-10-01", 2026, 10, 1}, {"on Oct 1, 2026.", 2026, 10, 1}, {"1 October 2026", 2026, 10, 1}, {"1. Oktober 2026", 2026, 10, 1},
		     {"31.12.2026", 2026, 12, 31}, {"12/31/2026", 2026, 12, 31}, {"31/12/2026", 2026, 12, 31}, {"05/10/2026", 0, 0, 0},
		     {"March 5", 0, 0, 0}, {"2026-13-01", 0, 0, 0}, {"10 of 12", 0, 0, 0}};
	for (unsigned i = 0; i < sizeof points / sizeof *points; i++)
		T_EQ_S(amount(points[i][0], '.'), points[i][1]);
	for (unsigned i = 0; i < sizeof commas / sizeof *commas; i++)
		T_EQ_S(amount(commas[i][0], ','), commas[i][1]);
	for (unsigned i = 0; i < sizeof dates / sizeof *dates; i++) {
		int64_t us = 0;
		size_t end;
		bool read = invoice_date(str_of(dates[i].text), &us, &end);
		T_EQ_I(read, dates[i].year != 0);
		if (read)
			T_EQ_I(us, days_from_civil(dates[i].year, (unsigned)dates[i].month, (unsigned)dates[i].day) * US_PER_DAY);
	}
}

/* A log repeats what the gateway measured: the call counts once, as measured. */
TEST(the_gateway_and_a_log_count_a_call_once)
{
	static const char lines[] =
		"{\"timestamp\":\"2026-10-01T10:00:00Z\",\"requestId\":\"r1\",\"sessionId\":\"s\",\"message\":{\"id\":\"msg_1\",\"model\":"
		"\"claude-sonnet-4-20250514\",\"usage\":{\"input_tokens\":1,\"output_tokens\":1}}}\n"
		"{\"timestamp\":\"2026-10-01T10:00:01Z\",\"requestId\":\"r2\",\"sessionId\":\"s\",\"message\":{\"id\":\"msg_2\",\"model\":"
		"\"claude-sonnet-4-20250514\",\"usage\":{\"input_tokens\":1,\"output_tokens\":1}}}\n";
	static struct import_summary s;
	struct err e = {0};
	struct ledger *l = help_ledger();
	struct book *book = book_builtin(&e);
	struct import_options o = {.ledger = l, .book = book, .now_us = HELP_T0};
	const char *path = temporary(lines, sizeof lines - 1);
	struct rng r;
	struct call c;
	rng_seed(&r, 1);
	help_call(&c, &r, 1, 3);
	str_copy(c.vendor_ref, sizeof c.vendor_ref, STR("msg_1"));
	T_EQ_I(ledger_begin(l, &e), 0);
	T_EQ_I(ledger_add_call(l, &c, &e), 0);
	T_EQ_I(ledger_commit(l, &e), 0);
	T_EQ_I(import_paths(&o, &path, 1, &s, &e), 0);
	T_EQ_I(s.rows_new, 1);
	T_EQ_I(s.rows_duplicate, 1);
	import_summary_fini(&s);
	book_free(book);
	ledger_close(l);
	unlink(path);
	help_clean();
}

/* ---- the feed ---- */

static void feed_row(struct call *c, unsigned n)
{
	struct rng r;
	rng_seed(&r, n);
	help_call(c, &r, n, 8);
	memset(&c->id, 0, sizeof c->id);
	memset(&c->operation, 0, sizeof c->operation);
	c->calls = 1;
}

static int count_calls(const struct rollup_row *r, void *arg)
{
	*(uint64_t *)arg += r->sum.calls;
	return 0;
}

/* Rows of several blocks, drained in between, with texts of their own; a writer gets its turn while rows do not come. */
TEST(a_feed_stores_all_and_keeps_nobody_waiting)
{
	enum { N = 3000 };
	struct err e = {0};
	struct import_batch what = {.source = "test", .file = "x"}, b;
	const char *path = help_path();
	struct ledger *l = help_open(path, LEDGER_WRITE), *other = help_open(path, LEDGER_WRITE);
	struct import *im = ledger_import_begin(l, &what, false, &e);
	struct feed *f = feed_open(im, false, &e);
	struct feed_counts n = {0};
	uint64_t calls = 0;
	T_TRUE(f != NULL);
	for (unsigned i = 0; i < N; i++) {
		char text[32];
		struct call c;
		unsigned again = i % 10 == 9 ? i - 9 : i; /* a tenth repeats a row of before */
		snprintf(text, sizeof text, "%u.5", again);
		feed_row(&c, again);
		T_TRUE(feed_push(f, &c, hash_xxh3_128(&again, sizeof again), hash_xxh3_128(text, strlen(text)), i, str_of(text), 0, &e) == 0);
		if (i == 700 || i == 701)
			T_TRUE(feed_drain(f, &e) == 0);
		if (i == 2000) { /* rows may be under way, but none keeps the lock */
			T_TRUE(ledger_begin(other, &e) == 0);
			ledger_rollback(other);
		}
	}
	T_TRUE(feed_close(f, &n, &e) == 0);
	T_EQ_I(n.added, N - N / 10);
	T_EQ_I(n.duplicate, N / 10);
	T_EQ_I(n.revised, 0);
	T_TRUE(ledger_import_finish(im, &b, &e) == 0);
	T_EQ_I(b.rows_new, N - N / 10);
	T_TRUE(ledger_rollup(l, INT64_MIN, INT64_MAX, count_calls, &calls, &e) == 0);
	T_EQ_I(calls, N - N / 10);
	ledger_close(other);
	help_done(l);
}

/* What goes wrong in storing is said to whoever pushes on, and at the end. */
TEST(a_feed_says_what_went_wrong)
{
	struct err e = {0}, said = {0};
	struct import_batch what = {.source = "test", .file = "x"};
	struct ledger *l = help_ledger();
	struct import *im = ledger_import_begin(l, &what, false, &e);
	struct feed *f = feed_open(im, false, &e);
	int rc = 0;
	for (unsigned i = 0; i < 20000 && !rc; i++) {
		struct call c;
		feed_row(&c, i);
		if (i == 500) { /* times that no row can hold */
			c.start_us = INT64_MIN;
			c.end_us = INT64_MAX;
		}
		rc = feed_push(f, &c, hash_xxh3_128(&i, sizeof i), hash_xxh3_128(&i, sizeof i), i, STR(""), 0, &said);
	}
	T_EQ_I(rc, -RR_RANGE);
	T_EQ_I(said.code, RR_RANGE);
	T_EQ_I(feed_close(f, NULL, &e), -RR_RANGE);
	ledger_import_abort(im);
	help_done(l);
}

T_MAIN
