/* SPDX-License-Identifier: Apache-2.0
 *
 * What a vendor keeps between requests: files, batches, tuning jobs, stored answers.
 *
 * Jobs have no clock of their own: how far one is follows from its age, its length and the moment of its
 * cancellation, whenever somebody asks. At most STORE_OBJECTS things and STORE_BYTES; the oldest are forgotten.
 */
#ifndef RR_SANDBOX_STORE_H
#define RR_SANDBOX_STORE_H

#include "base/str.h"

enum { STORE_OBJECTS = 4096, STORE_OBJECT_BYTES = 512 * 1024 * 1024 };
#define STORE_BYTES (UINT64_C(1) << 30)

enum object_kind { OBJECT_FILE, OBJECT_BATCH, OBJECT_TUNING, OBJECT_RESPONSE, OBJECT_MESSAGE_BATCH, OBJECT_GEMINI_BATCH,
		   OBJECT_CACHED_CONTENT, OBJECT_UPLOAD, OBJECT_PART, OBJECT_THING, OBJECT_CHAT };

struct object {
	struct object *newer;
	enum object_kind kind;
	char id[80];
	uint64_t org;
	int64_t created_us;   /* real */
	uint64_t born_us;     /* mono */
	uint64_t length_us;   /* from birth to end */
	uint64_t cancel_us;   /* mono; 0 = not cancelled */
	uint64_t pause_us;    /* mono; 0 = not paused */
	struct sb data;       /* file: bytes. response: its last state. batches: output lines */
	struct sb errors;     /* batches: error lines */
	struct sb text;       /* file: name. others: the request */
	struct sb truth;      /* lines for the list, one a line of the output; empty once they are written */
	char purpose[40];     /* file: purpose. batch: endpoint */
	char model[80];
	char output_id[80], errors_id[80];
	uint64_t lines, failed_lines; /* of the input */
	uint64_t tokens;
	bool ended;           /* its end was seen and its truth listed */
};

struct store {
	struct object *oldest, *newest;
	unsigned count;
	uint64_t bytes; /* as of the last store_weigh */
};

struct object *store_add(struct store *s, enum object_kind kind, const char *id, uint64_t org);
struct object *store_get(struct store *s, enum object_kind kind, struct str id, uint64_t org);
bool store_remove(struct store *s, enum object_kind kind, struct str id, uint64_t org);
/* After an object was filled: forgets the oldest others while the store is over its limits. */
void store_weigh(struct store *s, const struct object *kept);
/* One page of what is listed newest first: at most `limit` (or so many as usual), from behind the object `after`. */
enum { STORE_PAGE = 1000 };
struct store_page {
	struct object *object[STORE_PAGE];
	unsigned count;
	bool more;
};
struct store_page store_page(struct store *s, enum object_kind kind, uint64_t org, struct str after, struct str limit,
			     unsigned usual);
void store_fini(struct store *s);
/* Of `length_us`, in thousandths, 1000 = over; stands still at the cancellation. */
unsigned object_progress(const struct object *o, uint64_t now_us);

#endif
