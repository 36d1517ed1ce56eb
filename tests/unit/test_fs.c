/* SPDX-License-Identifier: Apache-2.0
 *
 * Files and streams: what is written comes back plain, through gzip and through zstd, in every size of read; damaged,
 * cut and exploding streams are refused; lines of any ending.
 */
#include <errno.h>
#include <sys/stat.h>
#include <zlib.h>
#include <zstd.h>

#include "base/fs.h"
#include "base/rng.h"
#include "py.h"
#include "t.h"

static char folder[256];

static const char *in_folder(const char *name)
{
	static char path[4][512];
	static unsigned turn;
	char *p = path[turn++ % 4];
	if (!folder[0]) {
		const char *temporary = getenv("TMPDIR");
		snprintf(folder, sizeof folder, "%s/test_fs.XXXXXX", temporary ? temporary : P_tmpdir);
		if (!mkdtemp(folder))
			abort();
	}
	snprintf(p, sizeof path[0], "%s/%s", folder, name);
	return p;
}

static const char *file_of(const char *name, struct str bytes)
{
	const char *path = in_folder(name);
	FILE *f = fopen(path, "wb");
	if (!f || fwrite(bytes.n ? bytes.p : "", 1, bytes.n, f) != bytes.n || fclose(f))
		abort();
	return path;
}

static void add_gzip(struct sb *b, struct str bytes)
{
	size_t cap = bytes.n + bytes.n / 100 + 1000;
	char *out = malloc(cap);
	z_stream z = {0};
	if (!out || deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
		abort();
	z.next_in = (Bytef *)bytes.p;
	z.avail_in = (uInt)bytes.n;
	z.next_out = (Bytef *)out;
	z.avail_out = (uInt)cap;
	if (deflate(&z, Z_FINISH) != Z_STREAM_END)
		abort();
	sb_add(b, out, z.total_out);
	deflateEnd(&z);
	free(out);
}

static void add_zstd(struct sb *b, struct str bytes)
{
	size_t cap = ZSTD_compressBound(bytes.n), n;
	char *out = malloc(cap);
	if (!out)
		abort();
	n = ZSTD_compress(out, cap, bytes.p, bytes.n, 3);
	sb_add(b, out, n);
	free(out);
}

/* The whole stream into out, `step` bytes a call. 0 or the code. */
static long drain(const char *path, size_t step, struct sb *out, struct err *e)
{
	struct fs_stream *s = fs_open(path, e);
	char *block = malloc(step);
	long n = s ? 1 : -e->code;
	sb_clear(out);
	while (s && (n = fs_next(s, block, step, e)) > 0)
		sb_add(out, block, (size_t)n);
	if (s && n < 0)
		T_EQ_I(fs_next(s, block, step, e), n); /* an error is final */
	if (s && n == 0)
		T_EQ_I(fs_next(s, block, step, e), 0);
	fs_close(s);
	free(block);
	return n;
}

static struct sb words(size_t n)
{
	struct sb b;
	struct rng r;
	rng_seed(&r, 60);
	sb_init(&b, n + 100);
	while (b.n < n)
		sb_addf(&b, "line %lu of a log, x%lx\n", (unsigned long)b.n, (unsigned long)rng_u64(&r));
	b.n = n;
	return b;
}

TEST(streams_give_back_what_was_packed)
{
	static const size_t sizes[] = {0, 1, 2, 3, 5, 1000, 300000, 2000000}, steps[] = {1, 7, 4096, 1 << 20};
	for (unsigned i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		struct sb text = words(sizes[i]), file, out;
		struct str whole = str_make(text.p, sizes[i]);
		struct err e;
		sb_init(&file, 8 << 20);
		sb_init(&out, 8 << 20);
		for (unsigned kind = 0; kind < 4; kind++) {
			size_t half = sizes[i] / 2;
			sb_clear(&file);
			if (kind == 0) {
				sb_add_str(&file, whole);
			} else if (kind == 1) {
				add_gzip(&file, whole);
			} else if (kind == 2) {
				add_gzip(&file, str_sub(whole, 0, half)); /* members, then padding */
				add_gzip(&file, str_sub(whole, half, sizes[i]));
				sb_add(&file, "\0\0\0\0\0\0\0", 7);
			} else {
				add_zstd(&file, str_sub(whole, 0, half));
				add_zstd(&file, str_sub(whole, half, sizes[i]));
			}
			for (unsigned k = 0; k < 4; k++) {
				if (steps[k] < 4096 && sizes[i] > 400000)
					continue;
				T_EQ_I(drain(file_of("packed", sb_str(&file)), steps[k], &out, &e), 0);
				T_TRUE(str_eq(sb_str(&out), whole));
			}
		}
		sb_fini(&text);
		sb_fini(&file);
		sb_fini(&out);
	}
}

TEST(raw_bytes_are_the_files_bytes)
{
	struct sb text = words(100000), file;
	struct fs_stream *s;
	char block[5000];
	struct err e;
	sb_init(&file, 1 << 20);
	for (unsigned kind = 0; kind < 3; kind++) {
		sb_clear(&file);
		if (kind == 0)
			sb_add(&file, text.p, text.n);
		else if (kind == 1)
			add_gzip(&file, sb_str(&text));
		else
			add_zstd(&file, sb_str(&text));
		s = fs_open(file_of("raw", sb_str(&file)), &e);
		while (fs_next(s, block, sizeof block, &e) > 0)
			;
		T_EQ_I(fs_raw_bytes(s), file.n);
		fs_close(s);
	}
	sb_fini(&text);
	sb_fini(&file);
}

TEST(cut_and_damaged_streams_are_errors)
{
	struct sb text = words(3000), file, out;
	struct err e;
	sb_init(&file, 1 << 20);
	sb_init(&out, 1 << 20);
	for (unsigned kind = 0; kind < 2; kind++) {
		sb_clear(&file);
		kind ? add_zstd(&file, sb_str(&text)) : add_gzip(&file, sb_str(&text));
		for (size_t n = 4; n < file.n; n += n < 40 ? 1 : 13) {
			T_EQ_I(drain(file_of("cut", str_make(file.p, n)), 4096, &out, &e), -RR_SYNTAX);
			T_TRUE(strstr(e.what, "middle") && e.file[0]);
			T_TRUE(out.n < text.n || kind == 0); /* gzip's last bytes are a checksum */
		}
	}
	sb_clear(&file);
	add_gzip(&file, sb_str(&text));
	file.p[file.n / 2] ^= 0x55;
	T_EQ_I(drain(file_of("bad", sb_str(&file)), 4096, &out, &e), -RR_SYNTAX);
	sb_clear(&file);
	add_gzip(&file, sb_str(&text));
	sb_adds(&file, "behind");
	T_EQ_I(drain(file_of("bad", sb_str(&file)), 4096, &out, &e), -RR_SYNTAX);
	T_TRUE(strstr(e.what, "after the end"));
	sb_clear(&file);
	add_gzip(&file, sb_str(&text));
	sb_adds(&file, "\x1f");
	T_EQ_I(drain(file_of("bad", sb_str(&file)), 4096, &out, &e), -RR_SYNTAX);
	sb_clear(&file);
	add_zstd(&file, sb_str(&text));
	sb_adds(&file, "behind");
	T_EQ_I(drain(file_of("bad", sb_str(&file)), 4096, &out, &e), -RR_SYNTAX);
	sb_fini(&text);
	sb_fini(&file);
	sb_fini(&out);
}

TEST(bombs_are_refused_and_dense_texts_are_not)
{
	size_t n = 64 << 20;
	char *zeros = calloc(1, n);
	struct sb file, out, dense;
	struct err e;
	sb_init(&file, 64 << 20);
	sb_init(&out, (size_t)128 << 20);
	sb_init(&dense, 64 << 20);
	for (unsigned kind = 0; kind < 3; kind++) {
		sb_clear(&file);
		if (kind == 0)
			add_gzip(&file, str_make(zeros, n));
		else if (kind == 1)
			add_zstd(&file, str_make(zeros, n));
		else /* many small members, each within its own allowance */
			for (unsigned i = 0; i < 64; i++)
				add_gzip(&file, str_make(zeros, 1 << 20));
		T_EQ_I(drain(file_of("bomb", sb_str(&file)), 65536, &out, &e), -RR_LIMIT);
		T_TRUE(strstr(e.what, "100 times") && out.n < (4 << 20) + file.n * 110);
	}
	for (unsigned i = 0; i < 200000; i++) /* about 50:1 */
		sb_addf(&dense, "2026-11-21T10:00:00Z INFO request done status=200 model=small-model tokens=%u\n",
			i % 8 ? 7 : i * 2654435761u);
	sb_clear(&file);
	add_gzip(&file, sb_str(&dense));
	T_TRUE(dense.n / file.n > 30 && dense.n / file.n < 100);
	T_EQ_I(drain(file_of("dense", sb_str(&file)), 65536, &out, &e), 0);
	T_TRUE(str_eq(sb_str(&out), sb_str(&dense)));
	sb_fini(&file);
	sb_fini(&out);
	sb_fini(&dense);
	free(zeros);
}

/* A frame of 1.1 GiB that is no bomb by its ratio: refused at 1 GiB. */
TEST(a_member_over_a_gib_is_refused)
{
	struct sb block, file;
	struct fs_stream *s;
	struct err e = {0};
	ZSTD_CCtx *z = ZSTD_createCCtx();
	size_t cap = 1 << 20, left = 1;
	char *out = malloc(cap);
	uint64_t got = 0;
	long n;
	sb_init(&block, 1 << 20);
	sb_init(&file, (size_t)200 << 20);
	for (unsigned i = 0; block.n < (1 << 20) - 100; i++)
		sb_addf(&block, "2026-11-21 INFO done status=200 tokens=%u\n", i % 8 ? 7 : i * 2654435761u);
	ZSTD_CCtx_setParameter(z, ZSTD_c_compressionLevel, 1);
	ZSTD_CCtx_setParameter(z, ZSTD_c_windowLog, 17); /* it must not see the last block */
	for (unsigned i = 0; i < 1130; i++) {
		ZSTD_inBuffer in = {block.p, block.n, 0};
		bool last = i == 1129;
		do {
			ZSTD_outBuffer to = {out, cap, 0};
			left = ZSTD_compressStream2(z, &to, &in, last ? ZSTD_e_end : ZSTD_e_continue);
			sb_add(&file, out, to.pos);
		} while (last ? left != 0 : in.pos < in.size);
	}
	T_TRUE(!file.full && block.n * 1130 / file.n < 90);
	s = fs_open(file_of("huge", sb_str(&file)), &e);
	while ((n = fs_next(s, out, cap, &e)) > 0)
		got += (uint64_t)n;
	T_EQ_I(n, -RR_LIMIT);
	T_TRUE(strstr(e.what, "1 GiB") && got > (1u << 30) - 2 * cap && got <= 1u << 30);
	fs_close(s);
	ZSTD_freeCCtx(z);
	free(out);
	sb_fini(&block);
	sb_fini(&file);
}

TEST(lines_of_any_ending_and_length)
{
	static const struct {
		const char *text;
		const char *lines; /* joined by '|', an error as '!' */
	} cases[] = {
		{"", ""},
		{"a", "a|"},
		{"a\n", "a|"},
		{"a\r\nb\r\n", "a|b|"},
		{"\n\n", "||"},
		{"a\rb\n", "a\rb|"},
		{"\r\n", "|"},
		{"\xef\xbb\xbf"
		 "a\nb",
		 "a|b|"},
		{"12345678\n", "12345678|"},
		{"12345678\r\n", "12345678|"},
		{"123456789\nb\n", "!b|"},
		{"123456789", "!"},
		{"1234567890123456789012345678901234567890\nb", "!b|"},
		{"a\n123456789\n\nc", "a|!|c|"},
		{"x\r", "x|"},
	};
	for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct err e = {0};
		struct fs_lines *l = fs_lines_open(file_of("lines", str_of(cases[i].text)), 8, &e);
		struct sb got;
		struct str line;
		int rc;
		uint64_t number = 0;
		sb_init(&got, 100);
		while ((rc = fs_lines_next(l, &line, &e))) {
			T_EQ_I(fs_lines_number(l), ++number);
			if (rc < 0) {
				T_EQ_I(rc, -RR_LIMIT);
				T_EQ_I(e.line, number);
				sb_addc(&got, '!');
			} else {
				sb_add_str(&got, line);
				sb_addc(&got, '|');
			}
		}
		T_TRUE(str_eqc(sb_str(&got), cases[i].lines));
		T_EQ_I(fs_lines_next(l, &line, &e), 0);
		sb_fini(&got);
		fs_lines_close(l);
	}
}

/* Lines up to several blocks long, against a plain split. */
TEST(long_lines_across_blocks)
{
	struct sb text;
	struct rng r;
	struct err e;
	struct str line, rest;
	struct fs_lines *l;
	int rc;
	enum { MOST = 700000 };
	rng_seed(&r, 61);
	sb_init(&text, 32 << 20);
	for (unsigned i = 0; i < 60; i++) {
		for (uint64_t n = rng_below(&r, rng_below(&r, 3) ? 1000 : 1200000); n; n--)
			sb_addc(&text, (char)('a' + n % 26));
		sb_addc(&text, '\n');
	}
	rest = sb_str(&text);
	l = fs_lines_open(file_of("long", rest), MOST, &e);
	while ((rc = fs_lines_next(l, &line, &e))) {
		struct str want = str_cut(&rest, '\n');
		if (rc > 0)
			T_TRUE(str_eq(line, want));
		else
			T_TRUE(rc == -RR_LIMIT && want.n > MOST);
	}
	T_EQ_I(rest.n, 0);
	T_EQ_I(fs_lines_number(l), 60);
	fs_lines_close(l);
	sb_fini(&text);
}

TEST(a_broken_stream_says_so_once_to_a_reader_of_lines)
{
	struct sb text = words(100000), file;
	struct err e = {0};
	struct fs_lines *l;
	struct str line;
	unsigned errors = 0, lines = 0;
	int rc;
	sb_init(&file, 1 << 20);
	add_gzip(&file, sb_str(&text));
	l = fs_lines_open(file_of("half", str_make(file.p, file.n / 2)), 1000, &e);
	while ((rc = fs_lines_next(l, &line, &e)))
		rc < 0 ? errors++ : lines++;
	T_TRUE(errors == 1 && lines > 100 && strstr(e.what, "middle"));
	fs_lines_close(l);
	sb_fini(&text);
	sb_fini(&file);
}

TEST(whole_reads_and_atomic_writes)
{
	struct sb out;
	struct err e;
	struct stat st;
	const char *path = in_folder("deep/er/file");
	sb_init(&out, 10);
	T_EQ_I(fs_read(in_folder("nothing"), &out, &e), -RR_NOTFOUND);
	T_EQ_I(fs_read(folder, &out, &e), -RR_IO);
	T_TRUE(!fs_exists(path));
	T_EQ_I(fs_write_atomic(path, STR("x"), 0600, &e), -RR_NOTFOUND);
	T_EQ_I(fs_make_parent(path, &e), 0);
	T_EQ_I(fs_make_parent(path, &e), 0);
	T_EQ_I(fs_write_atomic(path, STR("one"), 0644, &e), 0);
	T_EQ_I(fs_write_atomic(path, STR("three four"), 0600, &e), 0);
	T_TRUE(fs_exists(path) && stat(path, &st) == 0 && (st.st_mode & 0777) == 0600);
	T_EQ_I(fs_read(path, &out, &e), 0);
	T_TRUE(str_eqc(sb_str(&out), "three four"));
	sb_clear(&out);
	T_EQ_I(fs_write_atomic(path, STR("eleven byte"), 0600, &e), 0);
	T_EQ_I(fs_read(path, &out, &e), -RR_LIMIT);
	T_TRUE(e.file[0] && strstr(e.what, "10 bytes"));
	T_EQ_I(fs_make_parent(in_folder("deep/er/file/below"), &e), 0); /* it is there, though no folder */
	T_EQ_I(fs_make_parent(in_folder("deep/er/file/below/x"), &e), -RR_IO);
	T_EQ_I(fs_make_parent("plain", &e), 0);
	T_TRUE(fs_open(in_folder("nothing"), &e) == NULL && e.code == RR_NOTFOUND);
	T_TRUE(fs_lines_open(in_folder("nothing"), 10, &e) == NULL && e.code == RR_NOTFOUND);
	T_TRUE(fs_open(folder, &e) == NULL && e.code == RR_IO);
	sb_fini(&out);
}

TEST(xdg_paths)
{
	char out[64], tiny[8];
	setenv("HOME", "/home/u", 1);
	setenv("XDG_DATA_HOME", "/d", 1);
	T_EQ_S(fs_data_path("ledger.db", out, sizeof out), "/d/runrate/ledger.db");
	setenv("XDG_DATA_HOME", "relative", 1);
	T_EQ_S(fs_data_path("ledger.db", out, sizeof out), "/home/u/.local/share/runrate/ledger.db");
	unsetenv("XDG_CONFIG_HOME");
	T_EQ_S(fs_config_path("runrate.yaml", out, sizeof out), "/home/u/.config/runrate/runrate.yaml");
	T_EQ_S(fs_config_path("runrate.yaml", tiny, sizeof tiny), "");
	unsetenv("HOME");
	T_TRUE(fs_config_path("x", out, sizeof out)[0]);
}

static void remove_all(void)
{
	char command[300];
	snprintf(command, sizeof command, "rm -rf '%s'", folder);
	if (folder[0] && system(command))
		printf("  could not remove %s\n", folder);
}

TEST(zz_tidy_up)
{
	remove_all();
	T_TRUE(!fs_exists(folder));
}

T_MAIN
