/* SPDX-License-Identifier: Apache-2.0
 *
 * For tests of usage: a body's classes as one line of text, so that a test is a body and what it means.
 */
#ifndef RR_TEST_USAGE_SHOW_H
#define RR_TEST_USAGE_SHOW_H

#include "base/err.h"
#include "model/usage.h"
#include "t.h"

static char shown[1024];

/* "in_plain=5 out_text=3 total=8 ..." of one body; "error -N" where the reader refuses it. */
static const char *show(const struct usage *u)
{
	static const struct {
		uint32_t flag;
		const char *word;
	} flags[] = {{USAGE_MISMATCH, "MISMATCH "}, {USAGE_SPLIT_GUESSED, "GUESSED "}, {USAGE_ZERO, "ZERO "},
		     {USAGE_OTHER_MODEL, "OTHER "}};
	size_t n = 0;
	shown[0] = 0;
	for (unsigned c = 0; c < CLASSES; c++)
		if (u->tok[c])
			n += (size_t)snprintf(shown + n, sizeof shown - n, "%s=%llu ",
					      token_class_name((enum token_class)c), (unsigned long long)u->tok[c]);
	for (unsigned t = 0; t < TOOLS; t++)
		if (u->tools[t])
			n += (size_t)snprintf(shown + n, sizeof shown - n, "%s:%u ", tool_kind_name((enum tool_kind)t),
					      u->tools[t]);
	if (u->audio_ms)
		n += (size_t)snprintf(shown + n, sizeof shown - n, "ms=%llu ", (unsigned long long)u->audio_ms);
	if (u->images)
		n += (size_t)snprintf(shown + n, sizeof shown - n, "images=%llu ", (unsigned long long)u->images);
	if (u->tier)
		n += (size_t)snprintf(shown + n, sizeof shown - n, "tier=%s ", tier_name(u->tier));
	if (u->geo[0])
		n += (size_t)snprintf(shown + n, sizeof shown - n, "geo=%s ", u->geo);
	n += (size_t)snprintf(shown + n, sizeof shown - n, "%s", u->fast ? "fast " : "");
	for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++)
		if (u->flags & flags[i].flag)
			n += (size_t)snprintf(shown + n, sizeof shown - n, "%s", flags[i].word);
	snprintf(shown + n, sizeof shown - n, u->flags & USAGE_SEEN ? "total=%llu" : "none",
		 (unsigned long long)u->vendor_total_tok);
	return shown;
}

static struct usage read_body(enum usage_shape shape, const char *text, int *rc)
{
	struct usage u;
	struct json top = {JSON_NONE, {NULL, 0}};
	T_EQ_I(json_parse(str_of(text), &top, NULL), 0);
	*rc = usage_read(shape, top, &u);
	/* rule of usage.h: the classes sum to the vendor's total or the block is flagged */
	if (u.flags & USAGE_SEEN && !(u.flags & USAGE_MISMATCH))
		T_EQ_I(usage_total_tok(&u), u.vendor_total_tok);
	return u;
}

static const char *seen(enum usage_shape shape, const char *text)
{
	int rc;
	struct usage u = read_body(shape, text, &rc);
	if (rc)
		snprintf(shown, sizeof shown, "error %s %s", err_name(rc), u.flags & USAGE_MISMATCH ? "MISMATCH" : "");
	else
		show(&u);
	return shown;
}

#define READS(shape, text, want) T_EQ_S(seen(SHAPE_##shape, text), want)

#endif
