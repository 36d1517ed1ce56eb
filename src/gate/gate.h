/* SPDX-License-Identifier: Apache-2.0
 *
 * The gateway from inside: a process, its workers, and the life of one request.
 *
 * gate.c holds the request as a table of named steps, in the order in which they happen. Each step says NEXT,
 * WAIT (a callback will go on) or OVER. The rooms beside it: auth (who), caps (may they), forward (the two heads),
 * answer (the response as it comes: frames, meter, what is held back), settle (price, ledger, release),
 * worker (a thread with its loop), serve (the process), admin (the other listener).
 *
 * Rules that hold everywhere here
 * 1. The client never sees the clean end of an answer before its row is durable (mode group).
 * 2. No byte of a body is changed that nobody asked to change; edits are splices.
 * 3. Nothing in a request chooses where it goes but the base path, and only among configured upstreams.
 * 4. A request is settled exactly once, whichever way it ends.
 */
#ifndef RR_GATE_GATE_H
#define RR_GATE_GATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "gate/attempts.h"
#include "gate/auth.h"
#include "gate/caps.h"
#include "gate/coding.h"
#include "gate/config.h"
#include "gate/holds.h"
#include "gate/hosted.h"
#include "gate/jobs.h"
#include "gate/rate.h"
#include "gate/sse.h"
#include "gate/tally.h"
#include "ledger/inflight.h"
#include "ledger/writer.h"
#include "model/dialect.h"
#include "model/price.h"
#include "net/client.h"
#include "net/server.h"

enum { UPSTREAMS_MOST = 64, BOOKS_MOST = 256, BUFFERED_ANSWER_BYTES = 1024 * 1024,
      ANSWER_MOST_BYTES = 64 * 1024 * 1024 };

struct upstream {
	const struct upstream_config *conf;
	enum vendor_api api;
	struct origin origin;
	struct str name;           /* also the provider whose prices apply */
	struct str region;
	uint32_t name_id, region_id;
	struct sb credential;      /* the header value that carries the provider key; empty = none configured */
	const char *credential_header;
	struct hosted hosted;      /* own hardware: where conf->gpu_rate_per_hour is given */
};

struct gate_stats { /* one per worker, written by it alone, read by the admin thread */
	atomic_ullong requests, refused, overloaded, upstream_errors, client_left, streams, events, estimated, unpriced,
		unrecorded;
	atomic_ullong bytes_in, bytes_out, in_tok, out_tok;
	atomic_ullong active;
	atomic_ullong status_class[6]; /* 1xx..5xx by first digit */
};

struct gate {
	_Atomic(const struct gate_config *) conf; /* each immutable; swapped whole by gate_reload, older ones stay */
	const struct gate_config *start_conf;
	const struct clock *clock;
	const char *ledger_path;
	_Atomic(struct book *) book; /* immutable; swapped whole by gate_reload */
	struct book *old_book[BOOKS_MOST]; /* calls under way may still read them: freed at the end */
	unsigned old_books;
	struct writer *writer;
	struct fx fx;              /* the rates of the start */
	struct caps *caps;
	struct training *training;  /* the other book's caps */
	struct rate *rate;          /* how much a key may ask */
	struct jobs *jobs;          /* work that the vendor does later */
	struct attempts *attempts;  /* retries that name no operation */
	struct holds *holds;        /* caches that are kept, by the hour */
	struct clerk *clerk;        /* ledger entries that are no call of the moment */
	_Atomic(struct watch *) watch; /* tells the outside: log of calls, OTLP, alerts; NULL = nobody asked */
	struct watch *old_watch[BOOKS_MOST]; /* stopped */
	unsigned old_watches;
	struct upstream upstream[UPSTREAMS_MOST];
	unsigned upstreams;
	struct worker **worker;
	unsigned workers;
	struct http_limits limits;
	struct tls_ctx *tls;        /* of the data listener; NULL = plain */
	atomic_bool draining;
	atomic_bool disk_low;       /* a tenth or less is free where the ledger lies */
	uint64_t disk_next_us;      /* worker 0's: when to look again */
	int64_t started_us;
};

struct request;
struct watch;

struct trace { /* the client's trace context (telemetry.h); zeroed = none */
	unsigned char id[16], parent[8];
	bool given, sampled;
};

struct clearing { /* an in-flight slot to clear once its row is durable (relaxed mode) */
	uint64_t seq;
	int slot;
};

struct worker {
	struct gate *gate;
	unsigned index;
	struct loop *loop;
	struct server *server;
	struct pool *pool;
	struct inflight *inflight;
	struct ledger *ledger;      /* for keys and settings; only read */
	struct auth *auth;
	struct doorbell *bell;      /* rung by the writer after each commit */
	struct request *held_first, *held_last;     /* settled, waiting for their row, in order of seq */
	struct request *unpushed_first, *unpushed_last; /* settled, the ring was full */
	struct clearing *clearing;
	size_t clearing_head, clearing_tail, clearing_cap; /* a ring; cap is a power of two */
	struct request *spare;      /* finished requests, to be used again */
	unsigned spares;
	struct socket *sockets;     /* sessions over a websocket */
	uint64_t ids;
	uint32_t salt;
	struct idle_work kick;      /* asks the writer once for many rows */
	struct timer refresh;
	struct timer recover;       /* worker 0: looks at open deferred work */
	struct round *rounds;       /* such looks under way */
	uint64_t settings_version;
	struct gate_stats stats;
	struct tally tally;         /* by model, for readers on other threads */
	pthread_t thread;
};

/* How the answer travels. */
enum answer_mode {
	ANSWER_NONE,    /* nothing came yet */
	ANSWER_WHOLE,   /* gathered, then given with its cost in the head */
	ANSWER_PASS,    /* too large to gather: passes as it comes, its end is held */
	ANSWER_EVENTS,  /* server-sent events: pass frame by frame, from the vendor's own end on they are held */
	ANSWER_OWN,     /* made by us: a refusal or an error */
};

struct request {
	struct worker *worker;
	struct stream *client;        /* NULL once the client is gone */
	struct exchange *exchange;    /* NULL before forwarding and after its end */
	struct socket *socket;        /* this is a session over a websocket (gate/socket.h) */
	struct socket *turn_of;       /* this is one response of such a session: no client of its own */
	bool begun;                   /* of a turn: the vendor began it, so it is not refused any more */
	uint64_t audio_bytes;         /* of a turn: speech that came */
	struct request *next;         /* in one of the worker's lists */
	unsigned step;
	bool body_done, answer_done, settle_ready, settled, released, ended, running, idle;
	bool queued;                  /* stands in one of the worker's lists: only the bell takes it out and goes on */
	bool pass_only;               /* bills nothing: no cap, no slot, no row */
	bool cost_comment;            /* the client asked for its cost as a last SSE comment */
	bool drop_usage_events;       /* usage events exist only because we asked for them */
	enum coding_kind coding;      /* of the answer, against our wish: it passes as it is */
	struct coding *undone;        /* of such a stream: the meter's copy */
	bool may_be_last;             /* the frame that is held may be the last one, or not */
	bool torn;                    /* bytes of the answer were lost for want of memory: it must not end cleanly */
	const struct surface *surface;
	struct upstream *up;
	struct identity who;
	struct str path, query;       /* as the vendor knows it; in the arena */
	struct str credential;
	struct features features;
	struct {                      /* what it may cost at most */
		enum price_status status;
		struct currency currency;
		int64_t total_pico;
		uint64_t in_tok, out_tok;
	} bound;
	struct looker look;           /* at what the answer shows of deferred work */
	bool looked, forwarded;
	bool unrecorded;              /* let pass while the disk is full: its row waits in memory */
	unsigned __int128 hosted_from; /* own hardware: the shared clock at the start */
	bool on_hosted;
	struct rate_limits limits;    /* of its key: its own, else the configuration's */
	int place;                    /* among its key's calls under way; -1 none */
	uint64_t rate_tok;            /* taken from the key's tokens a minute */
	uint64_t promised;            /* bytes of its body that are still on their way */
	bool rated;
	bool clamped;                 /* its output limit was lowered to fit a cap */
	char warning[24];             /* id of a soft cap that is over */
	struct call *other;           /* another model's share of the same answer: a row of its own; in the arena */
	int slot;                     /* in the in-flight file; -1 none */
	uint64_t seq;                 /* of its row within the worker */
	struct call call;
	struct trace trace;           /* only where g->watch asks for it */
	uint64_t began_us;            /* monotonic */
	/* the answer */
	enum answer_mode mode;
	enum http_end upstream_end;
	unsigned status;
	unsigned head_count;
	char vendor_request_id[64];   /* x-request-id or request-id of the vendor's head */
	struct stream_meter meter;
	int64_t drain_left_bytes;     /* after the client left */
	char type[48];                /* content type of ANSWER_OWN */
	char retry_after[16];         /* of ANSWER_OWN, "" = none */
	bool no_retry;                /* x-should-retry: false */
	/* Kept from one request to the next, emptied apart: all above is cleared. */
	struct arena arena;           /* this request's small things */
	struct sb body;               /* the client's bytes */
	struct sb edited;             /* with the splices, where there are any */
	struct sb head_text;          /* the vendor's headers, kept: name NUL value NUL ... */
	struct sse sse;
	struct sb answer;             /* gathered body, or the held tail */
	struct sb copy;               /* ANSWER_PASS: what the meter needs, bounded */
	struct cap_ticket ticket;     /* large; not cleared as a whole */
	struct training_ticket training;
};

enum turn { NEXT, WAIT, OVER };

/* gate.c */
extern const struct server_handler gate_handler;
void gate_run(struct request *r);       /* goes on from the step at which it waits */
void gate_turn(struct request *r, bool whole); /* the step at which a turn begins: features; whole: settle */
int gate_reserve(struct request *r, struct cap_refusal *no); /* r->bound on its caps */
enum turn gate_refuse_budget(struct request *r, const struct cap_refusal *no);
/* Answers in the vendor's own error shape and goes on with settling. */
enum turn gate_refuse(struct request *r, enum api_error kind, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* request.c */
struct request *request_get(struct worker *w, struct stream *s);
void request_maybe_free(struct request *r);
void request_free(struct request *r); /* its memory, when the worker goes */
void request_promise(struct request *r, uint64_t bytes); /* so many of its body are still to come */
void request_drop_body(struct request *r);

/* forward.c */
/* The client's headers as the vendor shall see them: at most HTTP_HEADERS + 1. */
unsigned forward_headers(struct request *r, struct header *out);
int forward_start(struct request *r);
int forward_upgrade(struct request *r, const struct exchange_handler *handler); /* to a websocket */
int forward_switch(struct request *r, const struct head *h);                    /* the vendor's 101, to the client */
int forward_keep_head(struct request *r, const struct head *h); /* the vendor's head, for the client's; -RR_NOMEM */
int forward_respond(struct request *r, int64_t content_length);  /* writes the client's head */
void forward_own_addresses(struct request *r);                   /* in the gathered answer */

/* answer.c */
extern const struct exchange_handler answer_handler;
void answer_client_left(struct request *r);
void answer_drained(struct request *r);
const char *answer_vendor_words(enum http_end how);

/* settle.c */
void settle_bound(struct request *r);   /* fills r->bound from the features */
void settle_price(struct request *r);   /* the call's usage, price and outcome */
/* Prices c->usage at `model` (what answered), else `asked`: cost, currency, rule, price status. */
void settle_cost(struct gate *g, const struct upstream *up, struct str model, struct str asked, int64_t at_us,
		 struct call *c);
/* Marks a call whose usage is estimated as one, with its band: up to most_pico. False: it is not. */
bool settle_mark(struct call *c, int64_t most_pico);
/* What the caps count: the upper end of an estimate, and other models' share. */
int64_t settle_counts_pico(const struct request *r);
uint64_t settle_counts_tok(const struct request *r);
int64_t upstream_discounted(const struct upstream *up, int64_t pico); /* the agreed discount taken off */
enum turn settle_push(struct request *r);
void settle_release(struct request *r);
void settle_bell(void *worker);         /* the writer committed */
void settle_let_go(struct worker *w);   /* the disk is full, and the policy is to let answers pass */

/* worker.c */
struct worker *worker_new(struct gate *g, unsigned index, struct err *e);
int worker_start(struct worker *w, struct err *e);
void worker_load_caps(struct worker *w); /* worker 0, on its thread */
void worker_drain(struct worker *w);    /* stops accepting; what is under way ends */
void worker_stop(struct worker *w);     /* joins */
void worker_cut(struct worker *w);      /* ends every exchange; after worker_stop */
void worker_free(struct worker *w);

/* serve.c */
struct gate *gate_open(const struct gate_config *conf, const char *ledger_path, struct err *e);
int gate_start(struct gate *g, struct err *e);
/* Before gate_close: the data listeners stay open for the program that takes this one's place (sock_exec). */
int gate_keep_listeners(struct gate *g);
/* Stops accepting, lets requests end for at most `seconds`, flushes the ledger. */
void gate_close(struct gate *g, unsigned seconds);
/* reload.c: prices anew, and of `fresh` what can be taken while calls are under way; the names of the settings that
 * changed and need a restart are added to `restart`. `fresh` and the arena must live as long as the gateway. Keys and
 * caps of the ledger need no reload: they are seen within a second. Calls under way end with the prices that they began
 * with. */
int gate_reload(struct gate *g, struct arena *arena, const struct gate_config *fresh, struct sb *restart,
		struct err *e);
const char *gate_address(const struct gate *g); /* of the data listener, as bound */
struct upstream *gate_upstream(struct gate *g, const char *name);
struct upstream *gate_upstream_for(struct gate *g, enum vendor_api api);

/* admin.c */
struct admin;
struct admin *admin_open(struct gate *g, struct err *e);
const char *admin_address(const struct admin *a);
int admin_keep_listener(struct admin *a);
void admin_close(struct admin *a);

#endif
