/* SPDX-License-Identifier: Apache-2.0
 *
 * What the pretend Gemini's two files share.
 */
#ifndef RR_SANDBOX_GEMINI_INT_H
#define RR_SANDBOX_GEMINI_INT_H

#include "sandbox/sandbox_int.h"

void gemini_head(struct exchange *x);
void gemini_generate(struct exchange *x, struct str model, bool stream);
void gemini_count(struct exchange *x, struct str model);
void gemini_embed(struct exchange *x, struct str model, bool batch);
void gemini_upload(struct exchange *x);
void gemini_files(struct exchange *x, struct str rest);
uint64_t gemini_tokens(struct exchange *x, struct json top); /* of a request's prompt */

#endif
