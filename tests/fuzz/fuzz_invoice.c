/* SPDX-License-Identifier: Apache-2.0
 *
 * Invoices: whatever the text is, reading it ends; what is taken adds up to its total to the cent, is sure enough, has a
 * currency and a period, and every line's words stand in the text.
 */
#include <stdint.h>

#include "base/err.h"
#include "import/invoice.h"

static const char vendors[] = "word,vendor,rules\nopenai,openai,openai-costs\namazon web services,aws,aws\nrunpod,runpod,invoice\n";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct invoice v;
	struct str text = str_make(size ? (const char *)data : "", size);
	money_wide charges = 0, taxes = 0;
	invoice_read(text, str_of(vendors), &v);
	check(strnlen(v.doubt, sizeof v.doubt) < sizeof v.doubt && v.wrong == (v.doubt[0] != 0));
	if (v.wrong)
		return 0;
	check(v.lines >= 1 && v.lines <= INVOICE_LINES && v.confidence >= INVOICE_SURE && v.confidence <= 100);
	check(v.currency.code[0] && v.from_us < v.to_us);
	for (unsigned i = 0; i < v.lines; i++) {
		const struct invoice_line *l = &v.line[i];
		check(l->text.n && l->number >= 1 && (i == 0 || l->number >= v.line[i - 1].number));
		check(memmem(text.p, text.n, l->text.p, l->text.n) || str_eqc(l->text, "invoice total, without lines"));
		*(l->tax ? &taxes : &charges) += l->pico;
	}
	check(charges + taxes - v.total_pico < PICO_PER_UNIT / 100 && v.total_pico - charges - taxes < PICO_PER_UNIT / 100);
	return 0;
}
