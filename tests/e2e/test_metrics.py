#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""/metrics: valid to two readers that share nothing with the writer, and the same figures as the ledger's.
"""
import json, pathlib, sys
from decimal import Decimal
sys.path.insert(0, str(pathlib.Path(__file__).parent))
import exposition, judges
from stack import Stack, ok, skip, close, rows

CHAT = {'model': 'gpt-4o-mini', 'messages': [{'role': 'user', 'content': 'hello'}]}
CLAUDE = {'model': 'claude-haiku-4-5', 'max_tokens': 50, 'messages': [{'role': 'user', 'content': 'hello'}]}
ODD = 'odd "model"\\ with\nlines'

def scrape(s):
    status, headers, body = s.request('GET', '/metrics', port=s.admin_port)
    ok('the content type is the format\'s', status == 200 and headers['content-type'] == 'text/plain; version=0.0.4; charset=utf-8', str(headers))
    return body.decode()

def refusals():
    """The strict reader refuses what it should: a reader that takes everything proves nothing."""
    good = '# HELP a_total x\n# TYPE a_total counter\na_total{b="c\\"\\\\\\n"} 1\n'
    ok('the reader reads escapes', exposition.parse(good)['a_total']['samples'][0][1]['b'] == 'c"\\\n')
    bad = [good[:-1], good + good, good.replace('counter', 'count'), good.replace('} 1', '} one'), good.replace('"c', '"c"'),
           good.replace('\\n', '\n'), good + 'a_total{b="c\\"\\\\\\n"} 2\n', good + 'b_total 1\n', good.replace('# TYPE a_total counter\n', ''),
           '# HELP h x\n# TYPE h histogram\nh_bucket{le="1"} 2\nh_bucket{le="+Inf"} 1\nh_sum 1\nh_count 1\n',
           '# HELP h x\n# TYPE h histogram\nh_bucket{le="1"} 1\nh_sum 1\nh_count 1\n', '# HELP g_total x\n# TYPE g_total gauge\ng_total 1\n']
    passed = []
    for text in bad:
        try: exposition.parse(text); passed.append(text)
        except ValueError: pass
    ok(f'the reader refuses {len(bad)} wrong texts', not passed, str(passed[:1]))

def main():
    refusals()
    with Stack(config='caps: [{team: a, amount: "5 USD", window: day, hard: true}, {feature: f, tokens: 100000, window: month}]\n') as s:
        for i in range(6):
            s.post('/openai/v1/chat/completions', {**CHAT, 'stream': i % 2 == 1}, {'x-sandbox-tokens': str(10 + i), 'x-runrate-team': 'a'})
        for _ in range(3): s.post('/anthropic/v1/messages', CLAUDE, {'x-api-key': 'sk-x', 'authorization': '', 'anthropic-version': '2023-06-01'})
        s.post('/openai/v1/chat/completions', {**CHAT, 'model': ODD})
        for i in range(5): s.post('/openai/v1/chat/completions', {**CHAT, 'model': f'made-up-{i}'}, {'x-sandbox-fault': '500'})
        s.post('/openai/v1/chat/completions', CHAT, {'x-sandbox-fault': '429'})
        text = scrape(s)
        f = exposition.parse(text)
        ledger = rows(s)
        ok('the strict reader takes it all', len(f) > 30, str(len(f)))
        try:
            judges.have('judges')
            from prometheus_client.parser import text_string_to_metric_families
            theirs = {x.name: x for x in text_string_to_metric_families(text)}
            mine = {n.removesuffix('_total') if v['type'] == 'counter' else n for n, v in f.items()}
            ok('prometheus_client reads the same families', set(theirs) == mine, str(set(theirs) ^ mine))
            same = all(sorted((x.name, sorted(x.labels.items()), Decimal(repr(x.value))) for x in theirs[n.removesuffix('_total')].samples) ==
                       sorted((a, sorted(b.items()), Decimal(repr(float(c)))) for a, b, c in f[n]['samples']) for n in f if f[n]['type'] == 'counter')
            ok('and the same values', same)
        except ImportError:
            skip('prometheus_client', 'the package is not here (tests/e2e/setup.sh judges)')
        for model in ('gpt-4o-mini', 'claude-haiku-4-5'):
            of = [r for r in ledger if r['model_asked'] == model and r['outcome'] == 'ok']
            ok(f'{model}: calls as in the ledger', exposition.values(f, 'runrate_model_requests_total', request_model=model, error='') == len(of) > 0, str(len(of)))
            for kind, side in (('input', 'in_'), ('output', 'out_')):
                want = sum(v for r in of for k, v in r['classes'].items() if k.startswith(side))
                got = exposition.values(f, 'runrate_model_tokens_total', request_model=model, type=kind, error='')
                ok(f'{model}: {kind} tokens as in the ledger', got == want > 0, f'{got} {want}')
            cost = sum(Decimal(r['cost']) for r in of)
            ok(f'{model}: cost as in the ledger, exactly', exposition.values(f, 'runrate_model_cost_total', request_model=model, currency='USD') == cost > 0, str(cost))
        ok('time to first token of streams alone', exposition.values({'x': {'samples': [x for x in f['runrate_model_time_to_first_token_seconds']['samples'] if x[0].endswith('_count')]}}, 'x') == 3)
        ok('durations of all', exposition.values({'x': {'samples': [x for x in f['runrate_model_duration_seconds']['samples'] if x[0].endswith('_count')]}}, 'x') == len(ledger))
        names = {l['request_model'] for _, l, _ in f['runrate_model_requests_total']['samples']}
        ok('a name that never answered opens no series', not any('made-up' in n for n in names), str(names))
        ok('a name with quotes and lines is escaped', ODD in names, str(names))
        ok('failures bear their status', exposition.values(f, 'runrate_model_requests_total', error='500') == 5 and exposition.values(f, 'runrate_model_requests_total', error='429') == 1)
        ok('an unpriced model is counted, its cost is not', exposition.values(f, 'runrate_model_unpriced_total', request_model=ODD) == 1 and exposition.values(f, 'runrate_model_cost_total', request_model=ODD) == 0)
        spent = sum(Decimal(r['cost']) for r in ledger if r['team'] == 'a' and r['cost'])
        ok('a cap\'s limit and what is spent', exposition.values(f, 'runrate_cap_limit', team='a') == 5 and exposition.values(f, 'runrate_cap_spent', team='a') == spent > 0)
        ok('a cap without money has no money series', not any(l['feature'] == 'f' for _, l, _ in f['runrate_cap_limit']['samples']) and exposition.values(f, 'runrate_cap_limit_tokens', feature='f') == 100000)
        ok('no key stands in it', b'sk-' not in text.encode())
    with Stack() as s:  # the sandbox answers to every name: more names than there may be series
        for i in range(300): s.post('/openai/v1/chat/completions', {**CHAT, 'model': f'm{i}'})
        f = exposition.parse(scrape(s))
        n = len({tuple(sorted(l.items())) for _, l, _ in f['runrate_model_requests_total']['samples']})
        ok('the number of series is bounded, and no call is lost', n <= 257 and exposition.values(f, 'runrate_model_requests_total') == 300 and
           exposition.values(f, 'runrate_model_requests_total', model='(other)') >= 1, f'{n}')
    close()

main()
