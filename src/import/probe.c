/* SPDX-License-Identifier: Apache-2.0
 *
 * What is this file? Told by its content: a database, a PDF, a CSV by its header, JSON by its first records; never by
 * its name. Every source is asked how sure it is.
 */
#include <stdio.h>

#include "base/fs.h"
#include "import/agent_db.h"
#include "import/invoice.h"
#include "import/magic.h"
#include "import/mapping.h"
#include "import/mixed.h"
#include "import/pdf_text.h"
#include "import/records.h"
#include "import/walk_i.h"

enum { PROBE_RECORDS = 200, SURE = 90, LINES_ABOVE = 40 };

const char *const walk_opened[] = {"data", "observations", "resourceSpans", "resource_spans", NULL};

const struct import_source *import_source_named(const char *name)
{
	for (unsigned i = 0; import_sources[i]; i++)
		if (strcmp(import_sources[i]->name, name) == 0)
			return import_sources[i];
	return NULL;
}

static void probe_header(struct file *f, const struct csv *c, const struct import_source *as)
{
	unsigned best = 0;
	for (unsigned i = 0; import_sources[i]; i++) {
		const struct import_source *s = import_sources[i];
		unsigned sure = s->probe_csv && (!as || s == as) ? s->probe_csv(c) : 0;
		if (sure > best) {
			best = sure;
			f->source = s;
		}
	}
}

/* The header is the first line that a source knows; a console's tables have lines about them above it. */
static void probe_csv(struct file *f, struct csv *c, const struct import_source *as)
{
	probe_header(f, c, as);
	while (!f->source && f->header_at < LINES_ABOVE && csv_header_next(c, NULL) > 0) {
		f->header_at++;
		probe_header(f, c, as);
	}
	for (unsigned i = 0; f->source && i < csv_columns(c); i++)
		f->shape = hash_xxh3_seed(csv_header(c, i).p, csv_header(c, i).n, f->shape + 1);
}

/* fault: what is wrong with the first record that is no JSON. kinds: every source that a record is of; deep: those of
 * what lies inside records that are of none. */
static void probe_json(struct file *f, struct records *r, const struct import_source *as, struct mixed *kinds,
		       struct mixed *deep, struct arena *a, struct err *fault)
{
	unsigned best = 0, seen = 0;
	struct json_fault at;
	struct str text;
	struct json v;
	int rc;
	while (seen < PROBE_RECORDS && (best < SURE || !f->lines) &&
	       (rc = records_next(r, &text, fault->code ? NULL : fault)) != 0) {
		if (rc > 0 && seen++ == 0)
			f->lines = records_at_top(r) && !memchr(text.p, '\n', text.n);
		if (rc < 0)
			continue;
		if (json_parse(text, &v, &at)) {
			if (!fault->code)
				err_set(fault, RR_SYNTAX, "it is not well-formed JSON: byte %zu of record %llu: %s", at.at + 1,
					(unsigned long long)records_number(r), at.what);
			continue;
		}
		unsigned sure;
		const struct import_source *s = json_source(v, as, &sure);
		if (!s && v.type == JSON_OBJECT)
			mixed_look(deep, v, a);
		struct json said = json_path(v, "error.message");
		if (!s && said.type == JSON_STRING && !fault->code)
			err_set(fault, RR_INPUT, "it is an error that an API answered: %.*s", STR_ARG(json_raw_string(said)));
		if (sure >= 60)
			mixed_add(kinds, s);
		if (sure >= SURE && !records_at_top(r)) /* a page on a line, behind a line of another shape */
			f->lines = false;
		if (sure > best) {
			best = sure;
			f->source = s;
		}
		arena_reset(a);
	}
	if (f->source && !(f->source->flags & SRC_LINES))
		f->lines = false;
	if (!seen && !fault->code)
		err_set(fault, RR_INPUT, "it holds no records: nothing was used in its time, or too little was asked for");
}

/* Documents of several kinds: the file once more in the list for each further source. */
static int split_kinds(struct walk *w, size_t index, const struct mixed *m, struct err *e)
{
	struct file f = w->file[index];
	w->file[index].mixed = w->file[index].mixed_first = true;
	w->file[index].lines = false;
	w->file[index].source = m->source[0];
	for (unsigned i = 1; i < m->sources; i++) {
		int rc = walk_add_file(w, f.path, 0, e);
		if (rc)
			return rc;
		w->file[w->files - 1].source = m->source[i];
		w->file[w->files - 1].mixed = w->file[w->files - 1].probed = true;
	}
	return 0;
}

static int probe_kinds(struct walk *w, size_t index, const struct import_source *as, struct err *fault, struct err *e)
{
	struct file *f = &w->file[index];
	struct mixed kinds = {.sources = 0}, deep = {.sources = 0};
	struct records *r = records_open(f->path, RECORDS_VALUES, walk_opened, e);
	if (!r)
		return -RR_IO;
	probe_json(f, r, as, &kinds, &deep, &w->x.arena, fault);
	records_close(r);
	if (kinds.sources > 1 && !f->lines && !as)
		return split_kinds(w, index, &kinds, e);
	if (f->source || !deep.sources)
		return 0;
	for (unsigned i = 0; as && i < deep.sources; i++)
		if (deep.source[i] == as)
			deep = (struct mixed){.source = {as}, .sources = 1};
	return as && deep.source[0] != as ? 0 : split_kinds(w, index, &deep, e);
}

/* A PDF is an invoice, if there is a program that reads it and text in it. */
static int probe_pdf(struct file *f, const struct import_source *as, bool map, struct err *e)
{
	struct sb text;
	int rc = 0;
	f->form = FORM_PDF;
	f->source = import_source_named("invoice");
	if (map || (as && as != f->source))
		return magic_refuse(e, f->path, "it is a PDF", "export the data as CSV, or let it be read as an invoice");
	sb_init(&text, PDF_TEXT_BYTES);
	rc = pdf_text(f->path, &text, e);
	if (!rc && !str_trim(sb_str(&text)).n)
		rc = magic_refuse(e, f->path, "it is a PDF without text: a scan, most likely", "ask the vendor for the data as CSV; pictures are not read");
	if (!rc && !invoice_is(sb_str(&text)))
		rc = magic_refuse(e, f->path, "it is a PDF, and no invoice: it never calls itself one", "export the data as CSV");
	sb_fini(&text);
	return rc ? err_at(e, f->path, 0, 0) : 0;
}

int file_probe(struct walk *w, size_t index, struct err *e)
{
	struct file *f = &w->file[index];
	const struct import_options *o = w->x.o;
	const struct import_source *as = o->as ? import_source_named(o->as) : NULL;
	struct err fault = {0};
	struct fs_stream *s = fs_open(f->path, e);
	char head[4096];
	struct str t;
	long n;
	if (!s)
		return e->code ? -e->code : -RR_IO;
	n = fs_next(s, head, sizeof head, e);
	fs_close(s);
	if (n < 0)
		return (int)n;
	t = str_make(head, (size_t)n);
	if (str_starts(t, STR("\xEF\xBB\xBF")))
		t = str_sub(t, 3, t.n);
	t = str_trim(t);
	if (t.n == 0)
		return magic_refuse(e, f->path, "it is empty", "export it again: an empty file is no bill of nothing");
	if (agent_db_is(t)) {
		f->form = FORM_DB;
		f->source = import_source_named("agents");
		if (!as || as == f->source)
			return 0;
	}
	if (str_starts(t, STR("%PDF-")))
		return probe_pdf(f, as, o->map != NULL, e);
	if (magic_check(f->path, t, e))
		return -RR_INPUT;
	if (o->map) {
		f->source = import_source_named("mapping");
		f->form = FORM_CSV;
		f->header_at = import_map_header(w->x.map, f->path);
		return 0;
	}
	if (magic_json(t)) {
		int rc = probe_kinds(w, index, as, &fault, e);
		if (rc)
			return rc;
		f = &w->file[index]; /* the list may have moved */
	} else {
		struct csv *c = csv_open(f->path, e);
		if (!c)
			return e->code ? -e->code : -RR_INPUT;
		f->form = FORM_CSV;
		probe_csv(f, c, as);
		if (f->source && f->source->scope)
			f->source->scope(c, f->scope, sizeof f->scope);
		csv_close(c);
	}
	if (f->source)
		return 0;
	if (fault.code) {
		*e = fault;
		return err_at(e, f->path, 0, 0);
	}
	err_set(e, RR_INPUT, as ? "it is no export of the kind %s" : "no known source has this shape%s",
		as ? o->as : "");
	err_hint(e, "runrate import --list-sources; any other CSV by a mapping file: runrate import FILE --map FILE.yaml");
	return err_at(e, f->path, 0, 0);
}
