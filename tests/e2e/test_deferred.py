#!/usr/bin/env python3
# waits: for timers, mostly
# SPDX-License-Identifier: Apache-2.0
"""Deferred work through kill -9 between the vendor's yes and our record of it.

The vendor takes a job and its answer never comes; the gateway is killed, started again, and nobody asks. What the
vendor took is found on its lists, page by page, held by the caps from the first moment, and booked once at its end.
"""
import http.server, json, pathlib, signal, sys, threading, time
from decimal import Decimal
sys.path.insert(0, str(pathlib.Path(__file__).parent))
from stack import Stack, ok, close, free_port, wait_port, rows, until

VERSION = {'anthropic-version': '2026-10-21'}
STALL = {'x-sandbox-fault': 'stall-early'}
TRAIN_PER_TOKEN = Decimal('5') / 10**6       # gpt-4.1-mini, data/prices/openai.csv
CONFIG = 'deferred_every: 0.3s\ndeferred_doubt: 1s\n'

def bearer(key): return {'authorization': f'Bearer {key}'}
def outlays(s): return s.json('outlay', 'list')['outlays']
def caps(s, book):
    wait_port(s.admin_port, process=s.gateway)
    return [c for c in json.loads(s.request('GET', '/api/v1/caps', port=s.admin_port)[2])['caps'] if c['book'] == book]
def again(s): s.kill(); s.start_gateway()

def vendor(s, method, path, body=None, headers=None):
    """The sandbox itself, as the account behind the configured provider key."""
    key = s.env['SANDBOX_KEY']
    auth = {'x-goog-api-key': key, 'authorization': ''} if '/v1beta' in path else {'x-api-key': key, 'authorization': '', **VERSION} if '/messages' in path else bearer(key)
    return json.loads(s.request(method, path, body, {**auth, **(headers or {})}, port=s.sandbox_port)[2])

def upload(s, data, purpose, key):
    edge = 'sandboxedge'
    body = (f'--{edge}\r\ncontent-disposition: form-data; name="purpose"\r\n\r\n{purpose}\r\n--{edge}\r\ncontent-disposition: form-data; '
            f'name="file"; filename="d.jsonl"\r\ncontent-type: application/jsonl\r\n\r\n').encode() + data + f'\r\n--{edge}--\r\n'.encode()
    return json.loads(s.post('/openai/v1/files', body, {'content-type': f'multipart/form-data; boundary={edge}', **bearer(key)})[2])['id']

def ask_and_lose(s, *asks):
    """(path, body, headers, listed) each: asks; the vendor takes it, its answer never comes; the gateway dies. True when the vendor has all."""
    def one(path, body, headers):
        try: s.post(path, body, {**headers, **STALL}, timeout=20)
        except Exception: pass
    threads = [threading.Thread(target=one, args=a[:3], daemon=True) for a in asks]
    for t in threads: t.start()
    took = all([until(lambda: len(a[3]()) >= 1) for a in asks])
    s.kill()
    for t in threads: t.join(5)
    return took

def once_after_restarts(s, *things):
    """(name, what, want) each."""
    came = [bool(until(lambda: len(what()) >= want)) for _, what, want in things]
    for _ in range(2): again(s)
    time.sleep(0.6)
    for came, (name, what, want) in zip(came, things):
        ok(f'{name}: booked once, and no restart adds to it', came and len(what()) == want, f'{len(what())} of {want}')

def open_notes(s):
    import sqlite3
    with sqlite3.connect(f'file:{s.ledger}?mode=ro', uri=True) as c:
        return c.execute('SELECT id, match, own FROM job').fetchall()

def tuning(s, key):
    data = b''.join(json.dumps({'messages': [{'role': 'user', 'content': f'question {i}'}, {'role': 'assistant', 'content': 'answer'}]}).encode() + b'\n' for i in range(50))
    f = upload(s, data, 'fine-tune', key)
    job = {'model': 'gpt-4.1-mini-2025-04-14', 'training_file': f, 'hyperparameters': {'n_epochs': 2}}
    took = ask_and_lose(s, ('/openai/v1/fine_tuning/jobs', job, bearer(key), lambda: vendor(s, 'GET', '/v1/fine_tuning/jobs')['data']))
    ok('tuning: the vendor took it and nobody here knows its name', took and [r[0] for r in open_notes(s)] == [''], str(open_notes(s)))
    mine = vendor(s, 'GET', '/v1/fine_tuning/jobs')['data'][0]['id']
    other = json.loads(s.request('POST', '/v1/files', (b'--e\r\ncontent-disposition: form-data; name="purpose"\r\n\r\nfine-tune\r\n--e\r\ncontent-disposition: form-data; name="file"; filename="o"\r\n\r\n' + data + b'\r\n--e--\r\n'),
                                 {'content-type': 'multipart/form-data; boundary=e', **bearer(s.env['SANDBOX_KEY'])}, port=s.sandbox_port)[2])['id']
    for _ in range(210): vendor(s, 'POST', '/v1/fine_tuning/jobs', {'model': job['model'], 'training_file': other})  # somebody else's, newer
    s.start_gateway()
    cap = caps(s, 'training')[0]
    bound = TRAIN_PER_TOKEN * len(data) * 2
    ok('the cap holds it again from the start', Decimal(cap['reserved']) == bound and cap['reserved_jobs'] == 1 and Decimal(cap['spent']) == 0, f'{cap} {bound}')
    ok('`cap list` says the same', [Decimal(c['reserved']) for c in s.json('cap', 'list')['caps'] if c['book'] == 'training'] == [bound], str(s.json('cap', 'list')))
    status, _, out = s.post('/openai/v1/fine_tuning/jobs', job, bearer(key))
    ok('a second job does not fit beside it', status == 429 and b'budget_exceeded' in out, str(out[:200]))
    once_after_restarts(s, ('tuning', lambda: outlays(s), 1))
    o = outlays(s)
    ok('it is the one that was asked for, on page three', len(o) == 1 and o[0]['id'] == mine and o[0]['serves'] == 'intent', str(o)[:300])
    cap = caps(s, 'training')[0]
    ok('the cap has it as spent, and holds nothing', o and Decimal(cap['spent']) == Decimal(o[0]['amount']) and cap['spent_jobs'] == 1 and cap['reserved_jobs'] == 0, str(cap))
    ok('no note is left, and no second job was made', open_notes(s) == [] and sum(j['training_file'] == f for j in vendor(s, 'GET', '/v1/fine_tuning/jobs?limit=1000')['data']) == 1)

def batches(s, key):
    lines = [{'custom_id': f'line-{i}', 'method': 'POST', 'url': '/v1/chat/completions', 'body': {'model': 'gpt-4o-mini', 'messages': [{'role': 'user', 'content': f'q {i}'}]}} for i in range(9)]
    f = upload(s, b''.join(json.dumps(l).encode() + b'\n' for l in lines), 'batch', key)
    anthropic = {'requests': [{'custom_id': f'a{i}', 'params': {'model': 'claude-haiku-4-5', 'max_tokens': 50, 'messages': [{'role': 'user', 'content': f'say {i}'}]}} for i in range(6)]}
    gemini = {'batch': {'displayName': 'tonight', 'inputConfig': {'requests': {'requests': [{'request': {'contents': [{'role': 'user', 'parts': [{'text': f'say {i}'}]}]}} for i in range(4)]}}}}
    asks = {'openai': ('/openai/v1/batches', {'input_file_id': f, 'endpoint': '/v1/chat/completions', 'completion_window': '24h'}, bearer(key), lambda: vendor(s, 'GET', '/v1/batches')['data']),
            'anthropic': ('/anthropic/v1/messages/batches', anthropic, {**bearer(key), **VERSION}, lambda: vendor(s, 'GET', '/v1/messages/batches')['data']),
            'gemini': ('/gemini/v1beta/models/gemini-2.5-flash:batchGenerateContent', gemini, bearer(key), lambda: vendor(s, 'GET', '/v1beta/batches').get('operations', []))}
    ok('the vendors took three batches', ask_and_lose(s, *asks.values()))
    s.start_gateway()
    def mine(name): return [r for r in rows(s) if r['tier'] == 'batch' and r['provider'] == name]
    once_after_restarts(s, *[(f'{name} batch', lambda name=name: mine(name), want) for name, want in (('openai', 9), ('anthropic', 6), ('gemini', 4))])
    for name, a in asks.items():
        got = mine(name)
        ok(f'{name}: its lines are the asker\'s, each once', len({r['vendor_ref'] for r in got}) == len(got) and all(r['team'] == 'lab' and r['price_status'] == 'priced' for r in got), str(got[:1])[:300])
        ok(f'{name}: the vendor has one batch', len(a[3]()) == 1 and open_notes(s) == [], str(open_notes(s)))
    spent = sum(Decimal(r['cost']) for r in rows(s) if r['price_status'] == 'priced')
    ok('the cap counts them', Decimal(caps(s, 'inference')[0]['spent']) == spent, f"{caps(s, 'inference')[0]} {spent}")

def without_a_kill(s, key):
    before = len(rows(s))
    body = {'requests': [{'custom_id': 'x', 'params': {'model': 'claude-haiku-4-5', 'max_tokens': 5, 'messages': [{'role': 'user', 'content': 'y'}]}}] * 2}
    status, _, _ = s.post('/anthropic/v1/messages/batches', body, {**bearer(key), **VERSION, 'x-sandbox-fault': 'rst-early'})
    ok('an answer that breaks off is an error', status >= 500, str(status))
    ok('what the vendor took all the same is found', until(lambda: len(rows(s)) > before), str(len(rows(s)) - before))
    status, _, out = s.post('/openai/v1/responses', {'model': 'gpt-4.1-mini', 'input': 'count', 'background': True, 'store': True}, bearer(key))
    rid = json.loads(out)['id']
    before = caps(s, 'inference')[0]
    reserved, done = Decimal(before['reserved']), lambda: rid in {r['vendor_ref'] for r in rows(s) if r['price_status'] == 'priced'}
    again(s)
    cap = caps(s, 'inference')[0]
    ok('its being taken up is no cost, also after kill -9', cap['spent'] == before['spent'] or done(), f'{cap} {before}')
    ok('what a background answer holds survives kill -9', Decimal(cap['reserved']) == reserved > 0 or rid in {r['vendor_ref'] for r in rows(s) if r['price_status'] == 'priced'}, f'{cap} {reserved}')
    got = until(lambda: [r for r in rows(s) if r['vendor_ref'] == rid and r['price_status'] == 'priced'])
    again(s); time.sleep(0.6)
    ok('and its cost is booked, once, though nobody reads it', got and sum(r['vendor_ref'] == rid and r['price_status'] == 'priced' for r in rows(s)) == 1)
    ok('then nothing is held', Decimal(caps(s, 'inference')[0]['reserved']) == 0, str(caps(s, 'inference')[0]))

def own_key(s):
    own, other = {'x-api-key': 'sk-own', 'authorization': '', **VERSION}, {'x-api-key': 'sk-other', 'authorization': '', **VERSION}
    body = {'requests': [{'custom_id': f'o{i}', 'params': {'model': 'claude-haiku-4-5', 'max_tokens': 5, 'messages': [{'role': 'user', 'content': 'z'}]}} for i in range(3)]}
    before = len(rows(s))
    took = ask_and_lose(s, ('/anthropic/v1/messages/batches', body, own, lambda: json.loads(s.request('GET', '/v1/messages/batches', None, own, port=s.sandbox_port)[2])['data']))
    s.start_gateway()
    s.request('GET', '/anthropic/v1/models', None, other)
    time.sleep(1.2)
    ok("with a caller's own key nothing can be looked at without that caller", took and len(rows(s)) == before, str(len(rows(s)) - before))
    end = time.monotonic() + 10
    while time.monotonic() < end and len(rows(s)) < before + 3:
        s.request('GET', '/anthropic/v1/models', None, own); time.sleep(0.4)
    ok('its next request is enough', len(rows(s)) == before + 3, str(len(rows(s)) - before))

class Stub(http.server.BaseHTTPRequestHandler):
    """A vendor that reads a request and says nothing, and lists nothing."""
    asked = 0
    operation = {'name': 'batches/b1', 'metadata': {'model': 'models/gemini-2.5-flash', 'createTime': '2026-11-01T00:00:00Z', 'state': 'BATCH_STATE_SUCCEEDED'},
                 'done': True, 'response': {'responsesFile': 'files/batch-b1'}}
    usage = {'promptTokenCount': 10, 'candidatesTokenCount': 5, 'totalTokenCount': 15}
    def do_GET(self):
        if self.path.startswith('/download/v1beta/files/batch-b1:download?alt=media'):
            out = b''.join(json.dumps({'key': f'k{i}', 'response': {'modelVersion': 'gemini-2.5-flash', 'responseId': f'g{i}', 'candidates': [], 'usageMetadata': self.usage}}).encode() + b'\n' for i in range(5))
        elif self.path.startswith('/v1beta/'):
            out = json.dumps(self.operation).encode()
        else:
            out = b'{"object":"list","data":[],"has_more":false}'
        self.send_response(200); self.send_header('content-length', str(len(out))); self.end_headers(); self.wfile.write(out)
    def do_POST(self):
        self.rfile.read(int(self.headers['content-length'])); Stub.asked += 1; time.sleep(30)
    def log_message(self, *a): pass

def not_taken(s, key):
    job = {'model': 'gpt-4.1-mini-2025-04-14', 'training_file': 'file-x', 'hyperparameters': {'n_epochs': 2}}
    s.json('cap', 'set', '--book', 'training', '--amount', '1 USD', '--jobs', '9', '--window', 'month', '--hard'); time.sleep(1.3)
    before = caps(s, 'training')[0]['reserved_jobs']
    ask_and_lose(s, ('/up/stub/v1/fine_tuning/jobs', job, bearer(key), lambda: [1] * Stub.asked))
    s.start_gateway()
    ok('in doubt it holds', caps(s, 'training')[0]['reserved_jobs'] == before + 1, str(caps(s, 'training')[0]))
    ok('what no list shows was not taken: the hold is free', until(lambda: caps(s, 'training')[0]['reserved_jobs'] == before and open_notes(s) == []), str(caps(s, 'training')[0]))
    ok('and it was never asked for again', Stub.asked == 1, str(Stub.asked))
    s.sandbox.kill(); s.sandbox.wait()
    status, _, _ = s.post('/openai/v1/fine_tuning/jobs', job, bearer(key))
    ok('what never reached the vendor holds nothing', status == 502 and until(lambda: caps(s, 'training')[0]['reserved_jobs'] == before and open_notes(s) == []), f'{status} {open_notes(s)}')

def gemini_file(s, key):
    for _ in range(2):
        s.request('GET', '/up/files/v1beta/batches/b1', None, bearer(key))
        got = until(lambda: (lambda g: g if len(g) >= 5 else None)([r for r in rows(s) if r['provider'] == 'files']))
        again(s)
    got = [r for r in rows(s) if r['provider'] == 'files']
    ok('a Gemini batch that writes to a file is read line by line, once', len(got) == 5 and all(r['tier'] == 'batch' and r['vendor_total_tok'] == 15 for r in got), str(got[:1])[:300])

def main():
    port = free_port()
    stub = http.server.ThreadingHTTPServer(('127.0.0.1', port), Stub); stub.daemon_threads = True
    threading.Thread(target=stub.serve_forever, daemon=True).start()
    extra = f'  - {{name: stub, dialect: openai, base: "http://127.0.0.1:{port}", key: stub-key}}\n  - {{name: files, dialect: gemini, base: "http://127.0.0.1:{port}", key: stub-key}}\n' + CONFIG
    with Stack(extra, sandbox_args=['--job-ms', '900']) as s:
        key = s.json('key', 'new', '--team', 'lab', '--feature', 'intent')['key']
        s.json('cap', 'set', '--book', 'training', '--amount', '0.08 USD', '--window', 'month', '--hard')
        s.json('cap', 'set', '--book', 'inference', '--amount', '5 USD', '--window', 'month', '--hard')
        time.sleep(1.3)
        tuning(s, key)
        batches(s, key)
        without_a_kill(s, key)
        own_key(s)
        gemini_file(s, key)
        not_taken(s, key)
        v = s.json('verify'); ok('verify is content', v['ok'] is True, str(v)[:300])
    close()

main()
