/* SPDX-License-Identifier: Apache-2.0
 *
 * What the parts of the sandbox share: the question, the planned answer, and who plans which.
 *
 * An answer is planned whole before its first byte is sent: a body in one buffer and the places where it is
 * cut into pieces (events of a stream). play.c then sends the pieces at the asked pace and does to the wire
 * what the faults ask for. So the truth is known beforehand, and a batch line is answered by the same
 * functions as a live request.
 *
 *   sandbox.c  listens, gathers the request, finds the dialect      speech.c  texts, tokens, JSON by schema
 *   play.c     pieces to the wire, the truth list                   memory.c  prompt caches
 *   openai*.c anthropic*.c gemini.c  plan answers                   store.c   files, jobs, stored answers
 */
#ifndef RR_SANDBOX_SANDBOX_INT_H
#define RR_SANDBOX_SANDBOX_INT_H

#include "base/hash.h"
#include "base/json.h"
#include "base/rng.h"
#include "net/server.h"
#include "sandbox/fault.h"
#include "sandbox/memory.h"
#include "sandbox/organization.h"
#include "sandbox/sandbox.h"
#include "sandbox/store.h"

enum {
	SANDBOX_REQUEST_BYTES = 256 * 1024 * 1024, /* batch files are the largest that come */
	SANDBOX_BODY_BYTES = 512 * 1024 * 1024,
	SANDBOX_TOKENS = 1024 * 1024,              /* of one answer */
	SANDBOX_HEADERS = 24,
	SANDBOX_ID = 80,
};

enum sandbox_api { ON_OPENAI, ON_ANTHROPIC, ON_GEMINI };

struct sandbox {
	struct sandbox_config config;
	struct loop *loop;
	struct server *server;
	struct http_limits limits;
	struct exchange *exchanges; /* of streams that are open */
	struct memory memory;
	struct store store;
	struct org org;             /* what its usage and cost pages show */
	struct script *script;
	int list_fd;
	uint64_t served;
	uint64_t birth;             /* makes ids of two processes differ */
	bool list_broken;           /* a line could not be written */
};

struct ask {
	struct str method, path, query, body;
	struct json top;           /* of the body; JSON_NONE when it is no JSON object */
	const struct head *head;   /* NULL for a line of a batch */
	uint64_t org;              /* hash of the key */
	bool batch;
};

struct piece {
	size_t end;      /* of its bytes in the body */
	unsigned tokens; /* answered so far, this piece included */
};

struct answer {
	unsigned status;
	bool stream;
	const char *content_type;
	struct header header[SANDBOX_HEADERS];
	unsigned headers;
	struct sb body;
	struct piece *piece;
	unsigned pieces, piece_cap;
	/* for the list */
	const char *api, *surface;
	char id[SANDBOX_ID];
	struct str model;
	struct sb usage;     /* the true block; empty = none */
	struct str usage_as_sent; /* what the faults made of it; empty: it is left out */
	size_t usage_at;     /* bytes of the body that must have gone out for it to be known */
	const char *tier, *geo, *speed;
	unsigned tokens;     /* answered in all */
	bool usage_sent;     /* it stands in the body */
};

/* Where bytes are cut for sending. */
struct wire_piece {
	size_t end;
	size_t body_end; /* bytes of the body that are out with it */
	bool pause;      /* the gap stands behind it */
};
struct pieces {
	struct wire_piece *piece;
	unsigned count, cap;
	bool full;
};

struct exchange {
	struct sandbox *sandbox;
	struct stream *stream; /* NULL for a line of a batch */
	struct exchange *next, **prev;
	struct arena *arena;
	struct arena own;      /* of a batch line */
	struct sb request;
	struct ask ask;
	struct answer a;
	struct faults faults;
	struct memory_writes writes; /* prompt prefixes that become readable when the answer begins */
	struct rng rng;
	uint64_t request_hash; /* over the members of the body but stream_options, which change no answer */
	const char *request_id; /* of the answer's head; the only id that answers without one in the body have */
	unsigned ids;          /* given so far */
	bool gathered;         /* the request is whole */
	int64_t now_us;        /* real time of the answer, or the one that its bytes give */
	/* play.c */
	struct timer timer;
	const struct sb *body;   /* as it goes out: a.body, or changed */
	struct sb changed;       /* the body, when a fault changes it */
	struct sb raw_bytes;     /* head and framed body, when a fault breaks the framing */
	struct pieces pieces;    /* of raw_bytes if raw, else of the body */
	unsigned next_piece;
	size_t sent, body_sent;
	uint64_t ttft_us, gap_us;
	enum { PLAY_CLEAN, PLAY_FIN, PLAY_RST, PLAY_STALL } ending;
	bool raw, broken, listed, waiting, over;
	struct session *session; /* a websocket: session.c */
};

/* ---- asking */

/* Value of an x-sandbox-NAME header as a number, or fallback. */
uint64_t ask_number(const struct exchange *x, const char *name, uint64_t fallback);
struct str ask_header(const struct exchange *x, const char *name);
/* The value of a multipart form's part; p is NULL when there is none. file_name may be NULL. */
struct str multipart_field(const struct exchange *x, const char *name, struct str *file_name);
/* Value of a query parameter; empty when absent. */
struct str ask_query(const struct exchange *x, const char *name);

/* ---- planning an answer */

void answer_header(struct exchange *x, const char *name, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* Ends the piece that was written last into a.body. */
void answer_cut(struct exchange *x, unsigned tokens);
/* prefix and so many letters and digits, from the request or from a counter. Into the arena. */
const char *answer_id(struct exchange *x, const char *prefix, unsigned length);
/* A 128-bit number of this answer as 8-4-4-4-12 hex. */
const char *answer_uuid(struct exchange *x);
/* Seconds since the epoch, for `created`. */
int64_t answer_seconds(const struct exchange *x);
/* a.usage is the truth: what the faults make of it, empty when it is to be left out. It counts as sent with
 * the piece that is cut next. */
struct str answer_usage(struct exchange *x);
/* The same as members of an object that is being written: none, one, or two of that key. */
void answer_put_usage(struct exchange *x, struct json_out *w, const char *key);
/* A whole JSON answer: indents what stands in the body by two spaces and ends it with LF. */
void answer_indent(struct exchange *x);
/* The names under which the list shows this answer. */
void answer_name(struct exchange *x, const char *api, const char *surface, struct str model, const char *id);

/* ---- the pretend model: speech.c */

uint64_t tokens_of(struct str text);              /* the rule: four bytes a token, rounded up */
uint64_t tokens_of_json_string(struct json v);    /* the same, of the unescaped string */
/* What this request gets as an answer. */
struct speech {
	unsigned tokens;    /* pieces of text */
	unsigned reasoning; /* hidden tokens before it */
	bool cut;           /* it ended because of the caller's limit */
	unsigned chunk;     /* tokens to a delta */
};
/* limit 0: none. reasons: this model thinks first. */
void speech_plan(struct exchange *x, uint64_t limit, bool reasons, struct speech *out);
/* The n-th token of a text; variant separates several texts of one answer. */
struct str speech_token(const struct exchange *x, unsigned variant, unsigned n, char out[32]);
void speech_text(const struct exchange *x, unsigned variant, unsigned tokens, struct sb *out);
/* A JSON value that fits the schema (type, properties, items, enum, const, anyOf). */
void speech_json(struct exchange *x, struct json schema, struct json_out *w);
/* The length of the whole UTF-8 pieces in text from `from` on, about four bytes: for deltas of arguments. */
size_t speech_cut(struct str text, size_t from, size_t want);

/* ---- the vendors: each plans x->a and returns nothing: an error is an answer, too */

void openai_answer(struct exchange *x);
void anthropic_answer(struct exchange *x);
void gemini_answer(struct exchange *x);
void openai_error(struct exchange *x, unsigned status, const char *type, const char *code, const char *param,
		  const char *fmt, ...) __attribute__((format(printf, 6, 7)));
void anthropic_error(struct exchange *x, unsigned status, const char *type, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
void gemini_error(struct exchange *x, unsigned status, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* A new object that is born now; NULL: there is no room, and that is the answer. */
struct object *openai_object(struct exchange *x, enum object_kind kind, const char *id);
/* The vendor's own words for a status (faults). */
void openai_fail(struct exchange *x, unsigned status);
void anthropic_fail(struct exchange *x, unsigned status);
void gemini_fail(struct exchange *x, unsigned status);
/* An error event of a stream that has begun, in the vendor's shape. */
void openai_event_error(struct exchange *x, struct sb *out);
void anthropic_event_error(struct exchange *x, struct sb *out);
void gemini_event_error(struct exchange *x, struct sb *out);

/* Parts of OpenAI */
void openai_chat(struct exchange *x);
void openai_completions(struct exchange *x);
void openai_responses(struct exchange *x);
void openai_embeddings(struct exchange *x);
void openai_models(struct exchange *x);
void openai_images(struct exchange *x);
void openai_audio(struct exchange *x);
void openai_moderations(struct exchange *x);
void openai_files(struct exchange *x);
void openai_batches(struct exchange *x);
void openai_tuning(struct exchange *x);
void openai_stored_chats(struct exchange *x);
void openai_keep_chat(struct exchange *x, const char *id);
void openai_uploads(struct exchange *x);
void openai_things(struct exchange *x);
struct str openai_snapshot(struct exchange *x, struct str model); /* the dated name behind an alias */
bool openai_reasons(struct str model);
const char *openai_tier(struct exchange *x, struct json wanted);
void anthropic_batches(struct exchange *x);

/* ---- sandbox.c: a request inside a request (a line of a batch). end frees it. */

struct exchange *exchange_inner(struct exchange *outer, const char *path, struct str body, bool batch);
void exchange_inner_end(struct exchange *x);
void exchange_answer(struct exchange *x); /* finds the vendor, plans the answer */

/* ---- session.c: a websocket; false when it is none, and the request is answered as others are */

bool session_open(struct exchange *x);
void session_bytes(struct exchange *x, struct str bytes);
void session_closed(struct exchange *x);

/* ---- play.c */

void play_begin(struct exchange *x);
void play_drained(struct exchange *x);
void play_closed(struct exchange *x); /* lists what was cut, stops timers */
/* The truth about an answer, as one line. */
void list_line(const struct exchange *x, bool completed, struct str sent, struct sb *out);
void list_write(struct sandbox *s, struct str lines);

#endif
