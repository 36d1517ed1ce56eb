/* SPDX-License-Identifier: Apache-2.0
 *
 * See inflight.h. A slot's life, in the order of the stores that a killed process may leave half done:
 *
 *   free --(contents, checksum, then state = FILLED)--> filled --(progress in place)--> (state = FREE) free
 *
 * Disk blocks are reserved before they are mapped (posix_fallocate), since a store into a hole of a full disk
 * would be a SIGBUS.
 *
 * Recovery looks for each left slot's id among the newest rows of the ledger: a slot is cleared right after its
 * row is durable, so a row whose slot is still filled stands near the end. The search goes back until it has
 * passed both SURE_ROWS rows and every call that could have ended after the oldest slot began.
 */
#include "ledger/inflight.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/array.h"
#include "base/hash.h"
#include "base/intern.h"
#include "base/log.h"
#include "ledger/store.h"

enum { SLOT_BYTES = 256, GROW_SLOTS = 256, SURE_ROWS = 1 << 16, FILES_MOST = 1024 };
enum { FREE, FILLED = 0x46494c4c };

struct disk_slot {
	struct inflight_slot s;
	uint32_t crc;
	_Atomic uint32_t state;
};
_Static_assert(sizeof(struct disk_slot) == SLOT_BYTES, "the slot's size is part of the file's format");

struct inflight {
	struct disk_slot *slots; /* mapped for `most`, backed by the disk for `backed` */
	unsigned most, backed, used;
	unsigned *free; /* stack of free indexes among the backed ones */
	unsigned free_count;
	int fd;
};

static uint32_t slot_crc(const struct inflight_slot *s)
{
	uint32_t crc = hash_crc32c(0, s, offsetof(struct inflight_slot, low_pico));
	return hash_crc32c(crc, s->currency, sizeof s->currency);
}

struct inflight *inflight_open(const char *ledger_path, unsigned worker, unsigned slots, struct err *e)
{
	char name[PATH_MAX];
	struct inflight *f = calloc(1, sizeof *f);
	check(slots > 0);
	if (!f || !(f->free = calloc(slots, sizeof *f->free))) {
		free(f);
		err_set(e, RR_NOMEM, "out of memory for in-flight slots");
		return NULL;
	}
	snprintf(name, sizeof name, "%s-inflight-%u", ledger_path, worker);
	f->most = slots;
	f->slots = MAP_FAILED;
	f->fd = open(name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (f->fd >= 0)
		f->slots = mmap(NULL, (size_t)slots * SLOT_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, f->fd, 0);
	if (f->slots == MAP_FAILED) {
		err_set(e, RR_STORE, "cannot use %s: %s", name, strerror(errno));
		inflight_close(f);
		return NULL;
	}
	return f;
}

static int grow(struct inflight *f)
{
	unsigned more = f->most - f->backed < GROW_SLOTS ? f->most - f->backed : GROW_SLOTS;
	if (!more)
		return INFLIGHT_TAKEN;
	if (posix_fallocate(f->fd, (off_t)f->backed * SLOT_BYTES, (off_t)more * SLOT_BYTES))
		return INFLIGHT_NO_SPACE;
	for (unsigned i = more; i > 0; i--)
		f->free[f->free_count++] = f->backed + i - 1;
	f->backed += more;
	return 0;
}

int inflight_take(struct inflight *f, const struct inflight_slot *s)
{
	struct disk_slot *d;
	unsigned at;
	int rc = f->free_count ? 0 : grow(f);
	if (rc)
		return rc;
	at = f->free[--f->free_count];
	d = &f->slots[at];
	d->s = *s;
	d->crc = slot_crc(&d->s);
	atomic_store_explicit(&d->state, FILLED, memory_order_release);
	f->used++;
	return (int)at;
}

void inflight_progress(struct inflight *f, int slot, uint64_t output_tok_seen, int64_t low_pico)
{
	struct disk_slot *d = &f->slots[slot];
	*(volatile uint64_t *)&d->s.output_tok_seen = output_tok_seen;
	*(volatile int64_t *)&d->s.low_pico = low_pico;
}

void inflight_clear(struct inflight *f, int slot)
{
	check(slot >= 0 && (unsigned)slot < f->backed && f->slots[slot].state == FILLED);
	atomic_store_explicit(&f->slots[slot].state, FREE, memory_order_release);
	f->free[f->free_count++] = (unsigned)slot;
	f->used--;
}

unsigned inflight_count(const struct inflight *f)
{
	return f->used;
}

void inflight_close(struct inflight *f)
{
	if (!f)
		return;
	if (f->slots != MAP_FAILED)
		munmap(f->slots, (size_t)f->most * SLOT_BYTES);
	if (f->fd >= 0)
		close(f->fd);
	free(f->free);
	free(f);
}

/* ---- after a crash ---- */

struct left {
	struct inflight_slot *slots;
	size_t count, room;
	uint64_t torn;
	char *file[FILES_MOST];
	unsigned files;
};

static void left_free(struct left *x)
{
	for (unsigned i = 0; i < x->files; i++)
		free(x->file[i]);
	free(x->slots);
}

static int left_add(struct left *x, const struct inflight_slot *s)
{
	if (!array_room(x->slots, x->count, x->room, ARRAY_MOST))
		return -RR_NOMEM;
	x->slots[x->count++] = *s;
	return 0;
}

static int read_file(struct left *x, const char *name, struct err *e)
{
	struct disk_slot d;
	int fd = open(name, O_RDONLY | O_CLOEXEC), rc = 0;
	if (fd < 0)
		return err_set(e, RR_STORE, "cannot read %s: %s", name, strerror(errno));
	for (off_t at = 0; !rc && pread(fd, &d, sizeof d, at) == (ssize_t)sizeof d; at += SLOT_BYTES) {
		if (d.state == FREE)
			continue;
		if (d.state == FILLED && d.crc == slot_crc(&d.s))
			rc = left_add(x, &d.s);
		else
			x->torn++;
	}
	close(fd);
	return rc ? err_set(e, -rc, "out of memory while reading %s", name) : 0;
}

/* Every in-flight file of this ledger. */
static int read_files(struct left *x, const char *path, struct err *e)
{
	char folder[PATH_MAX], prefix[NAME_MAX + 16], name[2 * PATH_MAX];
	const char *slash = strrchr(path, '/');
	struct dirent *entry;
	DIR *dir;
	int rc = 0;
	str_copy(folder, sizeof folder, slash ? str_make(path, slash == path ? 1 : (size_t)(slash - path)) : STR("."));
	snprintf(prefix, sizeof prefix, "%s-inflight-", slash ? slash + 1 : path);
	dir = opendir(folder);
	if (!dir)
		return err_set(e, RR_STORE, "cannot read the folder %s: %s", folder, strerror(errno));
	while (!rc && (entry = readdir(dir))) {
		if (strncmp(entry->d_name, prefix, strlen(prefix)) != 0)
			continue;
		if (x->files == FILES_MOST) {
			rc = err_set(e, RR_LIMIT, "more than %d in-flight files in %s", FILES_MOST, folder);
			break;
		}
		snprintf(name, sizeof name, "%s/%s", folder, entry->d_name);
		rc = read_file(x, name, e);
		if (!rc && !(x->file[x->files++] = strdup(name)))
			rc = err_set(e, RR_NOMEM, "out of memory");
	}
	closedir(dir);
	return rc;
}

static int by_id(const void *a, const void *b)
{
	const struct call_id *x = &((const struct inflight_slot *)a)->id, *y = &((const struct inflight_slot *)b)->id;
	if (x->hi != y->hi)
		return x->hi < y->hi ? -1 : 1;
	return x->lo < y->lo ? -1 : x->lo > y->lo;
}

/* Drops the slots whose call has a row, and doubles. In a transaction. */
static int drop_recorded(struct left *x, struct ledger *l, struct err *e)
{
	int64_t oldest = INT64_MAX, scanned = 0;
	size_t kept = 0;
	bool *recorded;
	sqlite3_stmt *st;
	int rc = 0;
	if (!x->count)
		return 0;
	qsort(x->slots, x->count, sizeof *x->slots, by_id);
	recorded = calloc(x->count, sizeof *recorded);
	if (!recorded)
		return err_set(e, RR_NOMEM, "out of memory");
	for (size_t i = 0; i < x->count; i++) {
		if (x->slots[i].start_us < oldest)
			oldest = x->slots[i].start_us;
		if (i && by_id(&x->slots[i - 1], &x->slots[i]) == 0)
			recorded[i] = true;
	}
	st = store_query(l, e, "SELECT id, start+ifnull(took,0) FROM call ORDER BY row DESC");
	if (!st) {
		free(recorded);
		return -RR_STORE;
	}
	while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		struct str id = column_blob(st, 0);
		struct inflight_slot probe, *hit;
		if (++scanned > SURE_ROWS && sqlite3_column_int64(st, 1) < oldest)
			break;
		if (id.n != 16)
			continue;
		memcpy(&probe.id.hi, id.p, 8);
		memcpy(&probe.id.lo, id.p + 8, 8);
		probe.id.hi = __builtin_bswap64(probe.id.hi);
		probe.id.lo = __builtin_bswap64(probe.id.lo);
		hit = bsearch(&probe, x->slots, x->count, sizeof *x->slots, by_id);
		if (hit) {
			while (hit > x->slots && by_id(hit - 1, hit) == 0)
				hit--;
			recorded[hit - x->slots] = true;
		}
	}
	rc = rc == SQLITE_ROW || rc == SQLITE_DONE ? 0 : store_error(l, e, "looking for recorded calls");
	sqlite3_finalize(st);
	for (size_t i = 0; i < x->count; i++)
		if (!recorded[i])
			x->slots[kept++] = x->slots[i];
	x->count = kept;
	free(recorded);
	return rc;
}

static uint32_t intern_field(const char *p, size_t size)
{
	struct str s = str_make(p, strnlen(p, size));
	return intern(str_utf8_valid(s) ? s : STR("(unreadable)"));
}

/* What is known of a call that was under way: who, what, and between which amounts its cost lies. The time at
 * which it is closed stands as its end, so that rows stay in the order of their ends. */
static void call_of_slot(const struct inflight_slot *s, int64_t now_us, struct call *c)
{
	call_init(c);
	c->id = c->operation = s->id;
	c->start_us = s->start_us;
	c->end_us = now_us > s->start_us ? now_us : s->start_us;
	c->calls = 1;
	c->book = BOOK_INFERENCE;
	c->provenance = PROV_ESTIMATED;
	c->outcome = OUTCOME_CRASHED;
	c->key = intern_field(s->key, sizeof s->key);
	c->team = intern_field(s->team, sizeof s->team);
	c->feature = intern_field(s->feature, sizeof s->feature);
	c->env = intern_field(s->env, sizeof s->env);
	c->provider = intern_field(s->provider, sizeof s->provider);
	c->model_asked = intern_field(s->model, sizeof s->model);
	c->currency = intern_field(s->currency, sizeof s->currency);
	c->price_status = c->currency ? PRICE_PRICED : PRICE_UNPRICED;
	c->cost_pico = c->low_pico = s->low_pico;
	c->high_pico = s->high_pico > s->low_pico ? s->high_pico : s->low_pico;
	c->usage.tok[CLASS_OUT_TEXT] = s->output_tok_seen;
	c->usage.vendor_total_tok = s->output_tok_seen;
	c->usage.flags = USAGE_ESTIMATED | USAGE_PARTIAL;
}

static int recover(struct ledger *l, uint64_t *closed, struct err *e)
{
	struct left x = {0};
	struct call c;
	int64_t now = clock_real(&clock_system);
	int rc = read_files(&x, l->path, e);
	if (!rc && x.count) {
		rc = ledger_begin(l, e);
		if (!rc)
			rc = drop_recorded(&x, l, e);
		for (size_t i = 0; i < x.count && !rc; i++) {
			call_of_slot(&x.slots[i], now, &c);
			rc = ledger_add_call(l, &c, e);
		}
		if (!rc)
			rc = ledger_commit(l, e);
		else
			ledger_rollback(l);
	}
	if (!rc) {
		*closed = x.count;
		for (unsigned i = 0; i < x.files; i++)
			unlink(x.file[i]);
		if (x.count || x.torn)
			LOG(LOG_WARN, "crash_closed", LOG_N("calls", x.count), LOG_N("torn_slots", x.torn));
	}
	left_free(&x);
	return rc;
}

int inflight_recover(struct ledger *l, uint64_t *closed, struct err *e)
{
	int role = store_role_lock(l->path, "-gateway", "gateway", e), rc;
	*closed = 0;
	if (role < 0)
		return -RR_STORE;
	rc = recover(l, closed, e);
	close(role);
	return rc;
}

int inflight_recover_held(struct ledger *l, const struct writer *w, uint64_t *closed, struct err *e)
{
	check(w != NULL);
	*closed = 0;
	return recover(l, closed, e);
}

int inflight_leftovers(struct ledger *l, int (*fn)(const struct inflight_slot *s, void *arg), void *arg, struct err *e)
{
	struct left x = {0};
	bool opened;
	int rc;
	if (store_role_taken(l->path, "-gateway"))
		return 0;
	rc = store_read_begin(l, &opened, e);
	if (rc)
		return rc;
	rc = read_files(&x, l->path, e);
	if (!rc)
		rc = drop_recorded(&x, l, e);
	for (size_t i = 0; i < x.count && !rc; i++)
		rc = fn(&x.slots[i], arg);
	store_read_end(l, opened);
	left_free(&x);
	return rc;
}

int inflight_each(const char *ledger_path, int (*fn)(const struct inflight_slot *s, void *arg), void *arg,
		  struct err *e)
{
	struct left x = {0};
	int rc = read_files(&x, ledger_path, e);
	for (size_t i = 0; i < x.count && !rc; i++)
		rc = fn(&x.slots[i], arg);
	left_free(&x);
	return rc;
}
