/* SPDX-License-Identifier: Apache-2.0
 *
 * What the pretend OpenAI's files share: prompts as bytes, the prompt cache, tools, and usage blocks.
 */
#ifndef RR_SANDBOX_OPENAI_INT_H
#define RR_SANDBOX_OPENAI_INT_H

#include "sandbox/sandbox_int.h"

enum { OPENAI_CALLS = 16 };

/* A prompt as the bytes that its cache would key on; a token is four of them. */
struct openai_prompt {
	struct sb flat;
	uint64_t tokens, cached, written, audio, image;
};

/* The counts of one answer. */
struct openai_counts {
	uint64_t in, cached, written, in_audio, in_image, out, reasoning, out_audio, accepted, rejected;
	bool writes; /* this model reports cache_write_tokens */
};

struct openai_call {
	const char *id;
	char name[80];
	struct sb arguments;
	uint64_t tokens;
};
struct openai_calls {
	struct openai_call call[OPENAI_CALLS];
	unsigned count;
};

void openai_prompt_init(struct openai_prompt *p);
void openai_prompt_fini(struct openai_prompt *p);
void openai_prompt_add_json(struct openai_prompt *p, struct json v); /* raw text, for tools */
void openai_prompt_add_content(struct openai_prompt *p, struct json content); /* a string or a list of parts */
/* Counts, finds what is cached, notes what will be written. */
void openai_prompt_end(struct exchange *x, struct openai_prompt *p, struct str model);

bool openai_reports_writes(struct str model); /* from GPT-5.6 on */
/* Calls to `tools`, as choice and the header x-sandbox-tool-calls ask for. Arguments fit the schema. */
void openai_calls_plan(struct exchange *x, struct json tools, struct json choice, const char *id_prefix,
		       struct openai_calls *out);
void openai_calls_fini(struct openai_calls *c);
void openai_usage_chat(struct json_out *w, const struct openai_counts *c);
void openai_usage_responses(struct json_out *w, const struct openai_counts *c);
void openai_head(struct exchange *x); /* the headers of every answer */
/* Checks what all generating paths need: a JSON object and a model that exists. false: an error is planned. */
bool openai_ready(struct exchange *x, char *model, size_t size);
void openai_put_file(const struct object *o, struct json_out *w);
bool openai_is_stream(const struct exchange *x);

#endif
