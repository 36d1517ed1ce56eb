/* SPDX-License-Identifier: Apache-2.0
 *
 * A made-up log of Claude Code, with what makes readers of such logs count too much (spec of the rules:
 * src/import/claude_code.c; here they are played, not read):
 *
 * 1. An answer takes one to four lines, one for each content block. All state the whole input; output grows to its end.
 * 2. Some answers come again on a side chain under another request, as sub-agents replay them.
 * 3. Some lines are by the model <synthetic>, which is no model, and some are of the user and state no usage.
 */
#include <stdio.h>

#include "base/clock.h"
#include "base/json.h"
#include "sandbox/synth_int.h"

struct answer {
	const struct synth_rate *rate;
	int64_t at_us;
	uint64_t plain, read, write, out;
	char id[48], request[48], session[48];
	const char *cwd;
};

static void line_begin(struct json_out *w, const struct answer *a, const char *type, const char *uuid, bool side,
		       int64_t at_us)
{
	char text[TIME_TEXT];
	jw_object(w);
	jw_kcstr(w, "type", type);
	jw_kbool(w, "synthetic", true);
	jw_kcstr(w, "uuid", uuid);
	jw_kcstr(w, "sessionId", a->session);
	jw_kbool(w, "isSidechain", side);
	jw_kcstr(w, "cwd", a->cwd);
	jw_kcstr(w, "timestamp", time_text(at_us, text));
}

static void answer_line(struct sb *out, const struct answer *a, const char *request, unsigned block, bool side,
			const char *model, uint64_t out_tok, struct synth_truth *t)
{
	struct json_out w;
	char uuid[96];
	snprintf(uuid, sizeof uuid, "%s-%u%s", a->id, block, side ? "-side" : "");
	jw_init(&w, out);
	line_begin(&w, a, "assistant", uuid, side, a->at_us + block * US_PER_S);
	jw_kcstr(&w, "requestId", request);
	jw_key(&w, "message");
	jw_object(&w);
	jw_kcstr(&w, "id", a->id);
	jw_kcstr(&w, "type", "message");
	jw_kcstr(&w, "role", "assistant");
	jw_kcstr(&w, "model", model);
	jw_key(&w, "content");
	jw_array(&w);
	jw_object(&w);
	jw_kcstr(&w, "type", "text");
	jw_kcstr(&w, "text", "synthetic");
	jw_end_object(&w);
	jw_end_array(&w);
	jw_key(&w, "usage");
	jw_object(&w);
	jw_ku64(&w, "input_tokens", a->plain);
	jw_ku64(&w, "cache_creation_input_tokens", a->write);
	jw_ku64(&w, "cache_read_input_tokens", a->read);
	jw_key(&w, "cache_creation");
	jw_object(&w);
	jw_ku64(&w, "ephemeral_5m_input_tokens", a->write);
	jw_ku64(&w, "ephemeral_1h_input_tokens", 0);
	jw_end_object(&w);
	jw_ku64(&w, "output_tokens", out_tok);
	jw_kcstr(&w, "service_tier", "standard");
	jw_end_object(&w);
	jw_end_object(&w);
	jw_end_object(&w);
	sb_addc(out, '\n');
	t->lines++;
}

static void user_line(struct sb *out, const struct answer *a, struct synth_truth *t)
{
	struct json_out w;
	char uuid[96];
	snprintf(uuid, sizeof uuid, "%s-user", a->id);
	jw_init(&w, out);
	line_begin(&w, a, "user", uuid, false, a->at_us - US_PER_S);
	jw_key(&w, "message");
	jw_object(&w);
	jw_kcstr(&w, "role", "user");
	jw_kcstr(&w, "content", "synthetic");
	jw_end_object(&w);
	jw_end_object(&w);
	sb_addc(out, '\n');
	t->lines++;
}

static void one_answer(struct rng *r, struct sb *out, const struct answer *a, struct synth_truth *t)
{
	unsigned blocks = 1 + (unsigned)rng_below(r, 4);
	for (unsigned i = 0; i < blocks; i++) /* rule 1 */
		answer_line(out, a, a->request, i, false, a->rate->model, i + 1 < blocks ? 1 + i : a->out, t);
	t->rows++;
	t->calls++;
	t->tokens += a->plain + a->read + a->write + a->out;
	t->inference += synth_worth(a->rate, a->plain, a->read, a->write, a->out);
	if (rng_below(r, 8) == 0) { /* rule 2 */
		char replay[64];
		snprintf(replay, sizeof replay, "%s_replay", a->request);
		answer_line(out, a, replay, 5, true, a->rate->model, a->out, t);
	}
	if (rng_below(r, 30) == 0) { /* rule 3 */
		struct answer none = {.rate = a->rate, .at_us = a->at_us + 9 * US_PER_S, .cwd = a->cwd};
		snprintf(none.id, sizeof none.id, "%.40s_none", a->id);
		snprintf(none.session, sizeof none.session, "%s", a->session);
		answer_line(out, &none, a->request, 9, false, "<synthetic>", 0, t);
	}
}

void synth_log_day(const struct synth *s, uint32_t day, struct sb *out, struct synth_truth *t)
{
	static const char *const folder[] = {"/synthetic/shop", "/synthetic/research"};
	int64_t day_us = (s->first_day + day) * US_PER_DAY;
	uint64_t answers = 1 + synth_busy(s, day) / 4;
	struct rng r;
	synth_rng(s, 3, day, &r);
	for (uint64_t i = 0; i < answers; i++) {
		struct answer a = {.cwd = folder[rng_below(&r, 2)],
				   .rate = &synth_claude_rate[rng_below(&r, SYNTH_CLAUDES)]};
		/* answers follow one another over twelve hours from 07:00 */
		a.at_us = day_us + 7 * 3600 * US_PER_S + (int64_t)(i * 43200 / answers) * US_PER_S;
		a.plain = 1 + rng_below(&r, 2000);
		a.read = rng_below(&r, 60000);
		a.write = rng_below(&r, 8000);
		a.out = 20 + rng_below(&r, 2000);
		snprintf(a.id, sizeof a.id, "msg_synthetic_%016llx", (unsigned long long)rng_u64(&r));
		snprintf(a.request, sizeof a.request, "req_synthetic_%016llx", (unsigned long long)rng_u64(&r));
		snprintf(a.session, sizeof a.session, "synthetic-%lld-%u", (long long)(s->first_day + day),
			 a.cwd == folder[0] ? 1 : 2);
		if (rng_below(&r, 3) == 0)
			user_line(out, &a, t);
		one_answer(&r, out, &a, t);
	}
}
