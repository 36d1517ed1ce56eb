/* SPDX-License-Identifier: Apache-2.0
 *
 * Several imports as one result, for whoever reads a long period piece by piece.
 */
#include <stdlib.h>

#include "import/import.h"

money_wide import_inference(const struct import_summary *s, unsigned i, money_wide *twice)
{
	*twice = sides_twice(&s->sides, i);
	return s->money[i].book[BOOK_INFERENCE] - *twice;
}

static void add_sides(struct import_summary *into, unsigned to, const struct sides *sides, unsigned from)
{
	for (uint32_t i = 0; i < sides->count; i++) {
		struct sides_cell c = sides->cell[i];
		if (c.currency != from)
			continue;
		c.currency = to;
		for (unsigned side = 0; side < SIDES; side++)
			if (c.pico[side] && sides_add(&into->sides, &c, (enum batch_side)side, c.pico[side]))
				mem_lost();
	}
}

static void add_money(struct import_summary *into, const struct import_summary *s, unsigned from)
{
	const struct import_money *m = &s->money[from];
	unsigned i = 0;
	while (i < into->currencies && !currency_eq(into->money[i].currency, m->currency))
		i++;
	if (i == IMPORT_CURRENCIES)
		return;
	if (i == into->currencies)
		into->money[into->currencies++].currency = m->currency;
	for (unsigned b = 0; b < BOOKS; b++)
		into->money[i].book[b] += m->book[b];
	into->money[i].claimed += m->claimed;
	into->money[i].priced += m->priced;
	into->money[i].billed += m->billed;
	add_sides(into, i, &s->sides, from);
}

static void add_note(struct import_summary *into, const char *note)
{
	for (unsigned i = 0; i < into->notes; i++)
		if (strcmp(into->note[i], note) == 0)
			return;
	if (into->notes < IMPORT_NOTES)
		str_copy(into->note[into->notes++], sizeof into->note[0], str_of(note));
}

void import_summary_add(struct import_summary *into, const struct import_summary *s)
{
	for (unsigned i = 0; i < s->batches && into->batches < IMPORT_BATCHES; i++)
		into->batch[into->batches++] = s->batch[i];
	into->files += s->files;
	into->skipped_files += s->skipped_files;
	into->rows_read += s->rows_read;
	into->rows_new += s->rows_new;
	into->rows_duplicate += s->rows_duplicate;
	into->rows_revised += s->rows_revised;
	into->rows_rejected += s->rows_rejected;
	into->tokens += s->tokens;
	into->calls += s->calls;
	into->unpriced_rows += s->unpriced_rows;
	if (s->rejects && !into->reject)
		into->reject = calloc(IMPORT_REJECTS, sizeof *into->reject);
	for (unsigned i = 0; i < s->rejects && into->reject && into->rejects < IMPORT_REJECTS; i++)
		into->reject[into->rejects++] = s->reject[i];
	for (unsigned i = 0; i < s->currencies; i++)
		add_money(into, s, i);
	for (unsigned i = 0; i < s->notes; i++)
		add_note(into, s->note[i]);
}
