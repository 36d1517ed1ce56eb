/* SPDX-License-Identifier: Apache-2.0
 *
 * Time zones against python's zoneinfo, which we did not write: offsets, local times to instants (python's fold=0)
 * and calendar windows, at changes of clocks and at random instants; hostile files; slim and fat files.
 * Skips loudly where python3 with zoneinfo or the zone files are missing.
 */
#include <unistd.h>

#include "base/fs.h"
#include "base/rng.h"
#include "base/tz_i.h"
#include "t.h"

static const char script[] =
	"import sys,random\n"
	"from datetime import datetime,timedelta,timezone\n"
	"from zoneinfo import ZoneInfo\n"
	"random.seed(7)\n"
	"E=datetime(1970,1,1)\n"
	"U=timezone.utc\n"
	"def at(s): return datetime.fromtimestamp(s,U) if s>=0 else E.replace(tzinfo=U)+timedelta(seconds=s)\n"
	"def off(z,s): return int(at(s).astimezone(z).utcoffset().total_seconds())\n"
	"def inst(z,l,f=0): return int((l-E).total_seconds()-l.replace(tzinfo=z,fold=f).utcoffset().total_seconds())\n"
	"def edge(z,l):\n" /* in a gap: the change itself */
	"  a,b=inst(z,l,1),inst(z,l)\n"
	"  if a>=b: return b\n"
	"  a-=1\n"
	"  while b-a>1:\n"
	"    m=(a+b)//2\n"
	"    if off(z,m)==off(z,a): a=m\n"
	"    else: b=m\n"
	"  return b\n"
	"def begin(w,l):\n"
	"  if w=='hour': return l.replace(minute=0,second=0)\n"
	"  l=l.replace(hour=0,minute=0,second=0)\n"
	"  if w=='day': return l\n"
	"  if w=='week': return l-timedelta(days=l.weekday())\n"
	"  if w=='month': return l.replace(day=1)\n"
	"  if w=='quarter': return l.replace(day=1,month=(l.month-1)//3*3+1)\n"
	"  return l.replace(day=1,month=1)\n"
	"def after(w,l):\n"
	"  if w=='hour': return l+timedelta(hours=1)\n"
	"  d={'day':1,'week':7,'month':32,'quarter':93,'year':367}[w]\n"
	"  return begin(w,l+timedelta(days=d))\n"
	"for name in sys.argv[1:]:\n"
	"  z=ZoneInfo(name)\n"
	"  ts=[]\n"
	"  for y in list(range(1965,2045))+[2060,2085,2090,2100]:\n"
	"    a=int((datetime(y,1,1)-E).total_seconds()); prev=off(z,a)\n"
	"    for d in range(1,367):\n"
	"      b=a+d*86400; o=off(z,b)\n"
	"      if o!=prev:\n"
	"        lo,hi=b-86400,b\n"
	"        while hi-lo>1:\n"
	"          m=(lo+hi)//2\n"
	"          if off(z,m)==prev: lo=m\n"
	"          else: hi=m\n"
	"        ts+= [hi-86401,hi-7200,hi-3600,hi-1801,hi-1,hi,hi+1,hi+1800,hi+3599,hi+3600,hi+7200,hi+86399]\n"
	"        prev=o\n"
	"  ts+=[random.randrange(-2000000000,4200000000) for _ in range(400)]\n"
	"  for t in ts:\n"
	"    print('O',name,t,off(z,t))\n"
	"    l=E+timedelta(seconds=t)\n"
	"    print('L',name,t,inst(z,l))\n"
	"  for t in random.sample(ts,min(len(ts),300)):\n"
	"    for w in ('hour','day','week','month','quarter','year'):\n"
	"      l=(at(t).astimezone(z)).replace(tzinfo=None); b=begin(w,l)\n"
	"      while edge(z,after(w,b))<=t: b=after(w,b)\n"
	"      print('W',name,t,edge(z,b),edge(z,after(w,b)),w)\n";

static const char zones[] = "Europe/London America/New_York Asia/Kolkata Australia/Lord_Howe Africa/Casablanca Pacific/Apia "
			    "America/Sao_Paulo America/St_Johns Asia/Tehran Pacific/Chatham Africa/Cairo America/Nuuk Europe/Dublin UTC";

/* One line of the script's answer. Returns 0 when ours is the same. */
static int check_line(const char *line)
{
	char kind, name[64], word[16] = "";
	long long t, a, b = 0;
	const struct tz *z;
	enum window w;
	int64_t from, to;
	if (sscanf(line, "%c %63s %lld %lld %lld %15s", &kind, name, &t, &a, &b, word) < 4)
		return 1;
	z = tz_get(name, NULL);
	if (!z)
		return 1;
	if (kind == 'O')
		return tz_offset_s(z, t * US_PER_S) != a;
	if (kind == 'L')
		return tz_instant_us(z, t * US_PER_S) != a * US_PER_S;
	if (window_parse(str_of(word), &w))
		return 1;
	window_bounds(w, z, t * US_PER_S, &from, &to);
	return from != a * US_PER_S || to != b * US_PER_S;
}

TEST(agrees_with_python_zoneinfo)
{
	char path[] = "/tmp/test_tz_XXXXXX", command[1024], line[256];
	unsigned lines = 0, wrong = 0;
	int fd = mkstemp(path);
	FILE *f;
	T_TRUE(fd >= 0 && write(fd, script, sizeof script - 1) == (ssize_t)sizeof script - 1);
	close(fd);
	if (system("python3 -c 'import zoneinfo; zoneinfo.ZoneInfo(\"Europe/London\")' 2>/dev/null") != 0) {
		printf("  SKIPPED: python3 with zoneinfo and zone files is not here\n");
		unlink(path);
		return;
	}
	snprintf(command, sizeof command, "python3 %s %s", path, zones);
	f = popen(command, "r");
	while (f && fgets(line, sizeof line, f)) {
		lines++;
		if (check_line(line) && wrong++ < 5)
			printf("  differs from python: %s", line);
	}
	T_TRUE(f && pclose(f) == 0);
	T_TRUE(lines > 50000);
	T_EQ_I(wrong, 0);
	printf("  %u answers compared\n", lines);
	unlink(path);
}

TEST(c40_windows_part_the_time_line)
{
	static const enum window all[] = {WINDOW_HOUR, WINDOW_DAY, WINDOW_WEEK, WINDOW_MONTH, WINDOW_QUARTER, WINDOW_YEAR};
	static const char *const names[] = {"UTC", "Europe/London", "America/St_Johns", "Pacific/Apia", "Australia/Lord_Howe",
					    "Pacific/Kwajalein"}; /* 1969: 23 hours twice */
	struct rng r;
	rng_seed(&r, 1);
	for (size_t n = 0; n < sizeof names / sizeof *names; n++) {
		const struct tz *z = tz_get(names[n], NULL);
		if (!z) {
			printf("  SKIPPED: no zone files\n");
			return;
		}
		for (int i = 0; i < 3000; i++) {
			enum window w = all[rng_below(&r, 6)];
			int64_t now = (int64_t)rng_below(&r, UINT64_C(3000000000)) * US_PER_S + 5, from, to, from2, to2;
			window_bounds(w, z, now, &from, &to);
			if (z->transitions && i % 2) /* half of them near a change of the clocks */
				now = (z->at_s[rng_below(&r, z->transitions)] + (int64_t)rng_below(&r, 20000) - 10000) * US_PER_S;
			window_bounds(w, z, now, &from, &to);
			T_TRUE(from <= now && now < to);
			window_bounds(w, z, to, &from2, &to2); /* the next begins where this one ends */
			T_EQ_I(from2, to);
			window_bounds(w, z, to - 1, &from2, &to2);
			T_EQ_I(from2, from);
			T_EQ_I(to2, to);
		}
	}
}

TEST(a_day_of_the_change_has_23_or_25_hours)
{
	const struct tz *z = tz_get("Europe/London", NULL);
	int64_t from, to, now;
	if (!z) {
		printf("  SKIPPED: no zone files\n");
		return;
	}
	T_EQ_I(time_parse(STR("2026-03-29T12:00:00Z"), &now), 0);
	window_bounds(WINDOW_DAY, z, now, &from, &to);
	T_EQ_I((to - from) / US_PER_S, 23 * 3600);
	T_EQ_I(time_parse(STR("2026-10-25T12:00:00Z"), &now), 0);
	window_bounds(WINDOW_DAY, z, now, &from, &to);
	T_EQ_I((to - from) / US_PER_S, 25 * 3600);
	window_bounds(WINDOW_TOTAL, z, now, &from, &to);
	T_TRUE(from == INT64_MIN && to == INT64_MAX);
}

TEST(unknown_zones_are_named_with_the_nearest)
{
	struct err e;
	static const char *const bad[] = {"", "../../etc/passwd", "/etc/localtime", "Europe/../Europe/London", "zone.tab", "Europe", "a b",
		"Europe/London\n", "........................................................................"};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		T_TRUE(tz_get(bad[i], &e) == NULL && e.what[0]);
	if (!fs_exists("/usr/share/zoneinfo/zone.tab"))
		return;
	T_TRUE(tz_get("Europe/Lodnon", &e) == NULL);
	T_EQ_S(e.hint, "did you mean Europe/London?");
	T_TRUE(tz_get("kolkata", &e) == NULL);
	T_EQ_S(e.hint, "did you mean Asia/Kolkata?");
	T_TRUE(tz_get("UTC", &e) != NULL);
}

TEST(window_names)
{
	enum window w;
	for (unsigned i = 0; i <= WINDOW_TOTAL; i++) {
		T_EQ_I(window_parse(str_of(window_name((enum window)i)), &w), 0);
		T_EQ_I(w, i);
	}
	T_TRUE(window_parse(STR("fortnight"), &w) < 0);
}

/* A file of version 2 without explicit transitions, as "slim" as it gets: only the rule. */
static void slim(const char *rule, struct sb *out)
{
	static const char head[] = "TZif2\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\0\0\0\1";
	sb_clear(out);
	for (int i = 0; i < 2; i++) {
		sb_add(out, head, 44);
		sb_add(out, "\0\0\0\0\0\0\0", 7); /* one type: offset 0; one byte of names */
	}
	sb_addf(out, "\n%s\n", rule);
}

TEST(slim_files_and_odd_rules)
{
	struct sb b;
	struct tz z;
	int64_t at;
	sb_init(&b, 1000);
	slim("EST5EDT,M3.2.0,M11.1.0", &b);
	T_EQ_I(tz_read(sb_str(&b), &z), 0);
	T_EQ_I(time_parse(STR("2026-07-01"), &at), 0);
	T_EQ_I(tz_offset_s(&z, at), -4 * 3600);
	T_EQ_I(time_parse(STR("2026-03-08T06:59:59Z"), &at), 0);
	T_EQ_I(tz_offset_s(&z, at), -5 * 3600);
	T_EQ_I(tz_offset_s(&z, at + US_PER_S), -4 * 3600);
	tz_drop(&z);
	slim("XXX3EDT4,0/0,J365/23", &b); /* RFC 8536: daylight time all year */
	T_EQ_I(tz_read(sb_str(&b), &z), 0);
	for (int month = 0; month < 12; month++)
		T_EQ_I(tz_offset_s(&z, at + month * 30 * US_PER_DAY), -4 * 3600);
	tz_drop(&z);
	slim("<-02>2<-01>,M3.5.0/-1,M10.5.0/0", &b); /* Nuuk: hours before midnight */
	T_EQ_I(tz_read(sb_str(&b), &z), 0);
	T_EQ_I(time_parse(STR("2026-03-29T00:59:59Z"), &at), 0);
	T_EQ_I(tz_offset_s(&z, at), -2 * 3600);
	T_EQ_I(tz_offset_s(&z, at + US_PER_S), -1 * 3600);
	tz_drop(&z);
	slim("IST-1GMT0,M10.5.0,M3.5.0/1", &b); /* Dublin: negative daylight saving */
	T_EQ_I(tz_read(sb_str(&b), &z), 0);
	T_EQ_I(time_parse(STR("2026-12-01"), &at), 0);
	T_EQ_I(tz_offset_s(&z, at), 0);
	T_EQ_I(tz_offset_s(&z, at + 210 * US_PER_DAY), 3600);
	tz_drop(&z);
	slim("", &b);
	T_EQ_I(tz_read(sb_str(&b), &z), 0);
	tz_drop(&z);
	sb_fini(&b);
}

TEST(damaged_files_are_refused)
{
	static const char *const rules[] = {"E5", "EST", "EST5EDT", "EST5EDT,M13.1.0,M1.1.0", "EST5EDT,M3.6.0,M1.1.0", "EST5EDT,M3.1.7,M1.1.0",
		"EST25", "EST5EDT,M3.1.0/168,M1.1.0", "EST5EDT,M3.1.0", "EST5EDT,M3.1.0,M11.1.0x", "<EST5", "EST5EDT,J0,J1"};
	struct sb b, text;
	struct tz z;
	struct rng r;
	unsigned taken = 0;
	sb_init(&b, 1000);
	for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
		slim(rules[i], &b);
		if (!tz_read(sb_str(&b), &z))
			printf("  taken: %s\n", rules[i]);
		T_TRUE(z.at_s == NULL && !z.posix.has_dst);
	}
	sb_fini(&b);
	sb_init(&text, 100000);
	if (fs_read("/usr/share/zoneinfo/Europe/London", &text, NULL)) {
		sb_fini(&text);
		printf("  SKIPPED: no zone files\n");
		return;
	}
	for (size_t n = 0; n < text.n; n++) { /* every prefix */
		if (tz_read(str_make(text.p, n), &z) == 0)
			taken++;
		tz_drop(&z);
	}
	T_EQ_I(taken, 0);
	rng_seed(&r, 3);
	for (int i = 0; i < 20000; i++) { /* one byte changed: refused or used, never out of bounds */
		size_t at = rng_below(&r, text.n);
		char was = text.p[at];
		text.p[at] = (char)rng_below(&r, 256);
		if (tz_read(sb_str(&text), &z) == 0) {
			int64_t from, to;
			window_bounds(WINDOW_DAY, &z, (int64_t)rng_below(&r, UINT64_C(4000000000)) * US_PER_S, &from, &to);
			tz_drop(&z);
		}
		text.p[at] = was;
	}
	sb_fini(&text);
}

T_MAIN
