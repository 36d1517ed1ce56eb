#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A bill is imported, replaced and taken back while a gateway answers on the same ledger.

Each step changes so many sums that they are merged after the batch counts, and in turn the larger or the smaller table is
moved (src/ledger/rollup_delta.c). The gateway's statements on those tables go on; every answered call is in the report,
the imported money is the file's at each step, nobody waits for long, and verify is content.
"""
import pathlib, random, sys, threading, time
from decimal import Decimal as D
sys.path.insert(0, str(pathlib.Path(__file__).parent))
from stack import Stack, ok, close, until

CHAT = {'model': 'gpt-4o-mini', 'messages': [{'role': 'user', 'content': 'hello'}]}
HEAD = ('identity_line_item_id,bill_billing_period_start_date,bill_billing_period_end_date,bill_payer_account_id,line_item_usage_account_id,'
        'line_item_line_item_type,line_item_usage_start_date,line_item_product_code,line_item_usage_type,line_item_operation,'
        'line_item_usage_amount,line_item_unblended_cost,line_item_currency_code,pricing_unit\n')

def report(path, rows, accounts, seed):
    """A cost report of January 2026 and its total."""
    r, total = random.Random(seed), D(0)
    with open(path, 'w') as f:
        f.write(HEAD)
        for i in range(rows):
            cost = D(r.randrange(1, 10**9)) / 10**8
            total += cost
            f.write(f'id{seed}-{i},2026-01-01T00:00:00Z,2026-02-01T00:00:00Z,1,{100000 + i % accounts},Usage,2026-01-{i % 31 + 1:02}T{i // 31 % 24:02}:00:00Z,'
                    f'AmazonBedrock,USE1-Claude3Haiku-input-tokens,InvokeModelInference,{i % 977},{cost},USD,1K tokens\n')
    return total

with Stack() as s:
    stop, answered, slowest = threading.Event(), [0], [0.0]
    def traffic():
        while not stop.is_set():
            t = time.monotonic()
            if s.post('/openai/v1/chat/completions', CHAT)[0] == 200: answered[0] += 1
            slowest[0] = max(slowest[0], time.monotonic() - t)
    def billed():
        got = s.json('report', '--since', '2026-01-01', '--until', '2026-02-01')
        return D(got['total'])
    threads = [threading.Thread(target=traffic) for _ in range(2)]
    for t in threads: t.start()
    until(lambda: answered[0] > 50)
    totals = {}
    for name, rows, accounts in (('first', 12000, 40), ('longer', 30000, 90), ('small', 3000, 7)):
        path = s.folder / f'{name}.csv'
        totals[name] = report(path, rows, accounts, rows)
        before = answered[0]
        got = s.json('import', str(path))
        ok(f'{name}: all {rows} rows are taken', got['rows_new'] + got['rows_revised'] == rows, str(got)[:300])
        ok(f'{name}: the report is the file, what stood there before is replaced', billed() == totals[name], f'{billed()} {totals[name]}')
        ok(f'{name}: the gateway answered meanwhile', answered[0] > before, str(answered))
    ok('taken back, the one before counts again', s.run('import', '--undo', '3').returncode == 0 and billed() == totals['longer'], str(billed()))
    ok('and the one before that', s.run('import', '--undo', '2').returncode == 0 and billed() == totals['first'], str(billed()))
    stop.set()
    for t in threads: t.join()
    ok('no call waited for an import', slowest[0] < 10, f'{slowest[0]:.2f} s')
    recorded = lambda: s.json('report', '--since', '2026-03-01', '--by', 'model')['inference']['calls']
    ok('every answered call is in the roll-ups', until(lambda: recorded() == answered[0]), f'{recorded()} of {answered[0]}')
    v = s.json('verify')
    ok('verify is content', v['ok'], str(v)[:500])
close()
