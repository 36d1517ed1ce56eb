/* SPDX-License-Identifier: Apache-2.0
 *
 * See call.h. An id is its own clock:
 *
 *   hi  | 48 bits: milliseconds since 1970 | 16 bits: low half of the worker's salt |
 *   lo  | 16 bits: high half of the salt   | 48 bits: the worker's counter          |
 *
 * Ids of one worker ascend as long as its clock does; those of two workers differ by the salt. 48 bits
 * of milliseconds last until the year 10889, 48 bits of counter for 2^48 calls of one process.
 */
#include "model/call.h"

#include "base/err.h"
#include "base/intern.h"

#define COUNTER_MASK ((UINT64_C(1) << 48) - 1)

struct call_id call_id_make(int64_t real_us, uint32_t worker_salt, uint64_t counter)
{
	uint64_t ms = real_us > 0 ? (uint64_t)real_us / 1000 : 0;
	if (ms > COUNTER_MASK)
		ms = COUNTER_MASK;
	return (struct call_id){
		.hi = ms << 16 | (worker_salt & 0xffff),
		.lo = (uint64_t)(worker_salt >> 16) << 48 | (counter & COUNTER_MASK),
	};
}

char *call_id_text(struct call_id id, char out[CALL_ID_TEXT])
{
	static const char digits[] = "0123456789abcdef";
	out[0] = 'c';
	out[1] = '-';
	for (unsigned i = 0; i < 16; i++) {
		out[2 + i] = digits[id.hi >> (60 - 4 * i) & 15];
		out[18 + i] = digits[id.lo >> (60 - 4 * i) & 15];
	}
	out[34] = 0;
	return out;
}

int call_id_parse(struct str s, struct call_id *out)
{
	struct call_id id = {0, 0};
	if (s.n != CALL_ID_TEXT - 1 || s.p[0] != 'c' || s.p[1] != '-')
		return -RR_SYNTAX;
	for (unsigned i = 2; i < s.n; i++) {
		uint64_t *half = i < 18 ? &id.hi : &id.lo;
		char c = s.p[i];
		if (c >= '0' && c <= '9')
			*half = *half << 4 | (uint64_t)(c - '0');
		else if (c >= 'a' && c <= 'f')
			*half = *half << 4 | (uint64_t)(c - 'a' + 10);
		else
			return -RR_SYNTAX;
	}
	*out = id;
	return 0;
}

int64_t call_id_time_us(struct call_id id)
{
	return (int64_t)(id.hi >> 16) * 1000;
}

static const char *word_of(const char *const words[], unsigned count, unsigned value)
{
	return value < count ? words[value] : "?";
}

const char *book_kind_name(enum book_kind b)
{
	static const char *const words[BOOKS] = {"inference", "training", "other", "unclassified"};
	return word_of(words, BOOKS, b);
}

const char *provenance_name(enum provenance p)
{
	static const char *const words[PROVS] = {"measured", "estimated", "imported", "assumed"};
	return word_of(words, PROVS, p);
}

const char *outcome_name(enum outcome o)
{
	static const char *const words[OUTCOMES] = {"ok",	   "refused", "vendor_error", "upstream_failed",
						    "client_left", "crashed", "cached"};
	return word_of(words, OUTCOMES, o);
}

const char *price_status_name(enum price_status s)
{
	static const char *const words[PRICE_STATUSES] = {"priced", "unpriced", "mismatch", "no_usage", "free"};
	return word_of(words, PRICE_STATUSES, s);
}

const char *accepted_name(enum accepted a)
{
	static const char *const words[] = {"unknown", "yes", "no"};
	return word_of(words, 3, a);
}

void call_init(struct call *c)
{
	memset(c, 0, sizeof *c);
	c->calls = 1;
	c->price_status = PRICE_NO_USAGE;
	c->billed_pico = BILLED_UNKNOWN;
}

/* The words behind the ENUM fields of call_fields.def, one per field name. */
static const char *call_word_book(unsigned v)
{
	return book_kind_name((enum book_kind)v);
}

static const char *call_word_provenance(unsigned v)
{
	return provenance_name((enum provenance)v);
}

static const char *call_word_outcome(unsigned v)
{
	return outcome_name((enum outcome)v);
}

static const char *call_word_price_status(unsigned v)
{
	return price_status_name((enum price_status)v);
}

static const char *call_word_tier(unsigned v)
{
	return tier_name((enum tier)v);
}

static const char *call_word_accepted(unsigned v)
{
	return accepted_name((enum accepted)v);
}

const char *call_field_word(struct str field, unsigned value)
{
#define ID(name)
#define TIME(name)
#define U64(name)
#define U32(name)
#define U16(name)
#define U8(name)
#define FLAG(name)
#define NAME(name)
#define TEXT(name)
#define MONEY(name)
#define MONEY_OPT(name)
#define ENUM(name)             \
	if (str_eqc(field, #name)) \
		return call_word_##name(value);
#define X(name, kind, member, text) kind(name)
#include "model/call_fields.def"
#undef X
#undef ID
#undef TIME
#undef U64
#undef U32
#undef U16
#undef U8
#undef FLAG
#undef NAME
#undef TEXT
#undef MONEY
#undef MONEY_OPT
#undef ENUM
	return "?";
}

static void write_id(struct json_out *w, struct call_id id)
{
	char text[CALL_ID_TEXT];
	jw_cstr(w, call_id_text(id, text));
}

static void write_time(struct json_out *w, int64_t us)
{
	char text[TIME_TEXT];
	jw_cstr(w, us ? time_text(us, text) : NULL);
}

static void write_text(struct json_out *w, const char *text, size_t size)
{
	jw_str(w, str_make(text, strnlen(text, size)));
}

/* An amount that is not known is null: a cost without a price, a bill that nobody has seen. */
static void write_money(struct json_out *w, const struct call *c, const int64_t *pico)
{
	if (*pico == BILLED_UNKNOWN)
		jw_null(w);
	else if (pico == &c->cost_pico && c->price_status != PRICE_PRICED && c->price_status != PRICE_FREE)
		jw_null(w);
	else if (pico == &c->usage.vendor_cost_pico && !(c->usage.flags & USAGE_VENDOR_COST))
		jw_null(w);
	else
		jw_money(w, *pico);
}

void call_json(const struct call *c, struct json_out *w)
{
#define ID(name, member) write_id(w, c->member)
#define TIME(name, member) write_time(w, c->member)
#define U64(name, member) jw_u64(w, c->member)
#define U32(name, member) jw_u64(w, c->member)
#define U16(name, member) jw_u64(w, c->member)
#define U8(name, member) jw_u64(w, c->member)
#define FLAG(name, member) jw_bool(w, c->member != 0)
#define ENUM(name, member) jw_cstr(w, call_word_##name(c->member))
#define NAME(name, member) jw_str(w, intern_str(c->member))
#define TEXT(name, member) write_text(w, c->member, sizeof c->member)
#define MONEY(name, member) write_money(w, c, &c->member)
#define MONEY_OPT(name, member) write_money(w, c, &c->member)
#define X(name, kind, member, text) \
	jw_key(w, #name);           \
	kind(name, member);
#include "model/call_fields.def"
#undef X
	jw_key(w, "classes");
	usage_classes_json(&c->usage, w);
	jw_key(w, "tool_calls");
	usage_tools_json(&c->usage, w);
}
