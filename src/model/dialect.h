/* SPDX-License-Identifier: Apache-2.0
 *
 * API families as tables: where model, stream, limits, usage and errors stand in the bytes. Rules, no I/O.
 *
 * A surface is one operation of one vendor's API ("openai-chat", POST /v1/chat/completions). The gateway
 * asks four questions of it: which surface is this path, what does the request ask for (features), what
 * must be spliced in so that usage comes back, and what did an answer or one stream event use.
 */
#ifndef RR_MODEL_DIALECT_H
#define RR_MODEL_DIALECT_H

#include "base/arena.h"
#include "model/usage.h"

enum vendor_api { API_OPENAI, API_ANTHROPIC, API_GEMINI, APIS };
const char *vendor_api_name(enum vendor_api a);
int vendor_api_parse(struct str s, enum vendor_api *out);

enum bill { /* what a successful answer means for the ledger */
	BILL_NOTHING, /* lists, GETs, token counting: never bills (C63); passes, is logged, is no call */
	BILL_USAGE,   /* a metered call */
	BILL_JOB,     /* fine-tuning or batch objects: training checkbook or deferred calls */
};

struct surface {
	const char *name;       /* "openai-chat" */
	const char *method;     /* "POST"; "*" any; "-" any but POST */
	const char *path;       /* "/v1/chat/completions"; surfaces.def says what stars match */
	enum vendor_api api;
	enum usage_shape shape; /* of the whole answer */
	enum bill bill;
	bool model_in_path;     /* Gemini, Vertex */
	bool generates;         /* has an output limit that a cap can bound */
	bool json_body;         /* a body that is no JSON object is refused before it is forwarded */
};

/* The surface of a request; path without query. Unknown paths give the API's "NAME-other" surface
 * (BILL_USAGE for POST with whatever usage can be read, BILL_NOTHING for others). Never NULL. */
const struct surface *surface_find(enum vendor_api api, struct str method, struct str path);
const struct surface *surface_by_name(const char *name);
unsigned surface_count(void);
const struct surface *surface_at(unsigned index);

/* What a request asks for. Spans point into the body or path. */
struct features {
	struct str model;             /* unescaped span when it holds no escapes, which is always in practice */
	bool stream;
	bool stream_usage_asked;      /* the client itself asked for usage in the stream */
	bool stream_array;            /* Gemini without alt=sse: a JSON array streams */
	uint64_t max_output_tok;      /* 0 = not stated */
	uint64_t choices;             /* n; at least 1 */
	enum tier tier_asked;
	bool fast;                    /* a premium speed is asked for: a bound must use its price */
	char geo[16];                 /* inference geography that is asked for, "" = any */
	bool hidden_context;          /* context that we cannot see: previous response, file id, URL, stored prompt */
	uint32_t images;              /* pictures in the body: each may be more tokens than it has bytes */
	bool cache_marks;             /* the client marks its own prompt cache breakpoints */
	bool cache_ttl_1h;            /* one of the marks asks for 1h */
	bool cache_ttl_12h;           /* OpenAI prompt_cache_options.ttl = 12h */
	bool background;              /* the answer comes later, by a GET that names it (OpenAI Responses) */
	bool has_tools;               /* may run vendor tools billed by the call */
	uint64_t body_bytes;
	uint64_t characters;          /* text to be spoken, in code points: speech is billed by them */
	uint64_t prefix_hash;         /* unsalted hash of the system prompt + tools spans; 0 = none */
	struct json top;              /* the checked body, for edits; JSON_NONE when it is no JSON */
};

/* Reads the request body (may be empty). `query` is the part behind '?', may be empty. 0;
 * -RR_SYNTAX/-RR_LIMIT with *fault for malformed JSON on surfaces that take JSON; -RR_INPUT when a billed
 * field (model, stream, max tokens) is duplicated or has a wrong type: ambiguous is refused. */
int dialect_request(const struct surface *s, struct str path, struct str query, struct str body,
		    struct features *f, struct json_fault *fault);

/* Edits that make usage come back (stream_options.include_usage where the client did not ask). Returns
 * how many were written to edits (at most 4). Scratch text lives in the arena. */
unsigned dialect_usage_edits(const struct surface *s, const struct features *f, struct arena *a,
			     struct json_edit *edits);
/* The edit that lowers the output limit to max_tok, for keys that allow it. Same contract. */
unsigned dialect_limit_edits(const struct surface *s, const struct features *f, uint64_t max_tok,
			     struct arena *a, struct json_edit *edits);

/* A stream's meter: fed with each event's data in order, it keeps what is needed to know the usage at
 * any moment. Plain memory, may be copied; names are copied into it. */
struct stream_meter {
	const struct surface *surface;
	struct usage usage;
	char model[96];
	char request_id[64];
	uint64_t events;
	uint64_t output_bytes;   /* bytes of generated text seen, for estimates of cut streams */
	struct anthropic_counts anthropic; /* both parts of a Messages stream (C19) */
	bool first_content;      /* a content event has been seen: time to first token */
	bool ended; /* the vendor's own end was seen ([DONE], message_stop, response.completed, finishReason) */
	bool failed;             /* an error event was seen */
	bool marks_1h;           /* from features.cache_ttl_1h */
	bool marks_12h;          /* from features.cache_ttl_12h */
	bool final;              /* the usage is the whole answer's, not a running count */
	bool body_read;          /* a whole answer was read */
	bool deferred;           /* the answer says that it is still being worked on (background) */
	bool fault;              /* some counts were no counts */
	uint64_t characters;     /* from features.characters */
};
void meter_init(struct stream_meter *m, const struct surface *s, const struct features *f);

enum event_action {
	EVENT_PASS,
	EVENT_DROP     /* it exists only because we asked for usage: the client did not (C60) */
};
/* One SSE event: its name ("" when none) and joined data. */
enum event_action meter_event(struct stream_meter *m, struct str name, struct str data, bool client_asked_usage);
/* Nothing can come behind the end that was seen, so that the call may be settled before its connection says so.
 * Gemini's other candidates end later, its usage may stand behind them; of several pictures each has an end. */
bool meter_end_is_last(const struct stream_meter *m);
bool meter_is_video(const struct surface *s);
/* The whole-body answer: fills m->usage, model, request_id. 0 or a negative code when it is no JSON. */
int meter_body(struct stream_meter *m, struct str body);
/* The stream or body is over: settles splits, marks partial and estimated usage. est_in_tok: the bound or
 * estimate of the input where the vendor never said it. */
void meter_finish(struct stream_meter *m, uint64_t est_in_tok);

/* What another model used in the same answer and bills at its own rates (USAGE_OTHER_MODEL; Anthropic's
 * advisor): a call of its own under the same operation. *model is a span of m. False when there is none. */
bool meter_other(const struct stream_meter *m, struct usage *u, struct str *model);

/* Errors in the vendor's own shape, so that its SDK understands them. kind is ours. */
enum api_error {
	APIERR_BAD_REQUEST, APIERR_AUTH, APIERR_FORBIDDEN, APIERR_NOT_FOUND, APIERR_TOO_LARGE, APIERR_BUDGET,
	APIERR_RATE, APIERR_REGION, APIERR_UPSTREAM, APIERR_TIMEOUT, APIERR_OVERLOADED, APIERR_STORE, APIERRS
};
unsigned api_error_status(enum api_error k);      /* 400 401 403 404 413 429 429 451 502 504 503 507 */
const char *api_error_type(enum vendor_api a, enum api_error k);
void api_error_body(enum vendor_api a, enum api_error k, struct str message, struct str request_id, struct sb *out);
/* The same as one stream event (already framed), for an error after the head was sent. */
void api_error_event(const struct surface *s, enum api_error k, struct str message, struct sb *out);

#endif
