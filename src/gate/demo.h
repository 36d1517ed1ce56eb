/* SPDX-License-Identifier: Apache-2.0
 *
 * `serve --demo`: a pretend vendor on its own thread, and a little traffic of three features through the gateway.
 */
#ifndef RR_GATE_DEMO_H
#define RR_GATE_DEMO_H

#include "gate/config.h"

struct demo;

/* Starts the sandbox vendor on a free loopback port and points every upstream of the configuration at it. */
struct demo *demo_open(struct gate_config *conf, struct arena *a, struct err *e);
/* Sends the demo's calls to the gateway at `address` and waits for their answers. */
int demo_traffic(struct demo *d, const char *address, struct err *e);
void demo_close(struct demo *d);

#endif
