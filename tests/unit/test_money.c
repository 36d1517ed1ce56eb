/* SPDX-License-Identifier: Apache-2.0
 *
 * Money: every branch by hand, and tens of thousands of random texts, roundings and products against python's
 * decimal module and its integers.
 */
#include <signal.h>

#include "base/err.h"
#include "base/money.h"
#include "base/rng.h"
#include "py.h"
#include "t.h"

#define WIDE_MAX ((money_wide)(~(unsigned __int128)0 >> 1))
#define WIDE_MIN (-WIDE_MAX - 1)
enum { CASES = 20000 };

/* Any 128-bit integer as decimal text; not by the code under test. */
static const char *wide_text(money_wide v, char out[64])
{
	char digits[48];
	unsigned n = 0, at = 0;
	unsigned __int128 m = v < 0 ? 0 - (unsigned __int128)v : (unsigned __int128)v;
	do
		digits[n++] = (char)('0' + (int)(m % 10));
	while (m /= 10);
	if (v < 0)
		out[at++] = '-';
	while (n)
		out[at++] = digits[--n];
	out[at] = 0;
	return out;
}

TEST(currency_codes)
{
	struct currency c = USD;
	T_EQ_I(currency_parse(STR("gbp"), &c), 0);
	T_EQ_S(c.code, "GBP");
	T_TRUE(!currency_eq(c, USD));
	T_EQ_I(currency_parse(STR("Usd"), &c), 0);
	T_TRUE(currency_eq(c, USD));
	T_EQ_I(currency_parse(STR("aZ09zA"), &c), 0);
	T_EQ_S(c.code, "AZ09ZA");
	T_EQ_I(currency_parse(STR("U@D"), &c), -RR_SYNTAX);
	T_EQ_I(currency_parse(STR("U:/"), &c), -RR_SYNTAX);
	T_EQ_I(currency_parse(STR("GPU4all"), &c), 0);
	T_EQ_S(c.code, "GPU4ALL");
	T_EQ_I(currency_parse(STR("US"), &c), -RR_SYNTAX);
	T_EQ_I(currency_parse(STR("TOOLONGX"), &c), -RR_SYNTAX);
	T_EQ_I(currency_parse(STR("U-D"), &c), -RR_SYNTAX);
	T_EQ_I(currency_parse(STR("U\xc3\xa9"), &c), -RR_SYNTAX);
	T_EQ_I(currency_parse(STR("[]{"), &c), -RR_SYNTAX);
	T_EQ_I(currency_parse(STR("us~"), &c), -RR_SYNTAX);
	T_EQ_I(currency_parse(STR("us."), &c), -RR_SYNTAX);
	T_EQ_S(c.code, "GPU4ALL"); /* an error leaves it */
}

TEST(amounts_by_hand)
{
	static const struct {
		const char *text;
		int rc;
		int64_t pico;
		bool exact;
	} cases[] = {
		{"0", 0, 0, true},
		{"-0", 0, 0, true},
		{"1", 0, PICO_PER_UNIT, true},
		{"-12.5", 0, -12500000000000, true},
		{"0.0000004", 0, 400000, true},
		{"1.9e-08", 0, 19000, true},
		{"1.9E-08", 0, 19000, true},
		{"+1.5", 0, 1500000000000, true},
		{"+1.5e+3", 0, 1500 * PICO_PER_UNIT, true},
		{"15E-1", 0, 1500000000000, true},
		{".5", 0, 500000000000, true},
		{"5.", 0, 5 * PICO_PER_UNIT, true},
		{"1e6", 0, 1000000 * PICO_PER_UNIT, true},
		{"0.0000000000005", 0, 0, false},
		{"0.0000000000015", 0, 2, false},
		{"0.0000000000025", 0, 2, false},
		{"0.00000000000050000000000000000000000001", 0, 1, false},
		{"0.00000000000049999999999", 0, 0, false},
		{"0.0000000000010", 0, 1, true},
		{"-0.0000000000015", 0, -2, false},
		{"1e-13", 0, 0, false},
		{"1e-999999999999999999999", 0, 0, false},
		{"0e999999999999999999999", 0, 0, true},
		{"000000000000000000000000000000000000000000000000000001", 0, PICO_PER_UNIT, true},
		{"9223372.036854775807", 0, INT64_MAX, true},
		{"-9223372.036854775808", 0, INT64_MIN, true},
		{"9223372.036854775808", -RR_RANGE, 0, false},
		{"-9223372.036854775809", -RR_RANGE, 0, false},
		{"9223372.0368547758075", -RR_RANGE, 0, false},
		{"1e400", -RR_RANGE, 0, false},
		{"1e999999999999999999999", -RR_RANGE, 0, false},
		{"123456789012345678901234567890123456789012345", -RR_RANGE, 0, false},
		{"", -RR_SYNTAX, 0, false},
		{"-", -RR_SYNTAX, 0, false},
		{"+", -RR_SYNTAX, 0, false},
		{".", -RR_SYNTAX, 0, false},
		{"-.", -RR_SYNTAX, 0, false},
		{"1.2.3", -RR_SYNTAX, 0, false},
		{"1e", -RR_SYNTAX, 0, false},
		{"1e+", -RR_SYNTAX, 0, false},
		{"1e-", -RR_SYNTAX, 0, false},
		{"1e5x", -RR_SYNTAX, 0, false},
		{"e5", -RR_SYNTAX, 0, false},
		{" 1", -RR_SYNTAX, 0, false},
		{"1 ", -RR_SYNTAX, 0, false},
		{"1,000", -RR_SYNTAX, 0, false},
		{"--1", -RR_SYNTAX, 0, false},
		{"0x10", -RR_SYNTAX, 0, false},
		{"NaN", -RR_SYNTAX, 0, false},
		{"inf", -RR_SYNTAX, 0, false},
		{"1_000", -RR_SYNTAX, 0, false},
		{"$1", -RR_SYNTAX, 0, false},
	};
	for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		int64_t pico = 0;
		bool exact = false;
		int rc = money_parse(str_of(cases[i].text), &pico, &exact);
		if (rc != cases[i].rc || pico != cases[i].pico)
			printf("  \"%s\"\n", cases[i].text);
		T_EQ_I(rc, cases[i].rc);
		T_EQ_I(pico, cases[i].pico);
		if (rc == 0)
			T_EQ_I(exact, cases[i].exact);
		T_EQ_I(money_parse(str_of(cases[i].text), &pico, NULL), cases[i].rc);
	}
	T_EQ_I(money_parse(str_make("1\0", 2), &(int64_t){0}, NULL), -RR_SYNTAX);
}

TEST(the_edges_of_the_wide_types)
{
	money_wide v = 7;
	bool exact;
	char text[MONEY_TEXT];
	/* 2^127 - 1 = 170141183460469231731687303715884105727 */
	T_EQ_I(money_parse_wide(STR("170141183460469231731687303.715884105727"), &v, &exact), 0);
	T_TRUE(v == WIDE_MAX && exact);
	T_EQ_S(money_text(v, text), "170141183460469231731687303.715884105727");
	T_EQ_I(money_parse_wide(STR("-170141183460469231731687303.715884105727"), &v, NULL), 0);
	T_TRUE(v == -WIDE_MAX);
	T_EQ_I(money_parse_wide(STR("170141183460469231731687303.715884105728"), &v, NULL), -RR_RANGE);
	T_EQ_I(money_parse_wide(STR("170141183460469231731687303.7158841057274"), &v, &exact), 0);
	T_TRUE(v == WIDE_MAX && !exact);
	T_EQ_I(money_parse_wide(STR("170141183460469231731687303.7158841057275"), &v, NULL), -RR_RANGE);
	T_EQ_I(money_parse_wide(STR("17014118346046923173168730371588410572700e-14"), &v, NULL), 0);
	T_TRUE(v == WIDE_MAX);
	T_EQ_I(money_parse_wide(STR("1701411834604692317316873037158841057e2"), &v, NULL), -RR_RANGE);
	T_EQ_I(money_parse_atto(STR("0.000000000000000001"), &v, &exact), 0);
	T_TRUE(v == 1 && exact);
	T_EQ_S(money_text_atto(v, text), "0.000000000000000001");
	T_EQ_S(money_text_atto(WIDE_MIN, text), "-170141183460469231731.687303715884105728");
	T_EQ_S(money_text(WIDE_MIN, text), "-170141183460469231731687303.715884105728");
	T_EQ_I(strlen(money_human(WIDE_MIN, 12, text)), 49);
	T_EQ_I(decimal_scaled(STR("12.5"), 0, &v, &exact), 0);
	T_TRUE(v == 12 && !exact);
}

TEST(texts_by_hand)
{
	char t[MONEY_TEXT];
	T_EQ_S(money_text(0, t), "0");
	T_EQ_S(money_text(518010000000000, t), "518.01");
	T_EQ_S(money_text(-1, t), "-0.000000000001");
	T_EQ_S(money_text((money_wide)1000 * PICO_PER_UNIT, t), "1000");
	T_EQ_S(money_text(-PICO_PER_UNIT / 2, t), "-0.5");
	T_EQ_S(money_human((money_wide)1002010000000000, 2, t), "1,002.01");
	T_EQ_S(money_human((money_wide)999999 * PICO_PER_UNIT, 0, t), "999,999");
	T_EQ_S(money_human((money_wide)1234567 * PICO_PER_UNIT, 0, t), "1,234,567");
	T_EQ_S(money_human((money_wide)123 * PICO_PER_UNIT, 2, t), "123.00");
	T_EQ_S(money_human(5000000000, 2, t), "0.00"); /* half to even: 0.005 */
	T_EQ_S(money_human(15000000000, 2, t), "0.02");
	T_EQ_S(money_human(25000000000, 2, t), "0.02");
	T_EQ_S(money_human(-5000000000, 2, t), "0.00"); /* no minus before nothing */
	T_EQ_S(money_human(-999995 * (PICO_PER_UNIT / 1000), 2, t), "-1,000.00");
	T_EQ_S(money_human(1, 12, t), "0.000000000001");
	T_EQ_S(money_human(1, 99, t), "0.000000000001");
}

TEST(rounding_by_hand)
{
	int64_t pico = 7;
	T_EQ_I(money_round(5, 2), 2);
	T_EQ_I(money_round(7, 2), 4);
	T_EQ_I(money_round(-5, 2), -2);
	T_EQ_I(money_round(-7, 2), -4);
	T_EQ_I(money_round(1, 3), 0);
	T_EQ_I(money_round(2, 3), 1);
	T_EQ_I(money_round(-2, 3), -1);
	T_EQ_I(money_round(0, 9), 0);
	T_TRUE(money_round(WIDE_MAX, WIDE_MAX) == 1);
	T_TRUE(money_round(WIDE_MIN, 1) == WIDE_MIN);
	T_TRUE(money_round(WIDE_MAX - 1, WIDE_MAX) == 1);
	T_TRUE(money_round(WIDE_MAX / 2, WIDE_MAX) == 0);
	T_EQ_I(money_row(1500000, &pico), 0);
	T_EQ_I(pico, 2);
	T_EQ_I(money_row((money_wide)INT64_MAX * ATTO_PER_PICO, &pico), 0);
	T_TRUE(pico == INT64_MAX);
	T_EQ_I(money_row((money_wide)INT64_MIN * ATTO_PER_PICO, &pico), 0);
	T_TRUE(pico == INT64_MIN);
	T_EQ_I(money_row((money_wide)INT64_MAX * ATTO_PER_PICO + 500000, &pico), -RR_RANGE);
	T_EQ_I(money_row((money_wide)INT64_MIN * ATTO_PER_PICO - 500001, &pico), -RR_RANGE);
}

/* A broken rule stops the process: in a child, so that it can be seen. */
TEST(dividing_by_nothing_stops)
{
	for (int d = 0; d >= -1; d--) {
		int status = 0;
		pid_t child = fork();
		if (child == 0) {
			fclose(stderr);
			money_round(1, d);
			_exit(0);
		}
		T_TRUE(waitpid(child, &status, 0) == child && WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	}
}

TEST(sums_and_products_never_wrap)
{
	int64_t sum;
	money_wide p = 0, half = (money_wide)1 << 126;
	T_EQ_I(money_add(1, 2, &sum), 0);
	T_EQ_I(sum, 3);
	T_EQ_I(money_add(INT64_MAX, 1, &sum), -RR_RANGE);
	T_EQ_I(money_add(INT64_MIN, -1, &sum), -RR_RANGE);
	T_EQ_I(money_mul(3, -4, &p), 0);
	T_EQ_I(p, -12);
	T_EQ_I(money_mul(-3, -4, &p), 0);
	T_EQ_I(p, 12);
	T_EQ_I(money_mul(0, WIDE_MIN, &p), 0);
	T_TRUE(p == 0);
	T_EQ_I(money_mul(WIDE_MIN, 0, &p), 0);
	T_TRUE(p == 0);
	T_EQ_I(money_mul(WIDE_MIN, 1, &p), 0);
	T_TRUE(p == WIDE_MIN);
	T_EQ_I(money_mul(WIDE_MIN, -1, &p), -RR_RANGE);
	T_EQ_I(money_mul(UINT64_MAX, UINT64_MAX, &p), -RR_RANGE);
	T_EQ_I(money_mul(-(money_wide)UINT64_MAX, UINT64_MAX, &p), -RR_RANGE);
	T_EQ_I(money_mul(UINT64_MAX, INT64_MAX, &p), 0);
	T_TRUE(p / INT64_MAX == UINT64_MAX && p % INT64_MAX == 0);
	T_EQ_I(money_mul(half, 2, &p), -RR_RANGE);
	T_EQ_I(money_mul(half, -2, &p), 0);
	T_TRUE(p == WIDE_MIN);
	T_EQ_I(money_mul(half, -3, &p), -RR_RANGE);
	T_EQ_I(money_mul(WIDE_MAX, WIDE_MAX, &p), -RR_RANGE);
	T_EQ_I(money_mul(WIDE_MAX, 1, &p), 0);
	T_TRUE(p == WIDE_MAX);
}

static char *random_amount(struct rng *r, char out[128])
{
	static const char *const edges[] = {"0.0000000000005", "9223372.036854775807",
					    "170141183460469231731687303.715884105727", "5e-13", "25e-13"};
	size_t n = 0;
	uint64_t whole = rng_below(r, 24), places = rng_below(r, 22);
	if (rng_below(r, 20) == 0)
		return strcpy(out, edges[rng_below(r, 5)]);
	if (rng_below(r, 3) == 0)
		out[n++] = '-';
	for (uint64_t i = 0; i < whole; i++)
		out[n++] = (char)('0' + rng_below(r, 10));
	if (places || !whole) {
		uint64_t zeros = rng_below(r, 3) ? 0 : rng_below(r, 13);
		out[n++] = '.';
		for (uint64_t i = 0; i < zeros; i++)
			out[n++] = '0';
		for (uint64_t i = 0; i < places; i++)
			out[n++] = (char)('0' + (rng_below(r, 3) ? rng_below(r, 10) : 5 * rng_below(r, 2)));
		out[n++] = (char)('0' + rng_below(r, 10));
	}
	out[n] = 0;
	if (rng_below(r, 3) == 0)
		sprintf(out + n, "%c%d", rng_below(r, 2) ? 'e' : 'E', (int)rng_below(r, 60) - 30);
	return out;
}

/* For each line: the text's value at 10^-12 and 10^-18, and shortest and human texts of the former, by decimal. */
TEST(decimal_agrees_on_amounts)
{
	static const char script[] = "import sys\nfrom decimal import *\n"
				     "c=getcontext();c.prec=400;c.Emax=MAX_EMAX;c.Emin=MIN_EMIN\n"
				     "M=2**127-1\n"
				     "for l in sys.stdin.read().split('\\n')[:-1]:\n"
				     "  d=Decimal(l);o=[]\n"
				     "  for k in (12,18):\n"
				     "    s=d.scaleb(k);i=int(s.to_integral_value(ROUND_HALF_EVEN))\n"
				     "    o+=[str(i),str(int(s==i))] if abs(i)<=M else ['range','0']\n"
				     "  if o[0]=='range': o+=['-','-']\n"
				     "  else:\n"
				     "    v=Decimal(o[0]).scaleb(-12);t=format(v,'f')\n"
				     "    t=(t.rstrip('0').rstrip('.') if '.' in t else t)\n"
				     "    h=v.quantize(Decimal('0.01'),ROUND_HALF_EVEN)\n"
				     "    o+=['0' if v==0 else t, format(abs(h) if h==0 else h,',.2f')]\n"
				     "  print(' '.join(o))\n";
	struct rng r;
	struct sb in, out;
	char amount[128];
	unsigned in_range = 0;
	sb_init(&in, 4 << 20);
	sb_init(&out, 16 << 20);
	rng_seed(&r, 10);
	for (unsigned i = 0; i < CASES; i++) {
		sb_adds(&in, random_amount(&r, amount));
		sb_addc(&in, '\n');
	}
	if (py_run(script, sb_str(&in), &out)) {
		struct str rest = sb_str(&out);
		rng_seed(&r, 10);
		for (unsigned i = 0; i < CASES; i++) {
			struct str line = str_cut(&rest, '\n'), pico_want = str_cut(&line, ' '),
				   pico_exact = str_cut(&line, ' ');
			struct str atto_want = str_cut(&line, ' '), atto_exact = str_cut(&line, ' '),
				   text_want = str_cut(&line, ' ');
			struct str text = str_of(random_amount(&r, amount));
			money_wide pico, atto;
			bool exact;
			char digits[64], words[MONEY_TEXT];
			int rc = money_parse_wide(text, &pico, &exact);
			T_TRUE(str_eqc(pico_want, rc == -RR_RANGE ? "range" : wide_text(pico, digits)));
			if (rc == 0) {
				int64_t narrow;
				in_range++;
				T_EQ_I(exact, pico_exact.p[0] == '1');
				T_TRUE(str_eqc(text_want, money_text(pico, words)));
				T_TRUE(str_eqc(line, money_human(pico, 2, words)));
				rc = money_parse(text, &narrow, NULL);
				T_EQ_I(rc, pico == (int64_t)pico ? 0 : -RR_RANGE);
				T_TRUE(rc || narrow == pico);
			}
			rc = money_parse_atto(text, &atto, &exact);
			T_TRUE(str_eqc(atto_want, rc == -RR_RANGE ? "range" : wide_text(atto, digits)));
			T_TRUE(rc || exact == (atto_exact.p[0] == '1'));
		}
		printf("  %u amounts, %u in range\n", CASES, in_range);
		T_TRUE(in_range > CASES / 2);
	}
	sb_fini(&in);
	sb_fini(&out);
}

static money_wide random_wide(struct rng *r)
{
	unsigned __int128 v = (unsigned __int128)rng_u64(r) << 64 | rng_u64(r);
	unsigned shift = (unsigned)rng_below(r, 128);
	switch (rng_below(r, 8)) {
	case 0:
		return rng_below(r, 2) ? WIDE_MAX : WIDE_MIN;
	case 1:
		return (money_wide)rng_below(r, 3) - 1;
	default:
		return (money_wide)v >> shift;
	}
}

TEST(integers_of_python_agree_on_rounding_and_products)
{
	static const char script[] =
		"import sys\n"
		"def half(n,d):\n"
		"  q,r=divmod(n,d)\n"
		"  return q+(1 if 2*r>d or (2*r==d and q%2) else 0)\n"
		"for l in sys.stdin.read().split('\\n')[:-1]:\n"
		"  a,b=map(int,l.split());p=a*b\n"
		"  print(half(a,abs(b)) if b and abs(b)<2**127 else 'none', p if -2**127<=p<2**127 else 'range')\n";
	struct rng r;
	struct sb in, out;
	char x[64], y[64];
	sb_init(&in, 4 << 20);
	sb_init(&out, 4 << 20);
	rng_seed(&r, 11);
	for (unsigned i = 0; i < CASES; i++) {
		money_wide a = random_wide(&r), b = random_wide(&r);
		sb_addf(&in, "%s %s\n", wide_text(a, x), wide_text(b, y));
	}
	if (py_run(script, sb_str(&in), &out)) {
		struct str rest = sb_str(&out);
		rng_seed(&r, 11);
		for (unsigned i = 0; i < CASES; i++) {
			struct str line = str_cut(&rest, '\n'), rounded = str_cut(&line, ' ');
			money_wide a = random_wide(&r), b = random_wide(&r), product;
			int rc = money_mul(a, b, &product);
			T_TRUE(str_eqc(line, rc ? "range" : wide_text(product, x)));
			if (b != 0 && b != WIDE_MIN)
				T_TRUE(str_eqc(rounded, wide_text(money_round(a, b < 0 ? -b : b), x)));
		}
	}
	sb_fini(&in);
	sb_fini(&out);
}

T_MAIN
