/* SPDX-License-Identifier: Apache-2.0
 *
 * What a session is (socket.c) and how a vendor's events are read (socket_openai.c, socket_gemini.c).
 */
#ifndef RR_GATE_SOCKET_INT_H
#define RR_GATE_SOCKET_INT_H

#include "gate/socket.h"
#include "net/ws.h"

enum { SOCKET_TURNS = 64, SOCKET_MESSAGE_BYTES = 20 * 1024 * 1024 /* OpenAI takes 15 MiB of speech at once */ };

struct socket {
	struct request *session;
	const struct socket_kind *kind;
	struct socket *next, **prev;    /* of the worker */
	struct ws_reader client, vendor;
	struct sb ask, ask_text;        /* the client's message under way: its frames, its payload */
	struct sb answer, answer_text;  /* the vendor's */
	struct sb client_control, vendor_control;
	struct sb behind;               /* the vendor's bytes behind an answer that is held */
	struct request *turn[SOCKET_TURNS];
	unsigned turns;                 /* begun, and their rows not durable */
	struct request *ending;         /* `answer` is held for its row */
	unsigned busy;                  /* depth of calls that use this: it ends when they are over */
	bool open;                      /* the vendor switched */
	bool plain;                     /* the vendor answered otherwise: an answer like others */
	bool client_over;               /* nothing more is said to the client */
	bool leaving;                   /* what is under way is drained, nothing new begins */
	bool closing;                   /* the vendor was told */
	/* what the events said */
	char model[96], transcriber[96];
	uint64_t max_output_tok, last_in_tok;
	struct usage running;           /* Gemini: the newest counts of a turn */
};

struct socket_kind {
	const char *path;       /* a star at its end: any rest */
	enum vendor_api api;
	const char *surface;    /* of its turns */
	bool ahead;             /* the vendor may begin a response by itself */
	bool error_event;       /* refusals are told by an event; else by the close frame alone */
	/* Does this message ask for a response? */
	bool (*asks)(struct socket *s, struct str text);
	/* Model and limits of a turn, or of the session's next one, where the body does not say them. */
	void (*features)(struct socket *s, struct request *r);
	/* A message of the vendor's. Returns the turn that it ends, or NULL. */
	struct request *(*see)(struct socket *s, struct str text);
};
extern const struct socket_kind socket_kinds[];
extern const unsigned socket_kind_count;

/* A turn begins: the client asked (its message stands in `ask`), or the vendor began it. NULL when it was refused or
 * there is no room. */
struct request *socket_begin(struct socket *s, bool asked);
/* A turn that is whole at once: its counts are in the message. NULL without memory. */
struct request *socket_whole(struct socket *s, const char *surface, struct str model);
/* The oldest turn that has no id yet, or the one of that id. NULL: none. */
struct request *socket_turn(struct socket *s, struct str id);
void socket_first_content(struct request *turn);

/* socket_openai.c */
bool realtime_asks(struct socket *s, struct str text);
void realtime_features(struct socket *s, struct request *r);
struct request *realtime_see(struct socket *s, struct str text);
bool responses_asks(struct socket *s, struct str text);
void responses_features(struct socket *s, struct request *r);
struct request *responses_see(struct socket *s, struct str text);
/* A turn whose end did not come: what it may have used. */
void realtime_estimate(struct socket *s, struct request *turn);
/* socket_gemini.c */
bool live_asks(struct socket *s, struct str text);
void live_features(struct socket *s, struct request *r);
struct request *live_see(struct socket *s, struct str text);

#endif
