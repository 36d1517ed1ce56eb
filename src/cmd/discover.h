/* SPDX-License-Identifier: Apache-2.0
 *
 * What lies on this machine that tells of usage: agents' logs, exports in the current folder or, where it
 * has none, among the downloads, a ledger, a gateway.
 *
 * It only looks, and only here: nothing is sent, nothing is kept.
 */
#ifndef RR_CMD_DISCOVER_H
#define RR_CMD_DISCOVER_H

#include "base/arena.h"

enum { DISCOVER_FOLDERS = 32, DISCOVER_FILES = 500 };

struct discovered {
	const char *folder[DISCOVER_FOLDERS]; /* of agents' logs, that exist; or a database of one */
	const char *tool[DISCOVER_FOLDERS];   /* "Claude Code", "Codex" ... */
	unsigned folders, tools;
	const char *file[DISCOVER_FILES]; /* regular files of the current folder that may be exports, by name */
	unsigned files;
};

/* Text lives in the arena. */
void discover(struct discovered *d, const char *here, struct arena *a);
/* The CSV files of the downloads ($XDG_DOWNLOAD_DIR, else ~/Downloads) instead of the files of `here`. false: that
 * is no other folder. */
bool discover_downloads(struct discovered *d, const char *here, struct arena *a);
/* Does a gateway hold this ledger? */
bool discover_gateway(const char *ledger_path);
/* A new private folder for a scratch ledger, and its end with all that lies in it. */
int scratch_make(char *path, size_t size);
void scratch_remove(const char *path);

#endif
