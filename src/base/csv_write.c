/* SPDX-License-Identifier: Apache-2.0
 *
 * Writing CSV fields. A spreadsheet runs a cell as a formula when its text begins with =, +, -, @, tab, CR or LF
 * (OWASP, "CSV Injection"); an apostrophe before it makes it text. A number is written bare, so that it stays one.
 */
#include "base/csv.h"
#include "base/money.h"

static bool needs_quotes(struct str s)
{
	if (s.n && (s.p[0] == ' ' || s.p[s.n - 1] == ' '))
		return true;
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] == '"' || s.p[i] == ',' || s.p[i] == ';' || s.p[i] == '\t' || s.p[i] == '\n' ||
		    s.p[i] == '\r')
			return true;
	return false;
}

static void write_field(struct sb *b, struct str s, bool formula)
{
	if (!formula && !needs_quotes(s)) {
		sb_add_utf8(b, s);
		return;
	}
	sb_addc(b, '"');
	if (formula)
		sb_addc(b, '\'');
	while (s.p) {
		bool more = str_chr(s, '"') != SIZE_MAX;
		sb_add_utf8(b, str_cut(&s, '"'));
		if (more)
			sb_adds(b, "\"\"");
	}
	sb_addc(b, '"');
}

void csv_write_text(struct sb *b, struct str s)
{
	write_field(b, s, s.n && str_chr(STR("=+-@\t\r\n"), s.p[0]) != SIZE_MAX);
}

void csv_write_number(struct sb *b, struct str s)
{
	money_wide value;
	if (decimal_scaled(s, 0, &value, NULL) == -RR_SYNTAX)
		csv_write_text(b, s);
	else
		sb_add_str(b, s);
}
