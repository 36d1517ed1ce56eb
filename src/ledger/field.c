/* SPDX-License-Identifier: Apache-2.0
 *
 * See field.h. The table is call_fields.def, token_classes.def and tool_kinds.def expanded; the places are
 * chosen by kind, with the few exceptions named below.
 */
#include "ledger/field.h"

#include <stddef.h>

#define SIZE(member) sizeof(((struct call *)0)->member)
const struct field fields[FIELDS] = {
#define X(name, kind, member, text) {#name, FIELD_##kind, offsetof(struct call, member), SIZE(member)},
#include "model/call_fields.def"
#undef X
#define X(NAME, name, side, text) {#name, FIELD_U64, offsetof(struct call, usage.tok[CLASS_##NAME]), 8},
#include "model/token_classes.def"
#undef X
#define X(NAME, name, text) {"tool_" #name, FIELD_U32, offsetof(struct call, usage.tools[TOOL_##NAME]), 4},
#include "model/tool_kinds.def"
#undef X
};

enum field_place field_place(unsigned id)
{
	switch (id) {
	case F_id:
	case F_operation:
	case F_start:
	case F_end:
	case F_vendor_ref:
		return PLACE_OWN;
	case F_usage_flags:
		return PLACE_LABEL;
	case F_ttft_us:
	case F_cost:
	case F_prefix_hash:
	case F_CLASS_0 + CLASS_IN_PLAIN:
	case F_CLASS_0 + CLASS_IN_CACHE_READ:
	case F_CLASS_0 + CLASS_OUT_TEXT:
		return PLACE_HOT;
	default:
		break;
	}
	switch (fields[id].kind) {
	case FIELD_ENUM:
	case FIELD_FLAG:
	case FIELD_NAME:
	case FIELD_TEXT:
	case FIELD_U16:
	case FIELD_U8:
		return PLACE_LABEL;
	default:
		return PLACE_REST;
	}
}

int64_t field_default(unsigned id)
{
	if (fields[id].kind == FIELD_MONEY_OPT)
		return INT64_MIN;
	return id == F_calls ? 1 : 0;
}

int field_find(struct str name)
{
	for (unsigned i = 0; i < FIELDS; i++)
		if (str_eqc(name, fields[i].name))
			return (int)i;
	return -1;
}
