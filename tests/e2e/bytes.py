#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Byte for byte: the same request directly and through a gateway; sha256 of the body's bytes must agree.

    SANDBOX_BASE=http://127.0.0.1:7310 GATEWAY_BASE=http://127.0.0.1:7300 tests/e2e/bytes.py
The sandbox must run with --deterministic. Compared are status, the body's bytes and the headers in SAME. An answer that
a fault compresses is compared after its coding is undone, since a proxy may keep or undo it.
"""
import gzip, hashlib, os, pathlib, sys
sys.path.insert(0, str(pathlib.Path(__file__).parent))
from urllib.parse import urlsplit
from stack import ok, close
from wire import exchange

SAME = ('content-type', 'retry-after', 'retry-after-ms', 'x-request-id', 'request-id', 'x-ratelimit-remaining-tokens',
        'anthropic-ratelimit-requests-remaining', 'location')
ASK = [{'role': 'user', 'content': 'What does a token cost, caf\u00e9 or not?'}]
CHAT = {'model': 'gpt-4o', 'messages': ASK}
TOOLS = [{'type': 'function', 'function': {'name': 'f', 'parameters': {'type': 'object', 'properties': {'a': {'type': 'string'}}}}}]
MSG = {'model': 'claude-sonnet-4-5', 'max_tokens': 90, 'messages': ASK}
GEM = {'contents': [{'role': 'user', 'parts': [{'text': 'What does a token cost?'}]}]}
ANT = {'anthropic-version': '2023-06-01'}
USAGE = {'stream': True, 'stream_options': {'include_usage': True}}
SSE = '/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse'

# name, gateway's prefix, path, body, headers
PLAIN = [
    ('chat', '/openai', '/v1/chat/completions', CHAT, {}),
    ('chat, tools', '/openai', '/v1/chat/completions', {**CHAT, 'tools': TOOLS}, {}),
    ('chat, n = 2', '/openai', '/v1/chat/completions', {**CHAT, 'n': 2}, {}),
    ('chat stream', '/openai', '/v1/chat/completions', {**CHAT, 'stream': True}, {}),
    ('chat stream, usage asked for', '/openai', '/v1/chat/completions', {**CHAT, **USAGE}, {}),
    ('chat stream, tools', '/openai', '/v1/chat/completions', {**CHAT, 'tools': TOOLS, 'stream': True}, {}),
    ('responses', '/openai', '/v1/responses', {'model': 'gpt-5', 'input': 'x', 'store': False}, {}),
    ('responses stream', '/openai', '/v1/responses', {'model': 'gpt-5', 'input': 'x', 'stream': True, 'store': False}, {}),
    ('embeddings', '/openai', '/v1/embeddings', {'model': 'text-embedding-3-small', 'input': ['a', 'b']}, {}),
    ('completions stream', '/openai', '/v1/completions', {'model': 'gpt-3.5-turbo-instruct', 'prompt': 'x', 'stream': True}, {}),
    ('models', '/openai', '/v1/models', None, {}),
    ('unknown model', '/openai', '/v1/chat/completions', {**CHAT, 'model': 'no-such-model'}, {}),
    ('unknown path', '/openai', '/v1/unheard/of', {}, {}),
    ('messages', '/anthropic', '/v1/messages', MSG, ANT),
    ('messages stream', '/anthropic', '/v1/messages', {**MSG, 'stream': True}, ANT),
    ('messages stream, thinking', '/anthropic', '/v1/messages', {**MSG, 'stream': True, 'max_tokens': 3000, 'thinking': {'type': 'enabled', 'budget_tokens': 1024}}, ANT),
    ('messages, cache marks', '/anthropic', '/v1/messages', {**MSG, 'system': [{'type': 'text', 'text': 'x' * 9000, 'cache_control': {'type': 'ephemeral'}}]}, ANT),
    ('count_tokens', '/anthropic', '/v1/messages/count_tokens', {'model': 'claude-sonnet-4-5', 'messages': ASK}, ANT),
    ('messages, no max_tokens', '/anthropic', '/v1/messages', {'model': 'claude-sonnet-4-5', 'messages': ASK}, ANT),
    ('generateContent', '/gemini', '/v1beta/models/gemini-2.5-flash:generateContent', GEM, {}),
    ('streamGenerateContent, events', '/gemini', SSE, GEM, {}),
    ('streamGenerateContent, array', '/gemini', SSE[:-8], GEM, {}),
    ('countTokens', '/gemini', '/v1beta/models/gemini-2.5-flash:countTokens', GEM, {}),
    ('embedContent', '/gemini', '/v1beta/models/gemini-embedding-001:embedContent', {'content': {'parts': [{'text': 'x'}]}}, {}),
]
FAULTS = ['no-done', 'usage-missing', 'usage-zero', 'usage-huge', 'usage-twice', 'split', 'crlf', 'cr', 'bom', 'comments', 'big-event', 'gzip',
          'crlf+split+bom+comments', 'error-mid:3', 'error200', 'html', 'redirect', '429:1.5', '500', '529', '1xx:20', 'slow-body:0']
STREAMS = [('chat', '/openai', '/v1/chat/completions', {**CHAT, **USAGE}, {}), ('messages', '/anthropic', '/v1/messages', {**MSG, 'stream': True}, ANT),
           ('responses', '/openai', '/v1/responses', {'model': 'gpt-4o', 'input': 'x', 'stream': True, 'store': False}, {}), ('gemini', '/gemini', SSE, GEM, {})]

def undo(r):
    return gzip.decompress(r.body) if r.get('content-encoding') == 'gzip' and r.body else r.body

def show(a, b):
    if a == b: return f'{len(a)} bytes, the same'
    at = next((i for i, (x, y) in enumerate(zip(a, b)) if x != y), min(len(a), len(b)))
    return f'{len(a)} and {len(b)} bytes, first different at {at}: {a[max(0, at - 30):at + 50]!r} / {b[max(0, at - 30):at + 50]!r}'

def compare(name, sandbox, gateway, prefix, path, body, headers):
    method = 'GET' if body is None else 'POST'
    a = exchange(sandbox.port, path, body, headers, method, host=sandbox.hostname)
    b = exchange(gateway.port, prefix + path, body, headers, method, host=gateway.hostname)
    x, y = undo(a), undo(b)
    if a.status != b.status:
        ok(f'{name}: status', False, f'{a.status} {b.status} {b.body[:200]!r}')
    else:
        ok(f'{name}: {len(x)} bytes, sha256 {hashlib.sha256(x).hexdigest()[:12]}', hashlib.sha256(x).digest() == hashlib.sha256(y).digest() and a.clean == b.clean, show(x, y) + f' clean {a.clean} {b.clean}')
    wrong = [(h, a.get(h), b.get(h)) for h in SAME if a.get(h) != b.get(h)]
    ok(f'{name}: headers', not wrong, str(wrong))

def run(sandbox_base, gateway_base):
    sandbox, gateway = urlsplit(sandbox_base), urlsplit(gateway_base)
    for name, prefix, path, body, headers in PLAIN:
        compare(name, sandbox, gateway, prefix, path, body, headers)
    for fault in FAULTS:
        for name, prefix, path, body, headers in STREAMS:
            compare(f'{name} under {fault}', sandbox, gateway, prefix, path, body, {**headers, 'x-sandbox-fault': fault})

if __name__ == '__main__':
    run(os.environ.get('SANDBOX_BASE', 'http://127.0.0.1:7310'), os.environ.get('GATEWAY_BASE', 'http://127.0.0.1:7300'))
    close()
