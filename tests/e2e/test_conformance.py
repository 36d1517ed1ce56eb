#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""tests/README.md and the tree agree: each of the 68 conformance cases has a row; each test that a row names stands in the
file that it names; each numbered test in the tree has its row; a case without a test says why. The
table of faults names a test that is there for each fault.
"""
import pathlib, re, sys
sys.path.insert(0, str(pathlib.Path(__file__).parent))
from stack import ROOT, ok, close

rows = {}
for line in (ROOT / 'tests/README.md').read_text().splitlines():
    m = re.match(r'\| C(\d\d) \| ([^|]+) \| ([^|]+) \| ([^|]*) ?\|$', line)
    if m: rows[int(m[1])] = (m[3], m[4])
ok('every case has one row', sorted(rows) == list(range(1, 69)), str(sorted(set(range(1, 69)) ^ set(rows))))
text = {p.relative_to(ROOT / 'tests').as_posix(): p.read_text() for pattern in ('unit/*.c', 'e2e/test_*.py') for p in (ROOT / 'tests').glob(pattern)}
named, reasons = set(), 0
for n, (tests, files) in sorted(rows.items()):
    names, places = re.findall(r'`(c\d\d_[^`]+)`', tests), re.findall(r'`([^`]+)`', files)
    if not names:
        reasons += 1
        ok(f'C{n:02d} says why it has no test', len(tests) > 40, tests)
        continue
    for name, place in zip(names, places, strict=True):
        named.add((n, name, place))
        if not (f'c{n:02d}_' in name and name in text.get(place, '')):
            ok(f'C{n:02d}: {name} stands in {place}', False)
ok(f'{len(named)} named tests stand where the page says', len(named) >= 60)
lost = []
for place, t in text.items():
    if place.endswith('test_conformance.py'): continue
    for m in re.finditer(r"""(?:TEST\(|ok\(f?['"])((?:c\d\d_)+)""", t):
        for n in re.findall(r'c(\d\d)_', m[1]):
            if not any(k == int(n) and p == place for k, _, p in named): lost.append((n, place))
ok('no numbered test is missing from the page', not lost, str(lost[:5]))
ok('few cases are without a test', reasons <= 4, str(reasons))
faults = {row: re.findall(r'`((?:unit|e2e)/[^`]+)`', line) for line in (ROOT / 'tests/README.md').read_text().splitlines()
          for row in re.findall(r'[A-Z]\d\b', re.match(r'\| ((?:[DSULBHO]\d(?:, )?)+) \||', line)[1] or '')}
wanted = [f'{letter}{n}' for letter, last in (('D', 6), ('U', 5), ('L', 3), ('B', 2), ('H', 5), ('O', 4)) for n in range(1, last + 1)] + ['S4', 'S5']
ok('every fault has its row', sorted(faults) == sorted(wanted), str(set(faults) ^ set(wanted)))
gone = [p for places in faults.values() for p in places if not (ROOT / 'tests' / p).exists()]
ok('and its tests are there', not gone and all(faults.values()), str(gone))
close()
