/* SPDX-License-Identifier: Apache-2.0
 *
 * Hashes against published vectors and python's hashlib and hmac; interned strings under four threads.
 */
#include <pthread.h>

#include "base/err.h"
#include "base/hash.h"
#include "base/intern.h"
#include "base/rng.h"
#include "py.h"
#include "t.h"

static void add_hex(struct sb *b, const void *p, size_t n)
{
	char hex[2 * 300 + 1];
	sb_adds(b, hash_hex(p, n, hex));
}

TEST(published_vectors)
{
	unsigned char out[32];
	char hex[65];
	struct hash128 wide = hash_xxh3_128("", 0), parts;
	/* FIPS 180-4, example of one block */
	hash_sha256(STR("abc"), out);
	T_EQ_S(hash_hex(out, 32, hex), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	hash_sha256(str_make(NULL, 0), out);
	T_EQ_S(hash_hex(out, 32, hex), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	/* RFC 4231, test case 2 */
	hash_hmac_sha256(STR("Jefe"), STR("what do ya want for nothing?"), out);
	T_EQ_S(hash_hex(out, 32, hex), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
	/* RFC 3720, B.4 */
	memset(out, 0, 32);
	T_EQ_I(hash_crc32c(0, out, 32), 0x8A9136AA);
	memset(out, 0xFF, 32);
	T_EQ_I(hash_crc32c(0, out, 32), 0x62A8AB43);
	for (unsigned i = 0; i < 32; i++)
		out[i] = (unsigned char)i;
	T_EQ_I(hash_crc32c(0, out, 32), 0x46DD794E);
	T_EQ_I(hash_crc32c(0, "123456789", 9), 0xE3069283);
	/* xxHash's own: XXH3 of nothing, seed 0 */
	T_TRUE(hash_xxh3("", 0) == UINT64_C(0x2D06800538D394C2));
	T_TRUE(wide.hi == UINT64_C(0x99AA06D3014798D8) && wide.lo == UINT64_C(0x6001C324468D497F));
	wide = hash_xxh3_128("ab||c", 5);
	parts = hash_xxh3_128_parts((const struct str[]){STR("ab"), STR(""), STR("c")}, 3, '|');
	T_TRUE(parts.hi == wide.hi && parts.lo == wide.lo);
	T_TRUE(hash_xxh3("abc", 3) == hash_xxh3_seed("abc", 3, 0) &&
	       hash_xxh3("abc", 3) != hash_xxh3_seed("abc", 3, 1));
	T_EQ_S(hash_hex(NULL, 0, hex), "");
}

TEST(python_agrees_on_digests)
{
	static const char script[] = "import sys,hashlib,hmac\n"
				     "for l in sys.stdin.read().split('\\n')[:-1]:\n"
				     "  k,t=[bytes.fromhex(x) for x in l.split(',')]\n"
				     "  print(hashlib.sha256(t).hexdigest(),hmac.new(k,t,'sha256').hexdigest())\n";
	struct rng r;
	struct sb in, ours, out;
	sb_init(&in, 1 << 20);
	sb_init(&ours, 1 << 20);
	sb_init(&out, 1 << 20);
	rng_seed(&r, 40);
	for (unsigned i = 0; i < 300; i++) {
		char bytes[300];
		unsigned char digest[32];
		struct str key = str_make(bytes, rng_below(&r, 100)), text = str_make(bytes + 100, rng_below(&r, 200));
		for (unsigned k = 0; k < sizeof bytes; k++)
			bytes[k] = (char)rng_u64(&r);
		add_hex(&in, key.p, key.n);
		sb_addc(&in, ',');
		add_hex(&in, text.p, text.n);
		sb_addc(&in, '\n');
		hash_sha256(text, digest);
		add_hex(&ours, digest, 32);
		sb_addc(&ours, ' ');
		hash_hmac_sha256(key, text, digest);
		add_hex(&ours, digest, 32);
		sb_addc(&ours, '\n');
	}
	if (py_run(script, sb_str(&in), &out))
		T_TRUE(str_eq(sb_str(&out), sb_str(&ours)));
	sb_fini(&in);
	sb_fini(&ours);
	sb_fini(&out);
}

TEST(crc_by_instruction_and_by_table_and_in_pieces)
{
	unsigned char bytes[300];
	hash_random(bytes, sizeof bytes);
	for (size_t n = 0; n <= sizeof bytes; n++) {
		uint32_t whole = hash_crc32c(0, bytes, n);
		T_TRUE(whole == hash_crc32c_portable(0, bytes, n));
		T_TRUE(whole == hash_crc32c(hash_crc32c(0, bytes, n / 3), bytes + n / 3, n - n / 3));
	}
}

TEST(equal_and_random)
{
	unsigned char a[64] = {0}, b[64] = {0};
	unsigned changed = 0;
	T_TRUE(hash_equal_ct(a, b, 64) && hash_equal_ct(a, b, 0));
	b[63] = 1;
	T_TRUE(!hash_equal_ct(a, b, 64) && hash_equal_ct(a, b, 63));
	hash_random(a, sizeof a);
	hash_random(b, sizeof b);
	for (unsigned i = 0; i < 64; i++)
		changed += a[i] != b[i];
	T_TRUE(changed > 32);
}

enum { THREADS = 4, NAMES = 20000 };

static void *intern_many(void *arg)
{
	uint32_t *ids = arg;
	struct rng r;
	rng_seed(&r, (uint64_t)(uintptr_t)arg);
	for (unsigned i = 0; i < NAMES * 3; i++) {
		unsigned k = i < NAMES ? i : (unsigned)rng_below(&r, NAMES);
		char name[32];
		uint32_t id;
		struct str s = str_make(name, (size_t)sprintf(name, "name %u", k));
		id = intern(s);
		if (ids[k] && ids[k] != id)
			ids[0] = UINT32_MAX; /* an id changed: seen below */
		ids[k] = id;
		if (!str_eq(intern_str(id), s))
			ids[0] = UINT32_MAX;
	}
	return NULL;
}

TEST(a_name_has_one_id_in_every_thread)
{
	static uint32_t ids[THREADS][NAMES];
	pthread_t threads[THREADS];
	uint32_t before = intern_count();
	for (unsigned t = 0; t < THREADS; t++)
		T_EQ_I(pthread_create(&threads[t], NULL, intern_many, ids[t]), 0);
	for (unsigned t = 0; t < THREADS; t++)
		pthread_join(threads[t], NULL);
	T_TRUE(intern_count() - before <= NAMES + 2 && intern_count() - before >= NAMES);
	for (unsigned k = 0; k < NAMES; k++)
		for (unsigned t = 1; t < THREADS; t++)
			T_EQ_I(ids[t][k], ids[0][k]);
}

TEST(the_edges_of_interning)
{
	char big[INTERN_BYTES + 1];
	uint32_t id;
	memset(big, 'b', sizeof big);
	T_EQ_I(intern(STR("")), 0);
	T_EQ_S(intern_str(0).p, "");
	T_EQ_I(intern_str(0).n, 0);
	T_EQ_S(intern_str(intern(str_make(big, sizeof big))).p, "(other)");
	id = intern(str_make(big, sizeof big - 1));
	T_TRUE(intern_str(id).n == INTERN_BYTES && intern_str(id).p[INTERN_BYTES] == 0);
	T_EQ_I(intern(STR("(other)")), intern(str_make(big, sizeof big)));
	T_TRUE(intern_hash(intern(STR("(other)"))) == hash_xxh3("(other)", 7));
	T_TRUE(intern(STR("a\0b")) != intern(STR("a")) && intern_str(intern(STR("a\0b"))).n == 3);
}

/* Last, since it fills the table for good. */
TEST(zz_a_full_table_says_other)
{
	char name[INTERN_BYTES];
	uint32_t last = 0, other = intern(STR("(other)"));
	unsigned long i = 0;
	memset(name, 'f', sizeof name);
	for (; i < 400000; i++) {
		uint32_t id;
		memcpy(name, &i, sizeof i);
		id = intern(str_make(name, sizeof name));
		if (id == other)
			break;
		last = id;
	}
	T_TRUE(i > 100000 && i <= INTERN_ALL_BYTES / INTERN_BYTES);
	T_EQ_I(intern_count(), last + 1);
	T_TRUE(intern(STR("name 7")) != other); /* what is known stays known */
}

T_MAIN
