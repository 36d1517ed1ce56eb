/* SPDX-License-Identifier: Apache-2.0
 *
 * See hash.h. CRC-32C (Castagnoli, reversed polynomial 0x82F63B78: RFC 3720 section 12.1) uses the SSE 4.2
 * instruction where the machine has it, else a table of 16 that is small enough to read.
 */
#define OPENSSL_SUPPRESS_DEPRECATED /* the calls that allocate nothing: a hash does not fail for want of memory */
#include "base/hash.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <sys/random.h>
#define XXH_STATIC_LINKING_ONLY /* its state on the stack */
#include <xxhash.h>

#ifdef __x86_64__
#include <nmmintrin.h>
#endif

#include "base/err.h"

uint64_t hash_xxh3(const void *p, size_t n)
{
	return XXH3_64bits(p, n);
}

uint64_t hash_xxh3_seed(const void *p, size_t n, uint64_t seed)
{
	return XXH3_64bits_withSeed(p, n, seed);
}

struct hash128 hash_xxh3_128(const void *p, size_t n)
{
	XXH128_hash_t h = XXH3_128bits(p, n);
	return (struct hash128){h.high64, h.low64};
}

struct hash128 hash_xxh3_128_parts(const struct str *parts, unsigned count, char between)
{
	XXH3_state_t state;
	XXH128_hash_t h;
	XXH3_128bits_reset(&state);
	for (unsigned i = 0; i < count; i++) {
		if (i)
			XXH3_128bits_update(&state, &between, 1);
		XXH3_128bits_update(&state, parts[i].n ? parts[i].p : "", parts[i].n);
	}
	h = XXH3_128bits_digest(&state);
	return (struct hash128){h.high64, h.low64};
}

void hash_sha256(struct str s, unsigned char out[32])
{
	SHA256_CTX c;
	SHA256_Init(&c);
	SHA256_Update(&c, s.n ? s.p : "", s.n);
	SHA256_Final(out, &c);
	explicit_bzero(&c, sizeof c);
}

/* The hash of two pieces, one behind the other. */
static void digest(const void *a, size_t a_bytes, const void *b, size_t b_bytes, unsigned char out[32])
{
	SHA256_CTX c;
	SHA256_Init(&c);
	SHA256_Update(&c, a, a_bytes);
	SHA256_Update(&c, b, b_bytes);
	SHA256_Final(out, &c);
	explicit_bzero(&c, sizeof c);
}

/* RFC 2104 over SHA-256, whose block is 64 bytes. */
void hash_hmac_sha256(struct str key, struct str s, unsigned char out[32])
{
	unsigned char inner[64], outer[64], block[64] = {0};
	if (key.n > sizeof block)
		hash_sha256(key, block);
	else if (key.n)
		memcpy(block, key.p, key.n);
	for (unsigned i = 0; i < sizeof block; i++) {
		inner[i] = block[i] ^ 0x36;
		outer[i] = block[i] ^ 0x5C;
	}
	digest(inner, sizeof inner, s.n ? s.p : "", s.n, out);
	digest(outer, sizeof outer, out, 32, out);
	explicit_bzero(block, sizeof block);
	explicit_bzero(inner, sizeof inner);
	explicit_bzero(outer, sizeof outer);
}

static uint32_t crc32c_table(uint32_t crc, const unsigned char *p, size_t n)
{
	static const uint32_t nibble[16] = {
		0x00000000, 0x105EC76F, 0x20BD8EDE, 0x30E349B1, 0x417B1DBC, 0x5125DAD3, 0x61C69362, 0x7198540D,
		0x82F63B78, 0x92A8FC17, 0xA24BB5A6, 0xB21572C9, 0xC38D26C4, 0xD3D3E1AB, 0xE330A81A, 0xF36E6F75,
	};
	for (size_t i = 0; i < n; i++) {
		crc ^= p[i];
		crc = nibble[crc & 15] ^ crc >> 4;
		crc = nibble[crc & 15] ^ crc >> 4;
	}
	return crc;
}

#ifdef __x86_64__
__attribute__((target("sse4.2"))) static uint32_t crc32c_sse42(uint32_t crc, const unsigned char *p, size_t n)
{
	uint64_t wide = crc;
	for (; n >= 8; n -= 8, p += 8) {
		uint64_t word;
		memcpy(&word, p, 8);
		wide = _mm_crc32_u64(wide, word);
	}
	crc = (uint32_t)wide;
	for (; n; n--)
		crc = _mm_crc32_u8(crc, *p++);
	return crc;
}
#endif

uint32_t hash_crc32c(uint32_t crc, const void *p, size_t n)
{
#ifdef __x86_64__
	if (__builtin_cpu_supports("sse4.2"))
		return ~crc32c_sse42(~crc, p, n);
#endif
	return ~crc32c_table(~crc, p, n);
}

uint32_t hash_crc32c_portable(uint32_t crc, const void *p, size_t n)
{
	return ~crc32c_table(~crc, p, n);
}

char *hash_hex(const unsigned char *p, size_t n, char *out)
{
	static const char digits[] = "0123456789abcdef";
	for (size_t i = 0; i < n; i++) {
		out[2 * i] = digits[p[i] >> 4];
		out[2 * i + 1] = digits[p[i] & 15];
	}
	out[2 * n] = 0;
	return out;
}

bool hash_equal_ct(const void *a, const void *b, size_t n)
{
	return CRYPTO_memcmp(a, b, n) == 0;
}

void hash_random(void *p, size_t n)
{
	unsigned char *at = p;
	while (n) {
		ssize_t got = getrandom(at, n, 0);
		check(got > 0 || (got < 0 && errno == EINTR));
		if (got > 0) {
			at += got;
			n -= (size_t)got;
		}
	}
}
