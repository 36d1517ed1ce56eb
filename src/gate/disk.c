/* SPDX-License-Identifier: Apache-2.0
 *
 * See disk.h.
 */
#include "gate/disk.h"

#include "base/log.h"
#include "gate/exposition.h"

enum { LOOK_US = 1000000, LOW_PERCENT = 10, WELL_PERCENT = 12 /* so that one file does not ring twice */ };

void disk_look(struct gate *g, uint64_t now_us)
{
	bool low = atomic_load(&g->disk_low);
	uint64_t free_bytes, size_bytes;
	if (now_us < g->disk_next_us || gate_disk(g, &free_bytes, &size_bytes))
		return;
	g->disk_next_us = now_us + LOOK_US;
	if (!low && free_bytes < size_bytes / 100 * LOW_PERCENT) {
		atomic_store(&g->disk_low, true);
		LOG(LOG_WARN, "disk_low", LOG_S("ledger", str_of(g->ledger_path)), LOG_N("free_mib", free_bytes >> 20),
		    LOG_N("of_mib", size_bytes >> 20),
		    LOG_S("when_full", g->conf->disk_full_pass ? STR("calls pass") : STR("507")));
	} else if (low && free_bytes > size_bytes / 100 * WELL_PERCENT) {
		atomic_store(&g->disk_low, false);
		LOG(LOG_INFO, "disk_well", LOG_S("ledger", str_of(g->ledger_path)),
		    LOG_N("free_mib", free_bytes >> 20));
	}
}
