/* SPDX-License-Identifier: Apache-2.0
 *
 * What OpenAI's usage and cost exports share.
 */
#ifndef RR_IMPORT_OPENAI_H
#define RR_IMPORT_OPENAI_H

#include "import/import_i.h"

/* The Unix column, else the ISO one. NULL or a reason. */
const char *openai_csv_time(struct csv *c, int unix_column, int iso_column, int64_t *us);
/* The results of a bucket. */
struct json openai_results(struct json bucket);
/* A bucket in which nothing happened: its four time columns and nothing else. It is no row. Returns 0. */
int openai_empty_bucket(struct import_ctx *x, enum batch_side side, int64_t start_us);

#endif
