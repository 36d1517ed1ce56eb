/* SPDX-License-Identifier: Apache-2.0
 *
 * See magic.h.
 */
#include "import/magic.h"

#include <string.h>

int magic_refuse(struct err *e, const char *path, const char *what, const char *hint)
{
	err_set(e, RR_INPUT, "%s", what);
	err_hint(e, "%s", hint);
	return err_at(e, path, 0, 0);
}

/* What a file may be by mistake, by its first bytes. */
static const struct magic {
	struct str bytes;
	const char *what, *hint;
} magics[] = {
	{{"PAR1", 4}, "it is a Parquet file", "export CSV, or convert it: duckdb -c \"copy 'f.parquet' to 'f.csv'\""},
	{{"PK\x03\x04", 4}, "it is a ZIP archive or a spreadsheet", "unpack it, or save the sheet as CSV"},
	{{"\xD0\xCF\x11\xE0", 4}, "it is an old spreadsheet or document of Office", "save the sheet as CSV"},
	{{"BZh", 3}, "it is compressed with bzip2", "bunzip2 it first: gzip and zstd are undone here"},
	{{"\xFD" "7zXZ", 5}, "it is compressed with xz", "unxz it first: gzip and zstd are undone here"},
	{{"7z\xBC\xAF", 4}, "it is a 7z archive", "unpack it"},
	{{"<", 1}, "it is HTML or XML: a page, perhaps of a login or an error, and no export",
	 "download it again while signed in, and look at it first"},
};

static bool is_utf16(struct str head)
{
	return str_starts(head, STR("\xFF\xFE")) || str_starts(head, STR("\xFE\xFF"));
}

bool magic_json(struct str head)
{
	static const char blank[] = {'\0', ' ', '\t', '\r', '\n'};
	bool wide = is_utf16(head);
	for (size_t i = wide ? 2 : 0; i < head.n; i++)
		if (!wide || !memchr(blank, head.p[i], sizeof blank))
			return head.p[i] == '{' || head.p[i] == '[';
	return false;
}

int magic_check(const char *path, struct str head, struct err *e)
{
	for (size_t i = 0; i < sizeof magics / sizeof *magics; i++)
		if (str_starts(head, magics[i].bytes))
			return magic_refuse(e, path, magics[i].what, magics[i].hint);
	if (!is_utf16(head) && head.n && memchr(head.p, 0, head.n) && (unsigned char)head.p[0] < 32)
		return magic_refuse(e, path, "it is a binary file", "runrate import --list-sources says what is read");
	return 0;
}
