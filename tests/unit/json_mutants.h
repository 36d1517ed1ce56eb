/* SPDX-License-Identifier: Apache-2.0
 *
 * Texts that are nearly JSON: seeds with a few bytes changed, the same for the same generator state.
 */
#ifndef RR_TEST_JSON_MUTANTS_H
#define RR_TEST_JSON_MUTANTS_H

#include <stdlib.h>

#include "base/rng.h"
#include "base/str.h"

enum { MUTANTS = 12000, MUTANT_BYTES = 400 };

/* A copy in a block of exactly its size; free() its p. */
static inline struct str exact(struct str s)
{
	char *p = malloc(s.n ? s.n : 1);
	if (!p)
		abort();
	if (s.n)
		memcpy(p, s.p, s.n);
	return str_make(p, s.n);
}

static const char *const seeds[] = {
	"{\"model\":\"gpt-4o\",\"messages\":[{\"role\":\"user\",\"content\":\"a \\\"quoted\\\" "
	"word\\n\"}],\"stream\":true,\"n\":1}",
	"[1,-2.5e+3,0,1e400,123456789012345678901234567890,\"\\ud83d\\ude00\",\"\\u0000\"]",
	"{\"a\":{\"b\":{\"c\":[[],{},[{}],null,true,false]}},\"\\u0061\":1,\"model\":\"two\",\"\":\"\"}",
	"{\"text\":\"caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80 and some more text that is longer than one block of "
	"sixty-four bytes\"}",
	"  [ { \"usage\" : { \"prompt_tokens\" : 12 , \"completion_tokens\" : 3.0 } } , \"x\" ]\r\n",
	"\"just a string with \\\\ and \\/ and \\b\\f\\n\\r\\t\"",
	"-0.1e-7",
	"null",
};

/* A seed with a few bytes changed, taken out, put in or repeated, mostly by bytes that mean something in JSON. */
static inline struct str mutant(struct rng *r, char out[MUTANT_BYTES])
{
	static const char meaning[] = "{}[]\",:\\/0123456789.eE+-truefalsnbu \n\t\x01\x7f\x80\xc3\xa9\xe2\xed\xf0\xff";
	const char *seed = seeds[rng_below(r, sizeof seeds / sizeof seeds[0])];
	size_t n = strlen(seed);
	memcpy(out, seed, n);
	for (uint64_t edits = rng_below(r, 4); edits && n; edits--) {
		size_t at = rng_below(r, n);
		char c = rng_below(r, 8) ? meaning[rng_below(r, sizeof meaning - 1)] : (char)rng_u64(r);
		switch (rng_below(r, 4)) {
		case 0:
			out[at] = c;
			break;
		case 1:
			memmove(out + at, out + at + 1, n - at - 1);
			n--;
			break;
		case 2:
			if (n + 1 < MUTANT_BYTES) {
				memmove(out + at + 1, out + at, n - at);
				out[at] = c;
				n++;
			}
			break;
		default:
			n = rng_below(r, 4) ? n : at;
		}
	}
	return str_make(out, n);
}

#endif
