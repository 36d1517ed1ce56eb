/* SPDX-License-Identifier: Apache-2.0
 *
 * What rows of cloud bills share: an amount, a period, a service, a text that says what was metered.
 */
#ifndef RR_IMPORT_CLOUD_H
#define RR_IMPORT_CLOUD_H

#include "import/import_i.h"

enum { CLOUD_COLUMNS = 48 };

/* Columns by any of their names ("name|older name"), found once a file. */
struct cloud_columns {
	int at[CLOUD_COLUMNS];
	unsigned columns;
	bool *identity; /* of each column: makes the row that row */
	uint64_t *name_hash;
};
void cloud_columns_find(struct cloud_columns *t, const struct csv *c, const char *const *names, unsigned count);
/* Which columns tell a row from another: not_identity() says which do not. */
int cloud_identity(struct cloud_columns *t, const struct csv *c, bool (*not_identity)(struct str name), struct err *e);
void cloud_columns_free(struct cloud_columns *t);
struct str cloud_field(const struct cloud_columns *t, struct csv *c, unsigned which); /* null texts are empty */
/* Adds the row's identity to its key; the order of columns and empty ones do not matter. */
void cloud_key(struct import_ctx *x, const struct cloud_columns *t, struct csv *c);

/* Amounts and quantities: names that end so are no identity. */
bool cloud_is_amount(struct str name);

/* Month/day/year of a date with slashes. */
bool slash_date(struct str s, unsigned part[3]);

/* Puts tokens into the call: quantity times `per`. Not where the text does not say which tokens. */
void cloud_tokens(struct import_ctx *x, const struct token_words *w, struct str quantity, uint64_t per);
/* {"purpose": "train"} to "purpose=train;", for the rules of classification; other text as it is. */
struct str cloud_tags(struct import_ctx *x, struct str json);
uint32_t cloud_name(struct str s);

#endif
