#!/usr/bin/env python3
# alone: it loads the machine, and looks at times
# SPDX-License-Identifier: Apache-2.0
"""U4: half of all calls fail at the vendor for a while. The gateway asks nobody twice for it (the caller's SDK decides), hands
on the vendor's own words and its time to come again, records each failed attempt and bills it nothing unless the vendor said
what it used; and a vendor that resets connections is asked at most a tenth more often than the clients asked.
"""
import asyncio, collections, json, pathlib, sys
from decimal import Decimal
sys.path.insert(0, str(pathlib.Path(__file__).parent))
from stack import Stack, ok, close
from load import call

CALLS = 6000 if '--all' in sys.argv else 600
CHAT = {'model': 'gpt-4o-mini', 'messages': [{'role': 'user', 'content': 'hello'}]}
MESSAGE = {'model': 'claude-haiku-4-5', 'max_tokens': 20, 'messages': [{'role': 'user', 'content': 'hello'}]}
GEMINI = {'contents': [{'role': 'user', 'parts': [{'text': 'hello'}]}]}
KINDS = [('/openai/v1/chat/completions', CHAT, {}), ('/openai/v1/chat/completions', {**CHAT, 'stream': True}, {}), ('/anthropic/v1/messages', MESSAGE, {'anthropic-version': '2026-10-21'}),
         ('/gemini/v1beta/models/gemini-2.5-flash:generateContent', GEMINI, {})]
FAULTS = ['429:7', '500', '503:3', '529', '502']

async def storm(s, fault_of, calls):
    seen, todo = [], iter(range(calls))
    async def one():
        for i in todo:
            path, body, headers = KINDS[i % len(KINDS)]
            fault = fault_of(i)
            a = await call(s.port, path, body, {**headers, 'x-sandbox-tokens': '5', **({'x-sandbox-fault': fault} if fault else {})})
            seen.append((i, fault, a))
    await asyncio.gather(*(one() for _ in range(24)))
    return seen

def rows(s): return {r['id']: r for r in (json.loads(l) for l in s.run('export', '--calls').stdout.splitlines())}

def main():
    with Stack() as s:
        seen = asyncio.run(storm(s, lambda i: FAULTS[i // 8 % len(FAULTS)] if i // 4 % 2 else None, CALLS))
        good = [x for x in seen if not x[1]]
        failed = [x for x in seen if x[1]]
        ok(f'{len(good)} of {len(seen)} calls are answered', len(good) == len(failed) == CALLS // 2 and all(a.status == 200 and a.clean for _, _, a in good), str(collections.Counter(a.status for _, _, a in good)))
        wrong = [(f, a.status, a.headers.get('retry-after')) for _, f, a in failed if a.status != int(f.split(':')[0]) or not a.clean or (':' in f and a.headers.get('retry-after') != f.split(':')[1])]
        ok('each failure comes as the vendor gave it, with its time to come again', not wrong, str(wrong[:3]))
        served = s.served()
        ok(f'the vendor was asked once for each: {len(served)} for {len(seen)}', len(served) == len(seen), str(len(served)))
        r = rows(s)
        mine = [r.get(a.headers.get('x-runrate-id')) for _, _, a in failed]
        ok('each failed attempt is recorded and costs nothing', all(x and x['status'] == int(f.split(':')[0]) and Decimal(x['cost']) == 0 and not x['vendor_total_tok'] for x, (_, f, _) in zip(mine, failed)),
           str([x for x in mine if not x or Decimal(x['cost'])][:2])[:300])
        spent = sum(Decimal(x['cost']) for x in r.values())
        ok('what was answered was billed', spent > 0 and spent == Decimal(s.json('report')['inference']['total']))
        before = len(served)
        seen = asyncio.run(storm(s, lambda i: ('rst-early', 'close-early')[i // 8 % 2] if i // 4 % 2 else None, CALLS))
        asked = len(s.served()) - before
        lost = sum(a.status == 502 for _, f, a in seen if f)
        hurt = [(i, f, a.status) for i, f, a in seen if not f and not (a.status == 200 and a.clean)]
        ok(f'a vendor that resets half of its connections is asked {asked} times for {len(seen)} calls', asked <= len(seen) * 1.1 + 20, str(asked))
        ok(f'the others do not suffer for it; {lost} failures are told', not hurt and lost > CALLS // 4, f'{len(hurt)} {hurt[:3]}')
        v = s.json('verify'); ok('verify is content', v['ok'] is True, str(v)[:300])
    close()

main()
