/* SPDX-License-Identifier: Apache-2.0
 *
 * CSV: torture by hand (reliability.md, P2 and P3), and thousands of random files against python's csv module.
 */
#include "base/csv.h"
#include "base/rng.h"
#include "py.h"
#include "t.h"

/* Header and rows as text: fields in [..], a refused row as !, each row ended by a line feed. */
static const char *read_all(struct str text, struct sb *out)
{
	struct err e = {0};
	struct csv *c = csv_open_text(text, &e);
	int rc = 1;
	sb_clear(out);
	if (!c) {
		sb_addf(out, "no: %s", e.what);
		return out->p;
	}
	for (unsigned i = 0; i < csv_columns(c); i++)
		sb_addf(out, "[%.*s]", STR_ARG(csv_header(c, i)));
	while ((rc = csv_next(c, &e))) {
		sb_addc(out, '\n');
		for (unsigned i = 0; rc > 0 && i < csv_columns(c); i++) {
			sb_addc(out, '[');
			sb_add_str(out, csv_field(c, (int)i));
			sb_addc(out, ']');
		}
		if (rc < 0)
			sb_addf(out, "!%u", e.line);
	}
	csv_close(c);
	return out->n ? out->p : "";
}

TEST(torture_by_hand)
{
	static const struct {
		struct str text;
		const char *want;
	} cases[] = {
		{STR("a,b\n1,2\n"), "[a][b]\n[1][2]"},
		{STR("a,b\r\n1,2\r\n3,4"), "[a][b]\n[1][2]\n[3][4]"},
		{STR("a,b\r1,2\r3,4\r"), "[a][b]\n[1][2]\n[3][4]"},
		{STR("a;b\n1,5;2\n"), "[a][b]\n[1,5][2]"},
		{STR("a\tb\n1,5\t2;\n"), "[a][b]\n[1,5][2;]"},
		{STR("\"a;x\",b\n1,2\n"), "[a;x][b]\n[1][2]"},
		{STR("sep=;\r\na,1;b\r\n1;2\r\n"), "[a,1][b]\n[1][2]"},
		{STR("sep=|\na|b\n1|2\n"), "[a][b]\n[1][2]"},
		{STR("sep=\"\na|b\n"), "[sep=\"]\n[a|b]"},
		{STR("\xef\xbb\xbf"
		     "a,b\n1,2\n"),
		 "[a][b]\n[1][2]"},
		{STR("\xff\xfe"
		     "a\0,\0b\0\n\0\x31\0,\0\xac\x20\n\0"),
		 "[a][b]\n[1][\xe2\x82\xac]"},
		{STR("\xfe\xff\0a\0,\0b\0\n\xd8\x3d\xde\x00\0,\0\xe9"), "[a][b]\n[\xf0\x9f\x98\x80][\xc3\xa9]"},
		{STR("\xff\xfe"
		     "a\0\n\0\x00\xd8x\0\n\0y\0\n\0"),
		 "[a]\n!2\n[y]"}, /* a lone surrogate */
		{STR("\xff\xfe"
		     "a\0\n\0y\0\n\0z"),
		 "[a]\n[y]\n!3"}, /* half a character at the end */
		{STR("a\0b\n"), "no: the header row: a NUL byte: is this UTF-16 without a byte order mark?"},
		{STR("a,b\n\"x,\"\"y\"\"\r\nz\",2\n3,4\n"), "[a][b]\n[x,\"y\"\r\nz][2]\n[3][4]"},
		{STR("a,b\n\"\",\"\"\"\"\n"), "[a][b]\n[][\"]"},
		{STR("a,b\nx\"y,z\n"), "[a][b]\n[x\"y][z]"},
		{STR(" a , b \n 1 , 2 \n"), "[a][b]\n[ 1 ][ 2 ]"},
		{STR("a,b\n\n\r\n1,2\n\n\n"), "[a][b]\n[1][2]"},
		{STR("\n\na,b\n1,2"), "[a][b]\n[1][2]"},
		{STR("a,b\n1\n,\n1,2,\n1,2,,\n"), "[a][b]\n[1][]\n[][]\n[1][2]\n[1][2]"},
		{STR("a,b\n1,2,3\n4,5\n"), "[a][b]\n!2\n[4][5]"},
		{STR("a,b\n\"1\"x,2\n4,5\n"), "[a][b]\n!2\n[4][5]"},
		{STR("a,b\n\"1\n2\"x,\"y\n4,5\n"), "[a][b]\n!2\n!3\n[4][5]"}, /* it costs its line, not those it ran over */
		{STR("a,b\n\"1,2\n4,5\n6,7"), "[a][b]\n!2\n[4][5]\n[6][7]"}, /* a quote never closed costs its line */
		{STR("a,b\n1,\"\n4,5\n"), "[a][b]\n!2\n[4][5]"},
		{STR("a,b\n1,\"x\ny\n\"z\n4,5\n"), "[a][b]\n!2\n[y][]\n!4\n[4][5]"},
		{STR("a,b\n1,\"x\n2,\"y\"\n4,5\n"), "[a][b]\n!2\n[2][y]\n[4][5]"},
		{STR("a,b\n1,\xff\n4,5\n"), "[a][b]\n!2\n[4][5]"},
		{STR("a,b\n1,\"\xc3\"\n4,5\n"), "[a][b]\n!2\n[4][5]"},
		{STR("a,b\n1,\xed\xa0\x80\n4,\xc3\xa9\n"), "[a][b]\n!2\n[4][\xc3\xa9]"},
		{STR("a,b\n1,x\0y\n4,5\n"), "[a][b]\n!2\n[4][5]"},
		{STR("a,b\n1,\"2\""), "[a][b]\n[1][2]"},
		{STR("a,b\n1,"), "[a][b]\n[1][]"},
		{STR("a"), "[a]"},
		{STR(""), "no: it is empty: there is no header row"},
		{STR("\xef\xbb\xbf"), "no: it is empty: there is no header row"},
		{STR("\xff\xfe"), "no: it is empty: there is no header row"},
		{STR("\r\n\r\n"), "no: it is empty: there is no header row"},
		{STR("a,\"b\n"), "no: the header row: a quote is opened and never closed"},
		{STR("a,\xe9\n1,2"), "no: the header row: bytes that are not UTF-8: export it as UTF-8"},
		{STR("cost\n\"1.234,56\"\n(12.00)\n=cmd|x\n"), "[cost]\n[1.234,56]\n[(12.00)]\n[=cmd|x]"},
	};
	struct sb out;
	sb_init(&out, 10000);
	for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++)
		T_EQ_S(read_all(cases[i].text, &out), cases[i].want);
	sb_fini(&out);
}

TEST(columns_rows_and_lines)
{
	struct err e = {0};
	struct csv *c = csv_open_text(STR("Cost,cost,Name\n1,2,\"x\ny\"\n\n3,\"bad\n4,5,6\n"), &e);
	T_EQ_I(csv_columns(c), 3);
	T_EQ_I(csv_column(c, "cost"), 1);
	T_EQ_I(csv_column(c, "COST"), 0);
	T_EQ_I(csv_column(c, "name"), 2);
	T_EQ_I(csv_column(c, "nam"), -1);
	T_EQ_I(csv_header(c, 9).n, 0);
	T_EQ_I(csv_next(c, &e), 1);
	T_TRUE(csv_row(c) == 1 && csv_line(c) == 2 && str_eqc(csv_field(c, 2), "x\ny"));
	T_TRUE(csv_field(c, -1).n == 0 && csv_field(c, 3).n == 0);
	T_EQ_I(csv_next(c, &e), -RR_SYNTAX);
	T_TRUE(csv_row(c) == 2 && csv_line(c) == 5 && e.line == 5 && strstr(e.what, "row 2") && csv_field(c, 0).n == 0);
	T_EQ_I(csv_next(c, NULL), 1);
	T_TRUE(csv_row(c) == 3 && csv_line(c) == 6 && str_eqc(csv_field(c, 0), "4"));
	T_EQ_I(csv_next(c, &e), 0);
	T_EQ_I(csv_next(c, &e), 0);
	T_TRUE(csv_raw_bytes(c) == 39);
	csv_close(c);
	T_TRUE(csv_open("no such file", &e) == NULL && e.code == RR_NOTFOUND);
}

TEST(limits_of_fields_and_rows)
{
	struct sb b;
	struct err e = {0};
	struct csv *c;
	sb_init(&b, 64 << 20);
	for (unsigned i = 0; i < 100000; i++)
		sb_addf(&b, "%sc%u", i ? "," : "", i);
	for (unsigned row = 0; row < 2; row++) /* 100,000 fields, then 100,001 */
		for (unsigned i = 0; i < 100000 + row; i++)
			sb_addf(&b, "%s%u", i ? "," : "\n", i % 10);
	sb_adds(&b, "\n1\n");
	c = csv_open_text(sb_str(&b), &e);
	T_EQ_I(csv_columns(c), 100000);
	T_EQ_I(csv_column(c, "c99999"), 99999);
	T_EQ_I(csv_next(c, &e), 1);
	T_TRUE(str_eqc(csv_field(c, 99999), "9"));
	T_EQ_I(csv_next(c, &e), -RR_LIMIT);
	T_EQ_I(csv_next(c, &e), 1);
	T_TRUE(str_eqc(csv_field(c, 0), "1") && csv_field(c, 1).n == 0);
	T_EQ_I(csv_next(c, &e), 0);
	csv_close(c);
	for (unsigned quoted = 0; quoted < 2; quoted++) {
		for (unsigned over = 0; over < 2; over++) {
			sb_clear(&b);
			sb_adds(&b, quoted ? "a,b\n1,\"" : "a,b\n1,");
			for (unsigned i = 0; i < (1 << 20) + over; i++)
				sb_addc(&b, 'x');
			sb_adds(&b, quoted ? "\"\n3,4\n" : "\n3,4\n");
			c = csv_open_text(sb_str(&b), &e);
			T_EQ_I(csv_next(c, &e), over ? -RR_LIMIT : 1);
			T_EQ_I(csv_field(c, 1).n, over ? 0 : 1 << 20);
			T_EQ_I(csv_next(c, &e), 1);
			T_TRUE(str_eqc(csv_field(c, 0), "3"));
			T_EQ_I(csv_line(c), 3);
			T_EQ_I(csv_next(c, &e), 0);
			csv_close(c);
		}
	}
	sb_fini(&b);
}

static void random_field(struct rng *r, struct sb *b, bool wild)
{
	static const char *const pieces[] = {
		"word", "12.5", "", " ", "caf\xc3\xa9", "\xe2\x82\xac", "a long field that is more than sixteen bytes"};
	bool quoted = rng_below(r, 3) == 0;
	if (quoted)
		sb_addc(b, '"');
	for (uint64_t n = rng_below(r, 4); n; n--) {
		sb_adds(b, pieces[rng_below(r, 7)]);
		if (quoted && rng_below(r, 2))
			sb_adds(b, (const char *[]){"\"\"", "\n", "\r\n", ",", ";", "\t"}[rng_below(r, 6)]);
	}
	if (quoted)
		sb_addc(b, '"');
	if (wild && rng_below(r, 30) == 0)
		sb_adds(b, (const char *[]){"\"", "x", "\"\"", "\n", "\r"}[rng_below(r, 5)]);
}

/* A file of a header and rows of random fields: quoted or bare, any line ending and separator; `wild` ones break the
 * rules here and there. */
static void random_file(struct rng *r, struct sb *b, bool wild)
{
	char separator = ",;\t"[rng_below(r, 3)];
	const char *ending = (const char *[]){"\n", "\r\n", "\r"}[rng_below(r, 3)];
	sb_clear(b);
	for (unsigned i = 0; i < 5; i++)
		sb_addf(b, "%.*s%s%u", i > 0, &separator, "col", i);
	sb_adds(b, ending);
	for (uint64_t rows = rng_below(r, 8); rows; rows--) {
		for (uint64_t i = 0, fields = 1 + rng_below(r, 5); i < fields; i++) {
			if (i)
				sb_addc(b, separator);
			random_field(r, b, wild);
		}
		if (rows > 1 || rng_below(r, 2))
			sb_adds(b, ending);
	}
}

/* Rows by python's reader in strict mode, as hex fields; a file that it refuses as "!". */
static const char by_python[] =
	"import sys,csv,io\n"
	"d=sys.stdin.buffer.read();i=0\n"
	"while i<len(d):\n"
	"  n=int.from_bytes(d[i:i+4],'little');t=d[i+4:i+4+n].decode();i+=4+n\n"
	"  h=t.splitlines()[0];s=max(',;\\t',key=h.count)\n"
	"  try:\n"
	"    rows=[x for x in csv.reader(io.StringIO(t,newline=''),delimiter=s,strict=True) if x]\n"
	"    print(';'.join(','.join(f.encode().hex() for f in x) for x in rows[1:]))\n"
	"  except csv.Error: print('!')\n";

static bool by_us(struct str text, struct sb *out)
{
	struct err e = {0};
	struct csv *c = csv_open_text(text, &e);
	int rc;
	bool ok = c != NULL;
	bool first = true;
	sb_clear(out);
	while (c && (rc = csv_next(c, &e))) {
		if (rc < 0) {
			ok = false;
			continue;
		}
		if (!first)
			sb_addc(out, ';');
		first = false;
		for (unsigned i = 0; i < csv_columns(c); i++) {
			struct str f = csv_field(c, (int)i);
			if (i)
				sb_addc(out, ',');
			for (size_t k = 0; k < f.n; k++)
				sb_addf(out, "%02x", (unsigned char)f.p[k]);
		}
	}
	csv_close(c);
	return ok;
}

/* Python gives only the fields that are there; we give all columns. So commas at a row's end do not count. */
static void drop_empty_ends(struct sb *b)
{
	size_t to = 0;
	for (size_t i = 0; i <= b->n; i++) {
		if (i == b->n || b->p[i] == ';')
			while (to && b->p[to - 1] == ',')
				to--;
		if (i < b->n)
			b->p[to++] = b->p[i];
	}
	b->n = to;
}

static void compare_with_python(uint64_t seed, bool wild)
{
	enum { FILES = 4000 };
	struct rng r;
	struct sb in, out, file, ours;
	sb_init(&in, 64 << 20);
	sb_init(&out, 64 << 20);
	sb_init(&file, 1 << 20);
	sb_init(&ours, 1 << 20);
	rng_seed(&r, seed);
	for (unsigned i = 0; i < FILES; i++) {
		uint32_t n;
		random_file(&r, &file, wild);
		n = (uint32_t)file.n;
		sb_add(&in, (const char *)&n, 4);
		sb_add_str(&in, sb_str(&file));
	}
	if (py_run(by_python, sb_str(&in), &out)) {
		struct str rest = sb_str(&out);
		unsigned refused = 0, differ = 0;
		rng_seed(&r, seed);
		for (unsigned i = 0; i < FILES; i++) {
			struct str line = str_cut(&rest, '\n');
			struct sb theirs;
			bool ok;
			random_file(&r, &file, wild);
			ok = by_us(sb_str(&file), &ours);
			sb_init(&theirs, 1 << 20);
			sb_add_str(&theirs, line);
			drop_empty_ends(&theirs);
			drop_empty_ends(&ours);
			refused += !ok;
			if (ok ? !str_eq(sb_str(&ours), sb_str(&theirs)) : !wild)
				if (differ++ < 5)
					printf("  file: %s\n  we %s: %s\n  python: %s\n", file.p,
					       ok ? "read" : "refuse", sb_str(&ours).p, sb_str(&theirs).p);
			sb_fini(&theirs);
		}
		printf("  %u files, %u refused by us\n", FILES, refused);
		T_EQ_I(differ, 0);
		T_TRUE(wild ? refused > 10 && refused < FILES * 3 / 4 : refused == 0);
	}
	sb_fini(&in);
	sb_fini(&out);
	sb_fini(&file);
	sb_fini(&ours);
}

TEST(python_reads_the_same_from_well_formed_files)
{
	compare_with_python(70, false);
}

/* What we accept of a broken file is what python reads; what it refuses, we refuse (its rows, not the whole file). */
TEST(python_reads_the_same_where_we_read_broken_files)
{
	compare_with_python(71, true);
}

/* The same text in UTF-8 and in UTF-16 of both orders gives the same rows. */
TEST(encodings_give_the_same_rows)
{
	struct rng r;
	struct sb file, wide, a, b;
	sb_init(&file, 1 << 20);
	sb_init(&wide, 4 << 20);
	sb_init(&a, 1 << 20);
	sb_init(&b, 1 << 20);
	rng_seed(&r, 72);
	for (unsigned i = 0; i < 300; i++) {
		bool big = i % 2;
		random_file(&r, &file, true);
		sb_clear(&wide);
		sb_add(&wide, big ? "\xfe\xff" : "\xff\xfe", 2);
		for (size_t k = 0; k < file.n;) {
			unsigned c = (unsigned char)file.p[k], cp = c;
			if (c >= 0xE0)
				cp = (c & 15) << 12 | (unsigned)(file.p[k + 1] & 63) << 6 |
				     (unsigned)(file.p[k + 2] & 63);
			else if (c >= 0xC0)
				cp = (c & 31) << 6 | (unsigned)(file.p[k + 1] & 63);
			k += c >= 0xE0 ? 3 : c >= 0xC0 ? 2 : 1;
			sb_addc(&wide, (char)(big ? cp >> 8 : cp));
			sb_addc(&wide, (char)(big ? cp : cp >> 8));
		}
		T_TRUE(by_us(sb_str(&file), &a) == by_us(sb_str(&wide), &b));
		T_TRUE(str_eq(sb_str(&a), sb_str(&b)));
	}
	sb_fini(&file);
	sb_fini(&wide);
	sb_fini(&a);
	sb_fini(&b);
}

/* Rows across the window's blocks: a big file, each row known. */
TEST(rows_across_blocks)
{
	struct sb b;
	struct err e = {0};
	struct csv *c;
	unsigned row = 0;
	int rc;
	sb_init(&b, 64 << 20);
	sb_adds(&b, "n,text,end\n");
	for (unsigned i = 0; i < 60000; i++) {
		sb_addf(&b, i % 3 ? "%u,\"a,%u\n\"\"b\"\"\",%u\r\n" : "%u,plain %u,%u\r\n", i, i, i);
		if (i % 20000 == 7) { /* one row longer than a block */
			b.n -= 2;
			for (unsigned k = 0; k < 700000; k++)
				sb_addc(&b, '0');
			sb_adds(&b, "\r\n");
		}
	}
	c = csv_open_text(sb_str(&b), &e);
	while ((rc = csv_next(c, &e)) > 0) {
		char want[64];
		snprintf(want, sizeof want, row % 3 ? "a,%u\n\"b\"" : "plain %u", row);
		T_TRUE(str_eqc(csv_field(c, 1), want));
		snprintf(want, sizeof want, "%u", row);
		T_TRUE(str_eqc(csv_field(c, 0), want) && str_starts(csv_field(c, 2), str_of(want)));
		row++;
	}
	T_TRUE(rc == 0 && row == 60000 && csv_raw_bytes(c) == b.n);
	csv_close(c);
	sb_fini(&b);
}

TEST(a_file_is_read_as_its_text_is)
{
	char path[4096];
	const char *folder = getenv("TMPDIR");
	struct err e = {0};
	struct csv *c;
	int fd, rc;
	unsigned rows = 0;
	snprintf(path, sizeof path, "%s/test_csv.XXXXXX", folder ? folder : P_tmpdir);
	fd = mkstemp(path);
	T_TRUE(fd >= 0 && dprintf(fd, "\xef\xbb\xbf"
				      "a;b\r\n1;\"x\r\ny\"\r\n2;\xff\r\n3;z") > 0);
	close(fd);
	c = csv_open(path, &e);
	T_TRUE(c && csv_column(c, "b") == 1);
	while ((rc = csv_next(c, &e))) {
		rows++;
		if (rc < 0) {
			T_EQ_I(csv_row(c), 2);
			T_EQ_I(e.line, 4);
			T_EQ_S(e.file, path);
		} else if (csv_row(c) == 1) {
			T_TRUE(str_eqc(csv_field(c, 1), "x\r\ny"));
		}
	}
	T_TRUE(rows == 3 && csv_raw_bytes(c) == 26);
	csv_close(c);
	unlink(path);
	T_TRUE(csv_open("/", &e) == NULL && e.code == RR_IO);
}

TEST(formulas_are_neutralised_and_numbers_are_not)
{
	static const struct {
		const char *text, *as_text, *as_number;
	} cases[] = {
		{"plain", "plain", "plain"},
		{"", "", ""},
		{"a,b", "\"a,b\"", "\"a,b\""},
		{"a\"b", "\"a\"\"b\"", "\"a\"\"b\""},
		{"line\nbreak", "\"line\nbreak\"", "\"line\nbreak\""},
		{" x", "\" x\"", "\" x\""},
		{"x;y", "\"x;y\"", "\"x;y\""},
		{"=1+2", "\"'=1+2\"", "\"'=1+2\""},
		{"@SUM(A1)", "\"'@SUM(A1)\"", "\"'@SUM(A1)\""},
		{"\t=1", "\"'\t=1\"", "\"'\t=1\""},
		{"+1-2", "\"'+1-2\"", "\"'+1-2\""},
		{"-5", "\"'-5\"", "-5"},
		{"-12.50", "\"'-12.50\"", "-12.50"},
		{"1e-7", "1e-7", "1e-7"},
		{"-cmd|' /C calc'!A0", "\"'-cmd|' /C calc'!A0\"", "\"'-cmd|' /C calc'!A0\""},
		{"=\"x\"", "\"'=\"\"x\"\"\"", "\"'=\"\"x\"\"\""},
		{"bad \xff", "bad \xef\xbf\xbd", "bad \xef\xbf\xbd"},
		{"1,000", "\"1,000\"", "\"1,000\""},
		{"\r=1", "\"'\r=1\"", "\"'\r=1\""},
	};
	struct sb b;
	sb_init(&b, 1000);
	for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		sb_clear(&b);
		csv_write_text(&b, str_of(cases[i].text));
		T_EQ_S(sb_str(&b).p, cases[i].as_text);
		sb_clear(&b);
		csv_write_number(&b, str_of(cases[i].text));
		T_EQ_S(sb_str(&b).p, cases[i].as_number);
	}
	sb_fini(&b);
}

/* What we write, we read. */
TEST(written_fields_are_read_back)
{
	struct rng r;
	struct sb file, out;
	sb_init(&file, 10000);
	sb_init(&out, 10000);
	rng_seed(&r, 73);
	for (unsigned i = 0; i < 3000; i++) {
		char raw[3][12];
		struct str f[3];
		struct err e;
		struct csv *c;
		sb_clear(&file);
		sb_adds(&file, "a,b,c\n");
		for (unsigned k = 0; k < 3; k++) {
			size_t n = 1 + rng_below(&r, 11);
			for (size_t j = 0; j < n; j++)
				raw[k][j] = "ab ,;\t\"\"\n\r='"[rng_below(&r, 12)];
			f[k] = str_make(raw[k], n);
			if (k)
				sb_addc(&file, ',');
			csv_write_text(&file, f[k]);
		}
		c = csv_open_text(sb_str(&file), &e);
		T_EQ_I(csv_next(c, &e), 1);
		for (int k = 0; k < 3; k++) {
			struct str got = csv_field(c, k);
			bool formula = memchr("=\t\r\n", raw[k][0], 4);
			T_TRUE(str_eq(formula ? str_sub(got, 1, got.n) : got, f[k]) && (!formula || got.p[0] == '\''));
		}
		csv_close(c);
	}
	sb_fini(&file);
	sb_fini(&out);
}

TEST(a_header_may_stand_below_other_lines)
{
	struct err e = {0};
	struct csv *c = csv_open_text(STR("Invoice;7\n Currency ; EUR \n\nalone\na,b,c\n1,2,3\na,B,c,d\n4,5,6,7\n8,9"), &e);
	T_TRUE(c && csv_columns(c) == 2);
	for (unsigned i = 0; i < 3; i++)
		T_EQ_I(csv_header_next(c, &e), 1);
	T_TRUE(csv_columns(c) == 3 && csv_row(c) == 0 && str_eqc(csv_header(c, 2), "c"));
	T_TRUE(str_eqc(csv_about(c, "currency"), "EUR") && str_eqc(csv_about(c, "Invoice"), "7"));
	T_TRUE(csv_about(c, "alone").n == 0 && csv_about(c, "a").n == 0 && csv_about(c, "7").n == 0);
	T_TRUE(csv_next(c, &e) == 1 && csv_row(c) == 1 && !csv_names_columns(c) && str_eqc(csv_field(c, 0), "1"));
	T_TRUE(csv_next(c, &e) == 1 && csv_names_columns(c) && csv_header_again(c, &e) == 0 && csv_columns(c) == 4);
	T_TRUE(csv_next(c, &e) == 1 && !csv_row_cut(c) && str_eqc(csv_field(c, 3), "7"));
	T_TRUE(csv_next(c, &e) == 1 && csv_row_cut(c) && csv_row(c) == 4);
	T_TRUE(csv_next(c, &e) == 0 && csv_header_next(c, &e) == 0);
	csv_close(c);
}

T_MAIN
