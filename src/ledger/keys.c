/* SPDX-License-Identifier: Apache-2.0
 *
 * Virtual keys: made here, shown once, kept as a MAC.
 *
 *   rr_ + 43 base62 characters (256 random bits) + 6 base62 characters of CRC-32C
 *
 * The checksum lets a typing error be told from a foreign key, and lets secret scanners find leaked keys without
 * false alarms. The MAC is HMAC-SHA-256 under a pepper that stands beside the ledger in its own file (mode
 * 0600): a stolen ledger alone proves nothing about any key. A slow hash is needless at 256 bits of secret.
 */
#include "ledger/store.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/hash.h"

enum { RANDOM_CHARS = 43, CHECK_CHARS = 6, SECRET_CHARS = 3 + RANDOM_CHARS + CHECK_CHARS, PEPPER_BYTES = 32 };
static const char base62[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

static void checksum_text(const char *secret, char out[CHECK_CHARS])
{
	uint32_t crc = hash_crc32c(0, secret, 3 + RANDOM_CHARS);
	for (int i = CHECK_CHARS - 1; i >= 0; i--, crc /= 62)
		out[i] = base62[crc % 62];
}

bool key_secret_well_formed(struct str s)
{
	char sum[CHECK_CHARS];
	if (s.n != SECRET_CHARS || memcmp(s.p, "rr_", 3) != 0)
		return false;
	for (size_t i = 3; i < s.n; i++)
		if (!strchr(base62, s.p[i]) || !s.p[i])
			return false;
	checksum_text(s.p, sum);
	return memcmp(sum, s.p + 3 + RANDOM_CHARS, CHECK_CHARS) == 0;
}

static void random_base62(char *out, unsigned n)
{
	while (n) {
		unsigned char bytes[64];
		hash_random(bytes, sizeof bytes);
		for (unsigned i = 0; i < sizeof bytes && n; i++)
			if (bytes[i] < 248) { /* 4 * 62: no character is likelier than another */
				*out++ = base62[bytes[i] % 62];
				n--;
			}
		explicit_bzero(bytes, sizeof bytes);
	}
}

/* Makes the pepper whole before it has its name: two that make it at once both end up with the one that won. */
static int make_pepper(const char *name, struct err *e)
{
	unsigned char bytes[PEPPER_BYTES];
	char draft[PATH_MAX];
	int fd, rc = 0;
	if ((size_t)snprintf(draft, sizeof draft, "%s.XXXXXX", name) >= sizeof draft)
		return err_set(e, RR_LIMIT, "the ledger's path is too long: %s", name);
	fd = mkostemp(draft, O_CLOEXEC); /* mode 0600 */
	if (fd < 0)
		return err_set(e, RR_IO, "cannot make %s: %s", name, strerror(errno));
	hash_random(bytes, sizeof bytes);
	if (write(fd, bytes, sizeof bytes) != (ssize_t)sizeof bytes || fsync(fd) ||
	    (link(draft, name) && errno != EEXIST))
		rc = err_set(e, RR_IO, "cannot write %s: %s", name, strerror(errno));
	explicit_bzero(bytes, sizeof bytes);
	unlink(draft);
	close(fd);
	return rc;
}

/* Reads the pepper, making it first when `make`. */
static int pepper(struct ledger *l, bool make, unsigned char out[PEPPER_BYTES], struct err *e)
{
	char name[PATH_MAX];
	ssize_t n;
	int fd;
	snprintf(name, sizeof name, "%s-pepper", l->path);
	fd = open(name, O_RDONLY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT && make) {
		int rc = make_pepper(name, e);
		if (rc)
			return rc;
		fd = open(name, O_RDONLY | O_CLOEXEC);
	}
	if (fd < 0) {
		err_set(e, RR_STORE, "cannot read %s: %s", name, strerror(errno));
		return err_hint(e,
				"keys cannot be checked without the file that their ledger was made with; restore it");
	}
	n = read(fd, out, PEPPER_BYTES);
	close(fd);
	return n == PEPPER_BYTES ? 0 : err_set(e, RR_STORE, "%s is damaged: it must hold %d bytes", name, PEPPER_BYTES);
}

static bool no_keys(struct ledger *l)
{
	sqlite3_stmt *st = store_query(l, NULL, "SELECT 1 FROM key LIMIT 1");
	bool none = st && sqlite3_step(st) == SQLITE_DONE;
	sqlite3_finalize(st);
	return none;
}

int ledger_key_mac(struct ledger *l, struct str secret, unsigned char mac[32], struct err *e)
{
	unsigned char p[PEPPER_BYTES];
	/* A lost pepper must be named where keys depend on it; where none does, a new one harms nobody. */
	int rc = pepper(l, no_keys(l), p, e);
	if (!rc)
		hash_hmac_sha256(str_make((char *)p, sizeof p), secret, mac);
	explicit_bzero(p, sizeof p);
	return rc;
}

static uint32_t key_crc(const struct key_row *k)
{
	char mac[65];
	char limits[72] = ""; /* a key without limits is summed as it was before there were any */
	hash_hex(k->mac, 32, mac);
	if (k->requests_per_minute || k->tokens_per_minute || k->active)
		snprintf(limits, sizeof limits, "|%llu|%llu|%llu", (unsigned long long)k->requests_per_minute,
			 (unsigned long long)k->tokens_per_minute, (unsigned long long)k->active);
	return store_crc("%s|%s|%s|%s|%s|%s|%s|%d|%lld|%lld%s", k->id, mac, k->team, k->feature, k->env, k->models,
			 k->regions, k->clamp, (long long)k->created_us, (long long)k->revoked_us, limits);
}

static int key_write(struct ledger *l, const struct key_row *k, struct err *e)
{
	sqlite3_stmt *st = store_query(l, e, "INSERT OR REPLACE INTO key(id,mac,team,feature,env,models,regions,clamp,"
					     "created,revoked,crc,requests,tokens,active)"
					     " VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14)");
	int rc = 0;
	if (!st)
		return -RR_STORE;
	bind_text(st, 1, str_of(k->id));
	sqlite3_bind_blob(st, 2, k->mac, 32, SQLITE_STATIC);
	bind_text(st, 3, str_of(k->team));
	bind_text(st, 4, str_of(k->feature));
	bind_text(st, 5, str_of(k->env));
	bind_text(st, 6, str_of(k->models));
	bind_text(st, 7, str_of(k->regions));
	sqlite3_bind_int64(st, 8, k->clamp);
	sqlite3_bind_int64(st, 9, k->created_us);
	sqlite3_bind_int64(st, 10, k->revoked_us);
	sqlite3_bind_int64(st, 11, key_crc(k));
	sqlite3_bind_int64(st, 12, (int64_t)k->requests_per_minute);
	sqlite3_bind_int64(st, 13, (int64_t)k->tokens_per_minute);
	sqlite3_bind_int64(st, 14, (int64_t)k->active);
	if (sqlite3_step(st) != SQLITE_DONE)
		rc = store_error(l, e, "writing a key");
	sqlite3_finalize(st);
	return rc ? rc : store_settings_changed(l, e);
}

int ledger_new_key(struct ledger *l, struct key_row *k, char secret[KEY_SECRET_TEXT], struct err *e)
{
	unsigned char p[PEPPER_BYTES], tag[6];
	int rc = pepper(l, true, p, e);
	if (rc)
		return rc;
	memcpy(secret, "rr_", 3);
	random_base62(secret + 3, RANDOM_CHARS);
	checksum_text(secret, secret + 3 + RANDOM_CHARS);
	secret[SECRET_CHARS] = 0;
	hash_hmac_sha256(str_make((char *)p, sizeof p), str_make(secret, SECRET_CHARS), k->mac);
	explicit_bzero(p, sizeof p);
	hash_random(tag, sizeof tag);
	memcpy(k->id, "k-", 2);
	hash_hex(tag, sizeof tag, k->id + 2);
	if (!k->created_us)
		k->created_us = clock_real(&clock_system);
	k->revoked_us = 0;
	rc = ledger_begin(l, e);
	if (rc)
		return rc;
	rc = key_write(l, k, e);
	if (rc) {
		ledger_rollback(l);
		explicit_bzero(secret, KEY_SECRET_TEXT);
		return rc;
	}
	return ledger_commit(l, e);
}

static bool key_read(sqlite3_stmt *st, struct key_row *k)
{
	struct str mac = column_blob(st, 1);
	memset(k, 0, sizeof *k);
	str_copy(k->id, sizeof k->id, column_text(st, 0));
	memcpy(k->mac, mac.p, mac.n < 32 ? mac.n : 32);
	str_copy(k->team, sizeof k->team, column_text(st, 2));
	str_copy(k->feature, sizeof k->feature, column_text(st, 3));
	str_copy(k->env, sizeof k->env, column_text(st, 4));
	str_copy(k->models, sizeof k->models, column_text(st, 5));
	str_copy(k->regions, sizeof k->regions, column_text(st, 6));
	k->clamp = sqlite3_column_int64(st, 7) != 0;
	k->created_us = sqlite3_column_int64(st, 8);
	k->revoked_us = sqlite3_column_int64(st, 9);
	k->requests_per_minute = (uint64_t)sqlite3_column_int64(st, 11);
	k->tokens_per_minute = (uint64_t)sqlite3_column_int64(st, 12);
	k->active = (uint64_t)sqlite3_column_int64(st, 13);
	return key_crc(k) == (uint32_t)sqlite3_column_int64(st, 10);
}

int ledger_keys(struct ledger *l, int (*fn)(const struct key_row *k, void *arg), void *arg, struct err *e)
{
	sqlite3_stmt *st = store_query(l, e, "SELECT id,mac,team,feature,env,models,regions,clamp,created,revoked,crc,"
					     "requests,tokens,active"
					     " FROM key ORDER BY created, id");
	struct key_row k;
	int rc = 0;
	if (!st)
		return -RR_STORE;
	while (!rc && (rc = sqlite3_step(st)) == SQLITE_ROW) {
		rc = key_read(st, &k) ? fn(&k, arg) : store_damaged(l, "key", k.id, e);
	}
	if (rc == SQLITE_DONE)
		rc = 0;
	else if (rc > 0)
		rc = store_error(l, e, "reading keys");
	sqlite3_finalize(st);
	return rc;
}

struct find {
	const char *id;
	struct key_row row;
	bool found;
	unsigned nearest;
	char near[24];
};

static int find_key(const struct key_row *k, void *arg)
{
	struct find *f = arg;
	unsigned d = str_distance(str_of(k->id), str_of(f->id));
	if (strcmp(k->id, f->id) == 0) {
		f->row = *k;
		f->found = true;
	} else if (d < f->nearest) {
		f->nearest = d;
		memcpy(f->near, k->id, sizeof f->near);
	}
	return 0;
}

int ledger_revoke_key(struct ledger *l, const char *id, int64_t now_us, struct err *e)
{
	struct find f = {.id = id, .nearest = 5};
	int rc = ledger_begin(l, e);
	if (rc)
		return rc;
	rc = ledger_keys(l, find_key, &f, e);
	if (!rc && !f.found) {
		rc = err_set(e, RR_NOTFOUND, "there is no key %s", id);
		if (f.near[0])
			err_hint(e, "did you mean %s? `runrate key list` shows all", f.near);
		else
			err_hint(e, "`runrate key list` shows all");
	} else if (!rc && f.row.revoked_us) {
		rc = err_set(e, RR_EXISTS, "key %s is revoked already", id);
	} else if (!rc) {
		f.row.revoked_us = now_us;
		rc = key_write(l, &f.row, e);
	}
	if (rc) {
		ledger_rollback(l);
		return rc;
	}
	return ledger_commit(l, e);
}
