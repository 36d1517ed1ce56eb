/* SPDX-License-Identifier: Apache-2.0
 *
 * The pretend vendor on a clock that is turned by hand: exact bytes, pace, lives of cache entries and jobs.
 */
#include "t.h"

#include <arpa/inet.h>
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "sandbox/sandbox_int.h"

static struct clock turned;

struct rig {
	struct loop *loop;
	struct sandbox *sandbox;
	char list[256];
};

static void rig_open(struct rig *r, bool deterministic)
{
	struct err e = {0};
	struct sandbox_config c = sandbox_config_default;
	clock_manual(&turned, INT64_C(1795219200) * US_PER_S);
	snprintf(r->list, sizeof r->list, "%s/runrate-test-sandbox-%d.jsonl", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp", (int)getpid());
	unlink(r->list);
	c.listen = "127.0.0.1:0";
	c.list = r->list;
	c.deterministic = deterministic;
	r->loop = loop_new(&turned, &e);
	r->sandbox = sandbox_open(r->loop, &c, &e);
	if (!r->sandbox) {
		printf("  %s\n", e.what);
		exit(1);
	}
}

static void rig_close(struct rig *r)
{
	sandbox_close(r->sandbox);
	loop_free(r->loop);
	unlink(r->list);
}

static void turn(struct rig *r, uint64_t us)
{
	clock_advance(&turned, us);
	for (int i = 0; i < 4; i++)
		loop_once(r->loop, 0);
}

static int ask(struct rig *r, const char *path, const char *headers, const char *body)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(sandbox_port(r->sandbox))};
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	struct sb b;
	inet_pton(AF_INET, "127.0.0.1", &to.sin_addr);
	T_EQ_I(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
	sb_init(&b, 1 << 24);
	sb_addf(&b, "%s %s HTTP/1.1\r\nhost: t\r\nauthorization: Bearer k\r\nconnection: close\r\n%s", body ? "POST" : "GET", path, headers);
	sb_addf(&b, "content-length: %zu\r\n\r\n%s", body ? strlen(body) : 0, body ? body : "");
	T_EQ_I(write(fd, b.p, b.n), (long long)b.n);
	sb_fini(&b);
	return fd;
}

/* Everything that has come by now; true when the peer has ended. */
static bool take(struct rig *r, int fd, struct sb *out)
{
	char room[65536];
	for (int quiet = 0; quiet < 20;) {
		ssize_t n;
		loop_once(r->loop, 1000);
		n = recv(fd, room, sizeof room, MSG_DONTWAIT);
		if (n == 0 || (n < 0 && errno != EAGAIN))
			return true;
		if (n > 0)
			sb_add(out, room, (size_t)n);
		quiet = n > 0 ? 0 : quiet + 1;
	}
	return false;
}

/* The answer's body with its chunks joined. */
static void fetch(struct rig *r, const char *path, const char *headers, const char *body, struct sb *out)
{
	struct sb all;
	struct str rest;
	const char *blank;
	int fd = ask(r, path, headers, body);
	sb_init(&all, 1 << 26);
	sb_clear(out);
	T_TRUE(take(r, fd, &all));
	close(fd);
	blank = memmem(all.p ? all.p : "", all.n, "\r\n\r\n", 4);
	T_TRUE(blank);
	if (blank) {
		rest = str_make(blank + 4, all.n - (size_t)(blank + 4 - all.p));
		if (!memmem(all.p, (size_t)(blank - all.p), "chunked", 7))
			sb_add_str(out, rest);
		else
			for (unsigned long n; (n = strtoul(rest.p, NULL, 16)) > 0 && n < rest.n;) {
				size_t line = str_chr(rest, '\n') + 1;
				sb_add(out, rest.p + line, n);
				rest = str_sub(rest, line + n + 2, rest.n);
			}
	}
	sb_fini(&all);
}

#define ANT "anthropic-version: 2023-06-01\r\n"

TEST(chat_stream_exact_bytes)
{
	struct rig r;
	struct sb b;
	sb_init(&b, 1 << 20);
	rig_open(&r, true);
	fetch(&r, "/v1/chat/completions", "x-sandbox-tokens: 2\r\n",
	      "{\"model\":\"gpt-4o\",\"stream\":true,\"stream_options\":{\"include_usage\":true,\"include_obfuscation\":false},"
	      "\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}", &b);
	/* id, time and words follow from the request: taken from the first chunk, then all bytes are compared */
	struct json first;
	struct sb want;
	char id[80], one[32], two[32];
	struct str line = str_sub(sb_str(&b), 6, str_chr(sb_str(&b), '\n'));
	T_EQ_I(json_parse(line, &first, NULL), 0);
	json_string_copy(json_get(first, "id"), id, sizeof id);
	T_TRUE(str_starts(str_of(id), STR("chatcmpl-")) && strlen(id) == 38);
	const char *p = strstr(b.p, "\"content\":\"\""), *q = p ? strstr(p + 12, "\"content\":\"") : NULL;
	T_TRUE(q);
	if (!q)
		return;
	str_copy(one, sizeof one, str_make(q + 11, strcspn(q + 11, "\"")));
	q = strstr(q + 11, "\"content\":\"");
	str_copy(two, sizeof two, q ? str_make(q + 11, strcspn(q + 11, "\"")) : STR(""));
	sb_init(&want, 1 << 20);
	const char *tails[] = {"{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\",\"refusal\":null},\"logprobs\":null,\"finish_reason\":null}],\"usage\":null}\n\n",
		"{\"index\":0,\"delta\":{\"content\":\"%s\"},\"logprobs\":null,\"finish_reason\":null}],\"usage\":null}\n\n",
		"{\"index\":0,\"delta\":{\"content\":\"%s\"},\"logprobs\":null,\"finish_reason\":null}],\"usage\":null}\n\n",
		"{\"index\":0,\"delta\":{},\"logprobs\":null,\"finish_reason\":\"stop\"}],\"usage\":null}\n\n",
		"],\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":2,\"total_tokens\":7,\"prompt_tokens_details\":{\"cached_tokens\":0,\"audio_tokens\":0},"
		"\"completion_tokens_details\":{\"reasoning_tokens\":0,\"audio_tokens\":0,\"accepted_prediction_tokens\":0,\"rejected_prediction_tokens\":0}}}\n\n"};
	for (int i = 0; i < 5; i++) {
		sb_addf(&want, "data: {\"id\":\"%s\",\"object\":\"chat.completion.chunk\",\"created\":%.*s,\"model\":\"gpt-4o-2024-08-06\","
			       "\"service_tier\":\"default\",\"system_fingerprint\":\"fp_2cbc24e367\",\"choices\":[",
			id, STR_ARG(json_get(first, "created").text));
		const char *slot = strstr(tails[i], "%s");
		sb_add(&want, tails[i], slot ? (size_t)(slot - tails[i]) : strlen(tails[i]));
		if (slot) {
			sb_adds(&want, i == 1 ? one : two);
			sb_adds(&want, slot + 2);
		}
	}
	sb_adds(&want, "data: [DONE]\n\n");
	T_EQ_S(b.p, want.p);
	sb_fini(&want);
	sb_fini(&b);
	rig_close(&r);
}

TEST(messages_stream_exact_bytes)
{
	struct rig r;
	struct sb b;
	const char *at;
	static const char *const order[] = {
		"event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"model\":\"claude-sonnet-4-5-20250929\",\"id\":\"msg_01",
		",\"type\":\"message\",\"role\":\"assistant\",\"content\":[],\"stop_reason\":null,\"stop_sequence\":null,\"usage\":{\"input_tokens\":8,"
		"\"cache_creation_input_tokens\":0,\"cache_read_input_tokens\":0,\"cache_creation\":{\"ephemeral_5m_input_tokens\":0,"
		"\"ephemeral_1h_input_tokens\":0},\"output_tokens\":1,\"service_tier\":\"standard\",\"inference_geo\":\"global\"}}}\n\n",
		"event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n",
		"event: ping\ndata: {\"type\":\"ping\"}\n\n",
		"event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"",
		"event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n",
		"event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\",\"stop_sequence\":null},\"usage\":"
		"{\"input_tokens\":8,\"cache_creation_input_tokens\":0,\"cache_read_input_tokens\":0,\"output_tokens\":1}}\n\n",
		"event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
	};
	sb_init(&b, 1 << 20);
	rig_open(&r, true);
	fetch(&r, "/v1/messages", ANT "x-sandbox-tokens: 1\r\n",
	      "{\"model\":\"claude-sonnet-4-5\",\"max_tokens\":9,\"stream\":true,\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}", &b);
	at = b.p;
	for (size_t i = 0; i < sizeof order / sizeof *order && at; i++) {
		at = strstr(at, order[i]);
		if (!at)
			printf("  missing from here: %s\n  in: %s\n", order[i], b.p);
		T_TRUE(at);
		at = at ? at + strlen(order[i]) : NULL;
	}
	T_TRUE(at && *at == 0);
	sb_fini(&b);
	rig_close(&r);
}

static uint64_t number(const struct sb *b, const char *path)
{
	struct json top;
	if (json_parse(sb_str(b), &top, NULL)) {
		T_TRUE(!"JSON");
		return 0;
	}
	return json_u64_or0(json_path(top, path));
}

static char *marked(char *out, size_t size, const char *ttl, unsigned bytes)
{
	char *text = malloc(bytes + 1);
	memset(text, 'a', bytes);
	text[bytes] = 0;
	snprintf(out, size, "{\"model\":\"claude-sonnet-4-5\",\"max_tokens\":4,\"system\":[{\"type\":\"text\",\"text\":\"%s\",\"cache_control\":"
			    "{\"type\":\"ephemeral\",\"ttl\":\"%s\"}}],\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}", text, ttl);
	free(text);
	return out;
}

TEST(cache_entries_live_5_minutes_or_an_hour_and_reading_refreshes)
{
	struct rig r;
	struct sb b;
	static char body[32768];
	static const struct {
		const char *ttl;
		uint64_t life_us;
	} lives[] = {{"5m", 300 * US_PER_S}, {"1h", 3600 * US_PER_S}};
	sb_init(&b, 1 << 20);
	rig_open(&r, false);
	for (int i = 0; i < 2; i++) {
		marked(body, sizeof body, lives[i].ttl, 8000 + (unsigned)i);
		fetch(&r, "/v1/messages", ANT, body, &b);
		T_TRUE(number(&b, "usage.cache_creation_input_tokens") >= 2000);
		T_EQ_I(number(&b, i ? "usage.cache_creation.ephemeral_1h_input_tokens" : "usage.cache_creation.ephemeral_5m_input_tokens"),
		       number(&b, "usage.cache_creation_input_tokens"));
		for (int k = 0; k < 3; k++) { /* three reads, each just before its end */
			turn(&r, lives[i].life_us - US_PER_S);
			fetch(&r, "/v1/messages", ANT, body, &b);
			T_TRUE(number(&b, "usage.cache_read_input_tokens") >= 2000);
			T_EQ_I(number(&b, "usage.cache_creation_input_tokens"), 0);
		}
		turn(&r, lives[i].life_us + US_PER_S);
		fetch(&r, "/v1/messages", ANT, body, &b);
		T_EQ_I(number(&b, "usage.cache_read_input_tokens"), 0);
		T_TRUE(number(&b, "usage.cache_creation_input_tokens") >= 2000);
	}
	sb_fini(&b);
	rig_close(&r);
}

TEST(parallel_cold_requests_all_write_because_entries_are_readable_only_once_an_answer_begins)
{
	struct rig r;
	struct sb b;
	static char body[32768];
	int fd[3];
	unsigned wrote = 0;
	sb_init(&b, 1 << 20);
	rig_open(&r, false);
	marked(body, sizeof body, "5m", 8000);
	for (int i = 0; i < 3; i++)
		fd[i] = ask(&r, "/v1/messages", ANT "x-sandbox-delay-ms: 500\r\n", body);
	for (int i = 0; i < 3; i++) {
		sb_clear(&b);
		T_TRUE(!take(&r, fd[i], &b)); /* nothing before its time */
		T_EQ_I(b.n, 0);
	}
	turn(&r, 600 * 1000);
	for (int i = 0; i < 3; i++) {
		sb_clear(&b);
		T_TRUE(take(&r, fd[i], &b));
		wrote += b.p && strstr(b.p, "\"cache_read_input_tokens\":0") != NULL;
		close(fd[i]);
	}
	T_EQ_I(wrote, 3);
	fetch(&r, "/v1/messages", ANT, body, &b);
	T_TRUE(number(&b, "usage.cache_read_input_tokens") >= 2000);
	sb_fini(&b);
	rig_close(&r);
}

static unsigned events(const struct sb *b)
{
	unsigned n = 0;
	for (const char *p = b->p; p && (p = strstr(p, "data: ")); p++)
		n++;
	return n;
}

TEST(pieces_come_at_their_time_and_the_list_is_written_before_the_last)
{
	struct rig r;
	struct sb b, list;
	struct err e;
	int fd;
	sb_init(&b, 1 << 20);
	sb_init(&list, 1 << 20);
	rig_open(&r, false);
	fd = ask(&r, "/v1/chat/completions", "x-sandbox-tokens: 3\r\nx-sandbox-delay-ms: 100\r\nx-sandbox-gap-ms: 10\r\n",
		 "{\"model\":\"gpt-4o\",\"stream\":true,\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}");
	take(&r, fd, &b);
	T_EQ_I(b.n, 0);
	turn(&r, 99 * 1000);
	take(&r, fd, &b);
	T_EQ_I(b.n, 0);
	turn(&r, 2 * 1000);
	for (unsigned i = 1; i <= 6; i++) { /* role, 3 texts, finish, [DONE] */
		bool over = take(&r, fd, &b);
		T_EQ_I(events(&b), i);
		T_EQ_I(over, i == 6);
		sb_clear(&list);
		fs_read(r.list, &list, &e);
		T_EQ_I(list.n != 0, i == 6);
		turn(&r, 10 * 1000);
	}
	T_TRUE(str_contains(sb_str(&list), STR("\"completed\":true")));
	close(fd);
	sb_fini(&b);
	sb_fini(&list);
	rig_close(&r);
}

TEST(closing_in_the_middle_of_everything_leaks_nothing_and_lists_what_was_cut)
{
	struct rig r;
	struct sb b;
	int fd[4];
	sb_init(&b, 1 << 20);
	rig_open(&r, false);
	for (int i = 0; i < 4; i++) {
		fd[i] = ask(&r, "/v1/chat/completions", i & 1 ? "x-sandbox-gap-ms: 50\r\n" : "x-sandbox-fault: stall:20\r\n",
			    "{\"model\":\"gpt-4o\",\"stream\":true,\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}");
		take(&r, fd[i], &b);
	}
	close(fd[0]);
	turn(&r, 60 * 1000);
	T_TRUE(sandbox_served(r.sandbox) == 4);
	sandbox_close(r.sandbox);
	loop_free(r.loop);
	struct sb list;
	struct err e;
	sb_init(&list, 1 << 20);
	fs_read(r.list, &list, &e);
	unsigned cut = 0;
	for (const char *p = list.p; p && (p = strstr(p, "\"completed\":false")); p++)
		cut++;
	T_EQ_I(cut, 4);
	unlink(r.list);
	for (int i = 1; i < 4; i++)
		close(fd[i]);
	sb_fini(&list);
	sb_fini(&b);
}

TEST(jobs_follow_the_clock)
{
	struct rig r;
	struct sb b;
	char path[128], id[80];
	struct json top;
	static const char *const states[] = {"queued", "in_progress", "in_progress", "completed"};
	sb_init(&b, 1 << 20);
	rig_open(&r, false);
	fetch(&r, "/v1/responses", "", "{\"model\":\"gpt-4o\",\"input\":\"hi\",\"background\":true}", &b);
	T_EQ_I(json_parse(sb_str(&b), &top, NULL), 0);
	snprintf(path, sizeof path, "/v1/responses/%s", json_string_copy(json_get(top, "id"), id, sizeof id));
	for (int i = 0; i < 4; i++) {
		char status[24];
		fetch(&r, path, "", NULL, &b);
		T_EQ_I(json_parse(sb_str(&b), &top, NULL), 0);
		T_EQ_S(json_string_copy(json_get(top, "status"), status, sizeof status), states[i]);
		T_EQ_I(json_get(top, "usage").type == JSON_OBJECT, i == 3);
		turn(&r, i == 0 ? 250 * 1000 : 400 * 1000);
	}
	sb_fini(&b);
	rig_close(&r);
}

TEST(faults_by_name)
{
	struct faults f = {0};
	struct str bad;
	T_EQ_I(faults_parse(&f, STR("429:2"), &bad), 0);
	T_TRUE(fault_on(&f, FAULT_STATUS) && f.status == 429 && f.arg[FAULT_STATUS] == 2000);
	T_EQ_I(faults_parse(&f, STR(" rst:17 + crlf+1xx "), &bad), 0);
	T_TRUE(fault_on(&f, FAULT_RST) && f.arg[FAULT_RST] == 17 && fault_on(&f, FAULT_CRLF) && f.arg[FAULT_1XX] == 100);
	T_EQ_I(faults_parse(&f, STR("0.25"), &bad), -RR_SYNTAX);
	T_EQ_I(faults_parse(&f, STR("503:0.25"), &bad), 0);
	T_EQ_I(f.arg[FAULT_STATUS], 250);
	static const char *const wrong[] = {"explode", "200", "600", "rst:x", "rst:-1", "429:1s", "status", "503:99999999999999999999", ":"};
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		struct faults g = {0};
		T_EQ_I(faults_parse(&g, str_of(wrong[i]), &bad), -RR_SYNTAX);
		T_TRUE(str_eqc(bad, wrong[i]));
	}
	T_EQ_I(faults_parse(&f, STR(""), &bad), 0);
}

TEST(memory_is_bounded_and_forgets_the_first_to_expire)
{
	struct memory m;
	uint64_t kept = 0;
	T_EQ_I(memory_init(&m), 0);
	memory_put(&m, 5, 1000, 10);
	T_TRUE(memory_has(&m, 5, 999) && !memory_has(&m, 5, 1000) && !memory_has(&m, 6, 10));
	memory_put(&m, 5, 500, 10); /* a shorter promise does not shorten */
	T_TRUE(memory_has(&m, 5, 999));
	for (uint64_t i = 0; i < 2 * MEMORY_NEAR; i++) /* one neighbourhood, more than it holds */
		memory_put(&m, 100 + i * MEMORY_SLOTS, 2000 + i, 10);
	for (uint64_t i = 0; i < 2 * MEMORY_NEAR; i++)
		kept += memory_has(&m, 100 + i * MEMORY_SLOTS, 20);
	T_EQ_I(kept, MEMORY_NEAR);
	T_TRUE(memory_has(&m, 100 + (2 * MEMORY_NEAR - 1) * (uint64_t)MEMORY_SLOTS, 20));
	memory_fini(&m);
}

TEST(store_forgets_the_oldest)
{
	struct store s = {0};
	char id[24];
	for (int i = 0; i < STORE_OBJECTS + 10; i++) {
		struct object *o;
		snprintf(id, sizeof id, "o%d", i);
		o = store_add(&s, OBJECT_FILE, id, 1);
		T_TRUE(o);
		store_weigh(&s, o);
	}
	T_EQ_I(s.count, STORE_OBJECTS);
	T_TRUE(!store_get(&s, OBJECT_FILE, STR("o9"), 1) && store_get(&s, OBJECT_FILE, STR("o10"), 1));
	T_TRUE(!store_get(&s, OBJECT_FILE, STR("o10"), 2) && !store_get(&s, OBJECT_BATCH, STR("o10"), 1));
	T_TRUE(store_remove(&s, OBJECT_FILE, STR("o10"), 1) && !store_remove(&s, OBJECT_FILE, STR("o10"), 1));
	store_fini(&s);
}

TEST(bad_requests_are_answered_in_shape)
{
	struct rig r;
	struct sb b, deep;
	static const char *const bodies[] = {"", "{", "[]", "null", "{\"model\":3}", "{\"model\":\"gpt-4o\",\"messages\":{}}",
		"{\"model\":\"gpt-4o\",\"messages\":[1,null,{}]}", "{\"model\":\"gpt-4o\",\"messages\":[{\"role\":1,\"content\":[1,{\"type\":\"image_url\"}]}],\"tools\":[1,{}],\"n\":-1}",
		"{\"model\":\"gpt-4o\",\"messages\":[{}],\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"schema\":{\"type\":[]}}}}",
		"{\"model\":\"claude-x\",\"max_tokens\":-5,\"messages\":[]}", "{\"model\":\"claude-x\",\"max_tokens\":5,\"messages\":[3],\"system\":[{\"cache_control\":1}],\"tools\":[{}]}",
		"{\"contents\":3}", "{\"contents\":[{\"parts\":3},{\"parts\":[{},{\"inlineData\":{}}]}],\"tools\":[{\"functionDeclarations\":[{}]}]}",
		"{\"model\":\"m\",\"input\":[]}", "{\"model\":\"m\",\"input\":{},\"prompt\":[[1]]}", "{\"requests\":[1,{\"params\":{}}]}"};
	static const char *const paths[] = {"/v1/chat/completions", "/v1/responses", "/v1/embeddings", "/v1/completions", "/v1/images/generations",
		"/v1/audio/transcriptions", "/v1/moderations", "/v1/files", "/v1/batches", "/v1/fine_tuning/jobs", "/v1/messages",
		"/v1/messages/count_tokens", "/v1/messages/batches", "/v1beta/models/gemini-2.5-flash:generateContent",
		"/v1beta/models/gemini-2.5-flash:streamGenerateContent", "/v1beta/models/m:batchEmbedContents", "/v1beta/models/:", "/v1beta/models/",
		"/v1beta/cachedContents", "/v1beta/models/m:batchGenerateContent", "/", "/v1/files/", "/v1/models/", "/v1beta", "/v1/responses/a/b/c"};
	sb_init(&b, 1 << 24);
	sb_init(&deep, 1 << 20);
	rig_open(&r, false);
	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
		for (size_t k = 0; k < sizeof bodies / sizeof *bodies; k++) {
			struct json top;
			fetch(&r, paths[i], strstr(paths[i], "messages") ? ANT : "", bodies[k], &b);
			T_TRUE(b.n);
			if (json_parse(sb_str(&b), &top, NULL)) {
				printf("  %s %s: not JSON: %.200s\n", paths[i], bodies[k], b.p);
				t_bad++;
			}
		}
	/* a schema that nests deeper than the writer may */
	sb_adds(&deep, "{\"model\":\"gpt-4o\",\"messages\":[{\"role\":\"user\",\"content\":\"x\"}],\"response_format\":{\"type\":\"json_schema\","
		       "\"json_schema\":{\"schema\":");
	for (int i = 0; i < 60; i++)
		sb_adds(&deep, "{\"type\":\"array\",\"items\":");
	sb_adds(&deep, "{}");
	for (int i = 0; i < 60; i++)
		sb_addc(&deep, '}');
	sb_adds(&deep, "}}}");
	fetch(&r, "/v1/chat/completions", "", deep.p, &b);
	T_TRUE(number(&b, "usage.total_tokens") > 0);
	sb_fini(&deep);
	sb_fini(&b);
	rig_close(&r);
}

T_MAIN
