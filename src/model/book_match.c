/* SPDX-License-Identifier: Apache-2.0
 *
 * How a vendor's name of a model finds the price list's name of it.
 *
 * Two halves. Match expressions are genai-prices' little language (equals, starts_with, ends_with, contains,
 * regex, or, and), which Langfuse's matchPattern needs as well (regex). Text is compared in lower case; regexes
 * are POSIX extended, translated from the Perl subset that both files use ((?:..), (?i), \d, \/).
 *
 * model_names() lists other spellings of one name, the most literal first, so that a listed snapshot is always
 * preferred to its family: Bedrock ("us.anthropic.claude-sonnet-4-5-20250929-v1:0"), Vertex
 * ("publishers/anthropic/models/claude-sonnet-4-5@20250929"), OpenRouter ("anthropic/claude-sonnet-4.5"), compact
 * and dashed dates, dated snapshots. A fine-tuned model ("ft:gpt-4o-mini-2024-07-18:org::id") is looked up as
 * "ft:" and its base only: a tuned model never inherits the untuned price.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "model/book_i.h"

/* A hostile pattern may not cost more than a normal one: short, no back-references, no counted group. */
static bool regex_is_modest(struct str s)
{
	if (s.n > 512)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '\\' && i + 1 < s.n) {
			if (s.p[i + 1] >= '1' && s.p[i + 1] <= '9')
				return false;
			i++;
		} else if (s.p[i] == '{') {
			unsigned digits = 0;
			if (i == 0 || s.p[i - 1] == ')')
				return false;
			while (i + 1 < s.n && isdigit((unsigned char)s.p[i + 1]))
				i++, digits++;
			if (digits == 0 || digits > 2 || i + 1 >= s.n || s.p[i + 1] != '}')
				return false;
		}
	}
	return true;
}

/* Perl subset to POSIX extended; *fold is set by a leading (?i). */
static void regex_translate(struct str s, struct sb *out, bool *fold)
{
	size_t i = 0;
	if (str_starts(s, STR("(?i)"))) {
		*fold = true;
		i = 4;
	}
	for (; i < s.n; i++) {
		if (s.p[i] == '(' && i + 2 < s.n && s.p[i + 1] == '?' && s.p[i + 2] == ':') {
			sb_addc(out, '(');
			i += 2;
		} else if (s.p[i] == '\\' && i + 1 < s.n) {
			char c = s.p[++i];
			if (c == 'd')
				sb_adds(out, "[0-9]");
			else if (c == 'w')
				sb_adds(out, "[a-zA-Z0-9_]");
			else if (c == '/' || c == '-')
				sb_addc(out, c);
			else
				sb_addc(out, '\\'), sb_addc(out, c);
		} else {
			sb_addc(out, s.p[i]);
		}
	}
}

static regex_t *regex_make(struct book *b, struct str text)
{
	struct sb pattern;
	bool fold = false;
	regex_t *re = NULL;
	if (b->regex_count == BOOK_REGEXES || !regex_is_modest(text) || memchr(text.p, 0, text.n))
		return NULL;
	sb_init(&pattern, 2048);
	regex_translate(text, &pattern, &fold);
	if (pattern.p && !pattern.full)
		re = calloc(1, sizeof *re);
	if (re && regcomp(re, pattern.p, REG_EXTENDED | REG_NOSUB | (fold ? REG_ICASE : 0)) != 0) {
		free(re);
		re = NULL;
	}
	sb_fini(&pattern);
	return re;
}

struct match *match_leaf(struct book *b, enum match_kind kind, struct str text)
{
	struct match *m = arena_new(&b->arena, struct match);
	if (!m)
		return NULL;
	m->kind = kind;
	if (kind == MATCH_REGEX) {
		m->regex = regex_make(b, text);
		if (!m->regex)
			return NULL;
		m->next_regex = b->regexes;
		b->regexes = m;
		b->regex_count++;
		return m;
	}
	m->text = book_lower(b, text);
	return m->text.p ? m : NULL;
}

bool match_is(const struct match *m, struct str text)
{
	char z[NAME_BYTES];
	switch (m->kind) {
	case MATCH_EQUALS:
		return str_eq(text, m->text);
	case MATCH_STARTS:
		return str_starts(text, m->text);
	case MATCH_ENDS:
		return str_ends(text, m->text);
	case MATCH_CONTAINS:
		return str_contains(text, m->text);
	case MATCH_REGEX:
		if (text.n >= sizeof z || memchr(text.p, 0, text.n))
			return false;
		str_copy(z, sizeof z, text);
		return regexec(m->regex, z, 0, NULL, 0) == 0;
	case MATCH_OR:
		for (const struct match *c = m->first; c; c = c->next)
			if (match_is(c, text))
				return true;
		return false;
	case MATCH_AND:
		for (const struct match *c = m->first; c; c = c->next)
			if (!match_is(c, text))
				return false;
		return true;
	}
	return false;
}

/* ---- spellings ---- */

static struct str names_add(struct name_list *l, struct str s)
{
	char *p = l->buf + l->used;
	if (s.n == 0 || s.n >= NAME_BYTES || l->count == MODEL_NAMES || l->used + s.n + 1 > sizeof l->buf)
		return s;
	memcpy(p, s.p, s.n);
	for (size_t i = 0; i < s.n; i++)
		if (p[i] >= 'A' && p[i] <= 'Z')
			p[i] = (char)(p[i] + ('a' - 'A'));
	s = str_make(p, s.n);
	for (unsigned i = 0; i < l->count; i++)
		if (str_eq(l->name[i], s))
			return l->name[i];
	p[s.n] = 0;
	l->used += s.n + 1;
	l->name[l->count++] = s;
	return s;
}

static bool digits_at(struct str s, size_t at, size_t n)
{
	if (at + n > s.n)
		return false;
	for (size_t i = at; i < at + n; i++)
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
	return true;
}

/* Length of a "-2025-04-14" (11) or "-20250414" (9) at the end, else 0. */
static size_t date_tail(struct str s)
{
	size_t n = s.n;
	if (n > 11 && s.p[n - 11] == '-' && digits_at(s, n - 10, 4) && s.p[n - 6] == '-' && digits_at(s, n - 5, 2) &&
	    s.p[n - 3] == '-' && digits_at(s, n - 2, 2))
		return 11;
	if (n > 9 && s.p[n - 9] == '-' && digits_at(s, n - 8, 8) && s.p[n - 8] == '2' && s.p[n - 7] == '0')
		return 9;
	return 0;
}

/* "us." of a Bedrock inference profile, then "anthropic." of its vendor. */
static struct str bedrock_core(struct name_list *l, struct str s)
{
	static const char *const area[] = {"us.", "eu.", "apac.", "au.", "jp.", "ca.", "sa.", "global.", "us-gov."};
	static const char *const vendor[] = {"anthropic.", "amazon.",   "meta.",   "mistral.", "cohere.",
					     "ai21.",      "deepseek.", "openai.", "qwen.",    "moonshot.",
					     "minimax.",   "zai.",      "google."};
	bool is = false;
	for (size_t i = 0; i < sizeof area / sizeof *area && !is; i++)
		if (str_starts(s, str_of(area[i]))) {
			s = names_add(l, str_sub(s, strlen(area[i]), s.n));
			is = true;
		}
	is = false;
	for (size_t i = 0; i < sizeof vendor / sizeof *vendor && !is; i++)
		if (str_starts(s, str_of(vendor[i]))) {
			s = str_sub(s, strlen(vendor[i]), s.n);
			is = true;
		}
	if (!is)
		return s;
	names_add(l, s);
	if (s.n > 2 && s.p[s.n - 2] == ':' && digits_at(s, s.n - 1, 1))
		s.n -= 2;
	if (s.n > 3 && s.p[s.n - 3] == '-' && s.p[s.n - 2] == 'v' && digits_at(s, s.n - 1, 1))
		s.n -= 3;
	return names_add(l, s);
}

static void date_variants(struct name_list *l, struct str s)
{
	char z[NAME_BYTES];
	size_t tail = date_tail(s);
	if (s.n >= sizeof z - 8)
		return;
	if (tail == 9) {
		int n = snprintf(z, sizeof z, "%.*s-%.4s-%.2s-%.2s", (int)(s.n - 9), s.p, s.p + s.n - 8, s.p + s.n - 4,
				 s.p + s.n - 2);
		names_add(l, str_make(z, (size_t)n));
	} else if (tail == 11) {
		int n = snprintf(z, sizeof z, "%.*s-%.4s%.2s%.2s", (int)(s.n - 11), s.p, s.p + s.n - 10, s.p + s.n - 5,
				 s.p + s.n - 2);
		names_add(l, str_make(z, (size_t)n));
	}
	if (tail)
		names_add(l, str_sub(s, 0, s.n - tail));
	else if (str_ends(s, STR("-latest")))
		names_add(l, str_sub(s, 0, s.n - 7));
	else if (s.n > 4 && s.p[s.n - 4] == '-' && s.p[s.n - 3] == '0' && digits_at(s, s.n - 3, 3))
		names_add(l, str_sub(s, 0, s.n - 4)); /* gemini-2.0-flash-001 */
}

static void tuned_names(struct name_list *l, struct str base)
{
	char z[NAME_BYTES];
	size_t tail = date_tail(base);
	int n = snprintf(z, sizeof z, "ft:%.*s", (int)(base.n < 200 ? base.n : 200), base.p);
	names_add(l, str_make(z, (size_t)n));
	if (tail)
		names_add(l, str_make(z, (size_t)n - tail));
}

void model_names(struct name_list *l, struct str provider, struct str model)
{
	struct str s, rest;
	size_t at;
	char z[NAME_BYTES];
	l->count = 0;
	l->used = 0;
	s = names_add(l, str_trim(model));
	if (l->count == 0)
		return;
	if (str_starts(s, STR("ft:"))) {
		rest = str_sub(s, 3, s.n);
		tuned_names(l, str_cut(&rest, ':'));
		return;
	}
	if (str_contains(s, STR(".ft-"))) { /* Azure deployments of tuned models */
		const char *dot = memmem(s.p, s.n, ".ft-", 4);
		tuned_names(l, str_make(s.p, (size_t)(dot - s.p)));
		return;
	}
	if (str_chr(s, '/') != SIZE_MAX) {
		rest = s;
		while (str_chr(rest, '/') != SIZE_MAX)
			str_cut(&rest, '/');
		s = names_add(l, rest);
	}
	s = bedrock_core(l, s);
	if ((at = str_chr(s, '@')) != SIZE_MAX && s.n < sizeof z) {
		struct str version = str_sub(s, at + 1, s.n);
		str_copy(z, sizeof z, s);
		z[at] = '-';
		if (str_eqc(version, "default") || str_eqc(version, "latest"))
			s = names_add(l, str_make(z, at));
		else
			s = names_add(l, str_make(z, s.n));
	}
	if (str_starts(s, STR("claude")) && str_chr(s, '.') != SIZE_MAX && s.n < sizeof z) {
		str_copy(z, sizeof z, s);
		for (size_t i = 0; i < s.n; i++)
			if (z[i] == '.')
				z[i] = '-';
		s = names_add(l, str_make(z, s.n));
	}
	date_variants(l, s);
	(void)provider;
}
