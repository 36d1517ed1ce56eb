/* SPDX-License-Identifier: Apache-2.0
 *
 * OpenAI's jobs: fine-tuning jobs, which are outlays, and batch objects, which are calls.
 *
 * A fine-tuning job says how many tokens were trained, not what they cost: the amount is by our book. A model whose
 * training price is not known is rejected by name, because an outlay of 0 would be a lie. A job that trained nothing
 * (queued, failed) is no row. A batch says its usage; its calls are those that were completed.
 */
#include "import/import_i.h"
#include "model/price.h"

static unsigned probe_json(struct json r)
{
	if (json_string_eq(json_get(r, "object"), "fine_tuning.job"))
		return 100;
	return json_string_eq(json_get(r, "object"), "batch") && json_get(r, "request_counts").type == JSON_OBJECT ? 100
														   : 0;
}

static int tuning(struct import_ctx *x, struct json job, uint64_t number, struct err *e)
{
	struct outlay o = {.kind = OUTLAY_FINETUNE, .provider = "openai"};
	struct price_query q = {.provider = STR("openai")};
	struct usage u = {.flags = USAGE_SEEN, .tier = TIER_STANDARD};
	struct price_result r;
	struct json at = json_get(job, "finished_at");
	const char *why;
	struct json trained = json_get(job, "trained_tokens");
	if (trained.type == JSON_NUMBER || trained.type == JSON_STRING) {
		if ((why = read_count(json_text(x, trained), &u.trained_tok)) != NULL)
			return row_reject(x, number, "trained_tokens %s", why);
	} else if (json_string_eq(json_get(job, "status"), "succeeded")) { /* reinforcement is billed by the hour */
		return row_reject(x, number, "the job succeeded and does not say how many tokens it trained: enter what it cost with "
				  "runrate outlay add --kind finetune");
	}
	if (u.trained_tok == 0) {
		import_note(x, "fine-tuning jobs that have trained nothing are no rows");
		return 0;
	}
	if (at.type == JSON_NULL || at.type == JSON_NONE)
		at = json_get(job, "created_at");
	if ((why = read_unix(at, &o.date_us)) != NULL)
		return row_reject(x, number, "finished_at %s", why);
	json_string_copy(json_get(job, "id"), o.id, sizeof o.id);
	if (!o.id[0])
		return row_reject(x, number, "the job has no id");
	json_string_copy(json_get(job, "fine_tuned_model"), o.model, sizeof o.model);
	q.model = json_text(x, json_get(job, "model"));
	q.at_us = o.date_us;
	o.trained_tok = u.trained_tok;
	price(x->o->book, &q, &u, &r);
	if (r.status != PRICE_PRICED && r.status != PRICE_FREE)
		return row_reject(x, number, "job %s trained %llu tokens of %.*s, whose training price is not known: enter it with "
				  "runrate outlay add --kind finetune --id %s", o.id, (unsigned long long)o.trained_tok,
				  STR_ARG(q.model), o.id);
	o.amount_pico = r.total_pico;
	o.currency = r.currency;
	str_copy(o.note, sizeof o.note, str_make(q.model.p, q.model.n));
	return row_outlay(x, number, &o, e);
}

static int batch(struct import_ctx *x, struct json b, uint64_t number, struct err *e)
{
	struct call *k;
	struct json at = json_get(b, "completed_at"), usage = json_get(b, "usage");
	const char *why;
	if (usage.type != JSON_OBJECT) {
		import_note(x, "batches without a usage block are no rows");
		return 0;
	}
	k = row_begin(x, number);
	if (usage_read(SHAPE_OPENAI_RESPONSES, b, &k->usage))
		return row_reject(x, number, "its usage block holds numbers that are no counts");
	if (at.type != JSON_NUMBER)
		at = json_get(b, "created_at");
	if ((why = read_unix(at, &k->end_us)) != NULL)
		return row_reject(x, number, "completed_at %s", why);
	if (read_unix(json_get(b, "in_progress_at"), &k->start_us))
		k->start_us = k->end_us;
	k->usage.tier = TIER_BATCH;
	k->usage.model = k->usage.request_id = STR("");
	k->calls = (uint32_t)json_u64_or0(json_path(b, "request_counts.completed"));
	k->provider = intern(STR("openai"));
	k->surface = intern(STR("openai-batch"));
	k->model_answered = k->model_asked = json_name(x, json_get(b, "model"));
	json_string_copy(json_get(b, "id"), k->vendor_ref, sizeof k->vendor_ref);
	if (!k->vendor_ref[0])
		return row_reject(x, number, "the batch has no id");
	row_is(x, BOOK_INFERENCE, "openai-batch");
	key_add(x, str_of(k->vendor_ref));
	return row_end(x, e);
}

static int record(struct import_ctx *x, struct json r, uint64_t number, struct err *e)
{
	if (json_string_eq(json_get(r, "object"), "fine_tuning.job"))
		return tuning(x, r, number, e);
	if (json_string_eq(json_get(r, "object"), "batch"))
		return batch(x, r, number, e);
	return row_reject(x, number, "it is neither a fine-tuning job nor a batch");
}

const struct import_source source_openai_job = {
	.name = "openai-job",
	.title = "OpenAI fine-tuning jobs (as outlays) and batch objects",
	.flags = SRC_LINES,
	.probe_json = probe_json,
	.json_record = record,
};
