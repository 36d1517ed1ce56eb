#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Calls as the books see them: attempts of one operation, outcomes, second models, discounts, own hardware, caps that
bound, clamp, warn and cover every path. What the vendor says comes from a server of this file where the sandbox does
not say it; expected money is computed here with decimal.
"""
import http.server, json, pathlib, sys, threading, time
from decimal import Decimal
sys.path.insert(0, str(pathlib.Path(__file__).parent))
from stack import Stack, free_port, ok, close, rows

ANTHROPIC = {'anthropic-version': '2026-10-21'}
CHAT = {'model': 'gpt-4o-mini', 'messages': [{'role': 'user', 'content': 'hello there'}]}
IN, OUT = Decimal('0.15') / 10**6, Decimal('0.6') / 10**6  # gpt-4o-mini, data/prices/openai.csv

class Fake(http.server.BaseHTTPRequestHandler):
    """Answers with what the body's `say` holds: {status, body, after}."""
    protocol_version = 'HTTP/1.1'
    seen = []
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers['content-length'])))
        Fake.seen.append(body)
        say = body.get('say', {})
        time.sleep(say.get('after', 0))
        out = json.dumps(say.get('body', {})).encode()
        self.send_response(say.get('status', 200))
        self.send_header('content-type', 'application/json')
        self.send_header('content-length', str(len(out)))
        self.end_headers()
        self.wfile.write(out)
    def log_message(self, *a): pass

class Own(Stack):
    """The vendors' names stand for the fake where `fake` says so; the sandbox is there as `openai`."""
    def write_config(self):
        super().write_config()
        f = self.folder / 'runrate.yaml'
        t = f.read_text().replace(f'name: anthropic, dialect: anthropic, base: "http://127.0.0.1:{self.sandbox_port}"', f'name: anthropic, dialect: anthropic, base: "http://127.0.0.1:{FAKE}"')
        f.write_text(t.replace('name: gemini, dialect: gemini', 'name: gemini, discount: 0.25, dialect: gemini'))

def caps(s): return json.loads(s.request('GET', '/api/v1/caps', port=s.admin_port)[2])['caps']
def auth(key): return {'authorization': f'Bearer {key}'}

def attempts(s):
    status = []
    for n in range(3):
        h = {'x-stainless-retry-count': str(n), **({'x-sandbox-fault': '503'} if n < 2 else {})}
        status.append(s.post('/openai/v1/chat/completions', CHAT, h)[0])
    r = rows(s)
    ok('c64_an_sdks_retries_are_attempts_of_one_operation', status == [503, 503, 200] and len({x['operation'] for x in r}) == 1 and [x['attempt'] for x in r] == [0, 1, 2], str([(x['operation'], x['attempt']) for x in r]))
    ok('c64_failed_attempts_are_recorded_and_cost_nothing', [x['price_status'] for x in r] == ['free', 'free', 'priced'] and Decimal(r[0]['cost']) == 0, str([x['price_status'] for x in r]))
    s.post('/openai/v1/chat/completions', CHAT, {'x-stainless-retry-count': '0'})
    s.post('/openai/v1/chat/completions', {**CHAT, 'messages': [{'role': 'user', 'content': 'something else'}]}, {'x-stainless-retry-count': '1'})
    r = rows(s)
    ok('the same question asked anew is an operation of its own, and so is a retry of another', len({x['operation'] for x in r}) == 3, str(len({x['operation'] for x in r})))
    s.post('/openai/v1/chat/completions', CHAT, {'x-runrate-operation': r[0]['id']})
    ok('x-runrate-operation joins', rows(s)[-1]['operation'] == r[0]['id'])
    usage = {'input_tokens': 100, 'output_tokens': 7}
    status, _, out = s.post('/anthropic/v1/messages', {'model': 'claude-haiku-4-5', 'max_tokens': 50, 'messages': [], 'say': {'status': 500, 'body': {'type': 'error', 'usage': usage}}}, ANTHROPIC)
    x = rows(s)[-1]
    ok('c64_a_failed_attempt_with_usage_is_billed', status == 500 and x['price_status'] == 'priced' and Decimal(x['cost']) == Decimal(100 * 1 + 7 * 5) / 10**6, f"{status} {x['price_status']} {x['cost']}")

def outcomes(s):
    ids = [s.post('/openai/v1/chat/completions', CHAT)[1]['x-runrate-id'] for _ in range(3)]
    def post(body): return s.request('POST', '/api/v1/outcomes', body, port=s.admin_port)[0]
    ok('an outcome is taken once', (post({'id': ids[0], 'accepted': True}), post({'id': ids[0], 'accepted': False})) == (200, 409))
    ok('an outcome of no call, and no outcome, are told apart', (post({'id': 'c-' + '0' * 31 + '1', 'accepted': True}), post({'id': ids[1]}), post(b'{"id"')) == (404, 400, 400))
    s.post('/openai/v1/chat/completions', CHAT, {'x-runrate-outcome': f'{ids[1]} accepted'})
    s.post('/openai/v1/chat/completions', CHAT, {'x-runrate-outcome': f'{ids[2]} rejected'})
    time.sleep(0.3)
    r = s.json('report')
    ok('the report divides by accepted answers', r['accepted'] == 2 and Decimal(r['cost_per_accepted']) > 0, str({k: r[k] for k in ('accepted', 'cost_per_accepted')}))
    ok('paths of the admin listener keep their methods', s.request('GET', '/api/v1/outcomes', port=s.admin_port)[0] == 405 and s.request('POST', '/healthz', b'', port=s.admin_port)[0] == 405)

def second_model(s):
    it = [{'type': 'message', 'input_tokens': 200, 'output_tokens': 30, 'cache_read_input_tokens': 0, 'cache_creation_input_tokens': 0},
          {'type': 'advisor_message', 'model': 'claude-opus-4-5', 'input_tokens': 500, 'output_tokens': 40, 'cache_read_input_tokens': 0, 'cache_creation_input_tokens': 0}]
    body = {'id': 'msg_advised', 'type': 'message', 'role': 'assistant', 'model': 'claude-haiku-4-5', 'content': [], 'stop_reason': 'end_turn', 'usage': {'input_tokens': 200, 'output_tokens': 30, 'iterations': it}}
    status, h, out = s.post('/anthropic/v1/messages', {'model': 'claude-haiku-4-5', 'max_tokens': 50, 'messages': [], 'say': {'body': body}}, ANTHROPIC)
    r = [x for x in rows(s) if x['vendor_ref'] == 'msg_advised']
    ok("another model's tokens are a row of its own at its own price, under the same operation",
       len(r) == 2 and r[0]['operation'] == r[1]['operation'] and {x['model_answered']: Decimal(x['cost']) for x in r} ==
       {'claude-haiku-4-5': Decimal(200 * 1 + 30 * 5) / 10**6, 'claude-opus-4-5': Decimal(500 * 5 + 40 * 25) / 10**6}, str([(x['model_answered'], x['cost'], x['operation']) for x in r]))

def discount(s):
    status, h, out = s.post('/gemini/v1beta/models/gemini-2.5-flash:generateContent', {'contents': [{'role': 'user', 'parts': [{'text': 'hi'}]}]})
    u = json.loads(out)['usageMetadata']
    list_price = (u['promptTokenCount'] * Decimal('0.3') + (u['candidatesTokenCount'] + u.get('thoughtsTokenCount', 0)) * Decimal('2.5')) / 10**6
    ok('an agreed discount is taken off the list price', Decimal(rows(s)[-1]['cost']) == list_price * Decimal('0.75'), f"{rows(s)[-1]['cost']} {list_price}")

def own_hardware(s):
    body = lambda after: {'model': 'my-llama', 'max_tokens': 5, 'messages': [], 'say': {'after': after, 'body': {'id': 'x', 'object': 'chat.completion', 'model': 'my-llama', 'choices': [], 'usage': {'prompt_tokens': 9, 'completion_tokens': 3, 'total_tokens': 12}}}}
    begin = time.monotonic()
    ts = [threading.Thread(target=s.post, args=('/up/local/v1/chat/completions', body(0.6))) for _ in range(4)]
    for t in ts: t.start()
    for t in ts: t.join()
    busy = time.monotonic() - begin
    r = [x for x in rows(s) if x['provider'] == 'local']
    total = sum(Decimal(x['cost']) for x in r)
    most = Decimal(busy) * Decimal('36') / 3600
    ok('c55_own_hardware_is_priced_by_its_time', len(r) == 4 and all(x['price_status'] == 'priced' and Decimal(x['cost']) > 0 for x in r), str([(x['price_status'], x['cost']) for x in r]))
    ok('calls that overlap share the hour: together they cost the busy time', Decimal('0.6') * 36 / 3600 <= total <= most, f'{total} of {most}')
    key = s.json('key', 'new', '--team', 'hosted')['key']
    s.json('cap', 'set', '--book', 'inference', '--amount', '0.01 USD', '--window', 'day', '--team', 'hosted', '--hard')
    time.sleep(1.3)
    status, _, out = s.post('/up/local/v1/chat/completions', body(0), auth(key))
    ok('c55_a_cap_holds_own_hardware_too', status == 429 and b'budget_exceeded' in out, str(out[:200]))

def bounds(s):
    key = s.json('key', 'new', '--team', 'bound')['key']
    s.json('cap', 'set', '--book', 'inference', '--amount', '1 USD', '--window', 'day', '--team', 'bound', '--hard')
    time.sleep(1.3)
    mine = lambda: [c for c in caps(s) if c.get('limit') == '1'][0]
    data = json.dumps({**CHAT, 'max_tokens': 100}).encode()
    t = threading.Thread(target=s.post, args=('/openai/v1/chat/completions', data, {**auth(key), 'x-sandbox-delay-ms': '900'}))
    t.start(); time.sleep(0.4)
    held = Decimal(mine()['reserved'])
    t.join()
    ok('c45_a_reservation_is_bytes_and_output_limit_at_the_rates_that_bill', held == len(data) * IN + 100 * OUT, f'{held} {len(data) * IN + 100 * OUT}')
    c = mine()
    ok('c44_what_was_reserved_and_not_used_is_free_again', Decimal(c['reserved']) == 0 and 0 < Decimal(c['spent']) < held, str(c))
    status, _, out = s.post('/openai/v1/chat/completions', CHAT, auth(key))
    ok('c50_no_output_limit_is_demanded', status == 200, str(out[:200]))
    # used up
    s.json('cap', 'set', '--book', 'inference', '--amount', '0.000001 USD', '--window', 'day', '--team', 'bound', '--hard')
    time.sleep(1.3)
    paths = ['/openai/v1/chat/completions', '/openai/v1/responses', '/openai/v1/embeddings', '/openai/v1/completions', '/openai/v1/unheard/of', '/up/openai/v1/chat/completions', '/v1/chat/completions']
    got = {p: s.post(p, {**CHAT, 'input': 'x', 'model': 'gpt-4o-mini' if 'embed' not in p else 'text-embedding-3-small'}, auth(key))[0] for p in paths}
    got['batch'] = s.post('/openai/v1/batches', {'input_file_id': 'file-x', 'endpoint': '/v1/chat/completions', 'completion_window': '24h'}, auth(key))[0]
    got['gemini'] = s.post('/gemini/v1beta/models/gemini-2.5-flash:generateContent', {'contents': [{'role': 'user', 'parts': [{'text': 'hi'}]}]}, auth(key))[0]
    ok('c48_no_path_goes_round_a_cap', set(got.values()) == {429}, str(got))
    ok('reading stays free', s.request('GET', '/openai/v1/models', None, auth(key))[0] == 200)

def clamp(s):
    r = s.json('key', 'new', '--team', 'clamped', '--clamp')
    s.json('cap', 'set', '--book', 'inference', '--amount', '0.0002 USD', '--window', 'day', '--team', 'clamped', '--hard')
    time.sleep(1.3)
    status, h, out = s.post('/openai/v1/chat/completions', {**CHAT, 'max_tokens': 4000}, {**auth(r['key']), 'x-sandbox-tokens': '3000'})
    body = json.loads(out)
    ok('a key that allows it gets a lower output limit instead of a refusal', status == 200 and 16 <= int(h.get('x-runrate-clamped', 0)) < 4000 and body['usage']['completion_tokens'] <= int(h['x-runrate-clamped']), f"{status} {h.get('x-runrate-clamped')} {body.get('usage')}")
    c = [c for c in caps(s) if c.get('limit') == '0.0002'][0]
    ok('and the cap still holds', Decimal(c['spent']) <= Decimal(c['limit']) and Decimal(c['reserved']) == 0, str(c))

def soft(s):
    s.json('cap', 'set', '--book', 'inference', '--amount', '0.0000001 USD', '--window', 'day', '--feature', 'chatty')
    s.json('cap', 'set', '--book', 'inference', '--amount', '0.0000001 USD', '--window', 'day', '--env', 'pilot', '--hard')
    s.json('cap', 'set', '--book', 'inference', '--amount', '0.0000001 USD', '--window', 'day', '--model', 'gpt-4.1', '--hard')
    time.sleep(1.3)
    status, h, _ = s.post('/openai/v1/chat/completions', CHAT, {'x-runrate-feature': 'chatty'})
    status, h, _ = s.post('/openai/v1/chat/completions', CHAT, {'x-runrate-feature': 'chatty'})
    ok('a soft cap admits, and says so in a header and once in the log', status == 200 and 'x-runrate-soft-cap' in h and s.log().count('soft_cap_over') == 1, f"{status} {h} {s.log()[-300:]}")
    ok('caps by environment and by model', s.post('/openai/v1/chat/completions', CHAT, {'x-runrate-env': 'pilot'})[0] == 429 and s.post('/openai/v1/chat/completions', {**CHAT, 'model': 'gpt-4.1'})[0] == 429 and s.post('/openai/v1/chat/completions', CHAT)[0] == 200)

def main():
    global FAKE
    FAKE = free_port()
    server = http.server.ThreadingHTTPServer(('127.0.0.1', FAKE), Fake)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with Own(config=f'  - {{name: local, dialect: openai, base: "http://127.0.0.1:{FAKE}", key: "x", region: own, gpu_rate_per_hour: "36 USD"}}\n') as s:
        for test in (attempts, outcomes, second_model, discount, own_hardware, bounds, clamp, soft):
            test(s)
        v = s.json('verify'); ok('verify is content', v['ok'] is True, str(v)[:300])
        ok('it ends in order', s.stop() == 0)
    close()

main()
