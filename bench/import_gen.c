/* SPDX-License-Identifier: Apache-2.0
 *
 * Made-up exports of any size, for bench/import: the same arguments give the same bytes.
 *
 *	import_gen cur ROWS [SEED [HOURS]]           an AWS Cost and Usage Report of one month, CSV, on standard output
 *	import_gen claude MEGABYTES FOLDER [SEED]    logs of Claude Code: sessions of some megabytes each
 *
 * A report: hourly lines of 40 accounts, 6 regions, 48 usage types and some thousand resources, in no order of time. A
 * log: two thirds of the bytes are what people and tools said, answers stand on one to four lines, one line in forty
 * is a replay by a sub-agent. The true totals go to standard error as one line of JSON.
 */
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

static uint64_t state;

static uint64_t next(void) /* splitmix64 */
{
	uint64_t z = (state += UINT64_C(0x9E3779B97F4A7C15));
	z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
	return z ^ (z >> 31);
}

static unsigned below(unsigned n)
{
	return (unsigned)(next() % n);
}

/* ---- a cost and usage report ---- */

static const struct usage_type {
	const char *type, *product, *operation, *unit, *text, *name;
	unsigned micro; /* price of a unit in millionths */
} usage_types[] = {
	{"Claude3Haiku-input-tokens", "AmazonBedrock", "InvokeModelInference", "1K tokens", "Claude 3 Haiku input tokens", "Amazon Bedrock", 250},
	{"Claude3Haiku-output-tokens", "AmazonBedrock", "InvokeModelInference", "1K tokens", "Claude 3 Haiku output tokens", "Amazon Bedrock", 1250},
	{"NovaMicro-cache-read-input-token-count", "AmazonBedrock", "InvokeModelStreamingInference", "1K tokens", "Nova Micro cached input", "Amazon Bedrock", 9},
	{"Claude4Sonnet-output-tokens-long-context-cross-region-global-batch", "AmazonBedrock", "CreateModelInvocationJob", "1K tokens", "Claude 4 Sonnet batch output", "Amazon Bedrock", 11250},
	{"Llama3-3-70B-Customization-Training", "AmazonBedrock", "CreateModelCustomizationJob", "1K tokens", "Customization training of Llama 3.3 70B", "Amazon Bedrock", 7990},
	{"ProvisionedThroughput-ModelUnits", "AmazonBedrock", "ProvisionedThroughput", "Hrs", "Provisioned model units", "Amazon Bedrock", 39600000},
	{"Train:ml.p4d.24xlarge", "AmazonSageMaker", "CreateTrainingJob", "Hrs", "Model training on ml.p4d.24xlarge", "Amazon SageMaker", 37000000},
	{"Host:ml.g5.xlarge", "AmazonSageMaker", "RunInstance", "Hrs", "Hosting on ml.g5.xlarge", "Amazon SageMaker", 1408000},
	{"TimedStorage-ByteHrs", "AmazonS3", "StandardStorage", "GB-Mo", "Storage, first 50 TB a month", "Amazon Simple Storage Service", 23000},
	{"Requests-Tier1", "AmazonS3", "PutObject", "Requests", "Requests of tier 1", "Amazon Simple Storage Service", 5},
	{"BoxUsage:m7g.large", "AmazonEC2", "RunInstances", "Hrs", "On demand Linux m7g.large", "Amazon Elastic Compute Cloud", 81600},
	{"DataTransfer-Out-Bytes", "AmazonEC2", "RunInstances", "GB", "Data transfer out", "Amazon Elastic Compute Cloud", 90000},
};
enum { TYPES = sizeof usage_types / sizeof *usage_types, ACCOUNTS = 40, REGIONS = 6, RESOURCES = 5000 };

static void cur(uint64_t rows, unsigned hours)
{
	static const char *const regions[REGIONS][2] = {{"USE1", "us-east-1"}, {"USW2", "us-west-2"}, {"EUC1", "eu-central-1"},
		{"EU", "eu-west-1"}, {"APN1", "ap-northeast-1"}, {"APS2", "ap-southeast-2"}};
	unsigned __int128 pico = 0;
	puts("identity_line_item_id,identity_time_interval,bill_invoice_id,bill_billing_period_start_date,"
	     "bill_billing_period_end_date,bill_payer_account_id,line_item_usage_account_id,line_item_line_item_type,"
	     "line_item_usage_start_date,line_item_usage_end_date,line_item_product_code,line_item_usage_type,"
	     "line_item_operation,line_item_resource_id,line_item_usage_amount,line_item_unblended_cost,"
	     "line_item_currency_code,pricing_unit,line_item_line_item_description,product_product_name,"
	     "product_region_code,resource_tags");
	for (uint64_t i = 0; i < rows; i++) {
		unsigned account = below(ACCOUNTS), region = below(REGIONS) % (1 + account % REGIONS), hour = below(hours);
		const struct usage_type *t = &usage_types[below(TYPES) % (4 + account % (TYPES - 3))];
		uint64_t amount = 1 + below(100000000), cost = amount * t->micro; /* both in millionths: 10^-12 */
		char at[32], to[32];
		snprintf(at, sizeof at, "2026-10-%02uT%02u:00:00Z", hour / 24 + 1, hour % 24);
		if (hour == 743)
			snprintf(to, sizeof to, "2026-11-01T00:00:00Z");
		else
			snprintf(to, sizeof to, "2026-10-%02uT%02u:00:00Z", (hour + 1) / 24 + 1, (hour + 1) % 24);
		pico += cost;
		printf("%016" PRIx64 "%016" PRIx64 ",%s/%s,,2026-10-01T00:00:00Z,2026-11-01T00:00:00Z,000000000001,"
		       "%012u,Usage,%s,%s,%s,%s-%s,%s,arn:aws:x:%s:%012u:thing/%u,%" PRIu64 ".%06" PRIu64
		       ",%" PRIu64 ".%012" PRIu64 ",USD,%s,\"%s\",%s,%s,\"{\"\"team\"\": \"\"t%u\"\"}\"\n",
		       next(), next(), at, to, 100 + account, at, to, t->product, regions[region][0], t->type, t->operation,
		       regions[region][1], 100 + account, below(RESOURCES), amount / 1000000, amount % 1000000,
		       cost / UINT64_C(1000000000000), cost % UINT64_C(1000000000000), t->unit, t->text, t->name,
		       regions[region][1], account % 7);
	}
	fprintf(stderr, "{\"rows\": %" PRIu64 ", \"total\": \"%" PRIu64 ".%012" PRIu64 "\"}\n", rows,
		(uint64_t)(pico / UINT64_C(1000000000000)), (uint64_t)(pico % UINT64_C(1000000000000)));
}

/* ---- logs of an agent ---- */

static char words[1 << 16];

/* Some of the words, n bytes, with what JSON escapes at the end. */
static void say(FILE *f, unsigned n)
{
	while (n) {
		unsigned at = below(sizeof words / 2), k = n < sizeof words / 2 ? n : sizeof words / 2;
		fwrite(words + at, 1, k, f);
		n -= k;
		fputs(n % 3 == 0 ? "\\n" : n % 3 == 1 ? "\\\"" : "\\u00fc", f);
	}
}

/* Nothing that JSON escapes, and ASCII alone: say() cuts anywhere. */
static void make_words(void)
{
	static const char *const list[] = {"cache ", "prefix ", "batch ", "function ", "return ", "struct ", "error ", "the ",
		"file ", "test ", "of ", "ledger ", "usage ", "=> ", "{ ", "} ", "[0] ", "; "};
	size_t n = 0;
	while (n + 16 < sizeof words) {
		const char *w = list[below(sizeof list / sizeof *list)];
		memcpy(words + n, w, strlen(w));
		n += strlen(w);
	}
	memset(words + n, ' ', sizeof words - n);
}

static uint64_t clock_ms = UINT64_C(1790812800000); /* 1 October 2026 */

static const char *stamp(void)
{
	static char out[96];
	time_t s = (time_t)(clock_ms / 1000);
	struct tm tm;
	gmtime_r(&s, &tm);
	snprintf(out, sizeof out, "%04d-%02d-%02dT%02d:%02d:%02d.%03uZ", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour,
		 tm.tm_min, tm.tm_sec, (unsigned)(clock_ms % 1000));
	return out;
}

static void claude(uint64_t megabytes, const char *folder)
{
	static const char *const models[] = {"claude-sonnet-4-5-20250929", "claude-opus-4-5-20251101", "claude-haiku-4-5-20251001"};
	uint64_t left = megabytes << 20, answers = 0, tokens = 0;
	make_words();
	for (unsigned session = 0; left; session++) {
		char path[4096], id[64];
		uint64_t room = 1 << 20;
		FILE *f;
		unsigned long before = 0;
		snprintf(path, sizeof path, "%s/-home-user-project-%u", folder, session % 40);
		mkdir(path, 0777);
		snprintf(id, sizeof id, "%08" PRIx64 "-0000-4000-8000-%012" PRIx64, next() >> 32, next() >> 16);
		snprintf(path + strlen(path), sizeof path - strlen(path), "/%s.jsonl", id);
		f = fopen(path, "w");
		if (!f) {
			perror(path);
			exit(1);
		}
		room = (uint64_t)(1 + below(8)) << 20;
		clock_ms += below(600000);
		for (;;) {
			unsigned lines = 1 + below(4), size = below(20) ? 200 + below(3000) : 4000 + below(40000);
			unsigned in = below(3000), read = below(150000), write = below(9000), out = 1 + below(2000);
			const char *model = models[below(10) / 4 % 3];
			uint64_t message = next(), request = next();
			unsigned replay = below(40) == 0;
			clock_ms += 1000 + below(20000);
			fprintf(f, "{\"parentUuid\":\"%016" PRIx64 "\",\"isSidechain\":false,\"userType\":\"external\",\"cwd\":\"/home/user/project-%u\",\"sessionId\":\"%s\",\"version\":\"2.0.14\",\"gitBranch\":\"main\",\"type\":\"user\",\"message\":{\"role\":\"user\",\"content\":[{\"tool_use_id\":\"toolu_%016" PRIx64 "\",\"type\":\"tool_result\",\"content\":\"",
				next(), session % 40, id, next());
			say(f, size);
			fprintf(f, "\"}]},\"uuid\":\"%016" PRIx64 "\",\"timestamp\":\"%s\"}\n", next(), stamp());
			for (unsigned i = 0; i < lines + replay; i++) {
				clock_ms += 300 + below(2000);
				fprintf(f, "{\"parentUuid\":\"%016" PRIx64 "\",\"isSidechain\":%s,\"userType\":\"external\",\"cwd\":\"/home/user/project-%u\",\"sessionId\":\"%s\",\"version\":\"2.0.14\",\"gitBranch\":\"main\",\"message\":{\"model\":\"%s\",\"id\":\"msg_01%016" PRIx64 "\",\"type\":\"message\",\"role\":\"assistant\",\"content\":[{\"type\":\"%s\",\"text\":\"",
					next(), i == lines ? "true" : "false", session % 40, id, model, message, i + 1 < lines ? "text" : "tool_use");
				say(f, 100 + below(1200));
				fprintf(f, "\"}],\"stop_reason\":null,\"stop_sequence\":null,\"usage\":{\"input_tokens\":%u,\"cache_creation_input_tokens\":%u,\"cache_read_input_tokens\":%u,\"cache_creation\":{\"ephemeral_5m_input_tokens\":%u,\"ephemeral_1h_input_tokens\":0},\"output_tokens\":%u,\"service_tier\":\"standard\"}},\"requestId\":\"req_011%016" PRIx64 "\",\"type\":\"assistant\",\"uuid\":\"%016" PRIx64 "\",\"timestamp\":\"%s\"}\n",
					in, write, read, write, out, i == lines ? next() : request, next(), stamp());
			}
			answers++;
			tokens += in + read + write + out;
			before = (unsigned long)ftell(f);
			if (before >= room || before >= left)
				break;
		}
		fclose(f);
		left = before >= left ? 0 : left - before;
	}
	fprintf(stderr, "{\"answers\": %" PRIu64 ", \"tokens\": %" PRIu64 "}\n", answers, tokens);
}

int main(int argc, char **argv)
{
	uint64_t n = argc > 2 ? strtoull(argv[2], NULL, 10) : 0;
	if (argc > 2 && strcmp(argv[1], "cur") == 0) {
		state = argc > 3 ? strtoull(argv[3], NULL, 10) : 1;
		cur(n, argc > 4 ? (unsigned)strtoul(argv[4], NULL, 10) : 744);
		return 0;
	}
	if (argc > 3 && strcmp(argv[1], "claude") == 0) {
		state = argc > 4 ? strtoull(argv[4], NULL, 10) : 1;
		claude(n, argv[3]);
		return 0;
	}
	fputs("usage: import_gen cur ROWS [SEED [HOURS]] > FILE, or import_gen claude MEGABYTES FOLDER [SEED]\n", stderr);
	return 2;
}
