/* SPDX-License-Identifier: Apache-2.0
 *
 * What a token is, out of the texts that clouds bill by: AWS usage types (five grammars), Azure meters with their
 * abbreviations, Google SKUs, FOCUS meters. The text is cut into words at anything that is no letter or digit, at a
 * capital inside a word and at a digit behind a letter ("aud1217" is aud, "CacheWrite1hInput" has 1h); each word is
 * looked up. What is not found says nothing: the direction stays unknown and the row keeps its money but gets no
 * tokens.
 *
 * Where text stands beside sound or pictures these are of the model's name ("gpt-4o-aud-0603-txt Inp",
 * "gpt-image-1-inp-txt").
 */
#include "import/import_i.h"

enum { WORD_BYTES = 32 };

enum word {
	W_INPUT = 1 << 0,
	W_OUTPUT = 1 << 1,
	W_CACHE = 1 << 2,
	W_READ = 1 << 3,
	W_WRITE = 1 << 4,
	W_5M = 1 << 5,
	W_1H = 1 << 6,
	W_AUDIO = 1 << 7,
	W_IMAGE = 1 << 8,
	W_THINK = 1 << 9,
	W_TOKEN = 1 << 10,
	W_BATCH = 1 << 11,
	W_FLEX = 1 << 12,
	W_PRIORITY = 1 << 13,
	W_STORAGE = 1 << 14,
	W_TRAIN = 1 << 15,
	W_MILLION = 1 << 16,
	W_EMBED = 1 << 17,
	W_MISS = 1 << 18,
	W_TEXT = 1 << 19,
	W_OFF = 1 << 20,
	W_CHARACTER = 1 << 21,
};

/* Azure's meter names shorten every word, and not always alike (inp, inpt, opt, outp, cchd, ccchd, cd, trng):
 * sources.md 2.6, read 21 Nov 2026, and the meters of the Azure Retail Prices API as public lists of them show, read
 * 29 Nov 2026. */
static const struct {
	const char *text;
	unsigned word;
} words[] = {
	{"input", W_INPUT},
	{"inp", W_INPUT},
	{"inpt", W_INPUT},
	{"in", W_INPUT},
	{"prompt", W_INPUT},
	{"output", W_OUTPUT},
	{"outp", W_OUTPUT},
	{"opt", W_OUTPUT},
	{"outpt", W_OUTPUT},
	{"otpt", W_OUTPUT},
	{"out", W_OUTPUT},
	{"completion", W_OUTPUT},
	{"candidates", W_OUTPUT},
	{"generated", W_OUTPUT},
	{"predictions", 0},
	{"cache", W_CACHE},
	{"cached", W_CACHE | W_READ},
	{"cchd", W_CACHE | W_READ},
	{"ccchd", W_CACHE | W_READ},
	{"cched", W_CACHE | W_READ},
	{"chd", W_CACHE | W_READ},
	{"cd", W_CACHE | W_READ},
	{"caching", W_CACHE | W_READ},
	{"read", W_READ},
	{"hit", W_READ},
	{"miss", W_MISS},
	{"write", W_WRITE},
	{"writes", W_WRITE},
	{"wr", W_WRITE},
	{"creation", W_WRITE},
	{"5m", W_5M},
	{"5min", W_5M},
	{"1h", W_1H},
	{"1hr", W_1H},
	{"text", W_TEXT},
	{"txt", W_TEXT},
	{"audio", W_AUDIO},
	{"aud", W_AUDIO},
	{"speech", W_AUDIO},
	{"image", W_IMAGE},
	{"img", W_IMAGE},
	{"video", W_IMAGE},
	{"thinking", W_THINK | W_OUTPUT},
	{"off", W_OFF},
	{"rsng", W_THINK | W_OUTPUT},
	{"reasoning", W_THINK | W_OUTPUT},
	{"thoughts", W_THINK | W_OUTPUT},
	{"embedding", W_EMBED},
	{"embeddings", W_EMBED},
	{"token", W_TOKEN},
	{"tokens", W_TOKEN},
	{"tkn", W_TOKEN},
	{"tkns", W_TOKEN},
	{"character", W_CHARACTER},
	{"characters", W_CHARACTER},
	{"tpm", 0},
	{"batch", W_BATCH},
	{"flex", W_FLEX},
	{"priority", W_PRIORITY},
	{"pp", W_PRIORITY},
	{"storage", W_STORAGE},
	{"training", W_TRAIN},
	{"trng", W_TRAIN},
	{"million", W_MILLION},
	{"tuning", W_TRAIN},
};

static unsigned look_up(const char *w, size_t n)
{
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (strlen(words[i].text) == n && memcmp(words[i].text, w, n) == 0)
			return words[i].word;
	return 0;
}

static unsigned all_words(struct str s)
{
	char w[WORD_BYTES];
	size_t n = 0;
	unsigned found = 0;
	for (size_t i = 0; i <= s.n; i++) {
		char c = i < s.n ? s.p[i] : ' ';
		bool upper = c >= 'A' && c <= 'Z', digit = c >= '0' && c <= '9',
		     letter = upper || (c >= 'a' && c <= 'z');
		bool after_lower = i > 0 && s.p[i - 1] >= 'a' && s.p[i - 1] <= 'z';
		bool after_digit = i > 0 && s.p[i - 1] >= '0' && s.p[i - 1] <= '9';
		if (n && (!(letter || digit) || (upper && after_lower) || (digit && !after_digit))) {
			found |= look_up(w, n);
			n = 0;
		}
		if ((letter || digit) && n < sizeof w)
			w[n++] = upper ? (char)(c + 32) : c;
	}
	return found;
}

void token_words_read(struct str text, struct token_words *out)
{
	unsigned w = all_words(text);
	*out = (struct token_words){.tier = TIER_STANDARD};
	if (w & W_MISS) /* what a cache did not have is plain input */
		w = (w & ~(unsigned)(W_CACHE | W_READ)) | W_INPUT;
	if (w & W_TEXT)
		w &= ~(unsigned)(W_AUDIO | W_IMAGE);
	if (w & W_OFF) /* "(Thinking Off)" */
		w &= ~(unsigned)W_THINK;
	if (w & (W_STORAGE | W_TRAIN | W_CHARACTER))
		return; /* token-hours, trained tokens and characters are other things */
	out->tokens = (w & W_TOKEN) != 0;
	out->tier = w & W_BATCH ? TIER_BATCH : w & W_FLEX ? TIER_FLEX : w & W_PRIORITY ? TIER_PRIORITY : TIER_STANDARD;
	out->known = true;
	if (w & W_OUTPUT)
		out->cls = w & W_AUDIO   ? CLASS_OUT_AUDIO
			   : w & W_IMAGE ? CLASS_OUT_IMAGE
			   : w & W_THINK ? CLASS_OUT_REASONING
					 : CLASS_OUT_TEXT;
	else if ((w & W_CACHE) && (w & W_WRITE))
		out->cls = w & W_1H   ? CLASS_IN_CACHE_WRITE_1H
			   : w & W_5M ? CLASS_IN_CACHE_WRITE_5M
				      : CLASS_IN_CACHE_WRITE;
	else if (w & W_CACHE)
		out->cls = w & W_AUDIO   ? CLASS_IN_AUDIO_CACHE_READ
			   : w & W_IMAGE ? CLASS_IN_IMAGE_CACHE_READ
					 : CLASS_IN_CACHE_READ;
	else if (w & W_INPUT)
		out->cls = w & W_AUDIO ? CLASS_IN_AUDIO : w & W_IMAGE ? CLASS_IN_IMAGE : CLASS_IN_PLAIN;
	else if ((w & W_EMBED) && (w & W_TOKEN)) /* text goes in, numbers come out */
		out->cls = CLASS_IN_PLAIN;
	else
		out->known = false;
	out->per = w & W_MILLION ? 1000000 : 0;
}
