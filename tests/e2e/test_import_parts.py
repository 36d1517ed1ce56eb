#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""An AWS report in parts, each imported by a command of its own, in any order; then the same month again, grown and corrected and cut
elsewhere: in one command, and where half a month stood there before, by its parts too. At the end the ledger holds the newest report, cent
by cent, as this file's own lists say it.

AWS cuts a report into parts at any row and writes the whole month anew at each refresh (docs.aws.amazon.com/cur/latest/userguide, "Creating
reports": report versioning; read 2026-11-29).
"""
import csv, json, os, pathlib, random, subprocess, sys, tempfile
from decimal import Decimal as D
sys.path.insert(0, str(pathlib.Path(__file__).parent))
from stack import BINARY, ok, close

TMP = pathlib.Path(tempfile.mkdtemp(prefix='rr-parts-'))
HEAD = ['bill_payer_account_id', 'bill_billing_period_start_date', 'bill_billing_period_end_date', 'line_item_usage_account_id', 'line_item_usage_start_date',
        'line_item_usage_end_date', 'line_item_line_item_type', 'line_item_product_code', 'line_item_usage_type', 'line_item_operation', 'line_item_resource_id',
        'line_item_usage_amount', 'line_item_unblended_cost', 'line_item_currency_code', 'pricing_unit', 'identity_line_item_id']
rng = random.Random(20261129)

def report(payer, month, days, per_day, seed):
    """{key: row}: what a month's report holds when so many of its days have gone by."""
    r = random.Random(seed)
    rows = {}
    for day in range(1, 31):
        for n in range(per_day):
            usage = r.choice(['USE1-Claude4.6Sonnet-input-tokens', 'USE1-NovaMicro-output-tokens', 'USE1-Train:ml.p4d.24xlarge', 'USE1-TimedStorage-ByteHrs'])
            row = dict(zip(HEAD, [payer, f'{month}-01 00:00:00', f'{month[:5]}{int(month[5:]) + 1:02}-01 00:00:00', str(r.randint(1, 3)), f'{month}-{day:02} {n % 24:02}:00:00',
                                  f'{month}-{day:02} {n % 24:02}:59:59', 'Usage', 'AmazonBedrock', usage, 'op', f'arn:{n}', str(r.randint(1, 900)), f'{r.randint(1, 10**6)}E-4',
                                  'USD', '1K tokens', '']))
            if day <= days: rows[day, n] = row
    return rows

def later(rows, grown, seed):
    """The month grown to `grown`, with a tenth of what stood there at another cost and a few rows gone."""
    r = random.Random(seed)
    out = {k: dict(v) for k, v in grown.items()}
    for k in sorted(rows):
        if r.random() < 0.1: out[k]['line_item_unblended_cost'] = f'{r.randint(1, 10**6)}E-4'
        elif r.random() < 0.03: del out[k]
    return out

def parts(folder, rows, count, columns=HEAD, extra=''):
    """The rows cut at any place, into files of one header; line items have other ids each time."""
    rows = list(rows.values())
    rng.shuffle(rows)
    cuts = [len(rows) * i // count for i in range(count + 1)]
    files = []
    for i in range(count):
        if cuts[i] == cuts[i + 1]: continue
        path = folder / f'{rng.getrandbits(40):x}.csv'
        with open(path, 'w', newline='') as f:
            w = csv.DictWriter(f, columns, restval=extra)
            w.writeheader()
            w.writerows({**row, 'identity_line_item_id': f'{rng.getrandbits(64):x}'} for row in rows[cuts[i]:cuts[i + 1]])
        files.append(path)
    return files

def imports(ledger, *files):
    r = subprocess.run([BINARY, 'import', *map(str, files), '--json', '--ledger', str(ledger)], capture_output=True, text=True, timeout=60)
    return json.loads(r.stdout) if r.returncode == 0 else {'failed': r.stderr}

def total(ledger):
    r = json.loads(subprocess.run([BINARY, 'report', '--json', '--ledger', str(ledger)], capture_output=True, text=True, timeout=60).stdout)
    return sum(D(r[book] if isinstance(r[book], str) else r[book]['total']) for book in ('inference', 'training', 'other', 'unclassified'))

def worth(*reports): return sum(D(row['line_item_unblended_cost']) for rows in reports for row in rows.values())

def verified(ledger): return json.loads(subprocess.run([BINARY, 'verify', '--json', '--ledger', str(ledger)], capture_output=True, text=True, timeout=60).stdout)['ok']

for turn in range(4):
    folder = TMP / str(turn)
    folder.mkdir()
    ledger, per_day = folder / 'l.db', rng.randint(3, 12)
    whole = report('111', '2026-09', 30, per_day, turn)
    days = (1, 28, 5, 12)[turn]
    first = {k: v for k, v in whole.items() if k[0] <= days}
    second = later(first, whole, turn)
    other = report('222', '2026-09', 9, 4, 1000 + turn)
    october = report('111', '2026-10', 4, 5, 2000 + turn)
    for f in parts(folder, first, rng.randint(2, 5)): imports(ledger, f)
    ok(f'{turn}: a report in parts is the sum of its parts', total(ledger) == worth(first), f'{total(ledger)} {worth(first)}')
    more = parts(folder, other, 2) + parts(folder, october, 3)
    rng.shuffle(more)
    for f in more: imports(ledger, f)
    ok(f'{turn}: another payer and another month stand beside it', total(ledger) == worth(first, other, october), f'{total(ledger)} {worth(first, other, october)}')
    files = parts(folder, second, rng.randint(2, 4))
    for command in ([[f] for f in files] if days >= 12 else [files]): imports(ledger, *command)
    ok(f'{turn}: the month grown, corrected and cut elsewhere replaces the earlier one ({days} days, {len(files)} parts)', total(ledger) == worth(second, other, october),
       f'{total(ledger)} {worth(second, other, october)}')
    again = imports(ledger, *parts(folder, second, 3))
    ok(f'{turn}: in one command once more: nothing new', again.get('rows_new') == 0 and total(ledger) == worth(second, other, october), again)
    wider = parts(folder, second, 2, HEAD + ['resource_tags_user_team'], 'search')
    for f in wider: imports(ledger, f)
    ok(f'{turn}: with one column more it is a newer report, not a part', total(ledger) == worth(second, other, october), f'{total(ledger)} {worth(second, other, october)}')
    ok(f'{turn}: verify is content', verified(ledger))

folder = TMP / 'undo'
folder.mkdir()
rows = report('111', '2026-09', 12, 6, 7)
a, b = parts(folder, rows, 2)
one, two = imports(folder / 'l.db', a), imports(folder / 'l.db', b)
ok('a further part is said to be one', any('further part' in n for n in two['notes']) and not any('further part' in n for n in one['notes']), two['notes'])
grown = later(rows, report('111', '2026-09', 20, 6, 7), 3)
three = imports(folder / 'l.db', *parts(folder, grown, 1))
ok('rows that a newer report lacks are counted, and said', any('count no longer' in n for n in three['notes']) and total(folder / 'l.db') == worth(grown), three['notes'])
for batch in (3, 1):
    subprocess.run([BINARY, 'import', '--undo', str(batch), '--ledger', str(folder / 'l.db')], capture_output=True)
left = sum(D(r['line_item_unblended_cost']) for r in csv.DictReader(open(b)))
ok('taken back: the other part stays', total(folder / 'l.db') == left and verified(folder / 'l.db'), f"{total(folder / 'l.db')} {left}")
close()
