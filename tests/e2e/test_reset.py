#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""U1: the vendor resets the connection behind every byte of three recorded streams.

The client must see bytes that the vendor sent, then either the vendor's own error event or a broken end, never a clean end
that hides the break; each call is recorded once; the next call on the same gateway works.
"""
import asyncio, collections, json, pathlib, sys
sys.path.insert(0, str(pathlib.Path(__file__).parent))
from stack import Stack, ok, close
from load import call
from wire import sse

STREAMS = [
    ('openai', '/openai', '/v1/chat/completions', {'model': 'gpt-4o', 'stream': True, 'stream_options': {'include_usage': True}, 'messages': [{'role': 'user', 'content': 'hi'}]}, {}),
    ('anthropic', '/anthropic', '/v1/messages', {'model': 'claude-sonnet-4-5', 'max_tokens': 9, 'stream': True, 'messages': [{'role': 'user', 'content': 'hi'}]}, {'anthropic-version': '2023-06-01'}),
    ('gemini', '/gemini', '/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse', {'contents': [{'parts': [{'text': 'hi'}]}]}, {}),
]

def judge(a, whole, k):
    """None when all is well, else what is wrong."""
    if a.status != 200:
        return f'status {a.status}' if k else None  # nothing had come: the gateway may answer itself
    common = next((i for i, (x, y) in enumerate(zip(a.body, whole)) if x != y), min(len(a.body), len(whole)))
    rest = a.body[common:]
    if common > k + 1 and not rest:
        return f'{common} bytes, more than the vendor sent'
    if rest and b'error' not in rest:
        return f'foreign bytes {rest[:60]!r}'
    if rest:  # what was cut off must not swallow the error
        try: last = json.loads(sse(a.body)[-1][1])
        except (ValueError, IndexError): return f'no event at the end: {a.body[-80:]!r}'
        if 'error' not in last: return f'the last event is no error: {str(last)[:80]}'
    if a.clean and not rest and a.body != whole[:0] and common < len(whole):
        return f'a clean end at {common} of {len(whole)}'
    return None

async def run(s):
    for name, prefix, path, body, headers in STREAMS:
        steer = {**headers, 'x-sandbox-tokens': '3'}
        whole = (await call(s.sandbox_port, path, body, steer)).body
        bad, kinds, todo = [], collections.Counter(), iter(range(len(whole)))
        async def one():
            for k in todo:
                a = await call(s.port, prefix + path, body, {**steer, 'x-sandbox-fault': f'rst:{k}'}, timeout=15)
                why = judge(a, whole, k)
                kinds['error event' if b'error' in a.body else 'clean' if a.clean else 'broken'] += 1
                if why: bad.append((k, why))
        await asyncio.gather(*(one() for _ in range(8)))
        ok(f'{name}: reset behind each of {len(whole)} bytes: {dict(kinds)}', not bad, f'{len(bad)}: {bad[:4]}')
        a = await call(s.port, prefix + path, body, steer)
        ok(f'{name}: afterwards a whole answer', a.clean and a.body == whole, str(a.status))

with Stack(sandbox_args=['--deterministic']) as s:
    asyncio.run(run(s))
    v = s.json('verify')
    ok('verify is content', v['ok'] is True, str(v)[:300])
    served = sum(1 for r in s.served() if r['surface'] != 'other') - len(STREAMS)
    ids = s.call_ids()
    ok(f'{served} attempts served, {len(ids)} rows, none twice', len(ids) == len(set(ids)) >= served * 0.99, '')
close()
