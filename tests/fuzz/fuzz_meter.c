/* SPDX-License-Identifier: Apache-2.0
 *
 * Any bytes as a request and as a stream. The first byte chooses the surface; the rest is cut at NUL bytes into
 * events ("name\ndata" or data alone). Reading must stay in bounds, edits must leave well-formed JSON, and what the
 * meter ends with must sum to its total or be flagged.
 */
#include "base/err.h"
#include "model/dialect.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void request(const struct surface *s, struct str body)
{
	struct features f;
	struct json_fault fault;
	struct json_edit edits[4];
	struct arena a;
	struct sb out;
	if (dialect_request(s, body, body, body, &f, &fault) || f.top.type != JSON_OBJECT)
		return;
	arena_init(&a, 1 << 20);
	sb_init(&out, body.n + 4096);
	json_splice(body, edits, dialect_usage_edits(s, &f, &a, edits), &out);
	check(json_check(sb_str(&out), NULL) == 0);
	sb_clear(&out);
	json_splice(body, edits, dialect_limit_edits(s, &f, 7, &a, edits), &out);
	check(json_check(sb_str(&out), NULL) == 0);
	sb_fini(&out);
	arena_fini(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct surface *s;
	struct stream_meter m;
	struct str rest;
	if (size < 2)
		return 0;
	s = surface_at(data[0] % surface_count());
	rest = str_make((const char *)data + 1, size - 1);
	request(s, rest);
	meter_init(&m, s, NULL);
	m.marks_1h = data[0] & 0x80;
	while (rest.p) {
		struct str body = str_cut(&rest, '\0'), name = str_make("", 0), line = body;
		struct str first = str_cut(&line, '\n');
		if (line.p && first.n < 40) {
			name = first;
			body = line;
		}
		meter_event(&m, name, body, false);
	}
	meter_finish(&m, 10);
	if (m.usage.flags & USAGE_SEEN && !(m.usage.flags & USAGE_MISMATCH))
		check(usage_total_tok(&m.usage) == m.usage.vendor_total_tok);
	meter_init(&m, s, NULL);
	meter_body(&m, str_make((const char *)data + 1, size - 1));
	meter_finish(&m, 10);
	check(m.usage.model.p == NULL && m.usage.request_id.p == NULL);
	return 0;
}
