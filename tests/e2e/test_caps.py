#!/usr/bin/env python3
# times: it looks at them, so little else may run
# SPDX-License-Identifier: Apache-2.0
"""256 clients run into a hard cap together: overspend 0, and nothing stays reserved when all is quiet."""
import asyncio, json, pathlib, sys
from decimal import Decimal
sys.path.insert(0, str(pathlib.Path(__file__).parent))
from stack import Stack, ok, close
from load import call

CLIENTS, REQUESTS = 256, 10000 if '--all' in sys.argv else 2000
CAP = Decimal('0.05')
BODY = {'model': 'gpt-4o-mini', 'max_tokens': 200, 'messages': [{'role': 'user', 'content': 'x' * 400}]}

async def storm(port, key, stream_share):
    todo = iter(range(REQUESTS))
    seen = {'ok': 0, 'refused': 0, 'other': 0, 'cost': Decimal(0), 'shape': None, 'headers': None}
    async def one():
        for i in todo:
            body = {**BODY, 'stream': i % stream_share == 0}
            a = await call(port, '/openai/v1/chat/completions', body, {'authorization': f'Bearer {key}', 'x-sandbox-tokens': '150'})
            if a.status == 200 and a.clean: seen['ok'] += 1
            elif a.status == 429: seen['refused'] += 1; seen['shape'], seen['headers'] = a.body, a.headers
            else: seen['other'] += 1
    await asyncio.gather(*(one() for _ in range(CLIENTS)))
    return seen

def main():
    with Stack() as s:
        key = s.json('key', 'new', '--team', 'search')['key']
        other = s.json('key', 'new', '--team', 'other')['key']
        s.json('cap', 'set', '--book', 'inference', '--amount', f'{CAP} USD', '--window', 'month', '--team', 'search', '--hard')
        import time; time.sleep(1.5)
        seen = asyncio.run(storm(s.port, key, 3))
        ok('c43_some_pass_the_rest_is_refused_nothing_else_happens', seen['ok'] > 0 and seen['refused'] > 0 and seen['other'] == 0, str({k: v for k, v in seen.items() if k not in ('shape', 'headers')}))
        e = json.loads(seen['shape'] or b'{}').get('error', {})
        ok("the refusal has the vendor's shape", set(e) >= {'message', 'type', 'param', 'code'} and e['type'] == 'budget_exceeded', str(e))
        ok('the refusal tells SDKs not to retry', (seen['headers'] or {}).get('x-should-retry') == 'false')
        status, _, out = s.request('GET', '/api/v1/caps', port=s.admin_port)
        cap = json.loads(out)['caps'][0]
        ok('c44_reserved_is_0_when_all_is_quiet', Decimal(cap['reserved']) == 0 and cap['reserved_tokens'] == 0, str(cap))
        ok(f"c47_c49_overspend_is_0_over_all_workers: {cap['spent']} of {CAP}", Decimal(cap['spent']) <= CAP, str(cap))
        total = Decimal(s.json('report', '--by', 'team')['inference']['total'])
        ok("c52_a_cap_in_money_counts_what_the_ledger_counts_to_the_last_10^-12", Decimal(cap['spent']) == total, f"{cap['spent']} {total}")
        ok('most of the cap was used before it refused', Decimal(cap['spent']) > CAP * Decimal('0.8'), cap['spent'])
        a = asyncio.run(call(s.port, '/openai/v1/chat/completions', BODY, {'authorization': f'Bearer {other}'}))
        ok('another team is not touched', a.status == 200, str(a.status))
        refused = s.json('report')
        s.kill(); s.start_gateway()
        a = asyncio.run(call(s.port, '/openai/v1/chat/completions', BODY, {'authorization': f'Bearer {key}'}))
        status, _, out = s.request('GET', '/api/v1/caps', port=s.admin_port)
        cap2 = json.loads(out)['caps'][0]
        ok('c46_after_kill_9_the_cap_still_knows_what_was_spent', Decimal(cap2['spent']) >= Decimal(cap['spent']) and Decimal(cap2['spent']) <= CAP, f"{cap2['spent']}")
        # tokens
        tkey = s.json('key', 'new', '--team', 'tokens')['key']
        s.json('cap', 'set', '--book', 'inference', '--tokens', '20000', '--window', 'day', '--team', 'tokens', '--hard')
        time.sleep(1.5)
        seen = asyncio.run(storm(s.port, tkey, 5))
        status, _, out = s.request('GET', '/api/v1/caps', port=s.admin_port)
        cap = [c for c in json.loads(out)['caps'] if c.get('limit_tokens')][0]
        ok(f"a cap in tokens holds: {cap['spent_tokens']} of 20000", seen['refused'] > 0 and 0 < cap['spent_tokens'] <= 20000 and cap['reserved_tokens'] == 0, str(cap))
        rows = [json.loads(l) for l in s.run('export', '--calls').stdout.splitlines()]
        used = sum(r['vendor_total_tok'] for r in rows if r['team'] == 'tokens')
        ok('c53_streamed_tokens_are_counted_once', cap['spent_tokens'] == used, f"{cap['spent_tokens']} {used}")
    other_currency()
    no_rate()
    close()

def other_currency():
    """A budget in pounds over a vendor that bills in dollars: the usual case, and the counter is the same after a crash."""
    RATE = Decimal('0.7692')
    conf = 'currency: {rates: [{pair: USD/GBP, rate: "0.5", from: 2024-01-01}, {pair: USD/GBP, rate: "%s", from: 2025-01-01}]}\n' \
           'caps:\n  - {book: inference, team: pounds, amount: "0.0008 GBP", window: month, hard: true}\n' % RATE
    with Stack(config=conf) as s:
        headers = {'authorization': 'Bearer sk-own', 'x-sandbox-tokens': '150', 'x-runrate-team': 'pounds'}
        def state(): return json.loads(s.request('GET', '/api/v1/caps', port=s.admin_port)[2])['caps'][0]
        answers = [asyncio.run(call(s.port, '/openai/v1/chat/completions', BODY, headers)) for _ in range(20)]
        good = [a for a in answers if a.status == 200]
        before = state()
        rows = [json.loads(l) for l in s.run('export', '--calls').stdout.splitlines()]
        due = sum(Decimal(r['cost']) for r in rows) * RATE
        ok(f"a cap in pounds counts dollars at the day's rate: {before['spent']}", 0 < len(good) < 20 and abs(Decimal(before['spent']) - due) <= len(rows) * Decimal('1e-12'), f"{before['spent']} {due}")
        text = json.loads(answers[-1].body)['error']['message']
        ok('the refusal says what is used and what this may cost', f"{Decimal(before['spent']):.6f}" in text and 'may cost up to 0.0' in text, text)
        s.kill(); s.start_gateway()
        after = state()
        ok('c46_after_kill_9_a_cap_in_another_currency_knows_it_too', abs(Decimal(after['spent']) - Decimal(before['spent'])) <= len(rows) * Decimal('1e-12'), f"{after['spent']} {before['spent']}")
        again = [asyncio.run(call(s.port, '/openai/v1/chat/completions', BODY, headers)) for _ in range(20)]
        ok('and refuses where it refused before', all(a.status == 429 for a in again), str([a.status for a in again]))
        del s.env['SANDBOX_KEY']  # whoever looks has no provider's key
        shown = s.json('cap', 'list', '--config', str(s.folder / 'runrate.yaml'))['caps']
        ok("cap list shows the configuration's caps as the gateway counts them, without any key", [c['id'] for c in shown] == ['conf-1'] and Decimal(shown[0]['spent']) == Decimal(after['spent']), str(shown))
        ok('a report needs no key either', s.run('report', '--json', '--config', str(s.folder / 'runrate.yaml')).returncode == 0)

def no_rate():
    """A soft cap whose money nobody can convert counts its tokens all the same, before a crash as after it."""
    with Stack(config='caps:\n  - {book: inference, amount: "5 EUR", tokens: 100k, window: month, hard: false}\n') as s:
        def state(): return json.loads(s.request('GET', '/api/v1/caps', port=s.admin_port)[2])['caps'][0]
        for _ in range(5): asyncio.run(call(s.port, '/openai/v1/chat/completions', BODY, {'authorization': 'Bearer sk-own', 'x-sandbox-tokens': '150'}))
        before = state()
        used = sum(json.loads(l)['vendor_total_tok'] for l in s.run('export', '--calls').stdout.splitlines())
        s.kill(); s.start_gateway()
        ok('a soft cap without a rate counts tokens', before['spent_tokens'] == used == state()['spent_tokens'] > 0 and before['reserved_tokens'] == 0, f'{before} {used} {state()}')

main()
