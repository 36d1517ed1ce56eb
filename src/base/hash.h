/* SPDX-License-Identifier: Apache-2.0
 *
 * Hashes: XXH3 for tables and fingerprints, SHA-256 and HMAC-SHA-256 (libcrypto) where somebody might
 * want a collision, CRC-32C for row checksums.
 */
#ifndef RR_BASE_HASH_H
#define RR_BASE_HASH_H

#include "base/str.h"

uint64_t hash_xxh3(const void *p, size_t n);
uint64_t hash_xxh3_seed(const void *p, size_t n, uint64_t seed);
struct hash128 {
	uint64_t hi, lo;
};
struct hash128 hash_xxh3_128(const void *p, size_t n);
/* Of the parts as if they stood in one text, with that byte between them. Takes no memory, so it cannot fail. */
struct hash128 hash_xxh3_128_parts(const struct str *parts, unsigned count, char between);
void hash_sha256(struct str s, unsigned char out[32]);
void hash_hmac_sha256(struct str key, struct str s, unsigned char out[32]);
uint32_t hash_crc32c(uint32_t crc, const void *p, size_t n); /* crc: 0, or the result for what stands before */
uint32_t hash_crc32c_portable(uint32_t crc, const void *p, size_t n); /* the same without special instructions */
/* Lower-case hex, NUL-terminated: 2n+1 bytes. */
char *hash_hex(const unsigned char *p, size_t n, char *out);
bool hash_equal_ct(const void *a, const void *b, size_t n); /* constant time */
/* Bytes from the kernel's random source; stops the process if there is none. */
void hash_random(void *p, size_t n);

#endif
