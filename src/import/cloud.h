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
	/* of each column: tells kinds of rows apart (cloud_key); a source sets it where it asks for that */
	bool *kind;
	uint64_t *name_hash;
};
void cloud_columns_find(struct cloud_columns *t, const struct csv *c, const char *const *names, unsigned count);
/* Which columns tell a row from another: not_identity() says which do not. */
int cloud_identity(struct cloud_columns *t, const struct csv *c, bool (*not_identity)(struct str name), struct err *e);
/* A column by its name, however it is spelled: lineItem/UsageType, line_item_usage_type. */
uint64_t cloud_name_hash(struct str name);
void cloud_columns_free(struct cloud_columns *t);
struct str cloud_field(const struct cloud_columns *t, struct csv *c, unsigned which); /* null texts are empty */
/* Adds the row's identity to its key; the order of columns and empty ones do not matter. Returns the same of what
 * its kind is told by. */
struct hash128 cloud_key(struct import_ctx *x, const struct cloud_columns *t, struct csv *c);

/* What replacement is bound to, in that column of the first row: a payer's account (import_source's scope). */
void cloud_scope(struct csv *c, const char *const *names, unsigned count, unsigned which, char *out, size_t size);
/* The billing periods that a report is of. Each is told once (import_reports); -RR_LIMIT beyond so many. */
enum { CLOUD_PERIODS = 64 };
struct cloud_periods {
	int64_t from_us[CLOUD_PERIODS];
	unsigned count;
};
int cloud_reports(struct import_ctx *x, struct cloud_periods *p, int64_t from_us, int64_t to_us, bool in_parts,
		  struct err *e);

/* Amounts, quantities, rates: names that no row is told by. */
bool cloud_is_amount(struct str name);
/* Those, and what a later export of a cloud's same rows has other values in: invoice numbers that come when a month
 * is closed. */
bool cloud_tells_no_row(struct str name);

/* The three numbers of a date with slashes, as they stand. */
bool slash_date(struct str s, unsigned part[3]);
/* Whether month or day comes first in such dates of a file: one date of it whose day is above 12 proves it for all.
 * It is looked for in the row at hand, then once through the file, when first needed; without a proof a date is
 * refused. */
struct slash {
	enum { SLASH_UNKNOWN, SLASH_MONTH_FIRST, SLASH_DAY_FIRST } order;
	bool searched;
	int column[4]; /* where dates stand; -1: none */
};
/* A date with slashes, or any time that read_time() takes; NULL or why not. */
const char *slash_time(const struct import_ctx *x, struct slash *s, struct csv *c, struct str text, int64_t *us);

/* Puts tokens into the call: quantity times `per`. Not where the text does not say which tokens. */
void cloud_tokens(struct import_ctx *x, const struct token_words *w, struct str quantity, uint64_t per);
/* {"purpose": "train"} to "purpose=train;", for the rules of classification; other text as it is. */
struct str cloud_tags(struct import_ctx *x, struct str json);
uint32_t cloud_name(struct str s);
/* Pieces in one unit: "1K" 1000, "1M Tokens", "1000000 Tokens", "Million tokens", "Tokens" 1; 0 for what counts no
 * pieces ("1 Hour", "1/Hour"). *tokens: the unit says that the pieces are tokens. */
uint64_t cloud_unit(struct str unit, bool *tokens);
/* "USE1-Claude3Haiku-input-tokens" is Claude3Haiku; a marketplace product's name stands without its edition; else
 * empty. */
struct str aws_model(struct str usage_type, struct str product);
/* What a usage type of AWS counts in one unit of its quantity. */
uint64_t aws_unit(struct str usage_type, struct str unit);
/* Does a SKU of Google's name tokens? Its unit does not say so. */
bool gcp_sku_has_tokens(struct str sku);
/* What a row of Google's counts: tokens by its SKU, or characters by its unit. */
void gcp_pieces(struct import_ctx *x, struct str sku, struct str unit, struct str amount);
/* Charges that are use, and not a tax, credit or purchase beside it: only these have tokens. */
bool cloud_is_use(struct str charge);

#endif
