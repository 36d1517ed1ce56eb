/* SPDX-License-Identifier: Apache-2.0
 *
 * Configuration: every kind of field, and every refusal with its place, its caret and its next step.
 */
#include <stddef.h>

#include "base/conf.h"
#include "t.h"

struct item {
	struct str name;
	uint64_t count;
};
struct limits {
	uint64_t head;
	int64_t idle;
};
struct thing {
	struct str listen;
	bool hard, count_given;
	struct conf_secret key;
	uint64_t count;
	double ratio, share;
	struct conf_money amount;
	int64_t from, wait;
	uint64_t size;
	unsigned mode;
	struct conf_range range;
	struct limits limits;
	struct conf_array items, models;
	struct conf_node *shares;
};

static const struct conf_field item_fields[] = {
	{.name = "name", .kind = CONF_STR, .offset = offsetof(struct item, name), .required = true},
	{.name = "count", .kind = CONF_U64, .offset = offsetof(struct item, count), .fallback = "7"},
	{.name = NULL},
};
static const struct conf_field limit_fields[] = {
	{.name = "head", .kind = CONF_BYTES, .offset = offsetof(struct limits, head), .fallback = "32 KiB", .least = 1024, .most = 1 << 20},
	{.name = "idle", .kind = CONF_DURATION, .offset = offsetof(struct limits, idle), .fallback = "75s"},
	{.name = NULL},
};
static const struct conf_field fields[] = {
	{.name = "listen", .kind = CONF_STR, .offset = offsetof(struct thing, listen), .fallback = "127.0.0.1:7300"},
	{.name = "hard", .kind = CONF_BOOL, .offset = offsetof(struct thing, hard)},
	{.name = "key", .kind = CONF_SECRET, .offset = offsetof(struct thing, key)},
	{.name = "count", .kind = CONF_U64, .offset = offsetof(struct thing, count), .most = 1000000, .fallback = "5",
	 .given_offset = offsetof(struct thing, count_given)},
	{.name = "ratio", .kind = CONF_NUM, .offset = offsetof(struct thing, ratio), .unit = "tokens"},
	{.name = "share", .kind = CONF_SHARE, .offset = offsetof(struct thing, share)},
	{.name = "amount", .kind = CONF_MONEY, .offset = offsetof(struct thing, amount)},
	{.name = "from", .kind = CONF_TIME, .offset = offsetof(struct thing, from)},
	{.name = "wait", .kind = CONF_DURATION, .offset = offsetof(struct thing, wait)},
	{.name = "size", .kind = CONF_BYTES, .offset = offsetof(struct thing, size)},
	{.name = "mode", .kind = CONF_ENUM, .offset = offsetof(struct thing, mode), .choices = "off|advise|on", .fallback = "advise"},
	{.name = "range", .kind = CONF_RANGE, .offset = offsetof(struct thing, range)},
	{.name = "limits", .kind = CONF_STRUCT, .offset = offsetof(struct thing, limits), .fields = limit_fields},
	{.name = "items", .kind = CONF_STRUCTS, .offset = offsetof(struct thing, items), .fields = item_fields, .size = sizeof(struct item)},
	{.name = "models", .kind = CONF_STRS, .offset = offsetof(struct thing, models)},
	{.name = "shares", .kind = CONF_NODE, .offset = offsetof(struct thing, shares)},
	{.name = NULL},
};

static struct arena arena;
static struct conf_doc doc;
static struct thing thing;
static struct sb text;

/* Parses and binds; returns the errors' text ("" = none). */
static const char *load_bytes(struct str s)
{
	int rc;
	arena_fini(&arena);
	arena_init(&arena, 8 << 20);
	sb_fini(&text);
	sb_init(&text, 1 << 20);
	memset(&thing, 0, sizeof thing);
	rc = conf_parse(&doc, &arena, s, "runrate.yaml");
	if (!rc)
		rc = conf_bind(&doc, doc.root, fields, &thing);
	T_EQ_I(rc, doc.errors ? -RR_CONFIG : 0);
	conf_errors_text(&doc, &text);
	return text.p ? text.p : "";
}

static const char *load(const char *s)
{
	return load_bytes(str_of(s));
}

TEST(every_kind_is_bound)
{
	setenv("RR_TEST_KEY", "sk-abc", 1);
	T_EQ_S(load("listen: 0.0.0.0:80\nhard: on\nkey: \"${RR_TEST_KEY}\"\ncount: 50k\nratio: -1.5e3\nshare: 30%\n"
		    "amount: 200 GBP\nfrom: 2026-10-01\nwait: 1h30m\nsize: 64 KiB\nmode: off\nrange: {low: 1, mode: 2, high: 4}\n"
		    "limits: {head: 2KiB}\nitems:\n  - {name: a}\n  - name: 'b: c'\n    count: 9\nmodels: [x, \"y,z\"]\n"
		    "shares: {prefix: 0.5, rest: 0.5}\n"), "");
	T_TRUE(str_eqc(thing.listen, "0.0.0.0:80") && thing.hard && thing.count_given);
	T_TRUE(str_eqc(thing.key.hidden, "sk-abc"));
	T_EQ_I(thing.count, 50000);
	T_NEAR(thing.ratio, -1500, 0);
	T_NEAR(thing.share, 0.3, 0);
	T_TRUE(thing.amount.pico == 200 * PICO_PER_UNIT && strcmp(thing.amount.currency.code, "GBP") == 0);
	T_EQ_I(thing.from, INT64_C(1790812800000000));
	T_EQ_I(thing.wait, INT64_C(5400000000));
	T_EQ_I(thing.size, 65536);
	T_EQ_I(thing.mode, 0);
	T_NEAR(thing.range.high, 4, 0);
	T_EQ_I(thing.limits.head, 2048);
	T_EQ_I(thing.limits.idle, 75000000);
	T_EQ_I(thing.items.count, 2);
	T_TRUE(str_eqc(((struct item *)thing.items.items)[1].name, "b: c") && ((struct item *)thing.items.items)[0].count == 7);
	T_EQ_I(thing.models.count, 2);
	T_TRUE(str_eqc(((struct str *)thing.models.items)[1], "y,z"));
	T_TRUE(str_eqc(conf_get(thing.shares, "rest")->scalar, "0.5"));
}

TEST(defaults_stand_where_nothing_is_given)
{
	static const char *const empty[] = {"", "\n", "# only a comment\n", "{}", "---\n", "\xEF\xBB\xBF"};
	for (size_t i = 0; i < sizeof empty / sizeof *empty; i++) {
		T_EQ_S(load(empty[i]), "");
		T_TRUE(str_eqc(thing.listen, "127.0.0.1:7300") && thing.count == 5 && thing.mode == 1 && thing.limits.head == 32768);
		T_TRUE(!thing.count_given);
	}
}

TEST(json_is_yaml)
{
	T_EQ_S(load("{\"listen\": \"h:1\", \"count\": 12, \"items\": [{\"name\": \"a\\u00e9\", \"count\": 3}],\n\t\"share\": 0.25, \"hard\": true}"), "");
	T_TRUE(str_eqc(((struct item *)thing.items.items)[0].name, "a\xC3\xA9"));
	T_EQ_I(thing.count, 12);
	T_TRUE(thing.hard);
}

TEST(an_unknown_key_is_named_with_the_nearest)
{
	T_EQ_S(load("count: 1\nlisten: a\nlimits:\n  haed: 5\n"),
	       "runrate.yaml:4:3: unknown key 'haed'\n"
	       "      haed: 5\n"
	       "      ^\n"
	       "  next: did you mean head?\n");
	T_EQ_S(load("zebra: 5\n"), "runrate.yaml:1:1: unknown key 'zebra'\n    zebra: 5\n    ^\n");
	T_EQ_S(load("h\xC3\xA4rd: {a: \xC3\xA9, coumt: 5}\n"), "runrate.yaml:1:1: unknown key 'h\xC3\xA4rd'\n    h\xC3\xA4rd: {a: \xC3\xA9, coumt: 5}\n    ^\n"
								   "  next: did you mean hard?\n");
	T_EQ_S(load("limits: {x\xC3\xA9: 1, idel: 5}\n"), "runrate.yaml:1:10: unknown key 'x\xC3\xA9'\n    limits: {x\xC3\xA9: 1, idel: 5}\n             ^\n"
							"runrate.yaml:1:18: unknown key 'idel'\n    limits: {x\xC3\xA9: 1, idel: 5}\n                    ^\n"
							"  next: did you mean idle?\n");
}

/* The first error has that place and those words. */
static void refused(const char *yaml, const char *place, const char *words)
{
	const char *got = load(yaml);
	size_t n = strlen(place);
	bool ok = strncmp(got, "runrate.yaml:", 13) == 0 && strncmp(got + 13, place, n) == 0 && got[13 + n] == ':' && strstr(got, words);
	if (!ok)
		printf("  '%s': %s:%s\n  wanted at %s: %s\n", yaml, "got", got, place, words);
	T_TRUE(ok);
	for (unsigned i = 0; i < doc.errors; i++)
		T_EQ_I(doc.error[i].code, RR_CONFIG);
}

TEST(what_yaml_can_do_beyond_data_is_refused)
{
	refused("count: 1\ncount: 2\n", "2:1", "stands twice");
	refused("limits: {head: 2k, head: 3k}\n", "1:20", "the first one is on line 1");
	refused("a: &x 5\n", "1:4", "anchors and aliases");
	refused("a: *x\n", "1:4", "anchors and aliases");
	refused("models: &m [a]\nshares: *m\n", "1:9", "anchors and aliases");
	refused("shares:\n  <<: *m\n", "2:7", "anchors and aliases");
	refused("count: 1\n---\ncount: 2\n", "2:1", "second document");
	refused("count: !!int 5\n", "1:8", "tags are not taken");
	refused("count: ! 5\n", "1:8", "tags are not taken");
	refused("shares: !python/object:os.system {}\n", "1:9", "tags are not taken");
	refused("%TAG ! tag:x,2000:\n---\na: 1\n", "1:1", "tags are not taken");
	refused("? [a, b]\n: 5\n", "1:3", "a key must be text");
	refused("\"\": 5\n", "1:1", "a key is empty");
	refused("a: [1, 2\n", "2:1", "not well formed");
	refused("a:\n\t- b\n", "2:1", "indent with blanks");
	refused("- a\n", "1:1", "a list where a map is wanted");
	refused("just text\n", "1:1", "a single value where a map is wanted");
}

TEST(depth_has_a_limit)
{
	char deep[200] = "shares: ";
	for (int i = 0; i < 31; i++)
		strcat(deep, "[");
	strcat(deep, "1");
	for (int i = 0; i < 31; i++)
		strcat(deep, "]");
	T_EQ_S(load(deep), "");
	strcpy(deep, "shares: ");
	for (int i = 0; i < 32; i++)
		strcat(deep, "[");
	refused(deep, "1:40", "deeper than 32");
}

TEST(bytes_that_are_no_text_are_refused)
{
	struct str nul = {"count: 5\nlis\0ten: 6\n", 20};
	T_TRUE(strstr(load_bytes(nul), "runrate.yaml:2:4: a NUL byte") != NULL);
	refused("count: 5\nlisten: \xFF\n", "2:9", "not UTF-8");
	refused("listen: \xED\xA0\x80\n", "1:9", "not UTF-8");
	T_TRUE(strstr(load_bytes((struct str){"\xFF\xFE" "a\0:\0 \0" "1\0", 10}), "not UTF-8") != NULL);
}

TEST(values_of_the_wrong_kind_are_refused)
{
	refused("count: 600s\n", "1:8", "'s' is no known suffix");
	refused("count: 1_000\n", "1:8", "grouped by commas only");
	refused("count: 0x10\n", "1:8", "no known suffix");
	refused("count: 010\n", "1:8", "decimal or as octal");
	refused("count: 1:30\n", "1:8", "suffix");
	refused("count: .inf\n", "1:8", "not a number");
	refused("count: \"5\"\n", "1:8", "the quotes make this text");
	refused("count: 1.5\n", "1:8", "not a whole number");
	refused("count: -1\n", "1:8", "not between 0 and");
	refused("count: 2M\n", "1:8", "not between 0 and 1000000");
	refused("count: [5]\n", "1:1", "this is a list");
	refused("count:\nlisten: x\n", "1:7", "there is no value");
	refused("count: ~\n", "1:8", "there is no value");
	refused("count: null\n", "1:8", "there is no value");
	refused("listen: {a: b}\n", "1:1", "this is a map");
	refused("hard: maybe\n", "1:7", "neither true nor false");
	refused("hard: \"true\"\n", "1:7", "the quotes");
	refused("share: 30\n", "1:8", "between 0 and 1");
	refused("amount: 1,23 GBP\n", "1:9", "1.23 or as 123");
	refused("from: 1/10/2026\n", "1:7", "not a date");
	refused("wait: 5 parsecs\n", "1:7", "not a length of time");
	refused("size: big\n", "1:7", "not a size");
	refused("mode: advize\n", "1:7", "did you mean advise?");
	refused("mode: 1\n", "1:7", "mode is one of off, advise, on");
	refused("limits: {head: 5}\n", "1:16", "not between 1024 and 1048576");
	refused("limits: 5\n", "1:9", "this is a single value");
	refused("items: {name: a}\n", "1:1", "this is a map");
	refused("items: [a]\n", "1:9", "not a map");
	refused("items: [{count: 1}]\n", "1:9", "'name' is missing");
	refused("models: [{a: b}]\n", "1:10", "not text");
	refused("range: {low: 1, high: 2}\n", "1:1", "low, mode and high");
	refused("range: {low: 3, mode: 2, high: 4}\n", "1:1", "in that order");
	refused("range: {low: 1, mode: 2, high: 4, max: 5}\n", "1:35", "unknown key 'max'");
	refused("ratio: many\n", "1:8", "not a number");
}

TEST(variables_only_in_secrets)
{
	refused("listen: ${HOME}\n", "1:9", "only in secrets");
	unsetenv("RR_TEST_UNSET");
	refused("key: ${RR_TEST_UNSET}\n", "1:6", "RR_TEST_UNSET is not set");
	setenv("RR_TEST_EMPTY", "", 1);
	refused("key: \"${RR_TEST_EMPTY}\"\n", "1:6", "RR_TEST_EMPTY is empty");
	refused("key: $HOME\n", "1:6", "written ${NAME}");
	refused("key: ${HOME\n", "1:6", "written ${NAME}");
	refused("key: ${HOME:-x}\n", "1:6", "written ${NAME}");
	refused("key: \"\"\n", "1:6", "cannot be empty");
	setenv("RR_TEST_LINE", "abc\n", 1);
	refused("key: ${RR_TEST_LINE}\n", "1:6", "control character");
	setenv("RR_TEST_KEY", "b", 1);
	T_EQ_S(load("key: a-${RR_TEST_KEY}-c\n"), "");
	T_TRUE(str_eqc(thing.key.hidden, "a-b-c"));
}

TEST(errors_do_not_show_secrets)
{
	static const char *const yamls[] = {"{key: sk-hunter2, zebra: 1}", "api_key: \"sk-hunter2\"\nkey: sk-hunter2\nzebra: [",
		"{\"key\": \"sk-hunter2\", \"zebra\": 1}", "items: [{name: a, secret: 'sk-hunter2'}]", "my-TOKEN: sk-hunter2\n", "Password : sk-hunter2\n",
		"key: [sk-hunter2]"};
	for (size_t i = 0; i < sizeof yamls / sizeof *yamls; i++) {
		const char *got = load(yamls[i]);
		T_TRUE(got[0] && !strstr(got, "hunter2"));
	}
	T_TRUE(strstr(load("{key: \"${RR_TEST_UNSET}\"}"), "    {key: \"${RR_TEST_UNSET}\"}\n") != NULL);
}

TEST(up_to_twenty_errors)
{
	struct sb many;
	unsigned lines = 0;
	sb_init(&many, 10000);
	for (int i = 0; i < 30; i++)
		sb_addf(&many, "bad%d: 1\n", i);
	load(many.p);
	T_EQ_I(doc.errors, 20);
	for (const char *p = text.p; (p = strstr(p, "unknown key")); p++)
		lines++;
	T_EQ_I(lines, 20);
	T_TRUE(strstr(text.p, "may be more") != NULL);
	sb_fini(&many);
	load("count: x\nshare: 5\nmode: z\nlisten: ${A}\n"); /* one run tells of all four */
	T_EQ_I(doc.errors, 4);
}

TEST(long_lines_show_the_part_that_matters)
{
	struct sb line;
	const char *got;
	sb_init(&line, 10000);
	sb_adds(&line, "{listen: \"");
	for (int i = 0; i < 300; i++)
		sb_adds(&line, "ab");
	sb_adds(&line, "\", zebra: 1}");
	got = load(line.p);
	T_TRUE(strstr(got, "zebra: 1}\n") != NULL);
	for (struct str rest = str_of(got); rest.p;) {
		struct str l = str_cut(&rest, '\n');
		T_TRUE(l.n <= 90);
	}
	sb_fini(&line);
}

static void visit(const char *path, const struct conf_field *f, const struct conf_node *node, void *arg)
{
	sb_addf(arg, "%s=%s ", path, node ? "file" : f->fallback ? f->fallback : "-");
}

TEST(every_setting_can_be_listed)
{
	struct sb out;
	sb_init(&out, 10000);
	load("limits: {head: 2k}\nitems: [{name: a}, {name: b, count: 2}]\n");
	conf_each(doc.root, fields, visit, &out);
	T_TRUE(strstr(out.p, "listen=127.0.0.1:7300 ") == out.p);
	T_TRUE(strstr(out.p, "limits.head=file limits.idle=75s items[0].name=file items[0].count=7 items[1].name=file items[1].count=file models=- "));
	sb_fini(&out);
}

TEST(many_small_documents_leave_nothing_behind)
{
	for (int i = 0; i < 200; i++)
		load(i % 2 ? "a: [1, {b: c" : "items: [{name: a}, {name: b}]");
	arena_fini(&arena);
	sb_fini(&text);
}

T_MAIN
