/* SPDX-License-Identifier: Apache-2.0
 *
 * The gateway's configuration: the documented example, the defaults, and every rule that looks at more than one key.
 */
#include "base/intern.h"
#include "gate/config.h"
#include "t.h"

static struct arena arena;
static struct gate_config conf;
static struct sb errors;

static const char *load(const char *yaml)
{
	int rc;
	arena_fini(&arena);
	arena_init(&arena, 8 << 20);
	sb_fini(&errors);
	sb_init(&errors, 1 << 20);
	rc = gate_config_parse(str_of(yaml), "runrate.yaml", &arena, &conf, &errors);
	T_EQ_I(rc, errors.n ? -RR_CONFIG : 0);
	return errors.p ? errors.p : "";
}

/* The example of the contract, as it stands there. */
static const char example[] =
	"# runrate.yaml: everything is optional; unknown keys are errors with their place\n"
	"listen: 127.0.0.1:7300\n"
	"admin: 127.0.0.1:7301\n"
	"ledger: ~/.local/share/runrate/ledger.db\n"
	"durability: group\n"
	"currency: {report: GBP, rates: [{pair: USD/GBP, rate: \"0.7692\", from: 2026-10-01}]}\n"
	"upstreams:\n"
	"  - {name: openai, dialect: openai, base: https://api.openai.com, key: \"${OPENAI_API_KEY}\", region: us}\n"
	"  - {name: anthropic, dialect: anthropic, base: https://api.anthropic.com, key: \"${ANTHROPIC_API_KEY}\", region: us}\n"
	"  - {name: local, dialect: openai, base: http://127.0.0.1:8000, region: own, gpu_rate_per_hour: \"2.50 USD\"}\n"
	"caps:\n"
	"  - {book: inference, team: search, amount: \"200 GBP\", window: month, tz: Europe/London, hard: true}\n"
	"  - {book: training, amount: \"2000 GBP\", jobs: 2, window: quarter, hard: true}\n"
	"levers: {cache: advise, respond: off, batch: on, route: off}\n"
	"alerts: [{when: \"forecast > plan\", url: https://example.org/hook}]\n";

TEST(the_documented_example_is_read)
{
	setenv("OPENAI_API_KEY", "sk-one", 1);
	setenv("ANTHROPIC_API_KEY", "sk-two", 1);
	T_EQ_S(load(example), "");
	T_EQ_S(conf.listen, "127.0.0.1:7300");
	T_TRUE(!conf.require_keys && conf.durability == DURABILITY_GROUP && conf.workers >= 1);
	T_EQ_S(conf.report_currency.code, "GBP");
	T_EQ_I(conf.rate_count, 1);
	T_TRUE(conf.rates[0].rate_pico == INT64_C(769200000000) && conf.rates[0].from_us == INT64_C(1790812800000000));
	T_EQ_S(conf.rates[0].from.code, "USD");
	T_EQ_I(conf.upstream_count, 3);
	T_TRUE(str_eqc(secret_reveal(&conf.upstreams[1].key), "sk-two") && conf.upstreams[1].api == API_ANTHROPIC);
	T_TRUE(secret_reveal(&conf.upstreams[2].key).n == 0 && conf.upstreams[2].gpu_rate_per_hour.pico == 2500000000000);
	T_TRUE(str_eqc(conf.upstreams[2].region, "own"));
	T_EQ_I(conf.cap_count, 2);
	T_TRUE(conf.caps[0].book == BOOK_INFERENCE && conf.caps[0].rule.hard && conf.caps[0].rule.window == WINDOW_MONTH);
	T_EQ_S(conf.caps[0].rule.tz, "Europe/London");
	T_TRUE(str_eqc(intern_str(conf.caps[0].rule.scope.team), "search") && conf.caps[0].rule.scope.key == 0);
	T_TRUE(conf.caps[0].rule.amount_pico == 200 * PICO_PER_UNIT && conf.caps[0].rule.tokens == UINT64_MAX);
	T_TRUE(conf.caps[1].book == BOOK_TRAINING && conf.caps[1].rule.jobs == 2);
	T_EQ_S(conf.caps[1].rule.id, "conf-2");
	T_TRUE(conf.levers.cache == LEVER_ADVISE && conf.levers.batch == LEVER_ON && conf.levers.route == LEVER_OFF);
	T_EQ_I(conf.alert_count, 1);
}

TEST(without_a_file_there_are_three_vendors)
{
	T_EQ_S(load(""), "");
	T_EQ_I(conf.upstream_count, 3);
	for (unsigned i = 0; i < 3; i++) {
		T_TRUE(str_eqc(conf.upstreams[i].name, vendor_api_name(conf.upstreams[i].api)));
		T_TRUE(str_starts(conf.upstreams[i].base, STR("https://")) && !secret_reveal(&conf.upstreams[i].key).n);
	}
	T_TRUE(memcmp(&conf.limits, &http_limits_default, sizeof conf.limits) == 0); /* the same numbers at both places */
	T_EQ_I(conf.drain.time_us, 60000000);
	T_EQ_I(conf.drain.bytes, 4 << 20);
	T_TRUE(!conf.require_keys && !conf.unpriced_block && !conf.ledger && conf.log_level == LOG_INFO && !conf.log_json);
	T_EQ_I(conf.max_memory_bytes, 0);
}

static void refused(const char *yaml, const char *words)
{
	const char *got = load(yaml);
	if (!strstr(got, words))
		printf("  %s -> %s wanted: %s\n", yaml, got, words);
	T_TRUE(strstr(got, words) != NULL);
}

TEST(keys_are_required_beyond_loopback)
{
	static const char *const near[] = {"127.0.0.1:1", "127.9.9.9:1", "\"[::1]:1\"", "localhost:1", "unix:/run/r.sock"};
	static const char *const far[] = {"0.0.0.0:1", "\"[::]:1\"", "10.0.0.1:1", "gateway.example:1", "127.example.org:1", "128.0.0.1:1",
					 "0127.0.0.1:1", "127.0.0.1.example.org:1", "127.0.0.256:1"};
	char yaml[200];
	for (size_t i = 0; i < sizeof near / sizeof *near; i++) {
		snprintf(yaml, sizeof yaml, "listen: %s\n", near[i]);
		T_EQ_S(load(yaml), "");
		T_TRUE(!conf.require_keys);
		snprintf(yaml, sizeof yaml, "listen: %s\nrequire_keys: true\n", near[i]);
		T_EQ_S(load(yaml), "");
		T_TRUE(conf.require_keys);
	}
	for (size_t i = 0; i < sizeof far / sizeof *far; i++) {
		snprintf(yaml, sizeof yaml, "listen: %s\n", far[i]);
		T_EQ_S(load(yaml), "");
		T_TRUE(conf.require_keys);
		snprintf(yaml, sizeof yaml, "listen: %s\nrequire_keys: false\n", far[i]);
		refused(yaml, "runrate.yaml:2:15: require_keys: cannot be off");
		snprintf(yaml, sizeof yaml, "admin: %s\n", far[i]);
		refused(yaml, "runrate.yaml:1:8: admin:");
	}
	T_EQ_S(load(""), "");
	T_EQ_I(gate_config_use_listen(&conf, "0.0.0.0:80", NULL), 0);
	T_TRUE(conf.require_keys);
	T_EQ_I(gate_config_use_listen(&conf, "80", NULL), -RR_USAGE);
	T_EQ_I(gate_config_use_admin(&conf, "0.0.0.0:80", NULL), -RR_USAGE);
	T_EQ_I(gate_config_use_admin(&conf, "unix:/run/x", NULL), 0);
}

TEST(rules_over_several_keys)
{
	unsetenv("RR_NO_SUCH_KEY");
	refused("listen: 7300\n", "no address to listen on");
	refused("listen: 127.0.0.1:70000\n", "no address to listen on");
	refused("listen: ::1:80\n", "no address to listen on");
	refused("tls: {cert: a.pem}\n", "cert and key stand together");
	refused("upstreams: []\n", "there is none");
	refused("upstreams: [{name: a}]\n", "a name, a dialect and a base");
	refused("upstreams: [{name: A/b, dialect: openai, base: http://h}]\n", "small letters");
	refused("upstreams: [{name: a, dialect: openai, base: http://h}, {name: a, dialect: gemini, base: http://i}]\n", "two upstreams bear");
	refused("upstreams: [{name: a, dialect: openai, base: ftp://h}]\n", "1:46: base:");
	refused("upstreams: [{name: a, dialect: openai, base: https://h/v1}]\n", "without /v1");
	refused("upstreams: [{name: a, dialect: opanai, base: http://h}]\n", "did you mean openai?");
	refused("upstreams: [{name: a, dialect: openai, base: http://h, key: \"${RR_NO_SUCH_KEY}\"}]\n", "RR_NO_SUCH_KEY is not set");
	refused("upstreams: [{name: a, dialect: openai, base: http://h, discount: 1.5}]\n", "between 0 and 1");
	refused("upstreams: [{name: a, dialect: openai, base: http://h, discount: 0.00000004}]\n", "one millionth");
	refused("upstreams: [{name: a, dialect: openai, base: https://h, ca: /nonexistent.pem}]\n", "cannot be read");
	refused("currency: {report: POUNDS STERLING}\n", "no currency code");
	refused("currency: {rates: [{pair: USDGBP, rate: \"1\"}]}\n", "two currency codes");
	refused("currency: {rates: [{pair: USD/USD, rate: \"1\"}]}\n", "two currency codes");
	refused("currency: {rates: [{pair: USD/GBP, rate: \"0\"}]}\n", "above 0");
	refused("currency: {rates: [{pair: USD/GBP, rate: \"0.1234567890123\"}]}\n", "12 decimals");
	refused("currency: {rates: [{pair: USD/GBP}]}\n", "a pair and a rate");
	refused("currency: {rates: [{pair: USD/GBP, rate: \"1\"}, {pair: USD/GBP, rate: \"2\"}]}\n", "same pair and day");
	refused("caps: [{team: a}]\n", "an amount, tokens or jobs");
	refused("caps: [{amount: 200}]\n", "which currency?");
	refused("caps: [{tokens: 5, jobs: 2}]\n", "jobs belong to training");
	refused("caps: [{book: training, tokens: 5}]\n", "counts jobs");
	refused("caps: [{tokens: 5, tz: Europe/Lodnon}]\n", "did you mean Europe/London?");
	refused("caps: [{tokens: 5, window: fortnight}]\n", "window is one of hour, day");
	refused("caps: [{amount: \"-5 GBP\"}]\n", "not between 0");
	refused("alerts: [{when: x}]\n", "a condition (when) and a url");
	refused("alerts: [{when: x, url: file:///etc/passwd}]\n", "https://");
	refused("pull: [{vendor: openai, every: 1s}]\n", "every");
	refused("pull: [{vendor: opnai}]\n", "did you mean");
	refused("pull: [{vendor: openai, base: http://vendor.example}]\n", "https:// is wanted");
	refused("pull: [{vendor: openai}, {vendor: openai}]\n", "twice");
	T_EQ_S(load("pull: [{vendor: openai, every: 1d}, {vendor: anthropic}, {vendor: openai, account: b}]\n"), "");
	T_EQ_I(conf.pull_count, 3);
	T_EQ_S(conf.pulls[1].vendor, "anthropic");
	T_EQ_I(conf.pulls[0].every_us, 86400 * US_PER_S);
	refused("limits: {headers: 101}\n", "not between 10 and 100");
	refused("limits: {idle: 0}\n", "not between 0.1 and");
	refused("log: {level: loud}\n", "level is one of");
	refused("lisen: x\n", "did you mean listen?");
	T_EQ_S(load("currency: {report: GBP}\ncaps: [{amount: 200}]\n"), "");
	T_EQ_S(conf.caps[0].rule.currency.code, "GBP");
	T_EQ_S(load("upstreams: [{name: a, dialect: openai, base: http://h, discount: 7.5%}]\n"), "");
	T_EQ_I(conf.upstreams[0].discount_ppm, 75000);
}

TEST(the_ledger_of_the_environment_wins_over_the_file)
{
	setenv("HOME", "/home/x", 1);
	unsetenv("RUNRATE_LEDGER");
	T_EQ_S(load("ledger: ~/l.db\n"), "");
	T_EQ_S(conf.ledger, "/home/x/l.db");
	setenv("RUNRATE_LEDGER", "/y.db", 1);
	T_EQ_S(load("ledger: ~/l.db\n"), "");
	T_TRUE(conf.ledger == NULL);
	unsetenv("RUNRATE_LEDGER");
}

TEST(several_mistakes_in_one_run)
{
	const char *got = load("listen: x\ndurability: grup\ncaps: [{}]\nzzz: 1\n");
	T_TRUE(strstr(got, "no address") && strstr(got, "did you mean group?") && strstr(got, "an amount") && strstr(got, "unknown key 'zzz'"));
}

static void collect(const char *path, struct str value, unsigned line, const char *help, void *arg)
{
	T_TRUE(help && help[0]);
	sb_addf(arg, "%s=%.*s:%u\n", path, STR_ARG(value), line);
}

TEST(every_setting_is_shown_with_its_origin_and_no_secret)
{
	struct sb out;
	sb_init(&out, 1 << 20);
	setenv("OPENAI_API_KEY", "sk-hunter2", 1);
	T_EQ_S(load(example), "");
	gate_config_each(&conf, &arena, collect, &out);
	T_TRUE(strstr(out.p, "listen=127.0.0.1:7300:2\n") && strstr(out.p, "upstreams[0].key=set:8\n") &&
	       strstr(out.p, "upstreams[2].key=not set:0\n") && strstr(out.p, "limits.head=32 KiB:0\n") && strstr(out.p, "caps[1].jobs=2:13\n"));
	T_TRUE(!strstr(out.p, "hunter2"));
	sb_clear(&out);
	T_EQ_S(load(""), "");
	gate_config_each(&conf, &arena, collect, &out);
	T_TRUE(strstr(out.p, "upstreams[1]=anthropic at https://api.anthropic.com, key not set:0\n") != NULL);
	sb_fini(&out);
}

TEST(nothing_is_left_behind)
{
	arena_fini(&arena);
	sb_fini(&errors);
}

T_MAIN
