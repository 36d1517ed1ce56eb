/* SPDX-License-Identifier: Apache-2.0
 *
 * `runrate serve`: the gateway in the foreground; `--demo` adds the sandbox vendor and a little traffic.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/memory.h"
#include "cmd/cmd.h"
#include "cmd/cmd_pull.h"
#include "gate/demo.h"
#include "gate/gate.h"
#include "net/sock.h"
#include "report/report.h"

static struct {
	bool demo;
	const char *listen, *admin;
	uint64_t max_memory;
	bool max_memory_given;
} flags;

static const struct opt options[] = {
	{"demo", 0, OPT_FLAG, &flags.demo, NULL, NULL, "with a sandbox vendor and demo traffic; needs no keys"},
	{"listen", 0, OPT_STR, &flags.listen, NULL, "HOST:PORT", "data listener (default 127.0.0.1:7300)"},
	{"admin", 0, OPT_STR, &flags.admin, NULL, "HOST:PORT", "admin listener (default 127.0.0.1:7301)"},
	{"max-memory", 0, OPT_BYTES, &flags.max_memory, &flags.max_memory_given, "SIZE",
	 "memory that the gateway may hold, as 256M; near it new work is refused (default: no ceiling)"},
	{NULL},
};

/* No core file and no ptrace by others: provider keys live in this memory. */
static void harden(void)
{
	struct rlimit none = {0, 0}, files;
	setrlimit(RLIMIT_CORE, &none);
	prctl(PR_SET_DUMPABLE, 0);
	if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < files.rlim_max) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	signal(SIGPIPE, SIG_IGN);
}

static void print_bases(const struct gate *g, const struct admin *a)
{
	char address[128];
	snprintf(address, sizeof address, "%s", gate_address(g));
	fprintf(stderr,
		"runrate %s is ready: change one base URL.\n"
		"  OpenAI     OPENAI_BASE_URL=http://%s/openai/v1\n"
		"  Anthropic  ANTHROPIC_BASE_URL=http://%s/anthropic\n"
		"  Gemini     GOOGLE_GEMINI_BASE_URL=http://%s/gemini\n",
		runrate_version, address, address, address);
	for (unsigned i = 0; i < g->upstreams; i++)
		if (!str_eqc(g->upstream[i].name, vendor_api_name(g->upstream[i].api)))
			fprintf(stderr, "  %-10.*s http://%s/up/%.*s/v1\n", STR_ARG(g->upstream[i].name), address,
				STR_ARG(g->upstream[i].name));
	fprintf(stderr, "  admin      http://%s/   ledger %s   %s\n", admin_address(a), g->ledger_path,
		g->conf->durability == DURABILITY_GROUP ? "durable before answered (group)"
							: "durable within 10 ms (relaxed)");
}

/* The other checkbook needs an entry too: a tune that the demo's firm paid for once. */
static int demo_outlay(const char *ledger_path, struct err *e)
{
	struct outlay o = {.id = "o-demo-tune", .kind = OUTLAY_FINETUNE, .date_us = cmd_now_us(), .life_months = 12,
			   .currency = USD, .amount_pico = 800 * PICO_PER_UNIT, .serves = "ticket-labels", .provider =
			   "openai",
			   .note = "demo: a small tune, paid once"};
	struct ledger *l = ledger_open(ledger_path, LEDGER_WRITE, e);
	int rc = l ? ledger_begin(l, e) : -RR_STORE;
	if (!rc) {
		rc = ledger_add_outlay(l, &o, e);
		if (rc)
			ledger_rollback(l);
		else
			rc = ledger_commit(l, e);
		if (rc == -RR_EXISTS) /* the demo ran before on this ledger */
			rc = 0;
	}
	if (l)
		ledger_close(l);
	return rc;
}

/* What the demo's calls cost, as `runrate report` would show it, and where to go from here. */
static int first_report(const char *ledger_path, const char *address, struct err *e)
{
	struct report_query q = {.from_us = INT64_MIN, .to_us = INT64_MAX, .now_us = cmd_now_us()};
	struct ledger *l = ledger_open(ledger_path, LEDGER_READ, e);
	struct report r;
	struct arena a;
	struct sb out;
	int rc = l ? 0 : -RR_STORE;
	arena_init(&a, 64 * 1024 * 1024);
	sb_init(&out, 1024 * 1024);
	q.tz = tz_get("UTC", e);
	if (!rc)
		rc = report_make(&r, l, &q, &a, e);
	if (!rc) {
		sb_adds(&out, "\n");
		report_text(&r, term_width(2), &out);
		sb_addf(&out,
			"\nTry next, in another terminal:\n"
			"  curl http://%s/openai/v1/chat/completions -H 'authorization: Bearer any' \\\n"
			"    -d '{\"model\":\"gpt-4.1-mini\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}'\n"
			"  runrate report --ledger %s --by feature\n"
			"  runrate verify --ledger %s\n"
			"  runrate plan selfhost --rate 2.50 --tps 2000 --api-per-mtok 3.00 --tokens-per-month 240M\n"
			"Ctrl-C ends it.\n",
			address, ledger_path, ledger_path);
		fputs(out.p, stderr);
	}
	sb_fini(&out);
	arena_fini(&a);
	if (l)
		ledger_close(l);
	return rc;
}

static enum log_level log_level(const struct gate_config *conf)
{
	return globals.verbose ? LOG_DEBUG : globals.quiet ? LOG_ERROR : conf->log_level;
}

/* HUP. A file with a mistake changes nothing; what cannot be taken while calls are under way is named. */
static void reload(struct gate *g, struct arena *arena)
{
	struct gate_config *fresh = arena_new(arena, struct gate_config);
	struct sb errors, restart;
	struct err e = {0};
	int rc;
	sb_init(&errors, 64 * 1024);
	sb_init(&restart, 64 * 1024);
	rc = fresh ? gate_config_load(globals.config, arena, fresh, &errors) : -RR_NOMEM;
	if (rc)
		LOG(LOG_ERROR, "not_reloaded", LOG_S("why", errors.n ? sb_str(&errors) : STR("no memory")));
	else if (gate_reload(g, arena, fresh, &restart, &e))
		LOG(LOG_ERROR, "not_reloaded", LOG_S("why", str_of(e.what)));
	else {
		log_init(log_level(fresh), g->conf->log_json);
		if (restart.n)
			LOG(LOG_WARN, "restart_needed", LOG_S("for", sb_str(&restart)),
			    LOG_S("how", STR("signal USR2, or restart")));
		LOG(LOG_INFO, "reloaded", LOG_S("what", STR("prices, caps, alerts, telemetry, policies")));
	}
	sb_fini(&restart);
	sb_fini(&errors);
}

/* This program as it was started, so that it can be started anew in its own place: where its file lies now, another
 * version of it may lie by then. */
static struct {
	char path[4096], words[64 * 1024], *argv[1024];
} self;

static void know_self(void)
{
	ssize_t n = readlink("/proc/self/exe", self.path, sizeof self.path - 1);
	FILE *f = fopen("/proc/self/cmdline", "re");
	size_t all = f ? fread(self.words, 1, sizeof self.words - 1, f) : 0, count = 0;
	self.path[n > 0 ? n : 0] = 0;
	for (size_t at = 0; at < all && count < sizeof self.argv / sizeof *self.argv - 1;
	     at += strlen(self.words + at) + 1)
		self.argv[count++] = self.words + at;
	if (f)
		fclose(f);
}

/* USR2: may the program at our path take our place? Not with a file that it would refuse. */
static bool may_swap(struct gate *g, struct admin *a)
{
	struct gate_config fresh;
	struct arena arena;
	struct sb why;
	bool good;
	arena_init(&arena, 64 * 1024 * 1024);
	sb_init(&why, 64 * 1024);
	good = !gate_config_load(globals.config, &arena, &fresh, &why);
	if (good && (access(self.path, X_OK) || gate_keep_listeners(g) || admin_keep_listener(a))) {
		sb_addf(&why, "%s cannot be run, or its listeners cannot be kept", self.path);
		good = false;
	}
	if (!good)
		LOG(LOG_ERROR, "not_swapped", LOG_S("why", sb_str(&why)));
	sb_fini(&why);
	arena_fini(&arena);
	return good;
}

/* Waits for INT or TERM (false), or for USR2 where it can be followed (true). */
static bool wait_for_end(sigset_t *set, struct gate *g, struct admin *a, struct arena *arena)
{
	int sig = 0;
	while (sig != SIGINT && sig != SIGTERM) {
		sigwait(set, &sig);
		if (sig == SIGHUP)
			reload(g, arena);
		if (sig == SIGUSR2 && may_swap(g, a))
			return true;
	}
	return false;
}

static int serve(struct gate_config *conf, struct arena *arena, const char *ledger_path)
{
	struct err e;
	struct gate *g;
	struct admin *a = NULL;
	struct demo *demo = NULL;
	struct pull_clock *pulls = NULL;
	sigset_t set;
	bool swap = false;
	int rc = 1;
	know_self();
	harden();
	memory_set_ceiling(conf->max_memory_bytes);
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGUSR2);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	if (flags.demo) {
		demo = demo_open(conf, arena, &e);
		if (!demo)
			return cmd_fail(&e);
	}
	g = gate_open(conf, ledger_path, &e);
	if (!g)
		goto out;
	if (gate_start(g, &e) || !(a = admin_open(g, &e)))
		goto out;
	sock_drop_handed();
	print_bases(g, a);
	pulls = pull_clock_open(conf, ledger_path);
	if (demo && (demo_traffic(demo, gate_address(g), &e) || demo_outlay(ledger_path, &e) ||
		     first_report(ledger_path, gate_address(g), &e)))
		goto out;
	swap = wait_for_end(&set, g, a, arena);
	fprintf(stderr, "\nrunrate: letting calls end (again to stop at once)\n");
	sigdelset(&set, SIGHUP);
	sigdelset(&set, SIGUSR2);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	rc = 0;
out:
	if (rc)
		rc = cmd_fail(&e);
	pull_clock_close(pulls);
	admin_close(a);
	if (g)
		gate_close(g, g->conf->drain_seconds_at_stop);
	demo_close(demo);
	if (swap) {
		sock_exec(self.path, self.argv);
		fprintf(stderr, "runrate: cannot run %s: %s\n", self.path, strerror(errno));
		rc = 1;
	}
	return rc;
}

static int run(int argc, char **argv)
{
	struct arena arena;
	struct gate_config conf;
	struct sb errors;
	char path[4096];
	int rc = cmd_parse(&cmd_serve, argc, argv, options, NULL, NULL, 0);
	if (rc)
		return rc < 0 ? err_exit_code(rc) : 0;
	arena_init(&arena, 64 * 1024 * 1024); /* reloads add to it */
	sb_init(&errors, 64 * 1024);
	rc = gate_config_load(globals.config, &arena, &conf, &errors);
	if (rc) {
		fputs(errors.p ? errors.p : "runrate: wrong configuration\n", stderr);
		rc = err_exit_code(RR_CONFIG);
	} else {
		struct err e;
		if ((flags.listen && gate_config_use_listen(&conf, flags.listen, &e)) ||
		    (flags.admin && gate_config_use_admin(&conf, flags.admin, &e)) ||
		    (flags.max_memory_given && gate_config_use_memory(&conf, flags.max_memory, &e))) {
			rc = cmd_fail(&e);
			goto out;
		}
		log_init(log_level(&conf), conf.log_json);
		ledger_default_path(globals.ledger ? globals.ledger : conf.ledger, path, sizeof path);
		if (flags.demo && !globals.ledger)
			fs_data_path("demo.db", path, sizeof path);
		rc = serve(&conf, &arena, path);
	}
out:
	sb_fini(&errors);
	arena_fini(&arena);
	return rc;
}

const struct command cmd_serve = {
	.name = "serve",
	.summary = "run the gateway: meter every call, hold the caps",
	.usage = "serve [--config F] [--demo] [--listen HOST:PORT] [--admin HOST:PORT] [--max-memory SIZE]",
	.text = "Listens on loopback (7300) and forwards to the configured vendors. Every answered call is a recorded call: "
		"the clean end of an answer is released when its row is on stable storage. Without a configuration the three "
		"vendors' public addresses stand behind their bases, and callers bring their own keys.\n"
		"HUP reads the configuration anew: prices, caps, alerts, telemetry, drains and limits of keys are taken at once, the "
		"log names what needs a restart. TERM stops: who waits is taken in, what is under way ends (drain.at_stop_seconds at "
		"most). USR2 does the same and then runs the program at the same path in this one's place, with the listeners kept "
		"open, so that a new version serves those who connect meanwhile; a socket unit of systemd is taken in the same way.",
	.examples = "$ runrate serve --demo\n"
		    "$ OPENAI_API_KEY=... runrate serve --config runrate.yaml\n"
		    "$ OPENAI_BASE_URL=http://127.0.0.1:7300/openai/v1 python app.py\n",
	.options = options,
	.run = run,
};
