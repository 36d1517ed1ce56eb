/* SPDX-License-Identifier: Apache-2.0
 *
 * Who is calling: a presented credential to an identity.
 *
 * A credential that begins with "rr_" is a virtual key of the ledger; it names key, team, feature, environment,
 * models and regions, and stands for the configured provider key. Any other credential belongs to its vendor: it
 * is passed through and metered under a keyed hash of it ("h-" and 12 hex digits). Secrets that were seen are kept
 * in a bounded table (so that a request costs one comparison, not an HMAC), compared in constant time, wiped when
 * keys change and at the end. One per worker: no locks.
 */
#ifndef RR_GATE_AUTH_H
#define RR_GATE_AUTH_H

#include "gate/rate.h"
#include "ledger/ledger.h"

struct identity {
	uint32_t key, team, feature, env;  /* interned */
	bool virtual_key;
	bool clamp;          /* its output limit may be lowered instead of a refusal */
	struct rate_limits limits; /* its own */
	uint32_t models, regions; /* comma lists, interned too: an identity is copied with each call; 0 = all */
};

struct auth;
struct auth *auth_new(struct ledger *l, struct err *e); /* the ledger is only read */
void auth_free(struct auth *a);
/* Reads the keys again if the ledger's settings changed. Cheap when they did not. */
int auth_refresh(struct auth *a, struct err *e);
/* 0; -RR_NOTFOUND: a virtual key that does not exist or was revoked; -RR_SYNTAX: mistyped (checksum);
 * -RR_LIMIT: longer than 512 bytes. An empty credential is an identity without a key. */
int auth_identify(struct auth *a, struct str credential, struct identity *out);
/* `name` is in the comma list (or the list is empty). A trailing '*' matches a prefix. */
bool auth_list_allows(struct str list, struct str name);

#endif
