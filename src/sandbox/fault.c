/* SPDX-License-Identifier: Apache-2.0
 *
 * See fault.h.
 */
#include "sandbox/fault.h"

#include <stdlib.h>

#include "base/conf.h"
#include "base/fs.h"
#include "base/json.h"

enum { RULES_MOST = 10000, SCRIPT_BYTES = 16 * 1024 * 1024 };

static const struct {
	const char *name;
	uint64_t arg; /* when none is given */
} names[FAULTS] = {
	[FAULT_STATUS] = {"status", 0},
	[FAULT_ERROR_MID] = {"error-mid", 0},
	[FAULT_ERROR200] = {"error200", 0},
	[FAULT_HTML] = {"html", 502},
	[FAULT_REDIRECT] = {"redirect", 307},
	[FAULT_USAGE_MISSING] = {"usage-missing", 0},
	[FAULT_USAGE_ZERO] = {"usage-zero", 0},
	[FAULT_USAGE_HUGE] = {"usage-huge", 0},
	[FAULT_USAGE_TWICE] = {"usage-twice", 0},
	[FAULT_NO_DONE] = {"no-done", 0},
	[FAULT_BIG_EVENT] = {"big-event", 8 * 1024 * 1024 - 4096},
	[FAULT_CRLF] = {"crlf", 0},
	[FAULT_CR] = {"cr", 0},
	[FAULT_BOM] = {"bom", 0},
	[FAULT_COMMENTS] = {"comments", 0},
	[FAULT_SPLIT] = {"split", 1},
	[FAULT_GZIP] = {"gzip", 0},
	[FAULT_1XX] = {"1xx", 100},
	[FAULT_SLOW_HEAD] = {"slow-head", 10},
	[FAULT_SLOW_BODY] = {"slow-body", 10},
	[FAULT_HTTP10] = {"http10", 0},
	[FAULT_TRUNCATED] = {"truncated", 0},
	[FAULT_BAD_CHUNK] = {"bad-chunk", 0},
	[FAULT_LENGTH_SHORT] = {"length-short", 0},
	[FAULT_LENGTH_LONG] = {"length-long", 0},
	[FAULT_LENGTH_TWICE] = {"length-twice", 0},
	[FAULT_BAD_HEAD] = {"bad-head", 0},
	[FAULT_FAILED] = {"failed", 0},
	[FAULT_RST] = {"rst", 0},
	[FAULT_CLOSE] = {"close", 0},
	[FAULT_STALL] = {"stall", 0},
	[FAULT_RST_EARLY] = {"rst-early", 0},
	[FAULT_CLOSE_EARLY] = {"close-early", 0},
	[FAULT_STALL_EARLY] = {"stall-early", 0},
};

static void add(struct faults *f, enum fault which, uint64_t arg, bool given)
{
	f->on |= UINT64_C(1) << which;
	f->arg[which] = arg;
	f->arg_given[which] = given;
}

/* "0.25" seconds in thousandths. */
static int parse_milli(struct str s, uint64_t *milli)
{
	struct str rest = s, whole = str_cut(&rest, '.');
	uint64_t fraction = 0, scale = 100;
	int rc = str_u64(whole, milli);
	if (rc || *milli > UINT64_MAX / 2000)
		return rc ? rc : -RR_RANGE;
	*milli *= 1000;
	for (size_t i = 0; rest.p && i < rest.n && i < 3; i++, scale /= 10) {
		if (rest.p[i] < '0' || rest.p[i] > '9')
			return -RR_SYNTAX;
		fraction += (uint64_t)(rest.p[i] - '0') * scale;
	}
	*milli += fraction;
	return 0;
}

static int parse_one(struct faults *f, struct str one)
{
	struct str arg = one, name = str_cut(&arg, ':');
	uint64_t value = 0, status;
	bool given = arg.p && arg.n;
	if (str_u64(name, &status) == 0) {
		if (status < 400 || status > 599 || (given && parse_milli(arg, &value)))
			return -RR_SYNTAX;
		f->status = (unsigned)status;
		add(f, FAULT_STATUS, value, given);
		return 0;
	}
	for (enum fault i = 0; i < FAULTS; i++) {
		if (i == FAULT_STATUS || !str_eqc(name, names[i].name))
			continue;
		if (given && str_u64(arg, &value))
			return -RR_SYNTAX;
		add(f, i, given ? value : names[i].arg, given);
		return 0;
	}
	return -RR_SYNTAX;
}

int faults_parse(struct faults *f, struct str text, struct str *bad)
{
	struct str rest = text;
	while (rest.p) {
		struct str one = str_trim(str_cut(&rest, '+'));
		if (one.n && parse_one(f, one)) {
			if (bad)
				*bad = one;
			return -RR_SYNTAX;
		}
	}
	return 0;
}

/* ---- scripts */

struct rule {
	struct str path, model, fault;
	uint64_t nth, every, from, to; /* 0 = not asked for */
	uint64_t times;                /* 0 = always */
	uint64_t seen, done;
};

struct script {
	struct arena arena;
	struct sb text;
	struct rule *rule;
	unsigned rules;
};

static int check_rule(struct script *s, struct rule *r, const char *path, unsigned line, struct err *e)
{
	struct faults f = {0};
	struct str bad;
	if (faults_parse(&f, r->fault, &bad)) {
		err_set(e, RR_CONFIG, "there is no fault '%.*s'", STR_ARG(bad));
		return err_at(e, path, line, 0);
	}
	if (!r->fault.n) {
		err_set(e, RR_CONFIG, "a rule needs a 'fault'");
		return err_at(e, path, line, 0);
	}
	(void)s;
	return 0;
}

static struct str text_of(struct script *s, struct json v)
{
	struct sb b;
	struct str out;
	sb_init(&b, 4096);
	json_string(v, &b);
	out = arena_str(&s->arena, sb_str(&b));
	sb_fini(&b);
	return out;
}

static int load_json_lines(struct script *s, const char *path, struct err *e)
{
	struct str rest = sb_str(&s->text);
	unsigned line = 0;
	while (rest.p) {
		struct str one = str_trim(str_cut(&rest, '\n'));
		struct json_fault fault;
		struct json top, match;
		struct rule *r = &s->rule[s->rules];
		line++;
		if (!one.n || one.p[0] == '#')
			continue;
		if (json_parse(one, &top, &fault)) {
			err_set(e, RR_CONFIG, "not JSON: %s", fault.what);
			return err_at(e, path, line, (unsigned)fault.at + 1);
		}
		match = json_get(top, "match");
		r->path = text_of(s, json_get(match, "path"));
		r->model = text_of(s, json_get(match, "model"));
		r->fault = text_of(s, json_get(top, "fault"));
		r->nth = json_u64_or0(json_get(match, "nth"));
		r->every = json_u64_or0(json_get(match, "every"));
		r->from = json_u64_or0(json_get(match, "from"));
		r->to = json_u64_or0(json_get(match, "to"));
		r->times = json_u64_or0(json_get(top, "times"));
		if (check_rule(s, r, path, line, e))
			return -RR_CONFIG;
		if (++s->rules == RULES_MOST)
			return err_set(e, RR_LIMIT, "a script has at most %d rules", RULES_MOST);
	}
	return 0;
}

static int load_yaml(struct script *s, const char *path, struct err *e)
{
	static const struct conf_field match_fields[] = {
		{"path", CONF_STR, offsetof(struct rule, path)},
		{"model", CONF_STR, offsetof(struct rule, model)},
		{"nth", CONF_U64, offsetof(struct rule, nth)},
		{"every", CONF_U64, offsetof(struct rule, every)},
		{"from", CONF_U64, offsetof(struct rule, from)},
		{"to", CONF_U64, offsetof(struct rule, to)},
		{NULL},
	};
	static const struct conf_field fields[] = {
		{"match", CONF_STRUCT, 0, .fields = match_fields},
		{"fault", CONF_STR, offsetof(struct rule, fault), .required = true},
		{"times", CONF_U64, offsetof(struct rule, times)},
		{NULL},
	};
	struct conf_doc doc = {0};
	int rc = conf_parse(&doc, &s->arena, sb_str(&s->text), path);
	if (!rc && (!doc.root || doc.root->type != CONF_LIST))
		return err_set(e, RR_CONFIG, "%s: a script is a list of rules", path);
	for (struct conf_node *n = rc ? NULL : doc.root->first; n && s->rules < RULES_MOST && !rc; n = n->next) {
		rc = conf_bind(&doc, n, fields, &s->rule[s->rules]);
		if (!rc && check_rule(s, &s->rule[s->rules++], path, n->line, e))
			return -RR_CONFIG;
	}
	if (rc && e)
		*e = doc.error[0];
	return rc;
}

struct script *script_load(const char *path, struct err *e)
{
	struct script *s = calloc(1, sizeof *s);
	int rc = -RR_NOMEM;
	if (!s) {
		err_set(e, RR_NOMEM, "no memory for a script");
		return NULL;
	}
	arena_init(&s->arena, 4 * SCRIPT_BYTES);
	sb_init(&s->text, SCRIPT_BYTES);
	s->rule = calloc(RULES_MOST, sizeof *s->rule);
	if (!s->rule)
		err_set(e, RR_NOMEM, "no memory for a script");
	else if (!(rc = fs_read(path, &s->text, e)))
		rc = str_starts(str_trim(sb_str(&s->text)), STR("{")) ? load_json_lines(s, path, e)
								      : load_yaml(s, path, e);
	if (rc) {
		script_free(s);
		return NULL;
	}
	return s;
}

void script_apply(struct script *s, struct str path, struct str model, struct faults *f)
{
	struct rule *hit = NULL;
	for (unsigned i = 0; s && i < s->rules; i++) {
		struct rule *r = &s->rule[i];
		if ((r->path.n && !str_contains(path, r->path)) || (r->model.n && !str_contains(model, r->model)))
			continue;
		r->seen++;
		if (hit || (r->times && r->done >= r->times) || (r->nth && r->seen != r->nth) ||
		    (r->every && r->seen % r->every) || (r->from && r->seen < r->from) || (r->to && r->seen > r->to))
			continue;
		hit = r;
	}
	if (hit) {
		hit->done++;
		faults_parse(f, hit->fault, NULL);
	}
}

void script_free(struct script *s)
{
	if (!s)
		return;
	free(s->rule);
	sb_fini(&s->text);
	arena_fini(&s->arena);
	free(s);
}
