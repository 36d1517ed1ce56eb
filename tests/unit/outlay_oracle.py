#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Writes outlay_oracle.inc: what an outlay has used up, by Python's fractions and datetime.
# Run in this folder: ./outlay_oracle.py > outlay_oracle.inc
import calendar, datetime as d, random
from fractions import Fraction

rnd = random.Random(20261121)

def plus_months(t, n):
    y, m = divmod(t.year * 12 + t.month - 1 + n, 12)
    return t.replace(year=y, month=m + 1, day=min(t.day, calendar.monthrange(y, m + 1)[1]))

for _ in range(60):
    start = d.datetime(2024, 1, 1) + d.timedelta(seconds=rnd.randrange(4 * 365 * 86400))
    months = rnd.choice([1, 2, 6, 12, 24, 36, 37, 60, 120])
    end = plus_months(start, months)
    when = start + d.timedelta(seconds=rnd.randrange(-86400 * 30, int((end - start).total_seconds() * 1.2)))
    amount = rnd.choice([rnd.randrange(1, 1000), rnd.randrange(1, 9 * 10**18), 10**12, 7])
    micro = d.timedelta(microseconds=1)
    share = Fraction((when - start) // micro, (end - start) // micro)
    used = round(amount * min(max(share, Fraction(0)), Fraction(1)))
    iso = '%Y-%m-%dT%H:%M:%SZ'
    print('{"%s", "%s", %d, INT64_C(%d), INT64_C(%d)},' % (start.strftime(iso), when.strftime(iso), months, amount, used))
