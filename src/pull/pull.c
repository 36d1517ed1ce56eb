/* SPDX-License-Identifier: Apache-2.0
 *
 * See pull.h.
 */
#include "pull/pull.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/fs.h"
#include "base/json.h"
#include "net/fetch.h"
#include "pull/vendors.h"

enum {
	PAGE_BYTES = 64 * 1024 * 1024,
	FILE_BYTES = 1024 * 1024 * 1024,
	PAGES_MOST = 10000,
	TRIES = 8,
	WAIT_MOST_S = 300,
	TARGET_BYTES = 4096,
	FILES_MOST = 16,
};
#define REQUEST_US (UINT64_C(120) * 1000000)

struct pulling {
	const struct pull_options *o;
	const struct pull_vendor *v;
	struct pull_result *r;
	struct fetcher *fetcher;
	struct fetch_url url;
	struct fetch_answer answer;
	struct header header[4];
	unsigned headers;
	char auth[512];
	char note[200]; /* of endpoints that were let off */
};

const struct pull_vendor *pull_vendor_named(const char *name)
{
	for (const struct pull_vendor *v = pull_vendors; v->name; v++)
		if (strcmp(v->name, name) == 0)
			return v;
	return NULL;
}

const char *pull_vendor_name(unsigned index)
{
	return index < 2 ? pull_vendors[index].name : NULL;
}

const char *pull_vendor_variable(const struct pull_vendor *v)
{
	return v->variable;
}

const char *pull_vendor_base(const struct pull_vendor *v)
{
	return v->base;
}

/* ---- one request ---- */

static bool stopped(const struct pulling *p)
{
	return p->o->stop && atomic_load(p->o->stop);
}

static int wait_s(const struct pulling *p, unsigned seconds, struct err *e)
{
	for (unsigned i = 0; i < seconds * 10; i++) {
		struct timespec tenth = {.tv_nsec = 100000000};
		if (stopped(p))
			return err_set(e, RR_FAIL, "the pull was ended; the next one goes on where it was");
		nanosleep(&tenth, NULL);
	}
	return 0;
}

/* The vendor's own sentence, if there is one. */
static void refused(const struct pulling *p, const char *name, struct err *e)
{
	struct json body;
	char words[200] = "";
	if (!json_parse(str_trim(sb_str(&p->answer.body)), &body, NULL))
		json_string_copy(json_path(body, "error.message"), words, sizeof words);
	err_set(e, p->answer.status == 401 || p->answer.status == 403 ? RR_CONFIG : RR_NET, "%s answers %u to %s%s%s",
			p->v->title,
		p->answer.status, name, words[0] ? ": " : "", words);
	if (p->answer.status == 401 || p->answer.status == 403)
		err_hint(e, "%s wants an admin key (not a project's key), which the vendor's console makes", p->v->variable);
	else if (p->answer.status >= 300 && p->answer.status < 400)
		err_hint(e, "redirects are not followed: is --base right?");
}

/* 0: an answer of 200, or (an optional endpoint's first page) one of 400 or 404 with *left_off. */
static int ask_for(struct pulling *p, const struct pull_endpoint *at, struct str target, bool first, bool *left_off,
		   struct err *e)
{
	const struct fetch_ask ask = {.origin = &p->url.origin,
				      .method = STR("GET"),
				      .target = target,
				      .headers = p->header,
				      .count = p->headers,
				      .timeout_us = REQUEST_US,
				      .most_bytes = PAGE_BYTES};
	*left_off = false;
	for (unsigned try = 1;; try++) {
		int rc = stopped(p) ? err_set(e, RR_FAIL, "the pull was ended; the next one goes on where it was")
				    : fetch(p->fetcher, &ask, &p->answer, e);
		int64_t retry_us = rc ? -1 : fetch_retry_after_us(&p->answer, clock_real(&clock_system));
		unsigned status = p->answer.status;
		uint64_t wait = UINT64_C(1) << (try < 7 ? try - 1 : 6);
		if (rc == -RR_LIMIT || rc == -RR_TLS || rc == -RR_FAIL || rc == -RR_NOMEM)
			return rc;
		p->r->requests++;
		if (!rc && status == 200)
			return 0;
		if (!rc && first && at->optional && (status == 400 || status == 404)) {
			*left_off = true;
			return 0;
		}
		if (!rc && status != 429 && status != 408 && status < 500) {
			refused(p, at->name, e);
			return -e->code;
		}
		if (try == TRIES) {
			if (!rc)
				refused(p, at->name, e);
			return -e->code;
		}
		if (retry_us >= 0)
			wait = (uint64_t)(retry_us + 999999) / 1000000;
		if (wait > WAIT_MOST_S) {
			err_set(e, RR_NET, "%s wants us to come back in %llu s", p->v->title, (unsigned long long)wait);
			return err_hint(e, "pull again then: it goes on where it was");
		}
		p->r->retries++;
		rc = wait_s(p, (unsigned)wait, e);
		if (rc)
			return rc;
	}
}

/* ---- pages ---- */

static void add_escaped(struct sb *b, struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		if ((c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z') || c == '-' || c == '_' ||
		    c == '.' || c == '~')
			sb_addc(b, (char)c);
		else
			sb_addf(b, "%%%02X", c);
	}
}

static void add_time(struct sb *b, const struct pull_vendor *v, const char *key, int64_t us)
{
	char text[TIME_TEXT];
	sb_addf(b, "%s=", key);
	if (v->rfc3339)
		add_escaped(b, str_of(time_text(us, text)));
	else
		sb_addf(b, "%lld", (long long)(us / US_PER_S));
}

static void target_of(const struct pulling *p, const struct pull_endpoint *at, int64_t from_us, int64_t to_us,
		const char *page,
		      struct sb *b)
{
	static const char *const widths[] = {"1d", "1h", "1m"};
	const struct pull_vendor *v = p->v;
	sb_clear(b);
	if (p->url.target[1]) /* the base has a path of its own */
		sb_addf(b, "%.*s", (int)strlen(p->url.target) - (p->url.target[strlen(p->url.target) - 1] == '/'),
			p->url.target);
	sb_addf(b, "%s?", at->path);
	add_time(b, v, v->from_key, from_us);
	sb_addc(b, '&');
	add_time(b, v, v->to_key, to_us);
	sb_addf(b, "&bucket_width=%s&limit=%u", at->costs ? "1d" : widths[p->o->width], at->costs ? v->most_costs
			: v->most[p->o->width]);
	for (const char *const *g = at->groups; *g; g++)
		sb_addf(b, "&%s=%s", v->group_key, *g);
	if (page[0]) {
		sb_adds(b, "&page=");
		add_escaped(b, str_of(page));
	}
}

/* Checks a page, counts its results, finds the next one ("" at the end). */
static int read_page(const struct pulling *p, const struct pull_endpoint *at, uint64_t *results, char *next,
		size_t size, struct err *e)
{
	struct json top, data, bucket;
	struct json_iter it;
	struct str none;
	char last[512];
	str_copy(last, sizeof last, str_of(next));
	next[0] = 0;
	if (json_parse(str_trim(sb_str(&p->answer.body)), &top, NULL) ||
	    (data = json_get(top, "data")).type != JSON_ARRAY) {
		err_set(e, RR_INPUT, "what %s sends for %s is no page of buckets", p->v->title, at->name);
		return err_hint(e, "is --base the vendor's API?");
	}
	for (json_open(&it, data); json_next(&it, &none, &bucket);)
		*results += json_count(json_get(bucket, "results"));
	if (json_get(top, "has_more").type != JSON_TRUE)
		return 0;
	json_string_copy(json_get(top, "next_page"), next, size);
	if (!next[0] || strcmp(next, last) == 0)
		return err_set(e, RR_INPUT, "%s says that %s has more, and does not say where", p->v->title, at->name);
	return 0;
}

/* Every page of an endpoint into one file; *results: rows in it. */
static int fetch_endpoint(struct pulling *p, const struct pull_endpoint *at, int64_t from_us, int64_t to_us,
		const char *path,
			  uint64_t *results, struct err *e)
{
	struct sb target, file;
	char page[512] = "";
	unsigned pages = 0;
	bool again = false, more = true;
	int rc = 0;
	sb_init(&target, TARGET_BYTES);
	sb_init(&file, FILE_BYTES);
	*results = 0;
	while (!rc && more) {
		bool left_off = false;
		target_of(p, at, from_us, to_us, page, &target);
		rc = target.full ? err_set(e, RR_LIMIT, "the vendor's page name is too long")
				 : ask_for(p, at, sb_str(&target), !page[0], &left_off, e);
		if (rc && page[0] && !again &&
		    (p->answer.status == 400 || p->answer.status == 404 || p->answer.status == 410)) {
			again = true; /* a page's name does not hold for ever: once, from the first page on */
			page[0] = 0;
			pages = 0;
			*results = 0;
			sb_clear(&file);
			memset(e, 0, sizeof *e);
			rc = 0;
			continue;
		}
		if (!rc && left_off) {
			snprintf(p->note, sizeof p->note, "%s does not answer for %s (%u): left out", p->v->title, at->name,
					p->answer.status);
			break;
		}
		if (!rc)
			rc = read_page(p, at, results, page, sizeof page, e);
		sb_add_str(&file, str_trim(sb_str(&p->answer.body)));
		sb_addc(&file, '\n');
		if (!rc && file.full)
			rc = err_set(e, RR_LIMIT, "%s has more than %d MiB in this period: --width 1d is coarser", at->name,
					FILE_BYTES >> 20);
		if (!rc && ++pages == PAGES_MOST && page[0])
			rc = err_set(e, RR_LIMIT, "%s has more than %d pages", at->name, PAGES_MOST);
		more = page[0] != 0;
	}
	if (!rc && *results)
		rc = fs_write_atomic(path, sb_str(&file), 0600, e);
	sb_fini(&target);
	sb_fini(&file);
	return rc;
}

/* ---- periods ---- */

static int64_t day_floor(int64_t us)
{
	return us - ((us % US_PER_DAY) + US_PER_DAY) % US_PER_DAY;
}

static char *mark_name(const struct pull_vendor *v, const char *account, char out[160])
{
	snprintf(out, 160, "pulled %s %s", v->name, account ? account : "");
	return out;
}

int pull_last_us(struct ledger *l, const struct pull_vendor *v, const char *account, int64_t *us, struct err *e)
{
	char name[160];
	return ledger_get_mark(l, mark_name(v, account, name), us, e);
}

static int window(struct pulling *p, int64_t from_us, int64_t to_us, struct import_summary *s, struct err *e)
{
	char path[FILES_MOST][300];
	const char *paths[FILES_MOST];
	unsigned files = 0;
	int rc = 0;
	for (const struct pull_endpoint *at = p->v->endpoints; at->name && !rc && files < FILES_MOST; at++) {
		uint64_t results;
		snprintf(path[files], sizeof path[files], "%s/%u-%s.json", p->o->folder, p->r->windows, at->name);
		rc = fetch_endpoint(p, at, from_us, to_us, path[files], &results, e);
		if (rc || !results)
			continue;
		if (at->costs && p->r->costs < PULL_COSTS)
			str_copy(p->r->cost[p->r->costs++], sizeof p->r->cost[0], str_of(path[files]));
		paths[files] = path[files];
		files++;
	}
	if (!rc && files) {
		char day[TIME_TEXT], end[TIME_TEXT], called[200];
		struct import_options io = {.ledger = p->o->ledger,
					    .book = p->o->book,
					    .dry_run = p->o->dry_run,
					    .now_us = p->o->now_us,
					    .called = called,
					    .scope = p->o->account,
					    .replace_from_us = from_us,
					    .replace_to_us = to_us};
		struct import_summary *one = calloc(1, sizeof *one);
		snprintf(called, sizeof called, "pull %s %s to %s", p->v->name, time_date(from_us, day),
			 time_date(to_us - 1, end));
		rc = one ? import_paths(&io, paths, files, one, e) : err_set(e, RR_NOMEM, "out of memory");
		if (one) {
			import_summary_add(s, one);
			import_summary_fini(one);
		}
		free(one);
	}
	return rc;
}

static int set_mark(const struct pull_options *o, int64_t us, struct err *e)
{
	char name[160];
	int rc = o->dry_run ? 0 : ledger_begin(o->ledger, e);
	if (rc || o->dry_run)
		return rc;
	rc = ledger_set_mark(o->ledger, mark_name(o->vendor, o->account, name), us, e);
	if (rc) {
		ledger_rollback(o->ledger);
		return rc;
	}
	return ledger_commit(o->ledger, e);
}

/* Rule 3. */
static int open_base(struct pulling *p, const char *base, struct err *e)
{
	const struct origin *at = &p->url.origin;
	int rc = fetch_url_parse(&p->url, str_of(base), e);
	bool loopback = strcmp(at->host, "localhost") == 0 || strcmp(at->host, "::1") == 0 || strncmp(at->host, "127.",
			4) == 0;
	if (!rc && strcmp(at->scheme, "https") == 0)
		return (p->url.origin.tls = tls_client_ctx(NULL, e)) ? 0 : -RR_TLS;
	if (rc || loopback)
		return rc;
	err_set(e, RR_USAGE, "%s: the admin key would leave this machine without TLS", base);
	return err_hint(e, "name an https:// base; http:// is for loopback alone");
}

int pull_run(const struct pull_options *o, struct pull_result *r, struct import_summary *s, struct err *e)
{
	const char *base = o->base ? o->base : o->vendor->base;
	struct pulling p = {.o = o, .v = o->vendor, .r = r};
	int64_t mark = 0, from, end = day_floor(o->now_us) + US_PER_DAY;
	int rc = open_base(&p, base, e);
	memset(r, 0, sizeof *r);
	memset(s, 0, sizeof *s);
	if (!rc && snprintf(p.auth, sizeof p.auth, "%s%s", p.v->auth_prefix, o->key) >= (int)sizeof p.auth)
		rc = err_set(e, RR_CONFIG, "%s is too long to be a key", p.v->variable);
	if (!rc)
		rc = pull_last_us(o->ledger, o->vendor, o->account, &mark, e);
	from = o->since_us != INT64_MIN ? o->since_us : mark ? mark - PULL_OVERLAP_DAYS * US_PER_DAY
			: o->now_us - PULL_FIRST_DAYS * US_PER_DAY;
	from = day_floor(from);
	if (!rc && from >= end)
		rc = err_set(e, RR_USAGE, "there is nothing to pull from the future");
	if (!rc && (end - from) / US_PER_DAY > 366 * 10)
		rc = err_set(e, RR_USAGE, "more than ten years: --since a later day");
	if (!rc && !(p.fetcher = fetcher_new(e)))
		rc = -RR_NOMEM;
	p.header[p.headers++] = (struct header){str_of(p.v->auth), str_of(p.auth)};
	p.header[p.headers++] = (struct header){STR("accept"), STR("application/json")};
	for (unsigned i = 0; i < sizeof p.v->extra / sizeof *p.v->extra && p.v->extra[i].name.n; i++)
		p.header[p.headers++] = p.v->extra[i];
	fetch_answer_init(&p.answer);
	r->from_us = r->to_us = from;
	while (!rc && from < end) {
		int64_t to = from + PULL_WINDOW_DAYS * US_PER_DAY;
		to = to < end ? to : end;
		rc = window(&p, from, to, s, e);
		if (!rc)
			rc = set_mark(o, to < o->now_us ? to : o->now_us, e);
		if (!rc && !o->dry_run && to == end) {
			const struct batch_cover told[] = {
				{str_of(o->vendor->name), SIDE_USAGE, o->now_us - IMPORT_LAG_US},
				{str_of(o->vendor->name), SIDE_BILL, o->now_us - IMPORT_LAG_US}};
			rc = ledger_add_covers(o->ledger, 0, told, 2, e);
		}
		if (rc)
			break;
		r->to_us = from = to;
		r->windows++;
	}
	if (p.note[0] && s->notes < IMPORT_NOTES)
		str_copy(s->note[s->notes++], sizeof s->note[0], str_of(p.note));
	if (p.fetcher)
		fetcher_free(p.fetcher);
	fetch_answer_fini(&p.answer);
	if (p.url.origin.tls)
		tls_ctx_free(p.url.origin.tls);
	explicit_bzero(p.auth, sizeof p.auth);
	return rc;
}
