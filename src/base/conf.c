/* SPDX-License-Identifier: Apache-2.0
 *
 * See conf.h. This half turns libyaml's events into a checked tree and errors into text; conf_bind.c gives the tree a
 * meaning. What YAML can do beyond maps, lists and text is refused here, so that no reader has to think of it: tags,
 * anchors, aliases, second documents, keys that are no text.
 */
#include "base/conf.h"

#include <stdarg.h>
#include <stdio.h>
#include <yaml.h>

enum {
	DEPTH_MOST = 32,
	TEXT_BYTES = 16 * 1024 * 1024,
	MAP_KEYS = 4096,   /* a duplicate is found by looking at each key */
	SHOWN_COLUMNS = 76,
	ERRORS_MOST = sizeof((struct conf_doc *)0)->error / sizeof(struct err)
};

/* A line ends as it does for libyaml, whose line numbers we report: LF, CR, CRLF, NEL, LS, PS. */
static size_t break_bytes(struct str s, size_t at)
{
	unsigned char c = (unsigned char)s.p[at], d = at + 1 < s.n ? (unsigned char)s.p[at + 1] : 0;
	if (c == '\r')
		return d == '\n' ? 2 : 1;
	if (c == '\n')
		return 1;
	if (c == 0xC2 && d == 0x85)
		return 2;
	return c == 0xE2 && d == 0x80 && at + 2 < s.n && ((unsigned char)s.p[at + 2] & 0xFE) == 0xA8 ? 3 : 0;
}

/* The text of a 1-based line. */
static struct str line_text(struct str text, unsigned line)
{
	size_t begin = 0, at = 0;
	while (at < text.n && line) {
		size_t n = break_bytes(text, at);
		if (n && --line == 0)
			return str_sub(text, begin, at);
		at += n ? n : 1;
		if (n)
			begin = at;
	}
	return str_sub(text, begin, text.n);
}

/* libyaml counts characters; our columns are bytes. */
static unsigned byte_column(struct str line, size_t characters)
{
	size_t at = 0;
	while (characters-- && at < line.n) {
		size_t step = str_utf8_step(line.p + at, line.n - at);
		at += step ? step : 1;
	}
	return (unsigned)at + 1;
}

static struct err *new_error(struct conf_doc *d)
{
	struct err *e = d->errors < ERRORS_MOST ? &d->error[d->errors] : NULL;
	if (e)
		d->errors++;
	return e;
}

int conf_error(struct conf_doc *d, const struct conf_node *at, const char *fmt, ...)
{
	struct err *e = new_error(d);
	char what[sizeof e->what];
	va_list ap;
	if (!e)
		return -RR_CONFIG;
	va_start(ap, fmt);
	vsnprintf(what, sizeof what, fmt, ap);
	va_end(ap);
	err_set(e, RR_CONFIG, "%s", what);
	err_at(e, d->name, at ? at->line : 0, at ? at->column : 0);
	return -RR_CONFIG;
}

int conf_hint(struct conf_doc *d, const char *fmt, ...)
{
	char hint[256];
	va_list ap;
	if (!d->errors)
		return -RR_CONFIG;
	va_start(ap, fmt);
	vsnprintf(hint, sizeof hint, fmt, ap);
	va_end(ap);
	err_hint(&d->error[d->errors - 1], "%s", hint);
	return -RR_CONFIG;
}

static bool word_byte(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

/* Stars over what stands behind "key:", "secret:", "token:", "password:", unless it is a ${VARIABLE}. */
static void mask_secrets(char *line, size_t n)
{
	static const char *const names[] = {"key", "secret", "token", "password"};
	for (size_t i = 0; i < n; i++) {
		size_t end = i;
		bool named = false;
		while (end < n && word_byte(line[end]))
			end++;
		for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
			size_t length = strlen(names[k]);
			named |= end - i >= length && str_ieq(str_make(line + end - length, length), str_of(names[k]));
		}
		if (end == i)
			continue;
		i = end;
		while (named && i < n && strchr("\"' \t", line[i]))
			i++;
		if (!named || i >= n || line[i] != ':')
			continue;
		for (i++; i < n && (line[i] == ' ' || line[i] == '"' || line[i] == '\'' || line[i] == '\t');)
			i++;
		if (n - i >= 2 && line[i] == '$' && line[i + 1] == '{')
			continue;
		for (; i < n && !strchr(" ,}\"'", line[i]); i++)
			line[i] = '*';
	}
}

/* The line and a caret under the column; of a long line the part around it. */
static void add_caret(struct str line, unsigned column, struct sb *out)
{
	struct sb clean;
	size_t at = column ? column - 1 : 0, from = 0, before;
	if (at > line.n)
		at = line.n;
	sb_init(&clean, line.n + 1);
	sb_add_str(&clean, line);
	if (clean.p)
		mask_secrets(clean.p, clean.n);
	check(clean.p || !clean.n);
	for (size_t i = 0; i < clean.n; i++)
		if ((unsigned char)clean.p[i] < 0x20 || clean.p[i] == 0x7F)
			clean.p[i] = ' ';
	if (at > SHOWN_COLUMNS - 16)
		from = at - SHOWN_COLUMNS / 2;
	while (from < clean.n && ((unsigned char)clean.p[from] & 0xC0) == 0x80)
		from++;
	before = str_columns(str_sub(sb_str(&clean), from, at));
	sb_adds(out, "\n    ");
	sb_add_utf8(out, str_sub(sb_str(&clean), from, from + SHOWN_COLUMNS));
	sb_addf(out, "\n    %*s^", (int)before, "");
	sb_fini(&clean);
}

void conf_errors_text(const struct conf_doc *d, struct sb *out)
{
	for (unsigned i = 0; i < d->errors; i++) {
		struct err e = d->error[i];
		char text[sizeof e];
		e.hint[0] = 0;
		sb_adds(out, err_text(&e, text, sizeof text));
		if (e.line && d->text.p)
			add_caret(line_text(d->text, e.line), e.column, out);
		if (d->error[i].hint[0])
			sb_addf(out, "\n  next: %s", d->error[i].hint);
		sb_addc(out, '\n');
	}
	if (d->errors == ERRORS_MOST)
		sb_addf(out, "%s: there may be more errors: only the first %d are shown\n", d->name, (int)ERRORS_MOST);
}

struct conf_node *conf_get(const struct conf_node *map, const char *key)
{
	if (!map || map->type != CONF_MAP)
		return NULL;
	for (struct conf_node *n = map->first; n; n = n->next)
		if (str_eqc(n->key, key))
			return n;
	return NULL;
}

bool conf_wrong_inside(const struct conf_doc *d, const struct conf_node *n)
{
	if (!n)
		return false;
	for (unsigned i = 0; i < d->errors; i++) {
		const struct err *e = &d->error[i];
		if ((e->line == n->line && e->column == n->column) ||
		    (e->line == n->key_line && e->column == n->key_column))
			return true;
	}
	for (const struct conf_node *c = n->first; c; c = c->next) /* at most 32 deep */
		if (conf_wrong_inside(d, c))
			return true;
	return false;
}

/* A container that is open while events come in. */
struct open {
	struct conf_node *node, *last;
	struct conf_node pending; /* a map's key that waits for its value: key, line, column */
	bool has_key, skip;       /* skip: the key was a duplicate, its value is dropped */
	unsigned count;
};

struct building {
	struct conf_doc *d;
	struct open open[DEPTH_MOST];
	unsigned depth, documents;
	bool stop;           /* an error after which the rest makes no sense */
	size_t line_at;      /* where line `line` begins: marks ascend, so finding the next line is cheap */
	unsigned line;       /* 0-based */
};

static struct conf_node place_of(struct building *b, const yaml_mark_t *m)
{
	struct conf_node at = {.line = (unsigned)m->line + 1};
	if (m->line < b->line)
		b->line = 0, b->line_at = 0;
	while (b->line < m->line && b->line_at < b->d->text.n) {
		size_t n = break_bytes(b->d->text, b->line_at);
		b->line_at += n ? n : 1;
		b->line += n != 0;
	}
	at.column = byte_column(str_sub(b->d->text, b->line_at, b->d->text.n), m->column);
	return at;
}

static int fatal(struct building *b, const yaml_mark_t *m, const char *what, const char *hint)
{
	struct conf_node at = place_of(b, m);
	b->stop = true;
	conf_error(b->d, &at, "%s", what);
	return conf_hint(b->d, "%s", hint);
}

/* Puts a node into the container on top (or makes it the root). */
static void attach(struct building *b, struct conf_node *n)
{
	struct open *top = b->depth ? &b->open[b->depth - 1] : NULL;
	if (!top) {
		b->d->root = n;
		return;
	}
	if (top->node->type == CONF_MAP) {
		n->key = top->pending.key;
		n->key_line = top->pending.line;
		n->key_column = top->pending.column;
		if (n->type != CONF_SCALAR)
			n->line = n->key_line, n->column = n->key_column;
		top->has_key = false;
		if (top->skip)
			return;
	}
	if (top->last)
		top->last->next = n;
	else
		top->node->first = n;
	top->last = n;
}

/* An open list or map has its node since take_start. */
static bool wants_key(const struct open *top)
{
	check(!top || top->node);
	return top && top->node->type == CONF_MAP && !top->has_key;
}

static int take_key(struct building *b, const yaml_event_t *ev, struct open *top)
{
	struct str key = str_make((const char *)ev->data.scalar.value, ev->data.scalar.length);
	struct conf_node at = place_of(b, &ev->start_mark);
	const struct conf_node *same = NULL;
	if (!key.n)
		return fatal(b, &ev->start_mark, "a key is empty", "write NAME: VALUE");
	for (const struct conf_node *n = top->node->first; n && !same; n = n->next)
		same = str_eq(n->key, key) ? n : NULL;
	top->skip = same != NULL;
	if (same) {
		conf_error(b->d, &at, "the key '%.*s' stands twice", STR_ARG(str_sub(key, 0, 80)));
		conf_hint(b->d, "the first one is on line %u: keep one of them", same->key_line);
	}
	if (++top->count > MAP_KEYS)
		return fatal(b, &ev->start_mark, "more than 4,096 keys in one map", "use a list");
	top->pending = at;
	top->pending.key = arena_str(b->d->arena, key);
	top->has_key = true;
	return 0;
}

static int take_scalar(struct building *b, const yaml_event_t *ev)
{
	struct open *top = b->depth ? &b->open[b->depth - 1] : NULL;
	struct conf_node *n;
	if (ev->data.scalar.anchor)
		return fatal(b, &ev->start_mark, "anchors and aliases are not taken",
			     "write the value out where it is used");
	if (ev->data.scalar.tag)
		return fatal(b, &ev->start_mark, "tags are not taken", "write the plain value");
	if (wants_key(top))
		return take_key(b, ev, top);
	n = arena_new(b->d->arena, struct conf_node);
	if (!n)
		return fatal(b, &ev->start_mark, "the file is too large", "split it");
	*n = place_of(b, &ev->start_mark);
	n->scalar = arena_str(b->d->arena, str_make((const char *)ev->data.scalar.value, ev->data.scalar.length));
	n->quoted = ev->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
	attach(b, n);
	return 0;
}

static int take_start(struct building *b, const yaml_event_t *ev, enum conf_type type, const void *anchor,
		      const void *tag)
{
	struct open *top = b->depth ? &b->open[b->depth - 1] : NULL;
	struct conf_node *n;
	if (anchor)
		return fatal(b, &ev->start_mark, "anchors and aliases are not taken",
			     "write the value out where it is used");
	if (tag)
		return fatal(b, &ev->start_mark, "tags are not taken", "write the plain value");
	if (wants_key(top))
		return fatal(b, &ev->start_mark, "a key must be text", "write NAME: VALUE");
	if (b->depth == DEPTH_MOST)
		return fatal(b, &ev->start_mark, "nested deeper than 32 levels", "write it flatter");
	n = arena_new(b->d->arena, struct conf_node);
	if (!n)
		return fatal(b, &ev->start_mark, "the file is too large", "split it");
	*n = place_of(b, &ev->start_mark);
	n->type = type;
	attach(b, n);
	b->open[b->depth++] = (struct open){.node = n};
	return 0;
}

static int take_event(struct building *b, const yaml_event_t *ev)
{
	switch (ev->type) {
	case YAML_DOCUMENT_START_EVENT:
		if (b->documents++)
			return fatal(b, &ev->start_mark, "a second document begins here",
				     "one file holds one document: remove the ---");
		if (ev->data.document_start.tag_directives.start != ev->data.document_start.tag_directives.end)
			return fatal(b, &ev->start_mark, "tags are not taken", "remove the %TAG line");
		return 0;
	case YAML_ALIAS_EVENT:
		return fatal(b, &ev->start_mark, "anchors and aliases are not taken",
			     "write the value out where it is used");
	case YAML_SCALAR_EVENT:
		return take_scalar(b, ev);
	case YAML_SEQUENCE_START_EVENT:
		return take_start(b, ev, CONF_LIST, ev->data.sequence_start.anchor, ev->data.sequence_start.tag);
	case YAML_MAPPING_START_EVENT:
		return take_start(b, ev, CONF_MAP, ev->data.mapping_start.anchor, ev->data.mapping_start.tag);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		b->depth--;
		return 0;
	default:
		return 0;
	}
}

/* Bytes that libyaml would drop, recode or stop at. */
static int check_bytes(struct conf_doc *d)
{
	size_t at = 0;
	unsigned line = 1;
	struct conf_node place;
	if (d->text.n > TEXT_BYTES) {
		conf_error(d, NULL, "the file is larger than 16 MiB");
		return conf_hint(d, "split it");
	}
	for (size_t begin = 0; at < d->text.n;) {
		size_t n = break_bytes(d->text, at), step = str_utf8_step(d->text.p + at, d->text.n - at);
		if (n) {
			line++;
			at += n;
			begin = at;
			continue;
		}
		if (step && d->text.p[at]) {
			at += step;
			continue;
		}
		place = (struct conf_node){.line = line, .column = (unsigned)(at - begin) + 1};
		conf_error(d, &place, d->text.p[at] ? "this is not UTF-8" : "a NUL byte stands here");
		return conf_hint(d, "save the file as UTF-8 text");
	}
	return 0;
}

static void syntax_error(struct building *b, const yaml_parser_t *p)
{
	struct conf_node at = place_of(b, &p->problem_mark);
	if (p->error == YAML_MEMORY_ERROR) {
		conf_error(b->d, NULL, "no memory to read the file");
		return;
	}
	conf_error(b->d, &at, "not well formed: %s%s%s", p->problem ? p->problem : "unreadable", p->context ? ", " : "",
		   p->context ? p->context : "");
	conf_hint(b->d, p->problem && strstr(p->problem, "cannot start any token")
				? "indent with blanks, not tabs; put text with special characters in quotes"
				: "check indentation, brackets and quotes near here");
}

int conf_parse(struct conf_doc *d, struct arena *a, struct str text, const char *name)
{
	struct building b = {.d = d};
	yaml_parser_t p;
	bool done = false;
	memset(d, 0, sizeof *d);
	d->text = text;
	d->arena = a;
	snprintf(d->name, sizeof d->name, "%s", name ? name : "");
	if (check_bytes(d))
		return -RR_CONFIG;
	if (!yaml_parser_initialize(&p))
		return conf_error(d, NULL, "no memory to read the file");
	yaml_parser_set_encoding(&p, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&p, (const unsigned char *)(text.n ? text.p : ""), text.n);
	while (!done && !b.stop) {
		yaml_event_t ev;
		if (!yaml_parser_parse(&p, &ev)) {
			syntax_error(&b, &p);
			break;
		}
		done = ev.type == YAML_STREAM_END_EVENT;
		take_event(&b, &ev);
		yaml_event_delete(&ev);
	}
	yaml_parser_delete(&p);
	d->whole = done && !b.stop && !a->full;
	if (!d->root || (d->root->type == CONF_SCALAR && !d->root->scalar.n && !d->root->quoted)) {
		d->root = arena_new(a, struct conf_node);
		if (d->root)
			*d->root = (struct conf_node){.type = CONF_MAP, .line = 1, .column = 1};
	}
	if (a->full && !d->errors)
		conf_error(d, NULL, "the file is too large for the memory set aside for it");
	return d->errors ? -RR_CONFIG : 0;
}
