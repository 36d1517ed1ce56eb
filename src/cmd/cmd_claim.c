/* SPDX-License-Identifier: Apache-2.0
 *
 * claim check FILE...: is the arithmetic of a claim possible, and what is the right figure?
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/fs.h"
#include "cmd/cmd_plan.h"
#include "plan/claims.h"

enum { CLAIM_FILES = 256, CLAIM_BYTES = 1 << 20, ARENA_BYTES = 8 << 20 };

/* 0, or an exit code after saying why. */
static int check_file(const char *path, struct claim *c, bool keep, struct sb *out)
{
	struct sb text, errors;
	struct arena arena;
	struct conf_doc doc;
	struct err e = {0};
	int code = 0;
	sb_init(&text, CLAIM_BYTES);
	sb_init(&errors, CLAIM_BYTES);
	arena_init(&arena, ARENA_BYTES);
	memset(&doc, 0, sizeof doc);
	if (fs_read(path, &text, &e) < 0) {
		code = cmd_fail(&e);
		goto out;
	}
	if (conf_parse(&doc, &arena, sb_str(&text), path) < 0 || claim_read(c, &doc, cmd_now_us()) < 0) {
		conf_errors_text(&doc, &errors);
		fwrite(errors.p ? errors.p : "", 1, errors.n, stderr);
		code = err_exit_code(RR_CONFIG);
		goto out;
	}
	if (globals.json)
		claim_json(c, out);
	else
		claim_text(c, out);
	if (keep) { /* for explain plan */
		struct sb kept;
		sb_init(&kept, CLAIM_BYTES);
		claim_json(c, &kept);
		cmd_plan_keep(sb_str(&kept));
		sb_fini(&kept);
	}
out:
	arena_fini(&arena);
	sb_fini(&errors);
	sb_fini(&text);
	return code;
}

static int run(int argc, char **argv)
{
	static const struct opt options[] = {{NULL}};
	const char *path[CLAIM_FILES];
	unsigned count = 0;
	struct sb out;
	int code = 0, rc = cmd_parse(&cmd_claim_check, argc, argv, options, path, &count, CLAIM_FILES);
	if (rc)
		return rc < 0 ? err_exit_code(rc) : 0;
	if (count == 0) {
		struct err e = {0};
		err_set(&e, RR_USAGE, "claim check needs a claim file");
		err_hint(&e, "examples lie in data/claims");
		return cmd_fail(&e);
	}
	struct claim *c = cmd_alloc(sizeof *c);
	sb_init(&out, 64 << 20);
	for (unsigned i = 0; c && i < count; i++) {
		int one = check_file(path[i], c, count == 1, &out);
		if (one)
			code = one;
		if (!globals.json && count > 1)
			sb_addc(&out, '\n');
	}
	rc = cmd_print(sb_str(&out));
	sb_fini(&out);
	free(c);
	return code ? code : rc;
}

static const struct opt options_shown[] = {{NULL}};

const struct command cmd_claim_check = {
	.name = "claim check",
	.summary = "is a saving or payback claim arithmetically possible?",
	.usage = "claim check FILE...",
	.text = "A claim file names a formula, its inputs and what was stated: {claim, currency, kind, inputs, "
		"stated}. The "
		"answer is holds, refuted (with the right figure and which input would have to be what), feasible "
		"(with the "
		"set) or reference (not derivable). An input may be a range {low, high}. A stated figure holds when "
		"the "
		"computed one rounds to it at its own digits or lies within 1 % of it.",
	.examples = "$ runrate claim check data/claims/13-three-weeks.yaml\n$ runrate claim check offer.yaml --json\n",
	.options = options_shown,
	.run = run,
};
