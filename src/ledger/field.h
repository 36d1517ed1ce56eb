/* SPDX-License-Identifier: Apache-2.0
 *
 * Where each field of a call stands in the ledger. The list itself is model/call_fields.def; this header adds
 * the one thing that the store has to know: the place.
 *
 *   OWN    has its own hand-written column (id, operation, start, took, vendor_ref)
 *   LABEL  few distinct values: a row of table `label` holds one combination, calls refer to it by number.
 *          Twenty-odd names, enums and flags cost two bytes a call instead of sixty.
 *   HOT    an integer column of the call's row: what most calls have
 *   REST   (field number, zigzag varint) pairs in one blob, only where the value is not the default
 *
 * Field numbers in blobs come from the ledger's own table `field`, so that the list may be reordered.
 */
#ifndef RR_LEDGER_FIELD_H
#define RR_LEDGER_FIELD_H

#include "model/call.h"

enum field_id {
#define X(name, kind, member, text) F_##name,
#include "model/call_fields.def"
#undef X
	F_CLASS_0,
	F_TOOL_0 = F_CLASS_0 + CLASSES,
	FIELDS = F_TOOL_0 + TOOLS
};

enum field_kind {
	FIELD_ID, FIELD_TIME, FIELD_U64, FIELD_U32, FIELD_U16, FIELD_U8, FIELD_FLAG, FIELD_ENUM, FIELD_NAME,
	FIELD_TEXT, FIELD_MONEY, FIELD_MONEY_OPT
};
enum field_place { PLACE_OWN, PLACE_LABEL, PLACE_HOT, PLACE_REST };

struct field {
	const char *name;
	enum field_kind kind;
	uint32_t offset, size; /* in struct call */
};
extern const struct field fields[FIELDS];

enum field_place field_place(unsigned id);
/* Value of a row that does not mention the field. */
int64_t field_default(unsigned id);
/* Number of the field of that name, or -1. */
int field_find(struct str name);

/* Integer fields as int64 (unsigned 64-bit ones keep their bits). */
static inline int64_t field_get(const struct call *c, const struct field *f)
{
	const char *p = (const char *)c + f->offset;
	uint64_t v8;
	uint32_t v4;
	uint16_t v2;
	switch (f->size) {
	case 1:
		return *(const uint8_t *)p;
	case 2:
		memcpy(&v2, p, 2);
		return v2;
	case 4:
		memcpy(&v4, p, 4);
		return v4;
	default:
		memcpy(&v8, p, 8);
		return (int64_t)v8;
	}
}
static inline void field_set(struct call *c, const struct field *f, int64_t v)
{
	char *p = (char *)c + f->offset;
	uint8_t v1 = (uint8_t)v;
	uint16_t v2 = (uint16_t)v;
	uint32_t v4 = (uint32_t)v;
	switch (f->size) {
	case 1:
		memcpy(p, &v1, 1);
		break;
	case 2:
		memcpy(p, &v2, 2);
		break;
	case 4:
		memcpy(p, &v4, 4);
		break;
	default:
		memcpy(p, &v, 8);
	}
}

#endif
