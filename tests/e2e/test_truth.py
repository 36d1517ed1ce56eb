#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The ledger against the vendor's own list: the same calls, once each, the same tokens, the same money to 10^-12.

The list is written by the sandbox, which shares no counting or pricing code with the gateway. Tokens and money are summed
here from the raw usage blocks with Python's integers, by the vendors' published rates (pages of November 2025, USD per
million tokens). A second part breaks answers on purpose: what cannot be known must be estimated, and the estimate's
range must hold what was due; what was told before the break must be exact.
"""
import asyncio, collections, pathlib, random, sqlite3, sys, time
from decimal import Decimal
sys.path.insert(0, str(pathlib.Path(__file__).parent))
from stack import Stack, ok, close
from load import call

SEED, CALLS, AT_ONCE = 20261121, 360, 24
# pico-USD per token: input, cache read, write 5m, write 1h, output
RATES = {'gpt-4o-2024-08-06': (2500000, 1250000, 0, 0, 10000000), 'gpt-4.1-mini-2025-04-14': (400000, 100000, 0, 0, 1600000),
         'o4-mini-2025-04-16': (1100000, 275000, 0, 0, 4400000), 'claude-sonnet-4-5-20250929': (3000000, 300000, 3750000, 6000000, 15000000),
         'gemini-2.5-flash': (300000, 30000, 0, 0, 2500000), 'text-embedding-3-small': (20000, 0, 0, 0, 0)}

def parts(row, usage):
    """(plain, read, write 5m, write 1h, output) of a raw usage block."""
    u = usage
    if row['api'] == 'anthropic':
        c = u['cache_creation']
        assert c['ephemeral_5m_input_tokens'] + c['ephemeral_1h_input_tokens'] == u['cache_creation_input_tokens']
        return u['input_tokens'], u['cache_read_input_tokens'], c['ephemeral_5m_input_tokens'], c['ephemeral_1h_input_tokens'], u['output_tokens']
    if row['api'] == 'gemini':
        read = u.get('cachedContentTokenCount', 0)
        return u['promptTokenCount'] - read, read, 0, 0, u.get('candidatesTokenCount', 0) + u.get('thoughtsTokenCount', 0)
    if 'input_tokens' in u:
        read = u['input_tokens_details']['cached_tokens']
        return u['input_tokens'] - read, read, 0, 0, u['output_tokens']
    read = u.get('prompt_tokens_details', {}).get('cached_tokens', 0)
    return u['prompt_tokens'] - read, read, 0, 0, u.get('completion_tokens', 0)

def money(row, usage):
    return sum(n * r for n, r in zip(parts(row, usage), RATES[row['model']]))

def plan(rng, i):
    """path, body, headers of one call of the mix."""
    text = f'{i} ' + 'word ' * rng.randrange(1, 400)
    head = 'a long manual that stays the same ' * 200 if rng.random() < .5 else ''
    steer = {'x-sandbox-tokens': str(rng.randrange(1, 80)), 'x-sandbox-gap-ms': str(rng.randrange(0, 3))}
    stream = rng.random() < .5
    kind = rng.randrange(6)
    if kind <= 1:
        body = {'model': rng.choice(['gpt-4o', 'gpt-4.1-mini', 'o4-mini']), 'messages': [{'role': 'system', 'content': head}, {'role': 'user', 'content': text}]}
        if stream: body.update({'stream': True}, **({'stream_options': {'include_usage': True}} if rng.random() < .5 else {}))
        if rng.random() < .2: body['tools'] = [{'type': 'function', 'function': {'name': 'f', 'parameters': {'type': 'object', 'properties': {'a': {'type': 'string'}}}}}]
        return '/openai/v1/chat/completions', body, steer
    if kind == 2:
        return '/openai/v1/responses', {'model': rng.choice(['gpt-4o', 'o4-mini']), 'input': head + text, 'stream': stream}, steer
    if kind == 3:
        ttl = rng.choice(['5m', '1h'])
        return '/anthropic/v1/messages', {'model': 'claude-sonnet-4-5', 'max_tokens': 500, 'stream': stream, 'messages': [{'role': 'user', 'content': text}],
            'system': [{'type': 'text', 'text': ttl + head, 'cache_control': {'type': 'ephemeral', 'ttl': ttl}}] if head else 'short'}, {**steer, 'anthropic-version': '2023-06-01'}
    if kind == 4:
        verb = 'streamGenerateContent?alt=sse' if stream else 'generateContent'
        return f'/gemini/v1beta/models/gemini-2.5-flash:{verb}', {'contents': [{'role': 'user', 'parts': [{'text': head * 2 + text}]}]}, steer
    return '/openai/v1/embeddings', {'model': 'text-embedding-3-small', 'input': [text, 'x'], 'dimensions': 4}, {}

async def drive(port, work):
    todo, answers = iter(work), []
    async def one():
        for path, body, headers in todo:
            answers.append(await call(port, path, body, headers))
    await asyncio.gather(*(one() for _ in range(AT_ONCE)))
    return answers

def refs(s):
    with sqlite3.connect(f'file:{s.ledger}?mode=ro', uri=True) as c:
        return collections.Counter(v for (v,) in c.execute('SELECT vendor_ref FROM call') if v)

def exact():
    rng = random.Random(SEED)
    with Stack() as s:
        answers = asyncio.run(drive(s.port, [plan(rng, i) for i in range(CALLS)]))
        ok('all answers came whole', all(a.status == 200 and a.clean for a in answers), str(collections.Counter((a.status, a.clean) for a in answers)))
        rows = s.served()
        report = s.json('report', '--by', 'model', '--env', 'all')
        ok(f'{len(rows)} served, as many recorded', len(rows) == CALLS == report['inference']['calls'], str(report['inference']['calls']))
        mine, theirs = collections.Counter(r['id'] for r in rows if r['surface'] != 'embeddings'), refs(s)
        ok('every answer stands in the ledger under the vendor\'s id, once', all(theirs[i] == 1 for i in mine), str([i for i in mine if theirs[i] != 1][:3]))
        lines = {l['key']: l for l in report['inference']['lines']}
        for model in RATES:
            of = [r for r in rows if r['model'] == model]
            sums = [sum(c) for c in zip(*(parts(r, r['usage']) for r in of))]
            l = lines.get(model, {})
            ok(f'{model}: {len(of)} calls, {sum(sums):,} tokens', (l.get('calls'), l.get('input_tokens'), l.get('output_tokens')) == (len(of), sum(sums[:4]), sums[4]), f'{sums} {l}')
            due = sum(money(r, r['usage']) for r in of)
            ok(f'{model}: USD {Decimal(due).scaleb(-12)}', Decimal(l.get('cost', 'NaN')) == Decimal(due).scaleb(-12), f"{l.get('cost')}")
        read = sum(parts(r, r['usage'])[1] for r in rows)
        ok('the mix holds cache reads, both lives of writes, reasoning', read > 10000 and all(sum(parts(r, r['usage'])[k] for r in rows) > 1000 for k in (2, 3)))
        v = s.json('verify')
        ok('verify is content', v['ok'] is True, str(v)[:300])

BREAKS = ['usage-missing', 'rst:900', 'close:900', 'no-done', 'error-mid:6', 'truncated', 'usage-zero', 'usage-twice', 'split', 'crlf', 'bom', 'gzip', 'comments', 'html', '500', '429']

def broken():
    with Stack() as s:
        chat = {'model': 'gpt-4o', 'stream': True, 'max_tokens': 200, 'messages': [{'role': 'user', 'content': 'break it, please'}]}
        msg = {'model': 'claude-sonnet-4-5', 'max_tokens': 200, 'stream': True, 'messages': [{'role': 'user', 'content': 'break it, please'}]}
        gem = {'contents': [{'role': 'user', 'parts': [{'text': 'break it, please'}]}], 'generationConfig': {'maxOutputTokens': 400}}
        last = s.json('report', '--by', 'model', '--env', 'all')
        money_of = lambda r: (Decimal(r['total']), Decimal(r['estimated']['low']), Decimal(r['estimated']['high']), r['estimated']['calls'])
        for fault in BREAKS:
            for path, body, h in (('/openai/v1/chat/completions', chat, {}), ('/anthropic/v1/messages', msg, {'anthropic-version': '2023-06-01'}),
                                  ('/gemini/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse', gem, {})):
                n = len(s.served())
                asyncio.run(call(s.port, path, body, {**h, 'x-sandbox-tokens': '60', 'x-sandbox-fault': fault}, timeout=8))
                for _ in range(100):
                    report = s.json('report', '--by', 'model', '--env', 'all')
                    if report['inference']['calls'] > last['inference']['calls']: break
                    time.sleep(0.05)
                rows, name = s.served()[n:], f'{fault}: {path.split("/")[1]}'
                total, low, high, estimated = (a - b for a, b in zip(money_of(report), money_of(last)))
                due = Decimal(sum(money(r, r['usage_due']) for r in rows if r['usage_due'])).scaleb(-12)
                told = [r['usage'] for r in rows if r['usage'] is not None]
                if not any(r['usage_due'] for r in rows):
                    ok(f'{name}: nothing was served, nothing is owed', total == 0 and report['inference']['calls'] > last['inference']['calls'], f'{total}')
                elif told and fault == 'gzip' and estimated:  # a vendor that compresses unasked may be read, or estimated and said so
                    ok(f'{name}: compressed unasked: estimated at {total}, {low} to {high} holds {due}', low <= due <= high)
                elif told and fault != 'usage-zero':
                    ok(f'{name}: usage was told: exactly {due}', total == due and not estimated, f'{total} {low}..{high}')
                elif told:
                    ok(f'{name}: told zero stays zero', total == 0 and not estimated, f'{total}')
                else:
                    ok(f'{name}: not told: estimated at {total}, {low} to {high} holds {due}', estimated == 1 and low <= due <= high and low <= total <= high, f'{estimated} {total} {low} {high} {due}')
                last = report
        v = s.json('verify')
        ok('verify is content after all that', v['ok'] is True, str(v)[:300])
exact()
broken()
close()
