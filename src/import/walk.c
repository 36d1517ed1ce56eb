/* SPDX-License-Identifier: Apache-2.0
 *
 * Files: what is each one, in which batch does it go, and every record of it to its source.
 *
 *   paths -> files (folders are walked in name order; links are not followed) -> the source of each, by its content
 *         -> for each source: one batch, or one a file -> records -> rows
 *
 * A file that is named on the command line must be known; one that was found in a folder may be anything else and is
 * counted as skipped. Standard input is spooled to a nameless temporary file, because it is read twice: once to see
 * what it is.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/array.h"
#include "base/fs.h"
#include "base/table.h"
#include "import/agent_db.h"
#include "import/mapping.h"
#include "import/mixed.h"
#include "import/pdf_text.h"
#include "import/records.h"
#include "import/walk_i.h"

#define PARSER "1"
enum {
	DEPTH_MOST = 32, KEY_BYTES = 4 * 1024 * 1024, ARENA_BYTES = 256 * 1024 * 1024, SAMPLE_ROWS = 2000,
	HASH_WHOLE_BYTES = 64 * 1024 * 1024,
};

/* ---- which files ---- */

int walk_add_file(struct walk *w, const char *path, uint64_t bytes, struct err *e)
{
	if (w->files == IMPORT_FILES)
		return err_set(e, RR_LIMIT, "more than %d files: import the folders one by one", IMPORT_FILES);
	if (!array_room(w->file, w->files, w->room, IMPORT_FILES))
		return err_set(e, RR_NOMEM, "out of memory for the list of files");
	w->file[w->files] = (struct file){.path = strdup(path), .bytes = bytes};
	if (!w->file[w->files].path)
		return err_set(e, RR_NOMEM, "out of memory for the list of files");
	w->files++;
	w->bytes += bytes;
	return 0;
}

/* What may not be read is named, and keeps out nothing beside it. */
static void pass_over(struct walk *w, const char *path, const char *why)
{
	w->x.path = path;
	row_reject(&w->x, 0, "%s", why);
}

static int add_folder(struct walk *w, const char *path, unsigned depth, struct err *e)
{
	struct dirent **names = NULL;
	int count = scandir(path, &names, NULL, alphasort), rc = 0;
	if (count < 0 && depth) {
		char why[160];
		snprintf(why, sizeof why, "cannot read the folder: %s", strerror(errno));
		pass_over(w, path, why);
		return 0;
	}
	if (count < 0) {
		err_set(e, RR_IO, "cannot read the folder: %s", strerror(errno));
		return err_at(e, path, 0, 0);
	}
	for (int i = 0; i < count; i++) {
		char *child;
		struct stat st;
		if (!rc && names[i]->d_name[0] != '.' && asprintf(&child, "%s/%s", path, names[i]->d_name) >= 0) {
			if (lstat(child, &st) == 0 && S_ISDIR(st.st_mode) && depth < DEPTH_MOST)
				rc = add_folder(w, child, depth + 1, e);
			else if (lstat(child, &st) == 0 && S_ISREG(st.st_mode))
				rc = walk_add_file(w, child, (uint64_t)st.st_size, e);
			if (w->files && !rc && S_ISREG(st.st_mode))
				w->file[w->files - 1].written_s = st.st_mtim.tv_sec;
			free(child);
		}
		free(names[i]);
	}
	free(names);
	return rc;
}

static int spool_stdin(struct walk *w, struct err *e)
{
	char path[64], buf[65536];
	FILE *f = tmpfile();
	uint64_t bytes = 0;
	ssize_t n;
	if (!f)
		return err_set(e, RR_IO, "no temporary file for standard input: %s", strerror(errno));
	while ((n = read(STDIN_FILENO, buf, sizeof buf)) > 0 || (n < 0 && errno == EINTR))
		if (n > 0) {
			if (fwrite(buf, 1, (size_t)n, f) != (size_t)n)
				return err_set(e, RR_IO, "cannot keep standard input: %s", strerror(errno));
			bytes += (uint64_t)n;
		}
	if (n < 0 || fflush(f))
		return err_set(e, RR_IO, "cannot read standard input: %s", strerror(errno));
	snprintf(path, sizeof path, "/proc/self/fd/%d", fileno(f)); /* stays open to the end of the process */
	return walk_add_file(w, path, bytes, e);
}

static int add_path(struct walk *w, const char *path, struct err *e)
{
	struct stat st;
	if (strcmp(path, "-") == 0)
		return spool_stdin(w, e);
	if (stat(path, &st)) {
		err_set(e, errno == ENOENT ? RR_NOTFOUND : RR_IO, "cannot open it: %s", strerror(errno));
		return err_at(e, path, 0, 0);
	}
	return S_ISDIR(st.st_mode) ? add_folder(w, path, 0, e) : walk_add_file(w, path, (uint64_t)st.st_size, e);
}

/* ---- records to rows ---- */

static void progress(struct walk *w, const struct file *f, uint64_t raw)
{
	if (w->x.o->progress)
		term_progress("reading", w->bytes_before + (raw < f->bytes ? raw : f->bytes), w->bytes ? w->bytes : 1);
}

/* Which of two columns of one name is meant, nobody can tell: it is said which one was read. */
static void say_twin_columns(struct import_ctx *x, const struct csv *c)
{
	struct seen *names = seen_new();
	uint32_t before = 0;
	for (unsigned i = 0; names && i < csv_columns(c); i++) {
		struct str name = csv_header(c, i);
		if (!name.n || seen_count(names, hash_xxh3_128(name.p, name.n), &before) || !before)
			continue;
		import_note(x, "two columns are called '%.*s': the first one is read", (int)(name.n < 80 ? name.n : 80), name.p);
		break;
	}
	seen_free(names);
}

/* Of all that a row says. */
static uint64_t said(const struct csv *c)
{
	uint64_t h = 0;
	for (unsigned i = 0; i < csv_columns(c); i++) {
		struct str v = str_trim(csv_field(c, (int)i));
		uint64_t part[2] = {h, hash_xxh3(v.p, v.n)};
		h = hash_xxh3(part, sizeof part);
	}
	return h | 1;
}

/* Files that were put behind one another, or whose columns changed in the middle: what follows has a header of its
 * own. */
static int next_table(struct import_ctx *x, struct csv *c, struct err *e)
{
	int rc = csv_header_again(c, e);
	import_note(x, "there is a header in the middle of it: what follows is read by that one");
	return rc || !x->source->file_begin ? rc : x->source->file_begin(x, c, e);
}

static int read_csv(struct walk *w, struct file *f, struct err *e)
{
	struct import_ctx *x = &w->x;
	struct csv *c = csv_open(f->path, e);
	struct err row = {0};
	uint64_t seen = 0;
	int rc = c ? 0 : e->code ? -e->code : -RR_INPUT, got;
	for (unsigned i = 0; !rc && i < f->header_at; i++)
		rc = csv_header_next(c, e) > 0 ? 0 : -RR_INPUT;
	if (!rc && x->source->file_begin)
		rc = x->source->file_begin(x, c, e);
	if (!rc)
		say_twin_columns(x, c);
	row_statement(x);
	x->csv = c;
	x->lines_above = f->header_at;
	while (!rc && (got = csv_next(c, &row)) != 0) {
		arena_reset(&x->arena);
		x->header_again = false;
		if (got < 0) {
			row_reject(x, csv_row(c), "%s", row.what);
			memset(&row, 0, sizeof row);
			continue;
		}
		if (x->source->flags & SRC_CELLS)
			x->said = said(c);
		if (csv_row_cut(c) && !(x->source->flags & SRC_SHORT_ROWS))
			rc = row_reject(x, csv_row(c), "the file ends inside this row: it was cut off; export it again");
		else
			rc = x->source->csv_row(x, c, e);
		if (!rc && x->header_again)
			rc = next_table(x, c, e);
		if (x->sample && x->sample->rows >= SAMPLE_ROWS)
			break;
		if (++seen % 1024 == 0)
			progress(w, f, csv_raw_bytes(c));
	}
	if (!rc && x->source->file_end && !x->sample)
		rc = x->source->file_end(x, e);
	x->csv = NULL;
	csv_close(c);
	return rc;
}

static int bad_json(struct import_ctx *x, const struct mixed_walk *kinds, uint64_t number,
		    const struct json_fault *fault)
{
	return kinds->first ? row_reject(x, number, "it is not well-formed JSON: byte %zu: %s", fault->at + 1, fault->what) : 0;
}

static int read_json(struct walk *w, struct file *f, struct err *e)
{
	struct import_ctx *x = &w->x;
	struct mixed_walk kinds = {.first = f->mixed_first};
	struct records *r = records_open(f->path, f->lines ? RECORDS_LINES : RECORDS_VALUES, walk_opened, e);
	struct err row = {0};
	struct json_fault fault;
	struct json v;
	struct str text;
	uint64_t seen = 0;
	int rc = r ? 0 : e->code ? -e->code : -RR_INPUT, got;
	if (!rc && x->source->file_begin)
		rc = x->source->file_begin(x, NULL, e);
	while (!rc && (got = records_next(r, &text, &row)) != 0) {
		if (got < 0) {
			if (!f->mixed || f->mixed_first)
				row_reject(x, records_number(r), "%s", row.what);
			memset(&row, 0, sizeof row);
			continue;
		}
		if (++seen % 4096 == 0)
			progress(w, f, records_raw_bytes(r));
		if (x->source->wanted && !f->mixed && !x->source->wanted(text))
			continue;
		arena_reset(&x->arena);
		if (f->mixed)
			rc = json_parse(text, &v, &fault) ? bad_json(x, &kinds, records_number(r), &fault)
							  : mixed_each(x, v, &kinds, e);
		else if (x->source->text_record)
			rc = x->source->text_record(x, text, records_number(r), e);
		else if (json_parse(text, &v, &fault))
			rc = row_reject(x, records_number(r), "it is not well-formed JSON: byte %zu: %s", fault.at + 1, fault.what);
		else
			rc = x->source->json_record(x, v, records_number(r), e);
		if (x->sample && x->sample->rows >= SAMPLE_ROWS)
			break;
	}
	if (!rc && x->source->file_end && !x->sample)
		rc = x->source->file_end(x, e);
	records_close(r);
	return rc;
}

struct db_rows {
	struct import_ctx *x;
	struct err *e;
};

static int db_row(struct str text, uint64_t number, const char *fault, void *arg)
{
	struct db_rows *d = arg;
	struct json v;
	if (fault || json_parse(text, &v, NULL))
		return row_reject(d->x, number, "%s", fault ? fault : "it is not well-formed JSON");
	arena_reset(&d->x->arena);
	return d->x->source->json_record(d->x, v, number, d->e);
}

/* The text was there a moment ago (probe_pdf). */
static int read_pdf(struct walk *w, struct file *f, struct err *e)
{
	struct import_ctx *x = &w->x;
	struct err mine = {0};
	struct sb text;
	int rc;
	sb_init(&text, PDF_TEXT_BYTES);
	arena_reset(&x->arena);
	rc = pdf_text(f->path, &text, &mine) ? row_reject(x, 1, "%s", mine.what)
					     : x->source->text_record(x, sb_str(&text), 1, e);
	sb_fini(&text);
	return rc;
}

static int read_db(struct walk *w, struct file *f, struct err *e)
{
	struct db_rows d = {&w->x, e};
	struct err mine = {0};
	int rc = w->x.source->file_begin(&w->x, NULL, e);
	if (!rc)
		rc = agent_db_each(f->path, db_row, &d, &mine);
	if (!mine.code)
		return rc;
	row_reject(&w->x, 0, "%s", mine.what); /* one database that is none does not keep the others out */
	return 0;
}

/* What the batch remembers the file by: its content, or for a folder or a large file its name, size and time. */
static void file_hash(const struct file *f, unsigned char out[32])
{
	struct stat st = {0};
	struct sb b;
	sb_init(&b, HASH_WHOLE_BYTES);
	if (f->bytes >= HASH_WHOLE_BYTES || fs_read(f->path, &b, NULL) || b.full) {
		stat(f->path, &st);
		sb_clear(&b);
		sb_addf(&b, "%s %lld %lld.%ld", f->path, (long long)st.st_size, (long long)st.st_mtim.tv_sec,
			st.st_mtim.tv_nsec);
	}
	hash_sha256(sb_str(&b), out);
	sb_fini(&b);
}

/* What was pulled stands by project, key, model and tier; the same days in other groups would count beside it. */
static void note_pulled(struct import_ctx *x, const char *source)
{
	struct str rest = str_of(source), vendor = str_cut(&rest, '-');
	char name[64], day[TIME_TEXT];
	int64_t until_us = 0;
	snprintf(name, sizeof name, "pulled %.*s ", STR_ARG(vendor));
	if (!x->o->called && ledger_get_mark(x->o->ledger, name, &until_us, NULL) == 0 && until_us)
		import_note(x, "%.*s was pulled up to %s: the same days in other groups count beside it", STR_ARG(vendor),
			    time_date(until_us, day));
}

static int batch_open(struct walk *w, const struct file *f, struct err *e)
{
	struct import_ctx *x = &w->x;
	struct import_batch b = {.started_us = x->o->now_us, .shape = f->shape,
				 .unique = (f->source->flags & (SRC_OCCURRENCE | SRC_UNIQUE)) != 0};
	if (x->s->batches == IMPORT_BATCHES)
		return err_set(e, RR_LIMIT, "more than %d batches in one import: import fewer files at once", IMPORT_BATCHES);
	x->source = f->source;
	str_copy(b.source, sizeof b.source, str_of(f->source->name));
	str_copy(b.file, sizeof b.file, str_of(x->o->called ? x->o->called : f->path));
	str_copy(b.parser, sizeof b.parser, STR(PARSER));
	str_copy(b.scope, sizeof b.scope, str_of(x->o->scope ? x->o->scope : f->scope));
	file_hash(f, b.file_hash);
	x->scope = hash_xxh3_seed(b.scope, strlen(b.scope), hash_xxh3(b.source, strlen(b.source)));
	x->b = &x->s->batch[x->s->batches];
	str_copy(x->b->source, sizeof x->b->source, str_of(b.source));
	str_copy(x->b->file, sizeof x->b->file, str_of(b.file));
	x->state = f->source->state_bytes ? calloc(1, f->source->state_bytes) : NULL;
	if (f->source->state_bytes && !x->state)
		return err_set(e, RR_NOMEM, "out of memory for an import");
	x->im = ledger_import_begin(x->o->ledger, &b, x->o->dry_run, e);
	if (!x->im)
		return e->code ? -e->code : -RR_STORE;
	x->rejected = 0;
	covers_begin(x);
	x->feed = feed_open(x->im, (f->source->flags & SRC_CELLS) != 0, e);
	if (!x->feed)
		return -RR_NOMEM;
	x->s->batches++;
	note_pulled(x, b.source);
	return x->o->replace_to_us ? ledger_import_replace(x->im, x->o->replace_from_us, x->o->replace_to_us, e) : 0;
}

/* What became of a report's period (ledger_import_report). */
static void note_periods(struct import_ctx *x, const struct import_batch *b)
{
	if (b->parts)
		import_note(x, "hardly a row of it stood in its billing period: it is a further part of that report, and was added");
	if (b->rows_replaced)
		import_note(x, "%llu rows that stood in its billing period and that it lacks count no longer; had they come as another"
			       " part of this report, import its parts in one command",
			    (unsigned long long)b->rows_replaced);
}

static int batch_close(struct walk *w, int rc, struct err *e)
{
	struct import_ctx *x = &w->x;
	struct import_batch out;
	struct feed_counts n = {0};
	int bad;
	if (!rc && x->source->batch_end)
		rc = x->source->batch_end(x, e);
	bad = feed_close(x->feed, &n, rc ? NULL : e);
	x->feed = NULL;
	rc = rc ? rc : bad;
	if (x->b)
		batch_count(x, &n);
	free(n.day);
	if (x->im && !rc) {
		check(x->b); /* a batch that was begun */
		ledger_import_reject(x->im, x->rejected);
		rc = ledger_import_finish(x->im, &out, e);
		x->b->id = out.id;
		note_periods(x, &out);
		rc = rc ? rc : covers_end(x, out.id, e);
	} else {
		ledger_import_abort(x->im);
	}
	x->im = NULL;
	if (x->source && x->source->state_free && x->state)
		x->source->state_free(x);
	free(x->state);
	x->state = NULL;
	seen_free(x->seen);
	x->seen = NULL;
	row_statement(x);
	if (!x->several) { /* else for the files that say it again */
		summed_free(x->summed);
		x->summed = NULL;
	}
	x->b = NULL;
	return rc;
}

static int (*const read_form[])(struct walk *, struct file *, struct err *) = {
	[FORM_JSON] = read_json, [FORM_CSV] = read_csv, [FORM_DB] = read_db, [FORM_PDF] = read_pdf,
};

/* Rule 6 of import.c. */
static bool says_again(struct walk *w, struct file *f)
{
	struct import_ctx *x = &w->x;
	struct sample n = {0, 0};
	void *state = x->state;
	bool looked;
	x->state = calloc(1, x->source->state_bytes + 1);
	x->sample = &n;
	x->path = f->path;
	looked = x->state && read_form[f->form](w, f, &(struct err){0}) == 0;
	if (x->state && x->source->state_free)
		x->source->state_free(x);
	free(x->state);
	x->state = state;
	x->sample = NULL;
	f->again = looked && n.known &&
		   (n.known >= n.rows / (n.rows < 1000 ? 4 : 10) || (n.known > 2 && n.known >= x->b->rows_read / 2));
	if (f->again)
		import_note(x, "%.80s says again what another file here said: what is read later counts", f->path);
	return f->again;
}

static bool same_batch(const struct file *a, const struct file *b)
{
	return a->source == b->source && strcmp(a->scope, b->scope) == 0 && !b->done;
}

static int read_file(struct walk *w, struct file *f, struct err *e)
{
	int rc;
	w->x.path = f->path;
	rc = read_form[f->form](w, f, e);
	f->done = true;
	w->x.s->files += !f->mixed || f->mixed_first;
	w->bytes_before += f->bytes;
	return rc;
}

static int read_batch(struct walk *w, size_t first, struct err *e)
{
	struct file *f = &w->file[first];
	int rc = batch_open(w, f, e);
	w->x.several = w->x.again = f->again;
	for (size_t i = first + 1; i < w->files && !w->x.several && f->source->flags & SRC_OCCURRENCE; i++)
		w->x.several = same_batch(f, &w->file[i]);
	for (size_t i = first; i < w->files && !rc; i++) {
		if (!same_batch(f, &w->file[i]) || (i > first && w->x.several && says_again(w, &w->file[i])))
			continue;
		rc = read_file(w, &w->file[i], e);
		if (f->source->flags & SRC_PER_FILE)
			break;
	}
	return batch_close(w, rc, e);
}

/* Of a folder's files the one that was written later is read later: exports may revise each other. */
static int by_time(const void *a, const void *b)
{
	const struct file *f = a, *g = b;
	return f->written_s != g->written_s ? (f->written_s > g->written_s) - (f->written_s < g->written_s)
					    : strcmp(f->path, g->path);
}

static bool is_bill(const struct file *f)
{
	return f->source && f->source->flags & SRC_OCCURRENCE && !f->done;
}

static void order_bills(struct walk *w)
{
	struct file *bill = calloc(w->files + 1, sizeof *bill);
	size_t n = 0, at = 0;
	for (size_t i = 0; bill && i < w->files; i++)
		if (is_bill(&w->file[i]))
			bill[n++] = w->file[i];
	if (n)
		qsort(bill, n, sizeof *bill, by_time);
	for (size_t i = 0; bill && i < w->files; i++)
		if (is_bill(&w->file[i]))
			w->file[i] = bill[at++];
	free(bill);
}

static int probe_all(struct walk *w, size_t named, struct err *e)
{
	struct import_summary *s = w->x.s;
	bool folder = named != w->files;
	size_t known = 0;
	for (size_t i = 0; i < w->files; i++) {
		struct err mine = {0};
		int rc = w->file[i].probed ? 0 : file_probe(w, i, &mine);
		known += rc == 0;
		if (rc == 0)
			continue;
		if (!folder) {
			*e = mine;
			return rc;
		}
		if (rc == -RR_IO)
			pass_over(w, w->file[i].path, mine.what);
		else if (s->skipped_files++ == 0)
			str_copy(s->skipped, sizeof s->skipped, str_of(w->file[i].path));
		w->file[i].done = true;
		w->bytes -= w->file[i].bytes;
	}
	if (known)
		return 0;
	err_set(e, RR_INPUT, "none of %zu files has a known shape", w->files);
	return err_hint(e, "runrate import --list-sources says what is known; any other CSV by a mapping file: --map FILE.yaml");
}

int import_paths(const struct import_options *o, const char *const paths[], unsigned count, struct import_summary *s,
		 struct err *e)
{
	struct walk w = {.x = {.o = o, .s = s}};
	struct import_map *map = NULL;
	bool folder = false;
	int rc = 0;
	memset(s, 0, sizeof *s);
	sb_init(&w.x.key, KEY_BYTES);
	arena_init(&w.x.arena, ARENA_BYTES);
	if (o->as && !import_source_named(o->as)) {
		err_set(e, RR_USAGE, "there is no source '%s'", o->as);
		rc = err_hint(e, "runrate import --list-sources");
	}
	if (!rc && o->map)
		rc = import_map_load(o->map, &map, e);
	w.x.map = map;
	if (!rc && !(w.x.classes = classifier_builtin(e)))
		rc = -RR_INTERNAL;
	for (unsigned i = 0; i < count && !rc; i++) {
		size_t before = w.files;
		rc = add_path(&w, paths[i], e);
		if (rc == -RR_IO && count > 1) {
			pass_over(&w, paths[i], e->what);
			memset(e, 0, sizeof *e);
			rc = 0;
			folder = true;
			continue;
		}
		folder = folder || w.files != before + 1 ||
			 (w.files && strcmp(w.file[w.files - 1].path, paths[i]) != 0 && strcmp(paths[i], "-") != 0);
	}
	if (!rc && !w.files) {
		err_set(e, RR_NOTFOUND, "there is no file in it");
		rc = err_at(e, paths[0], 0, 0);
	}
	if (!rc)
		rc = probe_all(&w, folder ? 0 : w.files, e);
	if (!rc && folder)
		order_bills(&w);
	for (size_t i = 0; i < w.files && !rc; i++)
		if (!w.file[i].done)
			rc = read_batch(&w, i, e);
	if (o->progress && w.bytes)
		term_progress("reading", w.bytes, w.bytes);
	for (size_t i = 0; i < w.files; i++)
		free(w.file[i].path);
	free(w.file);
	seen_free(w.x.live);
	seen_free(w.x.outlays);
	summed_free(w.x.summed);
	classifier_free(w.x.classes);
	import_map_free(map);
	arena_fini(&w.x.arena);
	sb_fini(&w.x.key);
	return rc;
}

void import_summary_fini(struct import_summary *s)
{
	free(s->reject);
	s->reject = NULL;
	sides_fini(&s->sides);
}
