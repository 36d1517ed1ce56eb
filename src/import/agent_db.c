/* SPDX-License-Identifier: Apache-2.0
 *
 * Agents that keep their answers in SQLite: a database is a query whose rows are records, in the shapes of agents.c.
 *
 * It is opened for reading alone, untrusted (no functions or views of its own run), and may be in use by its agent.
 * OpenCode's opencode.db and Kilo's kilo.db hold messages as JSON; Goose's sessions.db and Hermes' state.db hold the
 * sum of each session, which grows (their sources and ccusage's adapters, read 29 November 2026).
 */
#include "import/agent_db.h"

#include <sqlite3.h>
#include <stdio.h>
#include <sys/stat.h>

static const char *const queries[] = {
	"SELECT json_set(data, '$.id', id, '$.sessionID', session_id) FROM message WHERE json_valid(data)",
	"SELECT json_object('agent', 'goose', 'id', id, 'model', json_extract(model_config_json, '$.model_name'),"
	" 'provider', provider_name, 'at', strftime('%Y-%m-%dT%H:%M:%SZ', created_at),"
	" 'in', coalesce(accumulated_input_tokens, input_tokens), 'out', coalesce(accumulated_output_tokens, output_tokens),"
	" 'total', coalesce(accumulated_total_tokens, total_tokens)) FROM sessions WHERE json_valid(model_config_json)",
	"SELECT json_object('agent', 'hermes', 'id', id, 'model', model, 'provider', billing_provider, 'at', started_at,"
	" 'in', input_tokens, 'out', output_tokens, 'read', cache_read_tokens, 'write', cache_write_tokens,"
	" 'think', reasoning_tokens, 'cost', coalesce(actual_cost_usd, estimated_cost_usd)) FROM sessions WHERE model IS NOT NULL",
};

bool agent_db_is(struct str head)
{
	return str_starts(head, str_make("SQLite format 3", 16));
}

static sqlite3 *open_db(const char *path, struct err *e)
{
	char uri[8192];
	size_t n = (size_t)snprintf(uri, sizeof uri, "file:");
	sqlite3 *db = NULL;
	for (const char *p = path; *p && n + 16 < sizeof uri; p++) {
		if (*p == '%' || *p == '?' || *p == '#')
			n += (size_t)snprintf(uri + n, 4, "%%%02X", (unsigned)(unsigned char)*p);
		else
			uri[n++] = *p;
	}
	snprintf(uri + n, sizeof uri - n, "?mode=ro");
	if (sqlite3_open_v2(uri, &db, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, NULL) == SQLITE_OK) {
		sqlite3_busy_timeout(db, 1000);
		sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
		sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
		return db;
	}
	err_set(e, RR_IO, "cannot open the database: %s", db ? sqlite3_errmsg(db) : "out of memory");
	sqlite3_close(db);
	return NULL;
}

/* SQLite reads what is missing of a file as zeros: rows would be lost in silence. */
static bool is_cut_off(const char *path)
{
	unsigned char h[32] = {0};
	struct stat st = {0};
	FILE *f = fopen(path, "rb");
	bool read = f && fread(h, 1, sizeof h, f) == sizeof h && fstat(fileno(f), &st) == 0;
	uint64_t page = (uint64_t)(h[16] << 8 | h[17]),
		pages = (uint64_t)h[28] << 24 | (uint64_t)(h[29] << 16 | h[30] << 8 | h[31]);
	if (f)
		fclose(f);
	return !read || (uint64_t)st.st_size < (page == 1 ? 65536 : page) * pages;
}

static sqlite3_stmt *prepare(sqlite3 *db)
{
	sqlite3_stmt *s = NULL;
	for (size_t i = 0; i < sizeof queries / sizeof *queries && !s; i++)
		if (sqlite3_prepare_v2(db, queries[i], -1, &s, NULL) != SQLITE_OK)
			s = NULL;
	return s;
}

int agent_db_each(const char *path, agent_db_fn *fn, void *arg, struct err *e)
{
	sqlite3 *db = open_db(path, e);
	sqlite3_stmt *s = db ? prepare(db) : NULL;
	uint64_t number = 0;
	int rc = 0, got = SQLITE_ROW;
	if (!db)
		return err_at(e, path, 0, 0);
	if (!s) {
		err_set(e, RR_INPUT, "it is a database, but of no agent that is known");
		err_hint(e, "runrate reads those of OpenCode, Kilo, Goose and Hermes");
		rc = err_at(e, path, 0, 0);
	}
	while (!rc && (got = sqlite3_step(s)) == SQLITE_ROW) {
		const char *text = (const char *)sqlite3_column_text(s, 0);
		if (text)
			rc = fn(str_make(text, (size_t)sqlite3_column_bytes(s, 0)), ++number, NULL, arg);
	}
	if (!rc && got != SQLITE_DONE) /* what was read stays: the rest is one row that cannot be read */
		rc = fn(STR(""), number + 1, sqlite3_errmsg(db), arg);
	else if (!rc && is_cut_off(path))
		rc = fn(STR(""), number + 1, "the database is cut off: copy it again, while its agent is not running", arg);
	sqlite3_finalize(s);
	sqlite3_close(db);
	return rc;
}
