/* SPDX-License-Identifier: Apache-2.0
 *
 * The gateway's configuration: runrate.yaml, checked against config.def, as plain C types.
 *
 * 1. Every setting stands once, in config.def: name, kind, unit, range, default, help. Parsing, errors, defaults,
 *    `config show` and the documentation come from it.
 * 2. Without a file there is a working configuration: the three vendors at their public addresses, no keys.
 * 3. A loaded configuration is never changed by the gateway; strings in it live in the arena of its loading.
 * 4. A provider key is a struct conf_secret: no formatter can print it. secret_reveal() is the one way to its
 *    bytes, so that a search for that name finds every place that sees one.
 */
#ifndef RR_GATE_CONFIG_H
#define RR_GATE_CONFIG_H

#include "base/conf.h"
#include "base/log.h"
#include "gate/alert_when.h"
#include "gate/caps.h"
#include "ledger/writer.h"
#include "model/dialect.h"
#include "net/http.h"

struct upstream_config {
	struct str name;             /* "openai"; also the base path /up/NAME and the provider whose prices apply */
	enum vendor_api api;
	struct str base;             /* "https://api.openai.com" */
	struct conf_secret key;
	struct str region;           /* "" = not stated */
	struct str ca;               /* file of a private authority; n 0 = the system's store */
	struct conf_money gpu_rate_per_hour; /* own hardware: what an hour costs; pico 0 = none */
	uint32_t discount_ppm;       /* agreed discount on list prices, parts per million; 0 = none */
};

enum lever_state { LEVER_OFF, LEVER_ADVISE, LEVER_ON };

struct alert_config {
	struct str name, when;       /* "forecast > plan" */
	struct alert_when cond;
	struct conf_secret url, secret; /* a hook's address is often its password */
	const char *ca;
	struct cap_scope scope;
	uint32_t provider;           /* an upstream's name, interned; 0 = any */
	struct conf_money plan;      /* pico 0: the caps are the plan */
	const struct tz *tz;
	int64_t again_us;
};

struct otlp_header {
	struct str name;
	struct conf_secret value;
};

enum { OTLP_HEADERS_MOST = 16 };

struct pull_config {
	const char *vendor;          /* "openai" */
	int64_t every_us;
	const char *base, *account;  /* NULL: the vendor's own; the only one */
};

struct gate_config {
	const char *file;            /* which file was read; NULL = none, all defaults */
	const char *listen, *admin;  /* "127.0.0.1:7300", "unix:/path" */
	const char *ledger;          /* NULL = the usual place (also where $RUNRATE_LEDGER, which wins, is set) */
	bool require_keys;           /* only rr_ keys are taken; always on beyond loopback */
	unsigned workers;
	enum durability durability;
	struct {
		const char *cert, *key; /* PEM files for the data listener; NULL = plain */
	} tls;
	struct upstream_config *upstreams;
	unsigned upstream_count;
	struct cap_row *caps;        /* ids "conf-1", "conf-2", ... in the order of the file */
	unsigned cap_count;
	struct fx_rate *rates;      /* by pair and date; "USD/GBP" converts from USD to GBP */
	unsigned rate_count;
	struct currency report_currency; /* code[0] == 0: each currency by itself */
	struct {
		enum lever_state cache, respond, batch, route;
	} levers;
	struct alert_config *alerts;
	unsigned alert_count;
	struct pull_config *pulls;
	unsigned pull_count;
	struct http_limits limits;
	struct {
		int64_t time_us;     /* how long an upstream is read on after its client left */
		uint64_t bytes;      /* and how much */
	} drain;
	unsigned drain_seconds_at_stop; /* how long calls under way may take after SIGTERM */
	bool disk_full_pass;         /* calls pass while the ledger's disk is full, their rows wait in memory */
	int64_t deferred_every_us;   /* how often open deferred work is looked at */
	int64_t deferred_doubt_us;   /* how long work in doubt is looked for */
	uint64_t max_memory_bytes;   /* the process's ceiling (base/memory.h); 0 = none */
	enum log_level log_level;
	bool log_json, log_calls;
	struct {
		struct str endpoint; /* n 0: no export */
		uint64_t interval_us;
		bool traces, metrics;
		struct str service;
		const char *ca;
		struct otlp_header *headers;
		unsigned header_count;
	} otlp;
	uint64_t key_requests_per_minute, key_tokens_per_minute; /* 0 = no limit */
	bool unpriced_block;         /* a model without a price is refused, not only marked */
	const struct conf_doc *doc;  /* what was parsed, for gate_config_each; NULL without a file */
};

/* path NULL: $RUNRATE_CONFIG, else the first of ./runrate.yaml, the user's (XDG) and /etc/runrate/runrate.yaml
 * that exists, else defaults. All errors as text, with places and carets, in `errors`. 0 or -RR_CONFIG. */
int gate_config_load(const char *path, struct arena *a, struct gate_config *c, struct sb *errors);
/* The same for who only looks at rates, caps and the like: secrets stay empty, so that a report needs no provider's key
 * in its environment. */
int gate_config_look(const char *path, struct arena *a, struct gate_config *c, struct sb *errors);
/* The same as gate_config_load from text; name is for messages. An empty text gives the defaults. */
int gate_config_parse(struct str text, const char *name, struct arena *a, struct gate_config *c, struct sb *errors);
/* Every setting in the order of config.def: its path ("limits.head", "upstreams[0].key"), its value as text
 * ("set" or "not set" for a secret), and the line on which it stands (0 = the default). */
void gate_config_each(const struct gate_config *c, struct arena *scratch,
		      void (*fn)(const char *path, struct str value, unsigned line, const char *help, void *arg),
		      void *arg);
/* The tables of config.def: what a file may say, for a reference (`config keys`). Ends with a NULL name. */
const struct conf_field *gate_config_tables(void);
/* --listen: checked, and keys are required from then on where it is beyond loopback. */
int gate_config_use_listen(struct gate_config *c, const char *listen, struct err *e);
/* --max-memory: checked. */
int gate_config_use_memory(struct gate_config *c, uint64_t bytes, struct err *e);
/* --admin: checked; it stays on this machine. */
int gate_config_use_admin(struct gate_config *c, const char *admin, struct err *e);
/* The bytes of a secret; n 0 when none is configured. */
struct str secret_reveal(const struct conf_secret *s);
/* Is this listen address reachable from this machine only? ("127...", "[::1]", "localhost", "unix:") */
bool listen_is_loopback(const char *where);

#endif
