/* SPDX-License-Identifier: Apache-2.0
 *
 * PDF invoices: what invoice_read.c is sure of becomes rows, one a line; what it is not sure of is rejected whole, with
 * the reason. An invoice and a cost export of the same days are the same money: import one of them.
 */
#include "import/class_data.h"
#include "import/import_i.h"
#include "import/invoice.h"

static struct str vendors_csv(void)
{
	for (size_t i = 0; i < class_data_count; i++)
		if (strcmp(class_data[i].name, "vendors.csv") == 0)
			return str_make(class_data[i].text, class_data[i].bytes);
	return STR("");
}

/* The vendor's own rules, then those of invoices. */
static void classify_line(struct import_ctx *x, const struct invoice *v, const struct invoice_line *l)
{
	char rules[48];
	enum spend_class spend = SPEND_NONE;
	uint32_t rule;
	fact(x, CF_CHARGE, l->tax ? STR("Tax") : l->credit ? STR("Credit") : STR(""));
	fact(x, CF_TEXT, l->text);
	fact(x, CF_TYPE, l->text);
	if (v->rules.n)
		spend = classify(x->classes, str_copy(rules, sizeof rules, v->rules), &x->facts, &rule);
	if (spend != SPEND_NONE)
		row_class(x, spend, rule);
}

static int put(struct import_ctx *x, const struct invoice *v, const struct invoice_line *l, struct str text,
		struct err *e)
{
	struct call *k = row_begin(x, l->number);
	char claimed[MONEY_TEXT];
	k->start_us = v->from_us;
	k->end_us = v->to_us;
	k->calls = 0;
	k->billed_pico = l->pico;
	k->currency = intern(str_of(v->currency.code));
	k->provider = v->vendor.n ? intern(v->vendor) : 0;
	k->model_answered = k->model_asked = intern(l->text);
	x->claimed = arena_str(&x->arena, str_of(money_text(l->pico, claimed)));
	classify_line(x, v, l);
	key_add(x, v->vendor);
	if (v->number.n) {
		key_add(x, v->number);
	} else {
		key_add_u64(x, hash_xxh3(text.p, text.n));
	}
	key_add(x, l->text);
	key_add_u64(x, l->number);
	return row_end(x, e);
}

static int document(struct import_ctx *x, struct str text, uint64_t number, struct err *e)
{
	static struct invoice v;
	char total[MONEY_TEXT];
	int rc = 0;
	(void)number;
	invoice_read(text, vendors_csv(), &v);
	if (v.wrong)
		return row_reject(x, 1, "invoice %.*s of %.*s: %s. Export it as CSV, or enter it by a mapping file",
			STR_ARG(v.number),
				  STR_ARG(v.vendor), v.doubt);
	import_note(x, "invoice %.*s of %.*s: %s %s in %u lines, read with %u %% confidence", STR_ARG(v.number),
		STR_ARG(v.vendor),
		    money_human(v.total_pico, 2, total), v.currency.code, v.lines, v.confidence);
	if (v.due_pico != v.total_pico)
		import_note(x, "invoice %.*s: %s of it is due, its charges count whole", STR_ARG(v.number), money_human(v.due_pico, 2, total));
	for (unsigned i = 0; i < v.lines && !rc; i++)
		if (v.line[i].pico || !v.line[i].tax) /* "Tax (0 %) 0.00" is no charge */
			rc = put(x, &v, &v.line[i], text, e);
	return rc;
}

const struct import_source source_invoice = {
	.name = "invoice",
	.title = "PDF invoices of any vendor, by pdftotext (poppler-utils)",
	.flags = SRC_OCCURRENCE | SRC_ALONE,
	.text_record = document,
};
