/* SPDX-License-Identifier: Apache-2.0
 *
 * The SSE framer against a second, slow reader of the standard, on whole and split input.
 */
#include "base/rng.h"
#include "gate/sse.h"
#include "t.h"

struct seen {
	struct sb raw, events; /* "event|data\n" for each frame with data */
	unsigned frames;
};

static void feed(struct sse *s, struct str bytes, struct seen *out)
{
	struct sse_frame f;
	while (sse_next(s, &bytes, &f) == 1) {
		sb_add_str(&out->raw, f.raw);
		out->frames++;
		if (f.has_data) {
			sb_add_str(&out->events, f.event);
			sb_addc(&out->events, '|');
			sb_add_str(&out->events, f.data);
			sb_addc(&out->events, '\1');
		}
	}
}

/* A plain reading of WHATWG 9.2.6, character by character, over the whole text. */
static void reference(struct str t, struct sb *events)
{
	char line[512], event[512] = "", data[2048] = "";
	size_t n = 0;
	bool has = false;
	size_t i = t.n >= 3 && memcmp(t.p, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
	for (; i < t.n; i++) {
		char c = t.p[i];
		if (c != '\r' && c != '\n') {
			line[n++] = c;
			continue;
		}
		if (c == '\r' && i + 1 == t.n)
			break; /* not known yet whether LF follows */
		if (c == '\r' && t.p[i + 1] == '\n')
			i++;
		line[n] = 0;
		if (n == 0) {
			if (has) {
				sb_adds(events, event);
				sb_addc(events, '|');
				sb_adds(events, data);
				sb_addc(events, '\1');
			}
			event[0] = data[0] = 0;
			has = false;
		} else if (line[0] != ':') {
			char *colon = strchr(line, ':'), *value = colon ? colon + 1 : line + n;
			if (colon)
				*colon = 0;
			if (*value == ' ')
				value++;
			if (!strcmp(line, "event"))
				strcpy(event, value);
			if (!strcmp(line, "data")) {
				if (has)
					strcat(data, "\n");
				strcat(data, value);
				has = true;
			}
		}
		n = 0;
	}
}

static struct str random_stream(struct rng *r, char *out)
{
	static const char *const pieces[] = {"data: {\"a\":1}", "data:x", "data", "data:  two", "event: message_stop", "event:e", ": comment",
					     ":", "id: 7", "retry: 10", "data: \xC3\xA9", "", "", "other: field", "data: [DONE]"};
	static const char *const ends[] = {"\n", "\r\n", "\r"};
	size_t n = 0;
	if (rng_below(r, 4) == 0)
		n = (size_t)sprintf(out, "\xEF\xBB\xBF");
	for (unsigned lines = (unsigned)rng_below(r, 24); lines; lines--)
		n += (size_t)sprintf(out + n, "%s%s", pieces[rng_below(r, sizeof pieces / sizeof *pieces)], ends[rng_below(r, 3)]);
	return str_make(out, n);
}

TEST(frames_are_right_and_bytes_are_whole_however_split)
{
	struct rng r;
	rng_seed(&r, 7);
	for (unsigned round = 0; round < 20000; round++) {
		char text[2048];
		struct str t = random_stream(&r, text);
		struct seen got;
		struct sb want;
		struct sse s;
		size_t at = 0;
		sse_init(&s);
		sb_init(&got.raw, 65536);
		sb_init(&got.events, 65536);
		sb_init(&want, 65536);
		got.frames = 0;
		while (at < t.n) {
			size_t n = 1 + rng_below(&r, round % 3 ? t.n : 3);
			if (n > t.n - at)
				n = t.n - at;
			feed(&s, str_sub(t, at, at + n), &got);
			at += n;
		}
		sb_add_str(&got.raw, sse_rest(&s));
		reference(t, &want);
		T_TRUE(str_eq(sb_str(&got.raw), t));
		T_TRUE(str_eq(sb_str(&got.events), sb_str(&want)));
		sb_fini(&got.raw);
		sb_fini(&got.events);
		sb_fini(&want);
		sse_fini(&s);
		if (t_bad)
			return;
	}
}

TEST(a_whole_frame_is_not_copied)
{
	struct sse s;
	struct sse_frame f;
	struct str in = STR("data: 1\n\ndata: 2\n\n"), all = in;
	sse_init(&s);
	T_EQ_I(sse_next(&s, &in, &f), 1);
	T_TRUE(f.raw.p == all.p && f.data.p == all.p + 6);
	T_EQ_I(sse_next(&s, &in, &f), 1);
	T_TRUE(f.raw.p == all.p + 9);
	T_EQ_I(sse_next(&s, &in, &f), 0);
	sse_fini(&s);
}

TEST(a_frame_over_the_limit_is_refused)
{
	struct sse s;
	struct sse_frame f;
	char *big = malloc(1 << 20);
	int rc = 0;
	memset(big, 'x', 1 << 20);
	sse_init(&s);
	for (unsigned i = 0; i < 10 && rc == 0; i++) {
		struct str in = str_make(big, 1 << 20);
		rc = sse_next(&s, &in, &f);
	}
	T_TRUE(rc < 0);
	sse_fini(&s);
	free(big);
}

T_MAIN
