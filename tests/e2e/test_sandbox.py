#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The pretend vendor down to the bytes: exact order of events, its list of the truth, and every fault by name."""
import gzip, hashlib, json, pathlib, re, subprocess, sys, tempfile, time
sys.path.insert(0, str(pathlib.Path(__file__).parent))
import stack
from stack import ok, close
from wire import exchange, sse

CHAT = {'model': 'gpt-4o', 'messages': [{'role': 'user', 'content': 'hello there'}]}
STREAM = {**CHAT, 'stream': True}
USAGE = {**STREAM, 'stream_options': {'include_usage': True}}
MSG = {'model': 'claude-sonnet-4-5', 'max_tokens': 50, 'messages': [{'role': 'user', 'content': 'hello there'}]}
ANT = {'anthropic-version': '2023-06-01'}
GEM = {'contents': [{'parts': [{'text': 'hello there'}]}]}
T3 = {'x-sandbox-tokens': '3'}

class Sandbox:
    def __init__(self, *args):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix='runrate-sandbox-'))
        self.list = self.folder / 'served.jsonl'
        self.log = open(self.folder / 'log', 'w+')
        self.p = subprocess.Popen([stack.BINARY, 'sandbox', '--port', '0', '--list', str(self.list), '--job-ms', '300', *args], stderr=self.log)
        for _ in range(500):
            m = re.search(r'ready on 127\.0\.0\.1:(\d+)', (self.folder / 'log').read_text())
            if m: break
            time.sleep(0.01)
        self.port = int(m.group(1))
    def __enter__(self): return self
    def __exit__(self, *_):
        self.p.terminate()
        ok('the sandbox ends cleanly', self.p.wait(10) == 0, (self.folder / 'log').read_text()[-600:])
    def rows(self):
        return [json.loads(l) for l in self.list.read_text().splitlines()]
    def __call__(self, path, body=None, headers=None, method='POST', fault=None, **kw):
        h = dict(headers or {})
        if fault: h['x-sandbox-fault'] = fault
        return exchange(self.port, path, body, h, method, **kw)

def sha(b): return hashlib.sha256(b).hexdigest()

def chat_order(s):
    r = s('/v1/chat/completions', USAGE, T3)
    ok('chat stream: content type', r.get('content-type').startswith('text/event-stream'))
    events = sse(r.body)
    ok('chat stream: no event names, blank line behind each, [DONE] last', all(e is None for e, _ in events) and events[-1][1] == '[DONE]' and r.body.endswith(b'data: [DONE]\n\n'))
    chunks = [json.loads(d) for _, d in events[:-1]]
    shape = [('role' if 'role' in c['choices'][0]['delta'] else 'content' if 'content' in c['choices'][0]['delta'] else c['choices'][0]['finish_reason']) if c['choices'] else 'usage' for c in chunks]
    ok('chat stream: role, three deltas, finish, usage', shape == ['role', 'content', 'content', 'content', 'stop', 'usage'], str(shape))
    ok('chat stream: usage null on all but the last', [c['usage'] is None for c in chunks] == [True] * 5 + [False])
    ok('chat stream: keys of a chunk in the vendor\'s order', list(chunks[1]) == ['id', 'object', 'created', 'model', 'service_tier', 'system_fingerprint', 'choices', 'usage', 'obfuscation'], str(list(chunks[1])))
    ok('chat stream: one id, one HTTP chunk an event', len({c['id'] for c in chunks}) == 1 and [len(sse(c)) for c in r.chunks] == [1] * 7, str([len(c) for c in r.chunks]))
    row = s.rows()[-1]
    ok('list: id, usage and hashes are those of the wire', row['id'] == chunks[0]['id'] and row['usage'] == chunks[-1]['usage'] == row['usage_due'] and row['response_sha256'] == sha(r.body) and row['completed'] and row['stream'])
    ok('list: the request\'s hash', row['request_sha256'] == sha(json.dumps(USAGE).encode()))
    no = s('/v1/chat/completions', {**STREAM, 'stream_options': {'include_obfuscation': False}}, T3)
    ok('chat stream: without usage and obfuscation neither key stands there', b'"usage"' not in no.body and b'obfuscation' not in no.body)
    text = ''.join(json.loads(d)['choices'][0]['delta'].get('content', '') for _, d in sse(no.body)[:-1])
    whole = json.loads(s('/v1/chat/completions', CHAT, T3).body)
    ok('chat: whole and without stream are different requests, the text of each follows from its bytes',
       text == ''.join(json.loads(d)['choices'][0]['delta'].get('content', '') for _, d in sse(s('/v1/chat/completions', STREAM, T3).body)[:-1]) and whole['usage']['completion_tokens'] == 3)
    ok('chat: a whole answer is indented by two and ends with LF, as the vendor\'s', s('/v1/chat/completions', CHAT).body.startswith(b'{\n  "id": "chatcmpl-') and s('/v1/chat/completions', CHAT).body.endswith(b'}\n'))
    tools = {**USAGE, 'tools': [{'type': 'function', 'function': {'name': 'f', 'parameters': {'type': 'object', 'properties': {'a': {'type': 'integer'}}}}}]}
    chunks = [json.loads(d) for _, d in sse(s('/v1/chat/completions', tools).body)[:-1]]
    calls = [c['choices'][0]['delta']['tool_calls'][0] for c in chunks if c['choices'] and 'tool_calls' in c['choices'][0]['delta']]
    ok('chat stream: tool call opens with id and name, fragments follow by index', set(calls[0]) == {'index', 'id', 'type', 'function'} and all(set(c) == {'index', 'function'} for c in calls[1:]) and 'a' in json.loads(''.join(c['function']['arguments'] for c in calls)))

def anthropic_order(s):
    r = s('/v1/messages', {**MSG, 'stream': True}, {**ANT, **T3})
    events = sse(r.body)
    ok('messages stream: exact order', [e for e, _ in events] == ['message_start', 'content_block_start', 'ping', *['content_block_delta'] * 3, 'content_block_stop', 'message_delta', 'message_stop'], str([e for e, _ in events]))
    ok('messages stream: event name is data.type', all(e == json.loads(d)['type'] for e, d in events))
    start, end = json.loads(events[0][1])['message'], json.loads(events[-2][1])
    ok('messages stream: split and tier at the start, not at the end', 'cache_creation' in start['usage'] and 'service_tier' in start['usage'] and 'cache_creation' not in end['usage'] and 'service_tier' not in end['usage'])
    ok('messages stream: output 1 first, cumulative last', start['usage']['output_tokens'] == 1 and end['usage']['output_tokens'] == 3)
    ok('messages stream: no [DONE]', b'[DONE]' not in r.body)
    think = {**MSG, 'stream': True, 'max_tokens': 3000, 'thinking': {'type': 'enabled', 'budget_tokens': 1024}}
    kinds = [json.loads(d).get('delta', {}).get('type') for e, d in sse(s('/v1/messages', think, {**ANT, **T3}).body) if e == 'content_block_delta']
    ok('messages stream: thinking, signature, then text', kinds.index('signature_delta') == len([k for k in kinds if k == 'thinking_delta']) and kinds[-1] == 'text_delta', str(kinds))
    row = s.rows()[-2]
    ok('messages: the list', row['id'] == start['id'] and row['usage']['output_tokens'] == 3 and row['inference_geo'] == 'global')
    five = {'type': 'ephemeral'}; hour = {'type': 'ephemeral', 'ttl': '1h'}
    both = {**MSG, 'system': [{'type': 'text', 'text': 'a' * 8000, 'cache_control': hour}, {'type': 'text', 'text': 'b' * 8000, 'cache_control': five}]}
    u = json.loads(s('/v1/messages', both, ANT).body)['usage']
    ok('messages cache: 1 h and 5 m split', u['cache_creation']['ephemeral_1h_input_tokens'] == 2003 and u['cache_creation']['ephemeral_5m_input_tokens'] == 2000, str(u))
    both['system'][1]['text'] = 'c' * 8000
    u2 = json.loads(s('/v1/messages', both, ANT).body)['usage']
    ok('messages cache: a changed tail reads the head and writes the rest', u2['cache_read_input_tokens'] == 2003 and u2['cache_creation_input_tokens'] == 2000, str(u2))
    wrong = {**MSG, 'system': [{'type': 'text', 'text': 'a' * 8000, 'cache_control': five}, {'type': 'text', 'text': 'b' * 8000, 'cache_control': hour}]}
    ok('messages cache: 1 h behind 5 m is refused', s('/v1/messages', wrong, ANT).status == 400)
    other = {**ANT, 'authorization': 'Bearer sk-other-organisation'}
    u3 = json.loads(s('/v1/messages', both, other).body)['usage']
    ok('messages cache: another organisation reads nothing', u3['cache_read_input_tokens'] == 0)

    search = {**MSG, 'stream': True, 'system': [{'type': 'text', 'text': 'd' * 8000, 'cache_control': hour}], 'tools': [{'type': 'web_search_20250305', 'name': 'web_search'}]}
    e = [json.loads(d) for _, d in sse(s('/v1/messages', search, {**ANT, 'x-sandbox-late-write': '300'}).body)]
    a, z, due = e[0]['message']['usage'], e[-2]['usage'], s.rows()[-1]['usage_due']
    ok('messages, server tool: the total grows behind the split of message_start',
       z['cache_creation_input_tokens'] == a['cache_creation_input_tokens'] + 300 and z['input_tokens'] == a['input_tokens'] + 400 and z['server_tool_use']['web_search_requests'] == 1, f'{a} {z}')
    ok('messages, server tool: the truth has the whole split', due['cache_creation']['ephemeral_1h_input_tokens'] == z['cache_creation_input_tokens'])

def gemini_order(s):
    path = '/v1beta/models/gemini-2.5-flash:streamGenerateContent'
    r = s(path + '?alt=sse', GEM, T3)
    pieces = [json.loads(d) for _, d in sse(r.body)]
    ok('gemini sse: data lines, CR LF CR LF, no terminator', r.body.endswith(b'\r\n\r\n') and all(e is None for e, _ in sse(r.body)) and len(pieces) == 3)
    ok('gemini sse: usage on every piece, finish on the last', all('usageMetadata' in p for p in pieces) and ['finishReason' in p['candidates'][0] for p in pieces] == [False, False, True])
    u = pieces[-1]['usageMetadata']
    ok('gemini: total is prompt + candidates + thoughts', u['totalTokenCount'] == u['promptTokenCount'] + u['candidatesTokenCount'] + u['thoughtsTokenCount'])
    a = s(path, GEM, T3)
    ok('gemini array: one growing JSON array', [p['candidates'] for p in json.loads(a.body)] == [p['candidates'] for p in pieces] and a.get('content-type') == 'application/json')
    ok('gemini: the key may stand in the query', s('/v1beta/models/gemini-2.5-flash:generateContent?key=abc', GEM, {'authorization': None}).status == 200)
    p = json.loads(s('/v1beta/models/gemini-2.5-flash-image:generateContent', GEM).body)
    ok('gemini: a picture, counted as one', p['candidates'][0]['content']['parts'][0]['inlineData']['mimeType'] == 'image/png' and p['usageMetadata']['candidatesTokensDetails'] == [{'modality': 'IMAGE', 'tokenCount': 1290}])
    v = s('/v1/projects/p/locations/us-central1/publishers/google/models/gemini-2.5-flash:generateContent', GEM)
    ok('gemini: Vertex path tells its traffic type', json.loads(v.body)['usageMetadata']['trafficType'] == 'ON_DEMAND')

def refusals(s):
    none = {'authorization': None}
    e = json.loads(s('/v1/chat/completions', CHAT, none).body)['error']
    ok('no key: OpenAI 401 with all four keys', s('/v1/chat/completions', CHAT, none).status == 401 and list(e) == ['message', 'type', 'param', 'code'])
    a = json.loads(s('/v1/messages', MSG, {**none, **ANT}).body)
    ok('no key: Anthropic', a['type'] == 'error' and a['error']['type'] == 'authentication_error' and a['request_id'].startswith('req_'))
    g = s('/v1beta/models/gemini-2.5-flash:generateContent', GEM, none)
    ok('no key: Gemini', g.status == 403 and json.loads(g.body)['error']['status'] == 'PERMISSION_DENIED')
    ok('no version: Anthropic 400', s('/v1/messages', MSG).status == 400)
    ok('not JSON: 400 in three shapes', [s('/v1/chat/completions', b'{"model":').status, s('/v1/messages', b'[', ANT).status, s('/v1beta/models/m:generateContent', b'x').status] == [400, 400, 400])
    ok('unknown path: 404', s('/v1/nothing', {}).status == 404 and s('/v1beta/nothing', {}).status == 404 and s('/v1/messages/x', {}, ANT).status == 404)
    ok('wrong method: 405', s('/v1/embeddings', None, method='GET').status == 405)
    for status in (400, 403, 429, 500, 503, 529):
        three = [s('/v1/chat/completions', CHAT, fault=f'{status}:1.5'), s('/v1/messages', MSG, ANT, fault=str(status)), s('/v1beta/models/gemini-2.5-flash:generateContent', GEM, fault=str(status))]
        ok(f'{status}: status, shape', [t.status for t in three] == [status] * 3 and json.loads(three[1].body)['type'] == 'error' and json.loads(three[2].body)['error']['code'] == status)
        ok(f'{status}: retry-after and retry-after-ms', three[0].get('retry-after') == '2' and three[0].get('retry-after-ms') == '1500')
    ok('529 is overloaded_error', json.loads(s('/v1/messages', MSG, ANT, fault='529').body)['error']['type'] == 'overloaded_error')
    row = s.rows()[-1]
    ok('list: refusals stand there with their status and no usage', row['status'] == 529 and row['usage'] is None and row['usage_due'] is None)

def usage_faults(s):
    for name, chat, want in (('usage-missing', CHAT, lambda b: b'usage' not in b), ('usage-zero', CHAT, lambda b: json.loads(b)['usage']['total_tokens'] == 0),
                             ('usage-huge', CHAT, lambda b: json.loads(b)['usage']['prompt_tokens'] == 9007199254740993), ('usage-twice', CHAT, lambda b: b.count(b'"usage"') == 2)):
        r = s('/v1/chat/completions', chat, fault=name)
        ok(f'{name}: chat', want(r.body), r.body[-300:].decode())
        row = s.rows()[-1]
        ok(f'{name}: the list knows what was due', row['usage_due']['total_tokens'] > 5 and (row['usage'] is None) == (name == 'usage-missing'))
        a = s('/v1/messages', {**MSG, 'stream': True}, ANT, fault=name)
        n = sum('usage' in d for _, d in sse(a.body))
        ok(f'{name}: messages stream', n == {'usage-missing': 0, 'usage-twice': 3}.get(name, 2), f'{n}')
        g = s('/v1beta/models/gemini-2.5-flash:generateContent', GEM, fault=name)
        ok(f'{name}: gemini', g.body.count(b'usageMetadata') == {'usage-missing': 0, 'usage-twice': 2}.get(name, 1))
    r = s('/v1/chat/completions', USAGE, fault='usage-twice')
    ok('usage-twice: two usage chunks in a chat stream', sum(b'"choices":[]' in c for c in r.chunks) == 2)

def event_faults(s):
    plain = s('/v1/chat/completions', USAGE, T3)
    data = lambda r: [re.sub(r'"(id|obfuscation)":"[^"]*"|"created":\d+', '', d) for _, d in sse(r.body)]
    same = lambda r: data(r) == data(plain)
    ok('no-done: all but the last', data(s('/v1/chat/completions', USAGE, T3, fault='no-done')) == data(plain)[:-1])
    ok('no-done: messages without message_stop', sse(s('/v1/messages', {**MSG, 'stream': True}, ANT, fault='no-done').body)[-1][0] == 'message_delta')
    for name, want in (('crlf', lambda b: b.count(b'\r\n') == b.count(b'\n') > 0), ('cr', lambda b: b'\n' not in b and b'\r' in b),
                       ('bom', lambda b: b.startswith(b'\xef\xbb\xbf')), ('comments', lambda b: b.count(b'\n: keep-alive') + 1 == len(sse(b))),
                       ('split', lambda b: True), ('split:7', lambda b: True), ('crlf+split+bom', lambda b: b'\r\n' in b)):
        r = s('/v1/chat/completions', USAGE, T3, fault=name)
        ok(f'{name}: same events, other bytes', same(r) and want(r.body) and r.clean, r.body[:200].decode(errors='replace'))
        if name.startswith('split'):
            ok(f'{name}: chunk sizes', max(map(len, r.chunks)) == (7 if ':' in name else 1), str(max(map(len, r.chunks))))
        ok(f'{name}: the list has the hash of these bytes', s.rows()[-1]['response_sha256'] == sha(r.body))
    z = s('/v1/chat/completions', USAGE, T3, fault='gzip')
    ok('gzip: a stream', z.get('content-encoding') == 'gzip' and gzip.decompress(z.body).endswith(b'data: [DONE]\n\n') and len(z.chunks) == 7)
    z = s('/v1/chat/completions', CHAT, fault='gzip')
    ok('gzip: a whole answer', json.loads(gzip.decompress(z.body))['object'] == 'chat.completion' and z.clean)
    big = s('/v1/chat/completions', USAGE, {'x-sandbox-tokens': '5'}, fault='big-event')
    ok('big-event: one of nearly 8 MiB', 8 * 2**20 - 8192 < max(len(d) for _, d in sse(big.body)) < 8 * 2**20 and big.clean)
    big = s('/v1/messages', {**MSG, 'stream': True}, ANT, fault='big-event:100000')
    ok('big-event: messages, as large as asked', 100000 < max(len(d) for _, d in sse(big.body)) < 100300)
    for path, body, h in (('/v1/chat/completions', STREAM, None), ('/v1/messages', {**MSG, 'stream': True}, ANT), ('/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse', GEM, None)):
        r = s(path, body, h, fault='error-mid:2')
        last = json.loads(sse(r.body)[-1][1])
        ok(f'error-mid:2: {path}', len(sse(r.body)) == 3 and 'error' in last and r.clean and not s.rows()[-1]['completed'], str(last))
    r = s('/v1/responses', {'model': 'gpt-4o', 'input': 'x', 'stream': True}, fault='error-mid:2')
    ok('error-mid: responses, a flat error event', sse(r.body)[-1][0] == 'error' and json.loads(sse(r.body)[-1][1])['sequence_number'] == 2)
    r = json.loads(sse(s('/v1/responses', {'model': 'gpt-4o', 'input': 'x', 'stream': True}, fault='failed').body)[-1][1])
    ok('failed: a response that failed tells its usage', r['type'] == 'response.failed' and r['response']['error']['code'] == 'server_error' and r['response']['usage']['total_tokens'] > 0)
    r = s('/v1/chat/completions', CHAT, fault='error200')
    ok('error200', r.status == 200 and 'error' in json.loads(r.body))
    r = s('/v1/chat/completions', CHAT, fault='html')
    ok('html', r.status == 502 and r.get('content-type') == 'text/html' and r.body.startswith(b'<html>'))
    r = s('/v1/chat/completions', CHAT, fault='redirect')
    ok('redirect', r.status == 307 and r.get('location') == '/v1/chat/completions')

def wire_faults(s):
    for kind, ended in (('rst', 'rst'), ('close', 'fin')):
        for k in (0, 1, 100, 313):
            r = s('/v1/chat/completions', STREAM, fault=f'{kind}:{k}')
            ok(f'{kind}:{k}: so many bytes of the body, then {ended}', len(r.body) == k and r.ended == ended and not r.clean, f'{len(r.body)} {r.ended}')
            row = s.rows()[-1]
            ok(f'{kind}:{k}: the list has what was sent, and what was due', row['response_bytes'] == k and row['response_sha256'] == sha(r.body) and not row['completed'] and row['usage'] is None and row['usage_due']['total_tokens'] > 0, str(row))
        r = s('/v1/chat/completions', CHAT, fault=kind)
        ok(f'{kind}: half of a whole answer', not r.clean and 0 < len(r.body) < int(r.get('content-length')))
        r = s('/v1/chat/completions', CHAT, fault=f'{kind}-early')
        ok(f'{kind}-early: not a byte', r.all == b'' and r.ended == ended, r.ended)
    r = s('/v1/chat/completions', STREAM, fault='stall:50', timeout=0.4)
    ok('stall:50', r.ended == 'timeout' and len(r.body) == 50)
    r = s('/v1/chat/completions', STREAM, fault='stall-early', timeout=0.4)
    ok('stall-early', r.ended == 'timeout' and r.all == b'')
    r = s('/v1/chat/completions', STREAM, fault='truncated')
    ok('truncated: all events, no last chunk', r.body.endswith(b'[DONE]\n\n') and not r.clean and r.ended == 'fin')
    r = s('/v1/chat/completions', STREAM, fault='bad-chunk')
    ok('bad-chunk: a size that is none', not r.clean and b'\r\nzz' in r.all)
    plain = len(s('/v1/chat/completions', CHAT).body)
    r = s('/v1/chat/completions', CHAT, fault='length-short')
    ok('length-short: more than stated', len(r.all.split(b'\r\n\r\n', 1)[1]) > int(r.get('content-length')))
    r = s('/v1/chat/completions', CHAT, fault='length-long')
    ok('length-long: less than stated', not r.clean and r.ended == 'fin')
    r = s('/v1/chat/completions', CHAT, fault='length-twice')
    ok('length-twice: two that differ', len({v for k, v in r.headers if k == 'content-length'}) == 2)
    r = s('/v1/chat/completions', CHAT, fault='1xx:25')
    ok('1xx:25: before the answer', r.all.count(b'103 Early Hints') == 25 and r.status == 200 and r.clean and len(r.body) == plain)
    r = s('/v1/chat/completions', STREAM, fault='http10')
    ok('http10: until close', r.all.startswith(b'HTTP/1.0 200') and r.clean and r.body.endswith(b'[DONE]\n\n'))
    r = s('/v1/chat/completions', CHAT, fault='bad-head')
    ok('bad-head', r.status == -1)
    start = time.monotonic()
    r = s('/v1/chat/completions', CHAT, fault='slow-head:1')
    ok('slow-head: a byte a millisecond', time.monotonic() - start > 0.3 and r.clean and r.status == 200, f'{time.monotonic() - start:.2f}')
    start = time.monotonic()
    r = s('/v1/chat/completions', CHAT, T3, fault='slow-body:1')
    ok('slow-body: a byte a millisecond', time.monotonic() - start > 0.5 and json.loads(r.body)['usage'])

def pace_and_leaving(s):
    start = time.monotonic()
    s('/v1/chat/completions', STREAM, {'x-sandbox-tokens': '10', 'x-sandbox-gap-ms': '20', 'x-sandbox-delay-ms': '100'})
    took = time.monotonic() - start
    ok('pace: 100 ms and 12 gaps of 20 ms', 0.33 < took < 5, f'{took:.3f} s')
    start = time.monotonic()
    s('/v1/chat/completions', CHAT, {'x-sandbox-tokens': '10', 'x-sandbox-gap-ms': '20', 'x-sandbox-delay-ms': '100'})
    took = time.monotonic() - start
    ok('pace: a whole answer waits for its tokens', 0.29 < took < 5, f'{took:.3f} s')
    r = s('/v1/chat/completions', STREAM, {'x-sandbox-tokens': '12', 'x-sandbox-chunks': '4'})
    ok('chunks: 4', len(sse(r.body)) == 4 + 3)
    n = len(s.rows())
    exchange(s.port, '/v1/chat/completions', STREAM, {'x-sandbox-tokens': '50', 'x-sandbox-gap-ms': '50'}, timeout=0.01)
    time.sleep(0.3)
    rows = s.rows()
    ok('leaving: listed as not completed, with what had gone out', len(rows) == n + 1 and not rows[-1]['completed'] and rows[-1]['tokens_sent'] < 50 and rows[-1]['usage_due']['completion_tokens'] == 50, str(rows[-1]))
    r = s('/v1/chat/completions', USAGE, {'x-sandbox-tokens': '20000'})
    ok('20,000 tokens in one stream', r.clean and len(sse(r.body)) == 20000 + 4)

def background_truth(s):
    file = b'--B\r\ncontent-disposition: form-data; name="purpose"\r\n\r\nbatch\r\n--B\r\ncontent-disposition: form-data; name="file"; filename="a.jsonl"\r\n\r\n' + \
        b'\n'.join(json.dumps({'custom_id': f'c{i}', 'method': 'POST', 'url': '/v1/chat/completions', 'body': CHAT}).encode() for i in range(10)) + b'\r\n--B--\r\n'
    f = json.loads(s('/v1/files', file, {'content-type': 'multipart/form-data; boundary=B'}).body)
    b = json.loads(s('/v1/batches', {'input_file_id': f['id'], 'endpoint': '/v1/chat/completions', 'completion_window': '24h'}).body)
    ok('batch: its lines are not served before its end', not any(r['batch'] for r in s.rows()))
    time.sleep(0.35)
    out = json.loads(s(f'/v1/batches/{b["id"]}', method='GET').body)
    lines = [json.loads(l) for l in s(f'/v1/files/{out["output_file_id"]}/content', method='GET').body.splitlines()]
    rows = [r for r in s.rows() if r['batch']]
    ok('batch: one line of truth each, same usage, same ids', {r['id']: r['usage'] for r in rows} == {l['response']['body']['id']: l['response']['body']['usage'] for l in lines} and len(rows) == 10)
    s(f'/v1/batches/{b["id"]}', method='GET')
    ok('batch: told once', len([r for r in s.rows() if r['batch']]) == 10)
    b = json.loads(s('/v1/batches', {'input_file_id': f['id'], 'endpoint': '/v1/chat/completions', 'completion_window': '24h'}).body)
    time.sleep(0.15)
    c = json.loads(s(f'/v1/batches/{b["id"]}/cancel', {}).body)
    partial = len([r for r in s.rows() if r['batch']]) - 10
    ok('batch: cancelled halfway, what was done is there and is told', c['status'] == 'cancelled' and 0 < partial < 10 and c['request_counts']['completed'] == partial, f'{partial} {c}')

def determinism():
    with Sandbox('--deterministic', '--seed', '7') as a, Sandbox('--deterministic', '--seed', '7') as b, Sandbox('--deterministic', '--seed', '8') as c:
        long = {**USAGE, 'messages': [{'role': 'user', 'content': 'x' * 9000}]}
        for path, body, h in (('/v1/chat/completions', CHAT, None), ('/v1/chat/completions', long, None), ('/v1/messages', {**MSG, 'stream': True}, ANT), ('/v1/responses', {'model': 'gpt-5', 'input': 'x', 'stream': True}, None),
                              ('/v1/embeddings', {'model': 'text-embedding-3-small', 'input': 'x'}, None), ('/v1beta/models/gemini-2.5-flash:streamGenerateContent', GEM, None)):
            one, two, other = a(path, body, h).body, b(path, body, h).body, c(path, body, h).body
            ok(f'deterministic: {path}: equal bytes from two processes, and again, not from another seed', one == two == a(path, body, h).body and one != other)
        spaced = ('{ "model" :\n "gpt-4o" ,\t"messages": ' + json.dumps(CHAT['messages']) + ' }').encode()
        ok('deterministic: white space between members does not matter, the words do', a('/v1/chat/completions', CHAT).body == a('/v1/chat/completions', spaced).body != a('/v1/chat/completions', {**CHAT, 'user': 'y'}).body)
        strip = lambda r: [re.sub(r',"usage":null', '', d) for _, d in sse(r.body) if '"choices":[]' not in d]
        ok('deterministic: asking for usage changes nothing else', strip(a('/v1/chat/completions', USAGE)) == strip(a('/v1/chat/completions', STREAM)))

def scripts():
    with tempfile.TemporaryDirectory() as folder:
        y = pathlib.Path(folder) / 's.yaml'
        y.write_text('- match: {path: /v1/chat, nth: 2}\n  fault: "429:1"\n- match: {model: claude, every: 3}\n  fault: 529\n- match: {path: embeddings}\n  fault: "500"\n  times: 2\n')
        with Sandbox('--script', str(y)) as s:
            ok('script (YAML): the 2nd chat', [s('/v1/chat/completions', CHAT).status for _ in range(4)] == [200, 429, 200, 200])
            ok('script (YAML): every 3rd of a model', [s('/v1/messages', MSG, ANT).status for _ in range(6)] == [200, 200, 529, 200, 200, 529])
            ok('script (YAML): twice', [s('/v1/embeddings', {'model': 'e', 'input': 'x'}).status for _ in range(3)] == [500, 500, 200])
        bad = pathlib.Path(folder) / 'bad.jsonl'
        bad.write_text('{"match": {}, "fault": "explode"}\n')
        r = subprocess.run([stack.BINARY, 'sandbox', '--port', '0', '--script', str(bad)], capture_output=True, text=True, timeout=10)
        ok('script: an unknown fault is refused by name', r.returncode != 0 and 'explode' in r.stderr, r.stderr)

def full_disk():
    log = tempfile.TemporaryFile('w+')
    port = stack.free_port()
    p = subprocess.Popen([stack.BINARY, 'sandbox', '--port', str(port), '--list', '/dev/full'], stderr=log)
    stack.wait_port(port, process=p)
    answers = [exchange(port, '/v1/chat/completions', body) for body in (CHAT, STREAM)]
    p.terminate(); p.wait(10)
    log.seek(0)
    ok('full disk: no answer ends cleanly that the list does not hold', not any(a.clean for a in answers), str([a.all[-80:] for a in answers]))
    ok('full disk: it says so, once', log.read().count('list_write_failed') == 1)

with Sandbox() as box:
    for part in (chat_order, anthropic_order, gemini_order, refusals, usage_faults, event_faults, wire_faults, pace_and_leaving, background_truth):
        try:
            part(box)
        except Exception as e:  # a broken part counts, the others still run
            ok(f'{part.__name__} ran to its end', False, f'{type(e).__name__}: {e} at line {e.__traceback__.tb_next.tb_lineno if e.__traceback__.tb_next else 0}')
determinism()
scripts()
full_disk()
close()
