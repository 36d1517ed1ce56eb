/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading an invoice's text (pdftotext -layout): columns are parted by two blanks or more.
 *
 * 1. What all amounts share is settled first, for the whole text: the decimal mark, the order of dates with slashes,
 *    the currency. Two marks, or two currencies without one at the total, are no invoice that can be read.
 * 2. A line that ends in an amount is a charge, unless its words make it a total, a subtotal, a tax, or something
 *    that is no charge at all (a payment, a balance brought forward).
 * 3. Charges and taxes must add up to the total, to the cent; charges to the subtotal, where one stands. If not, the
 *    invoice is wrong: the difference is said, and nothing of it is taken.
 * 4. Each thing that is inferred and not read lowers the confidence; below INVOICE_SURE it is not taken either.
 */
#include "import/import_i.h"
#include "import/invoice.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/csv.h"
#include "base/err.h"

enum order { ORDER_NONE, ORDER_DMY, ORDER_MDY };
#define CENT_PICO (PICO_PER_UNIT / 100)

static bool digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (unsigned char)c >= 0x80;
}

/* ---- amounts ---- */

static const struct {
	const char *text, *code;
} symbols[] = { /* longer ones first; "$" alone is inferred to be US dollars */
	{"US$", "USD"}, {"CA$", "CAD"}, {"C$", "CAD"}, {"AU$", "AUD"}, {"A$", "AUD"}, {"NZ$", "NZD"}, {"HK$", "HKD"},
	{"S$", "SGD"},
	{"R$", "BRL"}, {"\xE2\x82\xAC", "EUR"}, {"\xC2\xA3", "GBP"}, {"\xE2\x82\xB9", "INR"}, {"$", "USD"},
};
enum { SYMBOLS = sizeof symbols / sizeof *symbols };

/* Any three capitals could be a code ("INV-0042"): only these are, on an invoice. */
static const char *const codes[] = {"USD", "EUR", "GBP", "CHF", "CAD", "AUD", "NZD", "JPY", "CNY", "INR", "SEK",
				    "NOK", "DKK", "PLN", "CZK", "SGD", "HKD", "BRL", "MXN", "ZAR", "KRW", "ILS"};

static bool code_at(struct str s, size_t i, struct currency *cur)
{
	for (unsigned k = 0; k < sizeof codes / sizeof *codes; k++)
		if (str_eqc(str_sub(s, i, i + 3), codes[k]))
			return currency_parse(str_of(codes[k]), cur) == 0;
	return false;
}

/* Signs, symbols and codes off both ends. *negative and *marked say what was there. */
static struct str bare(struct str s, bool *negative, bool *marked)
{
	struct currency cur;
	bool again = true;
	*negative = *marked = false;
	while (again) {
		s = str_trim(s);
		again = true;
		if (str_starts(s, STR("(")) && str_ends(s, STR(")"))) {
			s = str_sub(s, 1, s.n - 1);
			*negative = true;
		} else if (str_starts(s, STR("-")) || str_starts(s, STR("+"))) {
			*negative = *negative || s.p[0] == '-';
			s = str_sub(s, 1, s.n);
		} else if (str_starts(s, STR("\xE2\x88\x92"))) { /* the minus sign */
			*negative = true;
			s = str_sub(s, 3, s.n);
		} else if (str_ends(s, STR("-"))) {
			*negative = true;
			s = str_sub(s, 0, s.n - 1);
		} else if (s.n > 3 && code_at(s, 0, &cur) && !letter(s.p[3])) {
			s = str_sub(s, 3, s.n);
			*marked = true;
		} else if (s.n > 3 && code_at(s, s.n - 3, &cur) && !letter(s.p[s.n - 4])) {
			s = str_sub(s, 0, s.n - 3);
			*marked = true;
		} else {
			again = false;
			for (unsigned i = 0; i < SYMBOLS && !again; i++) {
				struct str t = str_of(symbols[i].text);
				again = str_starts(s, t) || str_ends(s, t);
				if (again)
					s = str_starts(s, t) ? str_sub(s, t.n, s.n) : str_sub(s, 0, s.n - t.n);
			}
			*marked = *marked || again;
		}
	}
	return s;
}

bool invoice_amount(struct str s, char mark, int64_t *pico)
{
	char text[48] = "-";
	unsigned decimals;
	bool negative, marked;
	struct str t = bare(s, &negative, &marked);
	if (!t.n || !digit(t.p[0]) || !read_grouped(t, mark, text + 1, sizeof text - 1, &decimals))
		return false;
	if (decimals ? decimals < 2 || decimals > 6 : !marked) /* "20" is a quantity, "$20" is money */
		return false;
	return money_parse(str_of(negative ? text : text + 1), pico, NULL) == 0;
}

/* The amount at the end of a line, and what stands before it. */
static bool amount_behind(struct str line, char mark, struct str *before, int64_t *pico)
{
	size_t from = line.n > 40 ? line.n - 40 : 0;
	for (size_t i = from; i < line.n; i++) {
		struct str tail = str_sub(line, i, line.n);
		if ((i && line.p[i - 1] != ' ') || line.p[i] == ' ' || str_contains(tail, STR("  ")))
			continue;
		if (invoice_amount(tail, mark, pico)) {
			*before = str_trim(str_sub(line, 0, i));
			return true;
		}
	}
	return false;
}

/* Rule 1: '.', ',' or 0 where both stand. */
static char decimal_mark(struct str text)
{
	unsigned points = 0, commas = 0;
	struct str rest = text;
	while (rest.p && rest.n) {
		struct str word = str_cut(&rest, ' '), line = word;
		while (line.p && line.n) {
			struct str w = str_cut(&line, '\n');
			bool negative, marked;
			struct str t = bare(w, &negative, &marked);
			char out[48];
			unsigned decimals;
			if (t.n < 4 || (t.p[t.n - 3] != '.' && t.p[t.n - 3] != ','))
				continue;
			if (read_grouped(t, t.p[t.n - 3], out, sizeof out, &decimals) && decimals == 2)
				*(t.p[t.n - 3] == '.' ? &points : &commas) += 1;
		}
	}
	return points && commas ? 0 : commas ? ',' : '.';
}

/* ---- dates ---- */

struct day {
	unsigned y, m, d; /* y 0: not said */
};

/* English, then German, French and Spanish where they differ; by their first letters. */
static const struct {
	const char *word;
	unsigned month;
} months[] = {
	{"jan", 1},
	{"feb", 2},
	{"mar", 3},
	{"apr", 4},
	{"may", 5},
	{"jun", 6},
	{"jul", 7},
	{"aug", 8},
	{"sep", 9},
	{"oct", 10},
	{"nov", 11},
	{"dec", 12},
	{"m\xC3\xA4r", 3},
	{"mai", 5},
	{"okt", 10},
	{"dez", 12},
	{"f\xC3\xA9v", 2},
	{"avr", 4},
	{"juin", 6},
	{"juil", 7},
	{"ao\xC3\xBB", 8},
	{"d\xC3\xA9"
	 "c",
	 12},
	{"ene", 1},
	{"abr", 4},
	{"ago", 8},
	{"dic", 12},
};

static size_t number_at(struct str s, size_t i, unsigned most_digits, unsigned *v)
{
	size_t n = 0;
	*v = 0;
	while (i + n < s.n && n < most_digits && digit(s.p[i + n]))
		*v = *v * 10 + (unsigned)(s.p[i + n++] - '0');
	return i + n < s.n && digit(s.p[i + n]) ? 0 : n;
}

static size_t month_at(struct str s, size_t i, unsigned *m)
{
	for (size_t k = 0; k < sizeof months / sizeof *months; k++) {
		struct str w = str_of(months[k].word);
		size_t n = w.n;
		if (i + n > s.n || !str_ieq(str_sub(s, i, i + n), w))
			continue;
		while (i + n < s.n && letter(s.p[i + n]))
			n++;
		*m = months[k].month;
		return n <= 12 ? n : 0;
	}
	return 0;
}

static size_t gap(struct str s, size_t i)
{
	size_t n = 0;
	while (i + n < s.n && n < 3 &&
	       (s.p[i + n] == ' ' || s.p[i + n] == '.' || s.p[i + n] == ',' || s.p[i + n] == '-'))
		n++;
	return n;
}

static bool valid(const struct day *t)
{
	return t->m >= 1 && t->m <= 12 && t->d >= 1 && t->d <= 31 && (!t->y || (t->y >= 2015 && t->y <= 2100));
}

/* "Oct 1, 2026", "Oct 1", "1. Oktober 2026". */
static size_t named_day(struct str s, size_t i, struct day *t)
{
	unsigned v;
	size_t at = i, n = number_at(s, at, 2, &t->d);
	t->y = 0;
	if (n) { /* the day first */
		at += n + gap(s, at + n);
		n = month_at(s, at, &t->m);
		if (!n)
			return 0;
		at += n;
	} else {
		n = month_at(s, at, &t->m);
		at += n;
		if (!n || !gap(s, at))
			return 0;
		at += gap(s, at);
		n = number_at(s, at, 2, &t->d);
		if (!n)
			return 0;
		at += n;
	}
	n = gap(s, at);
	if (n && number_at(s, at + n, 4, &v) == 4) {
		t->y = v;
		at += n + 4;
	}
	return at - i;
}

/* 2026-10-01, 31.10.2026, 10/31/2026. */
static size_t written_day(struct str s, size_t i, enum order order, struct day *t)
{
	unsigned v[3] = {0};
	size_t at = i, n[3] = {0};
	char sep = 0;
	for (unsigned k = 0; k < 3; k++) {
		n[k] = number_at(s, at, 4, &v[k]);
		if (!n[k])
			return 0;
		at += n[k];
		if (k == 2)
			break;
		if (at >= s.n || (s.p[at] != '-' && s.p[at] != '/' && s.p[at] != '.') || (sep && s.p[at] != sep))
			return 0;
		sep = s.p[at++];
	}
	if (n[0] == 4 && n[1] <= 2 && n[2] <= 2)
		*t = (struct day){v[0], v[1], v[2]};
	else if (n[2] == 4 && n[0] <= 2 && n[1] <= 2 && (sep == '.' || v[0] > 12 || order == ORDER_DMY))
		*t = (struct day){v[2], v[1], v[0]};
	else if (n[2] == 4 && n[0] <= 2 && n[1] <= 2 && (v[1] > 12 || order == ORDER_MDY))
		*t = (struct day){v[2], v[0], v[1]};
	else
		return 0;
	return at - i;
}

/* The first day in s at or behind *at; *at moves behind it. */
static bool next_day(struct str s, enum order order, size_t *at, struct day *t)
{
	for (size_t i = *at; i < s.n; i++) {
		size_t n;
		if (i && (letter(s.p[i - 1]) || digit(s.p[i - 1])))
			continue;
		n = written_day(s, i, order, t);
		if (!n)
			n = named_day(s, i, t);
		if (n && valid(t)) {
			*at = i + n;
			return true;
		}
	}
	return false;
}

static int64_t day_us(const struct day *t)
{
	return days_from_civil(t->y, t->m, t->d) * US_PER_DAY;
}

bool invoice_date(struct str s, int64_t *us, size_t *end)
{
	struct day t;
	*end = 0;
	if (!next_day(s, ORDER_NONE, end, &t) || !t.y)
		return false;
	*us = day_us(&t);
	return true;
}

/* Rule 1: a date that can be read in one order alone proves it for all. */
static enum order slash_order(struct str text)
{
	for (size_t i = 0; i < text.n; i++) {
		unsigned first, second;
		size_t n = i && (digit(text.p[i - 1]) || text.p[i - 1] == '/') ? 0 : number_at(text, i, 2, &first);
		size_t m = n && i + n < text.n && text.p[i + n] == '/' ? number_at(text, i + n + 1, 2, &second) : 0;
		if (!m || i + n + 1 + m >= text.n || text.p[i + n + 1 + m] != '/')
			continue;
		if (first > 12 && second <= 12)
			return ORDER_DMY;
		if (second > 12 && first <= 12)
			return ORDER_MDY;
	}
	return ORDER_NONE;
}

static bool any_of(struct str s, const char *words)
{
	struct str rest = str_of(words);
	while (rest.p)
		if (str_icontains(s, str_cut(&rest, '|')))
			return true;
	return false;
}

/* Two days of one line are a period; the words of the line say how likely it is the invoice's. */
static void find_period(struct str text, enum order order, struct invoice *v)
{
	struct str rest = text;
	unsigned best = 0;
	while (rest.p) {
		struct str line = str_cut(&rest, '\n');
		struct day a, b;
		size_t at = 0;
		unsigned sure;
		if (!next_day(line, order, &at, &a))
			continue;
		if (next_day(line, order, &at, &b) && b.y && day_us(&b) >= (a.y ? a.y : (a.y = b.y), day_us(&a)))
			sure = any_of(line, "period|usage|service|billing|zeitraum|p\xC3\xA9riode|periodo|leistung") ? 4 : 2;
		else if (a.y && any_of(line, "invoice date|date of issue|issue date|issued|invoice of|rechnungsdatum|date de facture|fecha"))
			sure = 3, b = a;
		else if (a.y && any_of(line, "date|datum") && !any_of(line, "due|f\xC3\xA4llig|paid"))
			sure = 1, b = a;
		else
			continue;
		if (sure > best) {
			best = sure;
			v->from_us = day_us(&a);
			v->to_us = day_us(&b) + US_PER_DAY; /* the last day is meant whole */
		}
	}
	if (best == 0)
		v->wrong = true, snprintf(v->doubt, sizeof v->doubt, "it has no date that can be read in one way");
	else if (best != 4)
		v->confidence -= 10;
}

/* ---- vendor, number, currency ---- */

/* A field lives until the next row: the same text in the table does as well. */
static struct str kept(struct str table, struct str field)
{
	const char *at = memmem(table.p, table.n, field.p, field.n);
	return at ? str_make(at, field.n) : STR("");
}

static void find_vendor(struct str text, struct str vendors, struct invoice *v)
{
	struct err e = {0};
	struct csv *c = csv_open_text(vendors, &e);
	size_t best = SIZE_MAX;
	struct str rest = text;
	while (c && csv_next(c, NULL) > 0) {
		struct str word = csv_field(c, csv_column(c, "word"));
		for (size_t i = 0; i + word.n <= text.n && i < best; i++)
			if (str_ieq(str_sub(text, i, i + word.n), word) && (!i || !letter(text.p[i - 1])) &&
			    (i + word.n == text.n || !letter(text.p[i + word.n]))) {
				best = i;
				v->vendor = kept(vendors, csv_field(c, csv_column(c, "vendor")));
				v->rules = kept(vendors, csv_field(c, csv_column(c, "rules")));
			}
	}
	csv_close(c);
	while (!v->vendor.n && rest.p) { /* the first line with letters */
		struct str line = str_trim(str_cut(&rest, '\n'));
		const char *two = memmem(line.p, line.n, "  ", 2);
		line = two ? str_make(line.p, (size_t)(two - line.p)) : line;
		if (line.n && letter(line.p[0]) && !any_of(line, "invoice|rechnung|facture|factura|receipt"))
			v->vendor = line.n < 60 ? line : str_sub(line, 0, 60);
	}
	if (best == SIZE_MAX)
		v->confidence -= 15;
}

static void find_number(struct str text, struct invoice *v)
{
	static const char *const words[] = {
		"invoice number",           "invoice no", "invoice id", "invoice #", "rechnungsnummer", "rechnungs-nr",
		"num\xC3\xA9ro de facture", "factura n"};
	struct str rest = text;
	while (rest.p && !v->number.n) {
		struct str line = str_cut(&rest, '\n');
		for (unsigned k = 0; k < sizeof words / sizeof *words && !v->number.n; k++)
			for (size_t i = 0; i + strlen(words[k]) <= line.n && !v->number.n; i++)
				if (str_ieq(str_sub(line, i, i + strlen(words[k])), str_of(words[k]))) {
					struct str tail = str_sub(line, i + strlen(words[k]), line.n);
					while (tail.n && (tail.p[0] == ':' || tail.p[0] == ' ' || tail.p[0] == '.' ||
							  tail.p[0] == '#'))
						tail = str_sub(tail, 1, tail.n);
					v->number = str_cut(&tail, ' ');
				}
	}
}

static bool symbol_currency(struct str s, struct currency *cur, bool *dollar)
{
	for (unsigned i = 0; i < SYMBOLS; i++)
		if (str_contains(s, str_of(symbols[i].text))) {
			*dollar = i == SYMBOLS - 1;
			return currency_parse(str_of(symbols[i].code), cur) == 0;
		}
	return false;
}

/* The code in s that is one; two different ones are none. */
static bool code_currency(struct str s, struct currency *cur)
{
	bool found = false;
	for (size_t i = 0; i + 3 <= s.n; i++) {
		struct currency c;
		if ((i && letter(s.p[i - 1])) || (i + 3 < s.n && letter(s.p[i + 3])) || !code_at(s, i, &c))
			continue;
		if (found && !currency_eq(c, *cur))
			return false;
		*cur = c;
		found = true;
	}
	return found;
}

static void find_currency(struct str text, struct str total_line, struct invoice *v)
{
	bool dollar = false;
	if (code_currency(total_line, &v->currency))
		return;
	if (symbol_currency(total_line, &v->currency, &dollar)) {
		struct currency named;
		if (dollar && code_currency(text, &named))
			v->currency = named; /* "$" beside "CAD" somewhere */
		else if (dollar)
			v->confidence -= 10;
		return;
	}
	if (code_currency(text, &v->currency))
		return;
	if (symbol_currency(text, &v->currency, &dollar)) {
		v->confidence -= 10;
		return;
	}
	v->wrong = true;
	snprintf(v->doubt, sizeof v->doubt, "it names no currency, or more than one");
}

/* ---- lines ---- */

#define TOTALS "total|gesamtbetrag|rechnungsbetrag|gesamtsumme|importe|net \xC3\xA0 payer"
#define DUE "amount due|balance due|total due|zu zahlen|zahlbetrag|net \xC3\xA0 payer|due now"
#define PARTS "subtotal|sub-total|sub total|zwischensumme|nettobetrag|netto|sous-total|total ht|excluding tax|" \
	"excl. tax|before tax|excl. vat|total net"
#define TAXES "vat|tax|gst|hst|mwst|ust.|ust |tva|iva|umsatzsteuer|mehrwertsteuer"
#define WITH_TAX "incl|inkl|ttc|inc.|with tax|with vat|mit "
#define NOT_CHARGES "previous balance|balance forward|payment|amount paid|paid on|applied balance|" \
	"exchange rate|unit price|tax id|vat id|vat number|tax number|opening balance|closing balance"
#define CREDITS "credit|discount|refund|rebate|gutschrift|rabatt|remise"

struct found {
	bool total, due, part;
	int64_t total_pico, due_pico, part_pico;
	unsigned total_number; /* the last line on which the largest total stands */
	struct str total_line, due_line;
};

static bool word_of(struct str s, const char *words) /* at the start of a word */
{
	struct str rest = str_of(words);
	while (rest.p) {
		struct str w = str_cut(&rest, '|');
		for (size_t i = 0; i + w.n <= s.n; i++)
			if ((!i || !letter(s.p[i - 1])) && str_ieq(str_sub(s, i, i + w.n), w))
				return true;
	}
	return false;
}

static void take_line(struct invoice *v, struct found *f, struct str before, struct str above, struct str whole,
		int64_t pico, unsigned number)
{
	const char *two = memmem(before.p, before.n, "  ", 2);
	struct str text = two ? str_make(before.p, (size_t)(two - before.p)) : before;
	bool words = false;
	if (word_of(before, NOT_CHARGES))
		return;
	if (word_of(before, PARTS)) {
		f->part = true;
		f->part_pico = pico;
		return;
	}
	if (word_of(before, DUE)) {
		f->due = true;
		f->due_pico = pico;
		f->due_line = whole;
		return;
	}
	bool tax = word_of(before, TAXES);
	/* "Total VAT" is a tax, "Total incl. VAT" is none */
	if (word_of(before, TOTALS) && (!tax || word_of(before, WITH_TAX))) {
		if (!f->total || f->total_pico <= pico) {
			f->total = true;
			f->total_pico = pico;
			f->total_number = number;
			f->total_line = whole;
		}
		return;
	}
	if (v->lines == INVOICE_LINES)
		return;
	for (size_t i = 0; i < text.n; i++)
		words = words || letter(text.p[i]);
	text = words ? text : above;
	if (!text.n)
		return;
	v->line[v->lines++] = (struct invoice_line){.text = text, .pico = pico, .number = number,
						    .tax = tax,
						    .credit = word_of(before, CREDITS) || pico < 0};
}

static bool near_enough(money_wide a, money_wide b)
{
	return a - b < CENT_PICO && b - a < CENT_PICO;
}

/* Charges and taxes of the lines before `limit`. */
static void sum_lines(const struct invoice *v, unsigned limit, money_wide *charges, money_wide *taxes)
{
	*charges = *taxes = 0;
	for (unsigned i = 0; i < v->lines && v->line[i].number < limit; i++)
		*(v->line[i].tax ? taxes : charges) += v->line[i].pico;
}

static void keep_lines(struct invoice *v, unsigned limit, bool taxes)
{
	unsigned kept = 0;
	for (unsigned i = 0; i < v->lines && v->line[i].number < limit; i++)
		if (taxes || !v->line[i].tax)
			v->line[kept++] = v->line[i];
	v->lines = kept;
}

/* Rule 3. Before the total stand the charges; where it stands in a box above them, all lines are. A tax may be
 * inside the prices, and only named. */
static void add_up(struct invoice *v, const struct found *f)
{
	const unsigned limits[2] = {f->total ? f->total_number : UINT32_MAX, UINT32_MAX};
	money_wide charges = 0, taxes = 0, first = 0;
	char a[MONEY_TEXT], b[MONEY_TEXT], d[MONEY_TEXT];
	v->total_pico = f->total ? f->total_pico : f->due_pico;
	v->due_pico = f->due ? f->due_pico : v->total_pico;
	for (unsigned i = 0; i < 2; i++) {
		sum_lines(v, limits[i], &charges, &taxes);
		first = i ? first : charges + taxes;
		if (charges != 0 && near_enough(charges + taxes, v->total_pico)) {
			keep_lines(v, limits[i], true);
			v->confidence -= f->part && !near_enough(charges, f->part_pico) ? 10 : 0;
			return;
		}
		if (charges != 0 && taxes != 0 && near_enough(charges, v->total_pico)) {
			keep_lines(v, limits[i], false);
			v->confidence -= 5;
			return;
		}
	}
	if (charges == 0) { /* a receipt: a total and nothing else */
		unsigned number = f->total_number ? f->total_number : 1;
		v->line[0] = (struct invoice_line){
			.text = STR("invoice total, without lines"), .pico = v->total_pico, .number = number};
		v->lines = 1;
		v->confidence -= 25;
		return;
	}
	v->wrong = true;
	snprintf(v->doubt, sizeof v->doubt, "its lines sum to %s and its total is %s: %s apart", money_human(first, 2, a),
		 money_human(v->total_pico, 2, b), money_human(v->total_pico - first, 2, d));
}

bool invoice_is(struct str text)
{
	return any_of(text, "invoice|receipt|rechnung|facture|factura|fattura|statement|amount due|bill to|billed to|billing");
}

void invoice_read(struct str text, struct str vendors, struct invoice *v)
{
	struct found f = {0};
	struct str rest = text, above = STR("");
	char mark = decimal_mark(text);
	unsigned number = 0;
	memset(v, 0, sizeof *v);
	v->confidence = 100;
	find_vendor(text, vendors, v);
	find_number(text, v);
	if (!mark) {
		v->wrong = true;
		snprintf(v->doubt, sizeof v->doubt, "it writes amounts with decimal points and with decimal commas");
		return;
	}
	while (rest.p) {
		struct str line = str_trim(str_cut(&rest, '\n')), before;
		int64_t pico;
		number++;
		if (!line.n)
			continue;
		if (amount_behind(line, mark, &before, &pico))
			take_line(v, &f, before, above, line, pico, number);
		else
			above = line;
	}
	if (!f.total && !f.due) {
		v->wrong = true;
		snprintf(v->doubt, sizeof v->doubt, "it has no total that can be read");
		return;
	}
	find_currency(text, f.total ? f.total_line : f.due_line, v);
	if (!v->wrong)
		find_period(text, slash_order(text), v);
	if (!v->wrong)
		add_up(v, &f);
	if (!v->wrong && v->confidence < INVOICE_SURE) {
		v->wrong = true;
		snprintf(v->doubt, sizeof v->doubt, "too little of it is certain (%u %%)", v->confidence);
	}
}
