/* SPDX-License-Identifier: Apache-2.0
 *
 * Tables: alignment, the ellipsis, what may not reach a terminal; and the log's lines.
 */
#include <unistd.h>

#include "base/log.h"
#include "base/table.h"
#include "t.h"

static struct arena arena;
static struct sb out;

static struct table *fresh(const char *spec)
{
	static struct table t;
	arena_fini(&arena);
	sb_fini(&out);
	arena_init(&arena, 1 << 20);
	sb_init(&out, 1 << 20);
	table_init(&t, &arena, spec);
	return &t;
}

TEST(columns_are_aligned)
{
	struct table *t = fresh("name|calls>|cost>");
	struct table_row *r = table_add(t);
	table_set(t, r, 0, "support-bot");
	table_set(t, r, 1, "%d", 310000);
	table_set(t, r, 2, "\xC2\xA3%s", "518.01");
	r = table_add(t);
	table_set(t, r, 0, "caf\xC3\xA9");
	table_set(t, r, 1, "7");
	table_set(t, r, 2, "1.00");
	table_rule(t);
	r = table_add(t);
	table_set(t, r, 0, "TOTAL");
	table_set(t, r, 2, "519.01");
	table_text(t, 80, &out);
	T_EQ_S(out.p,
	       "name          calls     cost\n"
	       "support-bot  310000  \xC2\xA3" "518.01\n"
	       "caf\xC3\xA9              7     1.00\n"
	       "             ------  -------\n"
	       "TOTAL                 519.01\n");
}

TEST(the_widest_left_column_gives_way)
{
	struct table *t = fresh("a|b|n>");
	struct table_row *r = table_add(t);
	table_set(t, r, 0, "a-very-long-name-\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9-that-goes-on");
	table_set(t, r, 1, "short");
	table_set(t, r, 2, "123,456,789.00");
	table_text(t, 40, &out);
	T_TRUE(strstr(out.p, "a-very-long-name\xE2\x80\xA6  short  123,456,789.00\n") ||
	       strstr(out.p, "a-very-long-name-\xE2\x80\xA6  short  123,456,789.00\n"));
	for (struct str rest = sb_str(&out); rest.p;) {
		struct str line = str_cut(&rest, '\n');
		T_TRUE(str_columns(line) <= 40);
	}
	sb_clear(&out);
	table_text(t, 10, &out); /* numbers are never cut */
	T_TRUE(strstr(out.p, "123,456,789.00\n") != NULL);
}

TEST(nothing_talks_to_the_terminal)
{
	struct table *t = fresh("model");
	struct table_row *r = table_add(t);
	table_set(t, r, 0, "%s", "gpt\x1b[31m\x07\xC2\x9B" "2J\nx\xFF");
	table_text(t, 80, &out);
	T_TRUE(!memchr(out.p, 0x1b, out.n) && !memchr(out.p, 7, out.n) && !strstr(out.p, "\xC2\x9B"));
	T_TRUE(str_utf8_valid(sb_str(&out)));
	T_EQ_S(out.p, "model\ngpt\xEF\xBF\xBD[31m\xEF\xBF\xBD\xEF\xBF\xBD" "2J x\xEF\xBF\xBD\n");
}

TEST(csv_keeps_numbers_and_disarms_formulas)
{
	struct table *t = fresh("name|cost>");
	struct table_row *r = table_add(t);
	table_set(t, r, 0, "=cmd|'/c calc'!A0");
	table_set(t, r, 1, "-5.5");
	table_rule(t);
	table_csv(t, &out);
	T_TRUE(strstr(out.p, "name,cost\r\n") == out.p);
	T_TRUE(strstr(out.p, "\n=") == NULL && strstr(out.p, ",-5.5\r\n") != NULL);
}

TEST(a_full_arena_is_no_crash)
{
	struct table *t = fresh("a");
	arena.limit_bytes = arena.used_bytes + 300;
	for (int i = 0; i < 10; i++)
		table_set(t, table_add(t), 0, "cell");
	T_TRUE(arena.full);
	table_text(t, 80, &out);
}

/* What one LOG call writes to stderr. */
static const char *logged(bool json, void (*call)(void))
{
	static char text[20000];
	int p[2], saved = dup(2);
	ssize_t n;
	T_EQ_I(pipe(p), 0);
	dup2(p[1], 2);
	log_init(LOG_INFO, json);
	call();
	dup2(saved, 2);
	close(saved);
	close(p[1]);
	n = read(p[0], text, sizeof text - 1);
	close(p[0]);
	text[n > 0 ? n : 0] = 0;
	return text;
}

static void hostile(void)
{
	LOG(LOG_DEBUG, "never", LOG_N("x", 1));
	LOG(LOG_WARN, "upstream_closed", LOG_S("id", STR("01a")), LOG_S("why", STR("a \"b\"\nlevel=error x")), LOG_N("status", -502));
}

TEST(log_lines_cannot_be_forged)
{
	const char *line = logged(false, hostile);
	T_TRUE(strncmp(line, "time=20", 7) == 0);
	T_TRUE(strstr(line, "Z level=warn event=upstream_closed id=01a why=\"a \\\"b\\\"\\nlevel=error x\" status=-502\n") != NULL);
	T_TRUE(strchr(line, '\n') == line + strlen(line) - 1);
	line = logged(true, hostile);
	T_TRUE(strstr(line, "\"level\":\"warn\",\"event\":\"upstream_closed\",\"id\":\"01a\",\"why\":\"a \\\"b\\\"\\nlevel=error x\","
			    "\"status\":-502}\n") != NULL);
}

static void huge(void)
{
	static char much[12000];
	memset(much, 'x', sizeof much);
	LOG(LOG_ERROR, "huge", LOG_S("body", str_make(much, sizeof much)), LOG_N("n", 1));
}

TEST(log_lines_have_a_limit)
{
	const char *line = logged(false, huge);
	T_TRUE(strlen(line) < 9000 && strchr(line, '\n') == line + strlen(line) - 1);
	line = logged(true, huge);
	T_TRUE(strlen(line) < 9000 && strstr(line, "\"event\":\"huge\"}\n") != NULL);
}

T_MAIN
