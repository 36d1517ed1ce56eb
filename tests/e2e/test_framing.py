#!/usr/bin/env python3
# times: it looks at them, so little else may run
# SPDX-License-Identifier: Apache-2.0
"""U3: a vendor that breaks HTTP itself. No hang, no desync, no foreign bytes; refusals in the vendor's shape; one row each."""
import json, pathlib, sys, time
sys.path.insert(0, str(pathlib.Path(__file__).parent))
from stack import Stack, ok, close
from wire import exchange, sse

FAULTS = ['truncated', 'bad-chunk', 'length-short', 'length-long', 'length-twice', 'bad-head', '1xx:10', '1xx:5000', 'http10', 'close-early', 'rst-early', 'close:10',
          'close:300', 'slow-head:1', 'slow-body:0', 'html:200', 'html:502', 'redirect', 'error200']
WHOLE = {'1xx:10', 'http10', 'slow-head:1', 'slow-body:0'}  # unusual, but right: the answer must come through
ASK = [{'role': 'user', 'content': 'hi'}]
CALLS = [
    ('chat', '/openai', '/v1/chat/completions', {'model': 'gpt-4o', 'messages': ASK}, {}),
    ('chat stream', '/openai', '/v1/chat/completions', {'model': 'gpt-4o', 'messages': ASK, 'stream': True, 'stream_options': {'include_usage': True}}, {}),
    ('messages', '/anthropic', '/v1/messages', {'model': 'claude-sonnet-4-5', 'max_tokens': 9, 'messages': ASK}, {'anthropic-version': '2023-06-01'}),
    ('gemini', '/gemini', '/v1beta/models/gemini-2.5-flash:generateContent', {'contents': [{'parts': [{'text': 'hi'}]}]}, {}),
]

def ends_in_error(body):
    try: return 'error' in json.loads(sse(body)[-1][1])
    except (ValueError, IndexError): return False

def shaped(prefix, body):
    try: v = json.loads(body)
    except ValueError: return False
    if isinstance(v, list): v = v[0]
    e = v.get('error', {})
    return {'/openai': {'message', 'type', 'param', 'code'} <= set(e), '/anthropic': v.get('type') == 'error' and {'type', 'message'} <= set(e),
            '/gemini': {'code', 'message', 'status'} <= set(e)}[prefix]

with Stack(sandbox_args=['--deterministic']) as s:
    s.post('/openai/v1/chat/completions', CALLS[0][3])
    n = 1
    for name, prefix, path, body, headers in CALLS:
        whole = exchange(s.sandbox_port, path, body, {**headers, 'x-sandbox-tokens': '9'})
        for fault in FAULTS:
            label = f'{name}: {fault}'
            direct = exchange(s.sandbox_port, path, body, {**headers, 'x-sandbox-tokens': '9', 'x-sandbox-fault': fault})
            start = time.monotonic()
            a = exchange(s.port, prefix + path, body, {**headers, 'x-sandbox-tokens': '9', 'x-sandbox-fault': fault}, timeout=15)
            took = time.monotonic() - start
            if fault in WHOLE:
                good = a.status == 200 and a.clean and a.body == whole.body
            elif fault in ('html:200', 'html:502', 'redirect', 'error200'):
                good = a.status == direct.status and a.body == direct.body and a.clean  # the vendor's own answer, as it is
            elif a.status == 200:  # it had begun
                # nothing is missing, or cut where the vendor's own length said, or visibly broken, or closed with an error event
                good = a.body == whole.body or (fault == 'length-short' and whole.body.startswith(a.body)) or not a.clean or ends_in_error(a.body)
            else:
                good = a.status in (502, 503) and a.clean and shaped(prefix, a.body)
            ok(label, good and a.ended == 'fin' and took < 10, f'{a.status} clean {a.clean} {a.ended} {took:.1f} s {a.body[:160]!r}')
            n += 1
        after = exchange(s.port, prefix + path, body, {**headers, 'x-sandbox-tokens': '9'})
        n += 1
        ok(f'{name}: afterwards a whole answer', after.body == whole.body and after.clean)
    ids = s.call_ids()
    ok(f'{n} calls, {len(ids)} rows, none twice', len(ids) == len(set(ids)) >= n, str(len(ids)))
    v = s.json('verify')
    ok('verify is content', v['ok'] is True, str(v)[:300])
close()
