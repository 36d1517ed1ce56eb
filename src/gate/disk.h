/* SPDX-License-Identifier: Apache-2.0
 *
 * The disk under the ledger: said in the log when a tenth of it is left, and when that is over. What happens when it is
 * full is the writer's business (ledger/writer.h, 4) and the policy's (on_disk_full).
 */
#ifndef RR_GATE_DISK_H
#define RR_GATE_DISK_H

#include <stdint.h>

struct gate;

/* Now and then, on worker 0's thread: keeps g->disk_low, and logs its changes. */
void disk_look(struct gate *g, uint64_t now_us);

#endif
