/* SPDX-License-Identifier: Apache-2.0
 *
 * See auth.h. Keys are looked up by their MAC in a sorted array; a direct-mapped table of presented secrets stands
 * in front of it.
 */
#include "gate/auth.h"

#include <stdlib.h>

#include "base/array.h"
#include "base/hash.h"
#include "base/intern.h"

enum { SECRET_MOST = 512, SEEN_SLOTS = 1024, KEYS_MOST = 1000000 };

struct known_key {
	unsigned char mac[32];
	struct identity who;
};

struct seen { /* a credential that was presented before */
	char *secret; /* owned; NULL = empty slot */
	size_t n;
	struct identity who;
};

struct auth {
	struct ledger *ledger;
	uint64_t version;
	uint64_t seed; /* of the table's hash: a stranger cannot choose collisions */
	struct known_key *keys;
	size_t count, cap;
	struct seen seen[SEEN_SLOTS];
};

static void forget_seen(struct auth *a)
{
	for (unsigned i = 0; i < SEEN_SLOTS; i++) {
		if (a->seen[i].secret) {
			explicit_bzero(a->seen[i].secret, a->seen[i].n);
			free(a->seen[i].secret);
		}
		memset(&a->seen[i], 0, sizeof a->seen[i]);
	}
}

static int take_key(const struct key_row *k, void *arg)
{
	struct auth *a = arg;
	struct known_key *known;
	if (k->revoked_us)
		return 0;
	if (!array_room(a->keys, a->count, a->cap, KEYS_MOST))
		return -RR_NOMEM;
	known = &a->keys[a->count++];
	memset(known, 0, sizeof *known);
	memcpy(known->mac, k->mac, sizeof known->mac);
	known->who.virtual_key = true;
	known->who.clamp = k->clamp;
	known->who.limits = (struct rate_limits){k->requests_per_minute, k->tokens_per_minute, (uint32_t)k->active};
	known->who.key = intern(str_of(k->id));
	known->who.team = intern(str_of(k->team));
	known->who.feature = intern(str_of(k->feature));
	known->who.env = intern(str_of(k->env));
	known->who.models = intern(str_of(k->models));
	known->who.regions = intern(str_of(k->regions));
	return 0;
}

static int by_mac(const void *a, const void *b)
{
	return memcmp(((const struct known_key *)a)->mac, ((const struct known_key *)b)->mac, 32);
}

static int read_keys(struct auth *a, uint64_t version, struct err *e)
{
	int rc;
	a->count = 0;
	rc = ledger_keys(a->ledger, take_key, a, e);
	if (rc)
		return rc;
	if (a->count)
		qsort(a->keys, a->count, sizeof *a->keys, by_mac);
	forget_seen(a);
	a->version = version;
	return 0;
}

int auth_refresh(struct auth *a, struct err *e)
{
	uint64_t version;
	int rc = ledger_settings_version(a->ledger, &version, e);
	if (rc || version == a->version)
		return rc;
	return read_keys(a, version, e);
}

struct auth *auth_new(struct ledger *l, struct err *e)
{
	struct auth *a = calloc(1, sizeof *a);
	unsigned char mac[32];
	uint64_t version;
	if (!a) {
		err_set(e, RR_NOMEM, "no memory for the key table");
		return NULL;
	}
	a->ledger = l;
	hash_random(&a->seed, sizeof a->seed);
	/* The pepper is made now: the first caller may come when the disk is full. */
	if (ledger_key_mac(l, STR(""), mac, e) || ledger_settings_version(l, &version, e) || read_keys(a, version, e)) {
		auth_free(a);
		return NULL;
	}
	return a;
}

void auth_free(struct auth *a)
{
	if (!a)
		return;
	forget_seen(a);
	free(a->keys);
	free(a);
}

static int look_up(struct auth *a, struct str credential, struct identity *out)
{
	struct known_key wanted, *found;
	char hex[65];
	memset(&wanted, 0, sizeof wanted);
	if (ledger_key_mac(a->ledger, credential, wanted.mac, NULL))
		return -RR_STORE;
	if (!str_starts(credential, STR("rr_"))) {
		char name[16] = "h-";
		memset(out, 0, sizeof *out);
		hash_hex(wanted.mac, 6, hex);
		memcpy(name + 2, hex, 13);
		out->key = intern(str_of(name));
		return 0;
	}
	if (!key_secret_well_formed(credential))
		return -RR_SYNTAX;
	found = a->count ? bsearch(&wanted, a->keys, a->count, sizeof *a->keys, by_mac) : NULL;
	if (!found)
		return -RR_NOTFOUND;
	*out = found->who;
	return 0;
}

int auth_identify(struct auth *a, struct str credential, struct identity *out)
{
	struct seen *slot;
	int rc;
	if (!credential.n || credential.n > SECRET_MOST) {
		memset(out, 0, sizeof *out);
		return credential.n ? -RR_LIMIT : 0;
	}
	slot = &a->seen[hash_xxh3_seed(credential.p, credential.n, a->seed) % SEEN_SLOTS];
	if (slot->secret && slot->n == credential.n && hash_equal_ct(slot->secret, credential.p, credential.n)) {
		*out = slot->who;
		return 0;
	}
	memset(out, 0, sizeof *out);
	rc = look_up(a, credential, out);
	if (rc == -RR_NOTFOUND && auth_refresh(a, NULL) == 0) /* a key may be seconds old */
		rc = look_up(a, credential, out);
	if (rc)
		return rc;
	if (slot->secret) {
		explicit_bzero(slot->secret, slot->n);
		free(slot->secret);
	}
	slot->secret = malloc(credential.n);
	slot->n = slot->secret ? credential.n : 0;
	if (slot->secret) {
		memcpy(slot->secret, credential.p, credential.n);
		slot->who = *out;
	}
	return 0;
}

bool auth_list_allows(struct str list, struct str name)
{
	struct str rest = list;
	if (!rest.n)
		return true;
	while (rest.p) {
		struct str item = str_trim(str_cut(&rest, ','));
		if (item.n && item.p[item.n - 1] == '*' && str_starts(name, str_sub(item, 0, item.n - 1)))
			return true;
		if (item.n && str_eq(item, name))
			return true;
	}
	return false;
}
