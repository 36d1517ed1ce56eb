/* SPDX-License-Identifier: Apache-2.0
 *
 * Configuration: any bytes either load or give errors, never both. Each error names a place inside the text and a code;
 * their text is clean UTF-8 without control characters and shows no secret; every setting of a good file can be listed.
 */
#include <stdint.h>
#include <stdlib.h>

#include "gate/config.h"

static void visit(const char *path, struct str value, unsigned line, const char *help, void *arg)
{
	(void)line;
	check(path && path[0] && help && str_utf8_valid(value));
	check(!str_contains(value, STR("hunter2")));
	++*(unsigned *)arg;
}

static unsigned lines_of(struct str s)
{
	unsigned lines = 2; /* libyaml may point behind the last line, and knows more ends of lines than we count here */
	for (size_t i = 0; i < s.n; i++)
		lines += s.p[i] == '\n' || s.p[i] == '\r' || (unsigned char)s.p[i] >= 0xC2;
	return lines;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = str_make(size ? (const char *)data : "", size);
	struct arena arena;
	struct gate_config conf;
	struct sb errors;
	int rc;
	setenv("FUZZ_KEY", "hunter2", 1);
	arena_init(&arena, 16 << 20);
	sb_init(&errors, 1 << 20);
	rc = gate_config_parse(text, "f.yaml", &arena, &conf, &errors);
	check(rc == 0 ? errors.n == 0 : rc == -RR_CONFIG && errors.n > 0);
	if (conf.doc) {
		check((conf.doc->errors > 0) == (rc != 0));
		for (unsigned i = 0; i < conf.doc->errors; i++) {
			const struct err *e = &conf.doc->error[i];
			check(e->code == RR_CONFIG && e->what[0] && e->line <= lines_of(text) && e->column <= size + 1);
		}
	}
	check(!str_contains(sb_str(&errors), STR("hunter2")) || str_contains(text, STR("hunter2")));
	if (rc == 0) {
		unsigned settings = 0;
		check(conf.upstream_count && conf.listen && conf.admin && conf.workers && listen_is_loopback(conf.admin));
		check(conf.require_keys || listen_is_loopback(conf.listen));
		if (!str_contains(text, STR("hunter2")))
			gate_config_each(&conf, &arena, visit, &settings);
		check(settings > 20 || str_contains(text, STR("hunter2")) || arena.full);
	}
	sb_fini(&errors);
	arena_fini(&arena);
	return 0;
}
