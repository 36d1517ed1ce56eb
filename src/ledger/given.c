/* SPDX-License-Identifier: Apache-2.0
 *
 * See given.h. A virtual table without arguments that is only read from its start to its end
 * (sqlite.org/vtab.html, "eponymous-only virtual tables").
 */
#include "ledger/given.h"

#include <stdlib.h>

#include "base/buf.h"

struct table {
	sqlite3_vtab base; /* first: what SQLite knows */
	struct given *given;
};

struct cursor {
	sqlite3_vtab_cursor base;
	int at; /* 1: on a row, 0: behind the last one */
	sqlite3_int64 row;
};

static struct given *given_of(sqlite3_vtab_cursor *c)
{
	return ((struct table *)(void *)c->pVtab)->given;
}

static int connect_table(sqlite3 *db, void *arg, int count, const char *const *args, sqlite3_vtab **out, char **error)
{
	struct given *g = arg;
	struct table *t = sqlite3_malloc(sizeof *t);
	struct sb sql;
	int rc = t ? SQLITE_OK : SQLITE_NOMEM;
	(void)count, (void)args, (void)error;
	sb_init(&sql, 4096);
	sb_adds(&sql, "CREATE TABLE given(");
	for (unsigned i = 0; i < g->columns; i++)
		sb_addf(&sql, "%sc%u", i ? "," : "", i);
	sb_adds(&sql, ")");
	if (!rc)
		rc = sb_whole(&sql) ? sqlite3_declare_vtab(db, sb_whole(&sql)) : SQLITE_NOMEM;
	sb_fini(&sql);
	if (rc) {
		sqlite3_free(t);
		return rc;
	}
	*t = (struct table){.given = g};
	*out = &t->base;
	return SQLITE_OK;
}

static int disconnect_table(sqlite3_vtab *t)
{
	sqlite3_free(t);
	return SQLITE_OK;
}

static int best_index(sqlite3_vtab *t, sqlite3_index_info *info)
{
	(void)t;
	info->estimatedCost = 1;
	return SQLITE_OK;
}

static int open_cursor(sqlite3_vtab *t, sqlite3_vtab_cursor **out)
{
	struct cursor *c = sqlite3_malloc(sizeof *c);
	(void)t;
	if (!c)
		return SQLITE_NOMEM;
	*c = (struct cursor){.at = 0};
	*out = &c->base;
	return SQLITE_OK;
}

static int close_cursor(sqlite3_vtab_cursor *c)
{
	sqlite3_free(c);
	return SQLITE_OK;
}

static int next(sqlite3_vtab_cursor *base)
{
	struct given *g = given_of(base);
	struct cursor *c = (struct cursor *)(void *)base;
	c->at = g->next(g);
	c->row++;
	g->rc = c->at < 0 ? c->at : 0;
	return g->rc ? SQLITE_ERROR : SQLITE_OK;
}

static int filter(sqlite3_vtab_cursor *c, int number, const char *text, int count, sqlite3_value **args)
{
	(void)number, (void)text, (void)count, (void)args;
	return next(c);
}

static int eof(sqlite3_vtab_cursor *c)
{
	return ((struct cursor *)(void *)c)->at != 1;
}

static int column(sqlite3_vtab_cursor *c, sqlite3_context *out, int i)
{
	struct given *g = given_of(c);
	g->value(g, (unsigned)i, out);
	return SQLITE_OK;
}

static int rowid(sqlite3_vtab_cursor *c, sqlite3_int64 *out)
{
	*out = ((struct cursor *)(void *)c)->row;
	return SQLITE_OK;
}

int given_table(sqlite3 *db, struct given *g)
{
	static const sqlite3_module module = {
		.xConnect = connect_table,
		.xBestIndex = best_index,
		.xDisconnect = disconnect_table,
		.xOpen = open_cursor,
		.xClose = close_cursor,
		.xFilter = filter,
		.xNext = next,
		.xEof = eof,
		.xColumn = column,
		.xRowid = rowid,
	};
	int rc = g->there ? SQLITE_OK : sqlite3_create_module(db, g->name, &module, g);
	g->there = rc == SQLITE_OK;
	return rc;
}
