/* SPDX-License-Identifier: Apache-2.0
 *
 * The unit harness: a test is a function, a check is a line, the last line counts them.
 *
 *   TEST(money_rounds_half_to_even) { T_EQ_I(money_round(5, 2), 2); }
 *   int main(void) { return T_RUN(); }
 *
 * A failed check prints its place and values and fails its test; the test goes on. Tests register
 * themselves; each prints "ok NAME" or "not ok NAME"; the last line is "N passed, N failed".
 */
#ifndef RR_TEST_T_H
#define RR_TEST_T_H

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct t_test {
	const char *name;
	void (*run)(void);
	struct t_test *next;
};
static struct t_test *t_first, **t_last = &t_first;
static unsigned t_bad;

#define TEST(name)                                                            \
	static void name(void);                                               \
	static struct t_test t_##name = {#name, name, NULL};                  \
	__attribute__((constructor)) static void t_register_##name(void)      \
	{                                                                     \
		*t_last = &t_##name;                                          \
		t_last = &t_##name.next;                                      \
	}                                                                     \
	static void name(void)

#define T_TRUE(x)                                                                      \
	do {                                                                           \
		if (!(x)) {                                                            \
			t_bad++;                                                       \
			printf("  %s:%d: not true: %s\n", __FILE__, __LINE__, #x);     \
		}                                                                      \
	} while (0)
#define T_EQ_I(got, want)                                                                            \
	do {                                                                                         \
		long long t_g = (long long)(got), t_w = (long long)(want);                           \
		if (t_g != t_w) {                                                                    \
			t_bad++;                                                                     \
			printf("  %s:%d: %s is %lld, wanted %lld\n", __FILE__, __LINE__, #got, t_g, t_w); \
		}                                                                                    \
	} while (0)
#define T_EQ_S(got, want)                                                                              \
	do {                                                                                           \
		const char *t_g = (got), *t_w = (want);                                                \
		if (strcmp(t_g, t_w) != 0) {                                                           \
			t_bad++;                                                                       \
			printf("  %s:%d: %s is \"%s\", wanted \"%s\"\n", __FILE__, __LINE__, #got, t_g, t_w); \
		}                                                                                      \
	} while (0)
#define T_NEAR(got, want, relative)                                                                  \
	do {                                                                                         \
		double t_g = (double)(got), t_w = (double)(want), t_d = t_g > t_w ? t_g - t_w : t_w - t_g; \
		double t_m = t_w < 0 ? -t_w : t_w;                                                   \
		if (!(t_d <= (relative) * (t_m > 1e-300 ? t_m : 1))) {                               \
			t_bad++;                                                                     \
			printf("  %s:%d: %s is %.17g, wanted %.17g\n", __FILE__, __LINE__, #got, t_g, t_w); \
		}                                                                                    \
	} while (0)

static int t_run(int argc, char **argv)
{
	unsigned passed = 0, failed = 0;
	for (struct t_test *t = t_first; t; t = t->next) {
		if (argc > 1 && !strstr(t->name, argv[1]))
			continue;
		t_bad = 0;
		t->run();
		printf("%s %s\n", t_bad ? "not ok" : "ok", t->name);
		fflush(stdout);
		t_bad ? failed++ : passed++;
	}
	printf("%u passed, %u failed\n", passed, failed);
	return failed != 0;
}
#define T_MAIN int main(int argc, char **argv) { return t_run(argc, argv); }

#endif
