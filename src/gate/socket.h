/* SPDX-License-Identifier: Apache-2.0
 *
 * Sessions over a websocket, from the gate's side: OpenAI Realtime, Responses over a socket, Gemini Live.
 *
 * 1. The upgrade is a request like others (who, may they, is there money) that becomes a tunnel. Frames pass as they
 *    are; what is read of them is a copy. Extensions are not offered to the vendor, so that they stay readable.
 * 2. Each response of the vendor's is a call of its own: a *turn*, a struct request without a client, which runs
 *    through the gate's own steps (models, caps, rates, the in-flight slot, price, row), under the session's operation.
 * 3. A message that asks for a response is forwarded when the turn is admitted; the message that ends a response is
 *    given to the client when the turn's row is durable. Both ways a message is held until it is whole, and no longer.
 * 4. Where the vendor may begin a response by itself (it heard a pause), one is reserved ahead while the session is
 *    open: a hard cap that cannot hold the next one ends the session, with the vendor's error event and code 1008.
 * 5. A client that leaves while responses are under way leaves a bounded drain behind; what is not known then is an
 *    estimate.
 */
#ifndef RR_GATE_SOCKET_H
#define RR_GATE_SOCKET_H

#include "gate/gate.h"

/* identify: is an upgrade asked for? WAIT: no; NEXT: yes, and it may go on; else the refusal. */
enum turn socket_identify(struct request *r);
void socket_features(struct request *r);       /* of a session or of a turn, after the body was read */
enum turn socket_cap(struct request *session);
enum turn socket_forward(struct request *r);   /* a session: the upgrade; a turn: its message */
void socket_release(struct request *turn);     /* its row is durable */
void socket_unrecorded(struct request *turn);  /* its row cannot be */
/* The client's side of a session. */
void socket_bytes(struct request *session, struct str bytes);
void socket_drained(struct request *session);
void socket_client_left(struct request *session);
void socket_free(struct request *session);
/* The gateway stops: sessions without a response under way are told so. */
void socket_stop(struct worker *w);

#endif
