#!/usr/bin/env python3
# alone: it loads the machine, and looks at times
# SPDX-License-Identifier: Apache-2.0
"""U1: the vendor resets the connection behind a byte of a recorded stream: in `make test` around every event's end and at
every seventh byte of three vendors' streams, in `make test-all` behind each byte of more of them.

The client must see events that the vendor sent, whole, then the vendor's own error event and a clean end; never an end that
hides the break. Each call has one row, which says that the vendor failed and holds the tokens that were seen; the next call
on the same gateway works.
"""
import asyncio, collections, json, pathlib, sys
sys.path.insert(0, str(pathlib.Path(__file__).parent))
from stack import Stack, ok, close
from load import call
from wire import sse

ALL = '--all' in sys.argv
ASK = [{'role': 'user', 'content': 'hi'}]
TOOL = {'type': 'function', 'function': {'name': 'weather', 'description': 'w', 'parameters': {'type': 'object', 'properties': {'city': {'type': 'string'}}}}}
CHAT = {'model': 'gpt-4o', 'stream': True, 'stream_options': {'include_usage': True}, 'messages': ASK}
MESSAGE = {'model': 'claude-sonnet-4-5', 'max_tokens': 9, 'stream': True, 'messages': ASK}
GEMINI = {'contents': [{'role': 'user', 'parts': [{'text': 'hi'}]}]}
PATHS = {'openai': ('/openai', '/v1/chat/completions', {}), 'responses': ('/openai', '/v1/responses', {}), 'anthropic': ('/anthropic', '/v1/messages', {'anthropic-version': '2023-06-01'}),
         'gemini': ('/gemini', '/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse', {})}
STREAMS = [('openai', CHAT), ('anthropic', MESSAGE), ('gemini', GEMINI)]
if ALL:
    STREAMS += [('responses', {'model': 'gpt-4.1-mini', 'stream': True, 'input': 'hi'}), ('openai', {**CHAT, 'tools': [TOOL], 'tool_choice': 'required'}), ('openai', {**CHAT, 'n': 2}),
                ('openai', {'model': 'gpt-4o', 'stream': True, 'messages': ASK}), ('anthropic', {**MESSAGE, 'tools': [{'name': 'weather', 'input_schema': TOOL['function']['parameters']}], 'tool_choice': {'type': 'any'}}),
                ('anthropic', {**MESSAGE, 'max_tokens': 1100, 'thinking': {'type': 'enabled', 'budget_tokens': 1024}})]

def error_of(vendor, event, data):
    """The error of an event in that vendor's shape, or None."""
    v = json.loads(data)
    e = v.get('error') if isinstance(v.get('error'), dict) else {}
    good = {'openai': event is None and set(v) == {'error'} and set(e) == {'message', 'type', 'param', 'code'},
            'responses': event == 'error' and v.get('type') == 'error' and {'code', 'message', 'param', 'sequence_number'} <= set(v),
            'anthropic': event == 'error' and v.get('type') == 'error' and {'type', 'message'} <= set(e),
            'gemini': event is None and e.get('code') == 502 and e.get('status') == 'UNAVAILABLE' and 'message' in e}[vendor]
    return v if good else None

def text_of(events):
    """All that the model wrote, whatever the dialect."""
    out = []
    def walk(v, key=''):
        if isinstance(v, dict):
            for k, x in v.items(): walk(x, k)
        elif isinstance(v, list):
            for x in v: walk(x, key)
        elif isinstance(v, str) and key in ('content', 'text', 'delta', 'partial_json', 'arguments', 'thinking'): out.append(v)
    for _, data in events:
        try: walk(json.loads(data))
        except ValueError: pass
    return ''.join(out)

def cut_usage(frames):
    """The gateway asks for usage where the client did not, and takes that chunk and its nulls away again."""
    return [f for f in (f.replace(',"usage":null', '') for f in frames) if '"choices":[]' not in f]

def judge(vendor, asked_usage, a, whole, k):
    """None when all is well, else what is wrong."""
    if a.status != 200:
        return None if k == 0 and a.status == 502 and a.clean else f'status {a.status}'
    if not a.clean: return 'no clean end'
    frames = lambda b: [f for f in b.decode().replace('\r\n', '\n').split('\n\n') if f]
    got, sent = frames(a.body), frames(whole)
    if not asked_usage: sent = cut_usage(sent)
    if got == sent: return None
    last = sse(a.body)[-1] if got else None
    try: broke = last and error_of(vendor, *last)
    except ValueError: broke = None
    if not broke: return f'no error event at the end: {got[-1:]}'
    if got[:-1] != sent[:len(got) - 1]: return f'not what the vendor sent: {got[:-1][-1:]}'
    if len(got) - 1 >= len(sent): return 'more than the vendor sent'
    return None

def stated_out(vendor, whole):
    """The output that the vendor's own usage states at the end of the whole stream; thoughts are output."""
    events = [json.loads(d) for _, d in sse(whole) if d != '[DONE]']
    if vendor == 'gemini':
        u = [e['usageMetadata'] for e in events if 'usageMetadata' in e][-1]
        return u['candidatesTokenCount'] + u.get('thoughtsTokenCount', 0)
    if vendor == 'anthropic': return [e['usage'] for e in events if e.get('type') == 'message_delta'][-1]['output_tokens']
    return ([e['usage']['completion_tokens'] for e in events if e.get('usage')] or [0])[-1]

async def run(s):
    rng = 0
    for vendor, body in STREAMS:
        prefix, path, headers = PATHS[vendor]
        steer = {**headers, 'x-sandbox-tokens': '3'}
        whole = (await call(s.sandbox_port, path, body, steer)).body
        ends = {at + d for at in range(len(whole)) if whole[at:at + 2] == b'\n\n' or whole[at:at + 4] == b'\r\n\r\n' for d in range(-1, 6)}
        places = range(len(whole)) if ALL else sorted(k for k in range(len(whole)) if k % 7 == 0 or k in ends or k < 3)
        stated = stated_out(vendor, whole)  # its last bytes may have come without the frame's end: then that is the measure
        bad, kinds, seen, todo = [], collections.Counter(), {}, iter(places)
        async def one():
            for k in todo:
                a = await call(s.port, prefix + path, body, {**steer, 'x-sandbox-fault': f'rst:{k}'}, timeout=15)
                why = judge(vendor, vendor != 'openai' or 'stream_options' in body, a, whole, k)
                broke = b'upstream_error' in a.body or b'api_error' in a.body
                kinds['error event' if broke else 'whole' if a.status == 200 else 'refused'] += 1
                if a.headers.get('x-runrate-id'): seen[a.headers['x-runrate-id']] = (broke, text_of(sse(a.body)[:-1] if broke and a.status == 200 else sse(a.body)) if a.status == 200 else '')
                if why: bad.append((k, why))
        await asyncio.gather(*(one() for _ in range(8)))
        name = f'{vendor}{" tools" if "tools" in body else " n=2" if "n" in body else " thinking" if "thinking" in body else ""}'
        ok(f'{name}: reset behind {len(places)} of {len(whole)} bytes: {dict(kinds)}', not bad and kinds['error event'] > len(places) / 2, f'{len(bad)}: {bad[:4]}')
        rows = {r['id']: r for r in (json.loads(l) for l in s.run('export', '--calls').stdout.splitlines())}
        wrong = []
        for i, (broke, text) in seen.items():
            r = rows.get(i)
            out = sum(v for c, v in (r or {}).get('classes', {}).items() if c.startswith('out_'))
            if not r: wrong.append((i, 'no row'))
            elif broke and (r['outcome'] != 'upstream_failed' or (r['provenance'] != 'estimated' and not out)): wrong.append((i, r['outcome'], r['provenance']))
            elif broke and text and not out: wrong.append((i, 'no tokens', text[:40]))
            elif broke and r['provenance'] == 'estimated' and out > len(text.encode()) + 8: wrong.append((i, f'{out} tokens of {len(text)} bytes'))
            elif broke and r['provenance'] == 'measured' and out != stated: wrong.append((i, f'{out} tokens, and the vendor said {stated}'))
            elif not broke and r['provenance'] != 'measured': wrong.append((i, 'whole, yet', r['provenance']))
        ok(f'{name}: each has its row, with the tokens that were seen', not wrong and len(seen) >= len(places) * 0.95, f'{len(seen)} {len(wrong)}: {wrong[:4]}')
        a = await call(s.port, prefix + path, body, steer)
        ok(f'{name}: afterwards a whole answer', a.clean and judge(vendor, vendor != 'openai' or 'stream_options' in body, a, whole, len(whole)) is None, str(a.status))

with Stack(sandbox_args=['--deterministic']) as s:
    asyncio.run(run(s))
    v = s.json('verify')
    ok('verify is content', v['ok'] is True, str(v)[:300])
    served = sum(1 for r in s.served() if r['surface'] != 'other') - len(STREAMS)
    ids = s.call_ids()
    ok(f'{served} attempts served, {len(ids)} rows, none twice', len(ids) == len(set(ids)) >= served * 0.99, '')
close()
