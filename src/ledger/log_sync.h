/* SPDX-License-Identifier: Apache-2.0
 *
 * Syncs a ledger's log beside the transactions that fill it.
 *
 * A checkpoint holds the lock while it syncs the log, copies pages and syncs the ledger. An import leaves megabytes to
 * it: a thread of its own brings them to the disk while the next rows are written, so that the checkpoint finds little
 * left to sync, and neither the import nor whoever waits for the lock waits for that. Nothing rests on it: where it
 * fails or is late, the checkpoint's own sync does all.
 */
#ifndef RR_LEDGER_LOG_SYNC_H
#define RR_LEDGER_LOG_SYNC_H

struct log_sync;

struct log_sync *log_sync_new(const char *ledger_path); /* NULL: then there is none, which the others take too */
void log_sync_ask(struct log_sync *s);                  /* returns at once */
void log_sync_free(struct log_sync *s);

#endif
