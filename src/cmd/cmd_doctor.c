/* SPDX-License-Identifier: Apache-2.0
 *
 * `runrate doctor`: what could be wrong on this machine, one line each: ok, warn or fail, and how to fix it. It only
 * looks: it creates no file and connects to nobody (a port is tried by listening on it for a moment).
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/table.h"
#include "cmd/cmd.h"
#include "gate/config.h"
#include "gate/config_tables.h"
#include "ledger/ledger.h"
#include "model/book.h"
#include "net/fetch.h"
#include "net/sock.h"

enum {
	ARENA_BYTES = 16 * 1024 * 1024,
	OUT_BYTES = 1024 * 1024,
	BOOK_OLD_DAYS = 90,          /* list prices change several times a year */
	FREE_LEAST_MIB = 256,        /* about a million rows of headroom */
	FILES_LEAST = 4096,          /* two descriptors a call, some thousands of calls */
};

enum state { OK, WARN, FAIL };
static const char *const state_names[] = {"ok", "warn", "fail"};

struct doctor {
	struct sb out;
	struct json_out w;
	unsigned warns, fails;
};

__attribute__((format(printf, 5, 6)))
static void say(struct doctor *d, enum state state, const char *name, const char *fix, const char *fmt, ...)
{
	char found[512];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(found, sizeof found, fmt, ap);
	va_end(ap);
	d->warns += state == WARN;
	d->fails += state == FAIL;
	for (char *p = found; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7F)
			*p = ' ';
	if (globals.json) {
		jw_object(&d->w);
		jw_kcstr(&d->w, "check", name);
		jw_kcstr(&d->w, "state", state_names[state]);
		jw_kcstr(&d->w, "found", found);
		jw_kcstr(&d->w, "fix", state == OK ? NULL : fix);
		jw_end_object(&d->w);
		return;
	}
	sb_addf(&d->out, "  %-4s  %-15s ", state_names[state], name);
	text_wrap(str_of(found), 24, 24, 80, &d->out);
	if (state != OK && fix && fix[0]) {
		sb_addf(&d->out, "\n%24sfix: ", "");
		text_wrap(str_of(fix), 29, 29, 80, &d->out);
	}
	sb_addc(&d->out, '\n');
}

static void check_clock(struct doctor *d)
{
	int64_t now_us = clock_real(&clock_system), built_us = 0;
	char text[TIME_TEXT];
	time_parse(STR("2026-11-01"), &built_us); /* nothing runs before it was made */
	time_text(now_us, text);
	if (now_us < built_us)
		say(d, FAIL, "clock", "set the time, as with: timedatectl set-ntp true", "%s lies in the past", text);
	else
		say(d, OK, "clock", NULL, "%s", text);
}

static void check_zones(struct doctor *d)
{
	struct err e = {0};
	const char *name = globals.tz ? globals.tz : "Europe/London";
	if (tz_get(name, &e))
		say(d, OK, "time zones", NULL, "%s is known", name);
	else
		say(d, globals.tz ? FAIL : WARN, "time zones", e.hint, "%s", e.what);
}

static void check_book(struct doctor *d)
{
	struct err e = {0};
	struct book *b = book_builtin(&e);
	struct str date;
	int64_t read_us;
	char count[32];
	if (!b) {
		say(d, FAIL, "price book", e.hint, "%s", e.what);
		return;
	}
	date = book_date(b);
	num_group(book_rule_count(b), count);
	if (!book_rule_count(b))
		say(d, FAIL, "price book", "build runrate again: its price lists are compiled in",
		    "there is no price in it");
	else if (time_parse(date, &read_us) == 0 && cmd_now_us() - read_us > BOOK_OLD_DAYS * US_PER_DAY)
		say(d, WARN, "price book", "runrate prices update FILE, or a newer runrate",
		    "%.*s is older than %d days, %s prices", STR_ARG(date), BOOK_OLD_DAYS, count);
	else
		say(d, OK, "price book", NULL, "%.*s, %s prices, built in", STR_ARG(date), count);
	book_free(b);
}

static void check_mode(struct doctor *d, const char *name, const char *path)
{
	struct stat st;
	char fix[4096 + 16];
	if (stat(path, &st) != 0 || !(st.st_mode & 077))
		return;
	snprintf(fix, sizeof fix, "chmod 600 %s", path);
	say(d, WARN, name, fix, "others on this machine may read it (mode %03o)", (unsigned)st.st_mode & 0777);
}

/* A secret that stands in the file as it is, not as ${VARIABLE}: said once for each section that holds one. */
struct literal {
	struct doctor *d;
	const char *file;
	char section[32]; /* the last that was spoken of */
};

static void literal_secret(const char *path, const struct conf_field *f, const struct conf_node *node, void *arg)
{
	struct literal *x = arg;
	struct str section = str_make(path, strcspn(path, ".["));
	if (f->kind != CONF_SECRET || !node || str_contains(node->scalar, STR("${")) || str_eqc(section, x->section))
		return;
	str_copy(x->section, sizeof x->section, section);
	check_mode(x->d, str_eqc(section, "upstreams") ? "provider keys" : x->section, x->file);
}

static bool check_config(struct doctor *d, struct arena *a, struct gate_config *conf)
{
	struct sb errors;
	bool fine;
	unsigned keys = 0;
	sb_init(&errors, 64 * 1024);
	fine = gate_config_load(globals.config, a, conf, &errors) == 0;
	if (!fine) {
		struct str rest = sb_str(&errors), first = str_cut(&rest, '\n');
		say(d, FAIL, "configuration", "runrate config show tells all mistakes, with their places", "%.*s",
		    STR_ARG(first));
	} else if (conf->file) {
		say(d, OK, "configuration", NULL, "%s", conf->file);
		struct literal literal = {.d = d, .file = conf->file};
		if (conf->doc)
			conf_each(conf->doc->root, gate_config_fields, literal_secret, &literal);
	} else {
		say(d, OK, "configuration", NULL, "no file: defaults (three vendors, callers bring their keys)");
	}
	for (unsigned i = 0; fine && i < conf->upstream_count; i++) {
		const struct upstream_config *up = &conf->upstreams[i];
		bool set = secret_reveal(&up->key).n > 0;
		keys += set;
		if (set && str_starts(up->base, STR("http://")) &&
		    !listen_is_loopback(arena_printf(a, "%.*s:80", STR_ARG(str_sub(up->base, 7, up->base.n))).p))
			say(d, WARN, "provider keys", "use https://, with ca: FILE for a private authority",
			    "the key of %.*s travels unencrypted", STR_ARG(up->name));
	}
	if (fine && conf->file && conf->require_keys && !keys)
		say(d, WARN, "provider keys", "set upstreams[].key: virtual keys stand for it",
		    "none is set, yet only rr_ keys are taken");
	sb_fini(&errors);
	return fine;
}

/* Is it plain HTTP to another machine? */
static bool travels_open(struct str url, struct fetch_url *u)
{
	char where[300];
	struct err e;
	if (fetch_url_parse(u, url, &e))
		return false; /* refused when it was read */
	snprintf(where, sizeof where, "%s:80", u->origin.host);
	return strcmp(u->origin.scheme, "http") == 0 && strcmp(u->origin.host, "::1") != 0 &&
	       !listen_is_loopback(where);
}

/* Where the gateway tells things to: by host alone, since the rest of a hook's address is often its password. */
static void check_outside(struct doctor *d, const struct gate_config *conf)
{
	struct fetch_url u;
	unsigned open = 0;
	for (unsigned i = 0; i < conf->alert_count; i++)
		if (travels_open(secret_reveal(&conf->alerts[i].url), &u)) {
			say(d, WARN, "alerts", "use https://, with ca: FILE for a private authority",
			    "what is told to %s travels unencrypted", u.origin.host);
			open++;
		}
	if (conf->alert_count && !open)
		say(d, OK, "alerts", NULL, "%u, the first is told to %s", conf->alert_count,
		    fetch_url_parse(&u, secret_reveal(&conf->alerts[0].url), NULL) ? "nobody" : u.origin.host);
	if (conf->otlp.endpoint.n && travels_open(conf->otlp.endpoint, &u))
		say(d, WARN, "telemetry", "use https://, or a collector on this machine",
		    "spans to %s travel unencrypted", u.origin.host);
	else if (conf->otlp.endpoint.n)
		say(d, OK, "telemetry", NULL, "to %s", u.origin.authority);
}

static void check_free(struct doctor *d, const char *path)
{
	char folder[4096];
	struct statvfs v;
	char *slash;
	str_copy(folder, sizeof folder, str_of(path));
	while ((slash = strrchr(folder, '/')) && statvfs(folder, &v) != 0)
		*slash = 0;
	if (statvfs(folder[0] ? folder : (slash ? "/" : "."), &v) != 0)
		return;
	unsigned long long free_mib = (unsigned long long)v.f_bavail * v.f_frsize >> 20;
	if (free_mib < FREE_LEAST_MIB)
		say(d, WARN, "disk", "make room, or put the ledger elsewhere: --ledger PATH",
		    "only %llu MiB are free for the ledger", free_mib);
	else
		say(d, OK, "disk", NULL, "%llu MiB free for the ledger", free_mib);
}

static void check_ledger(struct doctor *d, const struct gate_config *conf)
{
	char path[4096];
	struct err e = {0};
	struct ledger *l;
	ledger_default_path(globals.ledger ? globals.ledger : conf->ledger, path, sizeof path);
	if (!fs_exists(path)) {
		say(d, OK, "ledger", NULL, "none yet: %s is made at first use", path);
	} else if ((l = ledger_open(path, LEDGER_READ, &e)) != NULL) {
		say(d, OK, "ledger", NULL, "%s", path);
		ledger_close(l);
		check_mode(d, "ledger", path);
		if (access(path, W_OK) != 0)
			say(d, FAIL, "ledger", "give this user the right to write it", "it cannot be written: %s",
			    strerror(errno));
	} else {
		say(d, FAIL, "ledger", e.hint[0] ? e.hint : "runrate verify names what is wrong", "%s", e.what);
	}
	check_free(d, path);
}

static void check_port(struct doctor *d, const char *name, const char *where)
{
	char text[SOCK_TEXT];
	uint16_t port;
	struct err e = {0};
	int fd;
	if (strncmp(where, "unix:", 5) == 0) {
		say(d, OK, name, NULL, "%s", where);
		return;
	}
	fd = sock_listen(where, false, text, &port, &e);
	if (fd >= 0) {
		close(fd);
		say(d, OK, name, NULL, "%s is free", where);
	} else {
		say(d, WARN, name, "stop what listens there (the gateway itself?), or set another address", "%s",
		    e.what);
	}
}

static void check_system(struct doctor *d)
{
	struct rlimit files;
	struct tls_ctx *tls;
	struct err e = {0};
	if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_max < FILES_LEAST)
		say(d, WARN, "open files", "raise it: ulimit -Hn 65536", "at most %llu",
		    (unsigned long long)files.rlim_max);
	tls = tls_client_ctx(NULL, &e);
	if (tls)
		say(d, OK, "TLS trust", NULL, "the system's certificate store");
	else
		say(d, FAIL, "TLS trust", e.hint[0] ? e.hint : "install ca-certificates", "%s", e.what);
	if (tls)
		tls_ctx_free(tls);
}

static const struct opt options[] = {{NULL}};

static int run(int argc, char **argv)
{
	struct doctor d = {0};
	struct arena arena;
	struct gate_config conf;
	bool fine;
	int rc = cmd_parse(&cmd_doctor, argc, argv, options, NULL, NULL, 0);
	if (rc)
		return rc < 0 ? err_exit_code(rc) : 0;
	arena_init(&arena, ARENA_BYTES);
	sb_init(&d.out, OUT_BYTES);
	if (globals.json) {
		jw_init(&d.w, &d.out);
		jw_object(&d.w);
		jw_key(&d.w, "checks");
		jw_array(&d.w);
	}
	fine = check_config(&d, &arena, &conf);
	if (fine)
		check_outside(&d, &conf);
	check_book(&d);
	check_ledger(&d, &conf);
	check_port(&d, "data port", fine ? conf.listen : "127.0.0.1:7300");
	check_port(&d, "admin port", fine ? conf.admin : "127.0.0.1:7301");
	check_zones(&d);
	check_clock(&d);
	check_system(&d);
	if (globals.json) {
		jw_end_array(&d.w);
		jw_kbool(&d.w, "ok", d.fails == 0);
		jw_ku64(&d.w, "warnings", d.warns);
		jw_ku64(&d.w, "failures", d.fails);
		jw_end_object(&d.w);
		sb_addc(&d.out, '\n');
	} else if (!d.fails && !d.warns) {
		sb_adds(&d.out, "Nothing to fix.\n");
	}
	rc = cmd_print(sb_str(&d.out));
	sb_fini(&d.out);
	arena_fini(&arena);
	return rc ? rc : d.fails != 0;
}

const struct command cmd_doctor = {
	.name = "doctor",
	.summary = "what could be wrong on this machine, and the fix",
	.usage = "doctor [--config F] [--ledger F] [--tz ZONE]",
	.text = "Looks at the configuration, the price book, the ledger, its disk, the ports, time zones, the clock and the "
		"trust store, and where alerts and telemetry go. It changes nothing and connects to nobody. The exit code is 1 "
		"when something fails; warnings are 0.",
	.examples = "$ runrate doctor\n$ runrate doctor --json\n",
	.options = options, /* it has none of its own */
	.run = run,
};
