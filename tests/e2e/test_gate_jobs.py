#!/usr/bin/env python3
# waits: for timers, mostly
# SPDX-License-Identifier: Apache-2.0
"""Work that the vendor does later: tuning jobs, batches, answers in the background.

The sandbox's own list says what was served; each thing stands in the ledger once, however often it is looked at, and
through kill -9 between two looks. Amounts are computed here with decimal from the published prices.
"""
import json, pathlib, sys, time
from decimal import Decimal
sys.path.insert(0, str(pathlib.Path(__file__).parent))
from stack import Stack, ok, close, rows, until

ANTHROPIC = {'anthropic-version': '2026-10-21'}
TRAIN_PER_TOKEN = Decimal('5') / 10**6       # gpt-4.1-mini, data/prices/openai.csv
BATCH_IN, BATCH_OUT = Decimal('0.075') / 10**6, Decimal('0.3') / 10**6  # gpt-4o-mini at half price

def upload(s, data, purpose, key=None):
    edge = 'sandboxedge'
    body = (f'--{edge}\r\ncontent-disposition: form-data; name="purpose"\r\n\r\n{purpose}\r\n--{edge}\r\ncontent-disposition: form-data; '
            f'name="file"; filename="d.jsonl"\r\ncontent-type: application/jsonl\r\n\r\n').encode() + data + f'\r\n--{edge}--\r\n'.encode()
    status, _, out = s.post('/openai/v1/files', body, {'content-type': f'multipart/form-data; boundary={edge}', **auth(key)})
    assert status == 200, (status, out)
    return json.loads(out)['id']

def auth(key): return {'authorization': f'Bearer {key}'} if key else {}
def get(s, path, key=None, headers=None):
    status, h, out = s.request('GET', path, None, {**auth(key), **(headers or {})})
    return status, json.loads(out)
def outlays(s): return s.json('outlay', 'list')
def caps(s, book, window=None): return [c for c in json.loads(s.request('GET', '/api/v1/caps', port=s.admin_port)[2])['caps'] if c['book'] == book and window in (None, c['window'])]

def background(s):
    body = {'model': 'gpt-4.1-mini', 'input': 'count to ten', 'background': True, 'store': True}
    status, h, out = s.post('/openai/v1/responses', body)
    first = json.loads(out)
    ok('a background answer is taken up', status == 200 and first['status'] in ('queued', 'in_progress'), str(out[:200]))
    ok('c63_asking_for_a_background_answer_books_no_tokens', sum(r['vendor_total_tok'] for r in rows(s)) == 0 and rows(s)[0]['price_status'] == 'no_usage', str(rows(s))[:300])
    done = until(lambda: (lambda r: r if r['status'] == 'completed' else None)(get(s, f"/openai/v1/responses/{first['id']}")[1]))
    ok('it ends', done and done['usage']['total_tokens'] > 0)
    for _ in range(5): get(s, f"/openai/v1/responses/{first['id']}")
    s.kill(); s.start_gateway()
    for _ in range(3): get(s, f"/openai/v1/responses/{first['id']}")
    mine = [r for r in rows(s) if r['vendor_ref'] == first['id'] and r['price_status'] == 'priced']
    ok('c63_a_stored_response_bills_once_however_often_it_is_read', len(mine) == 1 and mine[0]['vendor_total_tok'] == done['usage']['total_tokens'], str(len(mine)))
    asked = [r for r in rows(s) if r['price_status'] == 'no_usage'][0]
    ok('its cost stands under the operation that asked', mine[0]['operation'] == asked['operation'], f"{mine[0]['operation']} {asked['operation']}")
    status, _, out = s.post('/openai/v1/responses', {'model': 'gpt-4.1-mini', 'input': 'stored', 'store': True})
    stored = json.loads(out)['id']
    for _ in range(3): get(s, f'/openai/v1/responses/{stored}')
    ok('c63_reading_a_stored_response_that_was_billed_bills_nothing', sum(r['vendor_ref'] == stored for r in rows(s)) == 1)
    status, _, out = s.post('/openai/v1/responses', {**body, 'stream': True})
    rid = [json.loads(l[6:])['response']['id'] for l in out.decode().splitlines() if l.startswith('data: ') and '"response.completed"' in l]
    if ok('a background answer that is streamed ends in the stream', len(rid) == 1, out[-300:]):
        for _ in range(3): get(s, f'/openai/v1/responses/{rid[0]}')
        ok('c63_a_streamed_background_answer_is_billed_once', sum(r['vendor_ref'] == rid[0] for r in rows(s)) == 1, str([r['vendor_ref'] for r in rows(s)]))

def videos(s):
    """A film is billed by its seconds, once, when it is done: unpriced by name until there is a price."""
    prices = s.folder / 'runrate'; prices.mkdir(exist_ok=True)
    (prices / 'prices.csv').write_text('provider,model,meter,price\nopenai,film-1,audio_second,0.10\n')
    s.kill(); s.start_gateway()
    made = {}
    for model in ('film-1', 'film-2'):
        body = b''.join(b'--b\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n' % f for f in ((b'model', model.encode()), (b'prompt', b'a fox'), (b'seconds', b'8'), (b'size', b'1280x720'))) + b'--b--\r\n'
        status, _, out = s.post('/openai/v1/videos', body, {'content-type': 'multipart/form-data; boundary=b'})
        made[model] = json.loads(out)['id']
        ok(f'a film is asked for ({model})', status == 200 and json.loads(out)['status'] == 'queued', str(out[:200]))
        asked = [r for r in rows(s) if r['vendor_ref'] == made[model]]
        ok('asking for it is recorded by name, and is no call yet', len(asked) == 1 and asked[0]['surface'] == 'openai-videos' and asked[0]['price_status'] == 'no_usage' and asked[0]['calls'] == 0, str(asked)[:300])
    for vid in made.values():
        until(lambda: get(s, f'/openai/v1/videos/{vid}')[1]['status'] == 'completed')
        for _ in range(3): get(s, f'/openai/v1/videos/{vid}'); get(s, '/openai/v1/videos')
    s.kill(); s.start_gateway()
    for vid in made.values(): get(s, f'/openai/v1/videos/{vid}'); get(s, '/openai/v1/videos')
    for model, status, cost in (('film-1', 'priced', Decimal('0.8')), ('film-2', 'unpriced', None)):
        mine = [r for r in rows(s) if r['vendor_ref'] == made[model] and r['calls']]
        ok(f'a film counts once however often it is retrieved: {status}', len(mine) == 1 and mine[0]['audio_ms'] == 8000 and mine[0]['price_status'] == status and (mine[0]['cost'] and Decimal(mine[0]['cost'])) == cost, str(mine)[:400])
        ok('under the operation that asked', mine[0]['operation'] == [r for r in rows(s) if r['vendor_ref'] == made[model] and not r['calls']][0]['operation'])
    ok('it is no book of its own: verify is content', s.json('verify')['ok'], str(s.json('verify'))[:300])

def tuning(s):
    data = b''.join(json.dumps({'messages': [{'role': 'user', 'content': f'question {i}'}, {'role': 'assistant', 'content': 'answer'}]}).encode() + b'\n' for i in range(50))
    key = s.json('key', 'new', '--team', 'lab', '--feature', 'intent')['key']
    s.json('cap', 'set', '--book', 'training', '--amount', '1 USD', '--jobs', '3', '--window', 'month', '--hard')
    time.sleep(1.3)
    f = upload(s, data, 'fine-tune', key)
    job = {'model': 'gpt-4.1-mini-2025-04-14', 'training_file': f, 'method': {'type': 'supervised', 'supervised': {'hyperparameters': {'n_epochs': 2}}}}
    status, _, out = s.post('/openai/v1/fine_tuning/jobs', job, auth(key))
    jid = json.loads(out).get('id')
    ok('a tuning job is taken up', status == 200 and jid, str(out[:300]))
    cap = caps(s, 'training', 'month')[0]
    bound = TRAIN_PER_TOKEN * len(data) * 2
    ok('file bytes x epochs x rate are reserved', Decimal(cap['reserved']) == bound and cap['reserved_jobs'] == 1, f"{cap} {bound}")
    def set_cap(amount, window): s.run('cap', 'set', '--book', 'training', '--amount', amount, '--jobs', '9', '--window', window, '--team', 'lab', check=True)
    def held(window): return until(lambda: (lambda c: c if c and c[0]['reserved_jobs'] else None)(caps(s, 'training', window))) or [{}]
    set_cap('7 USD', 'year'); set_cap('7 USD', 'quarter')
    new = held('year')[0]
    ok('a cap that is set while a job runs holds what the job may cost', new.get('reserved_jobs') == 1 and Decimal(new['reserved']) == bound, f'{new} {bound}')
    held('quarter'); set_cap('7 EUR', 'quarter')
    ok('the same cap in another currency counts anew, and the gateway lives', until(lambda: caps(s, 'training', 'quarter')[0]['currency'] == 'EUR') and caps(s, 'training', 'quarter')[0]['reserved_jobs'] == 1, str(caps(s, 'training', 'quarter')))
    ok('no outlay before its end', outlays(s)['outlays'] == [])
    done = until(lambda: (lambda r: r if r['status'] == 'succeeded' else None)(get(s, f'/openai/v1/fine_tuning/jobs/{jid}', key)[1]))
    ok('it ends', bool(done))
    for _ in range(4): get(s, f'/openai/v1/fine_tuning/jobs/{jid}', key); get(s, '/openai/v1/fine_tuning/jobs', key)
    new = caps(s, 'training', 'year')[0]
    ok('and counts it when it has ended', new['spent_jobs'] == 1 and new['reserved_jobs'] == 0 and Decimal(new['reserved']) == 0 and Decimal(new['spent']) > 0, str(new))
    s.kill(); s.start_gateway()
    for _ in range(3): get(s, f'/openai/v1/fine_tuning/jobs/{jid}', key); get(s, '/openai/v1/fine_tuning/jobs', key)
    mine = outlays(s)['outlays']
    ok('a finished job is one outlay however often it is retrieved', len(mine) == 1 and mine[0]['id'] == jid, str(mine))
    ok('its amount is trained tokens x the training price', Decimal(mine[0]['amount']) == TRAIN_PER_TOKEN * done['trained_tokens'] and mine[0]['trained_tokens'] == done['trained_tokens'], f"{mine[0]} {done['trained_tokens']}")
    ok('it names the tuned model and what it serves', mine[0]['model'] == done['fine_tuned_model'] and mine[0]['serves'] == 'intent', str(mine[0]))
    cap = caps(s, 'training', 'month')[0]
    ok('the training cap knows what was spent, after kill -9 too', Decimal(cap['spent']) == Decimal(mine[0]['amount']) and cap['spent_jobs'] == 1 and Decimal(cap['reserved']) == 0, str(cap))
    ok("the inference book does not carry it", all(r['book'] == 'inference' for r in rows(s)))
    status, h, out = s.post('/openai/v1/fine_tuning/jobs', {'model': job['model'], 'training_file': f}, auth(key))
    auto = json.loads(out)
    ok('unknown epochs are admitted by a cap in jobs', status == 200, str(out[:300]))
    status, h, out = s.post('/openai/v1/fine_tuning/jobs', job, auth(key))
    last = json.loads(out)
    status, h, out = s.post('/openai/v1/fine_tuning/jobs', job, auth(key))
    e = json.loads(out)['error']
    ok("a job over the cap is refused in the vendor's shape", status == 429 and e['type'] == 'budget_exceeded' and h.get('x-should-retry') == 'false', str(out[:300]))
    s.request('POST', f"/openai/v1/fine_tuning/jobs/{auto['id']}/cancel", b'', auth(key))
    cap = caps(s, 'training', 'month')[0]
    ok('a cancelled job holds nothing', cap['reserved_jobs'] + cap['spent_jobs'] == 2, str(cap))
    status, _, out = s.post('/openai/v1/chat/completions', {'model': done['fine_tuned_model'], 'messages': [{'role': 'user', 'content': 'hi'}]}, auth(key))
    tuned = [r for r in rows(s) if r['model_asked'] == done['fine_tuned_model']]
    ok('a call of the tuned model is inference and names it', status == 200 and len(tuned) == 1 and tuned[0]['book'] == 'inference' and tuned[0]['price_status'] == 'priced', str(tuned)[:300])
    s.json('cap', 'set', '--book', 'training', '--amount', '0.001 USD', '--team', 'poor', '--window', 'month', '--hard')
    poor = s.json('key', 'new', '--team', 'poor')['key']
    time.sleep(1.3)
    status, _, out = s.post('/openai/v1/fine_tuning/jobs', {'model': job['model'], 'training_file': f}, auth(poor))
    ok('unknown epochs are refused by a cap in money alone', status == 429 and b'n_epochs' in out, str(out[:300]))
    status, _, out = s.post('/openai/v1/chat/completions', {'model': 'gpt-4o-mini', 'messages': [{'role': 'user', 'content': 'hi'}]}, auth(poor))
    ok('the training cap does not touch inference', status == 200, str(out[:200]))
    s.json('cap', 'set', '--book', 'inference', '--amount', '0.0000001 USD', '--team', 'spent', '--window', 'day', '--hard')
    spent = s.json('key', 'new', '--team', 'spent')['key']
    time.sleep(1.3)
    refused = s.post('/openai/v1/chat/completions', {'model': 'gpt-4o-mini', 'messages': [{'role': 'user', 'content': 'hi'}]}, auth(spent))[0]
    until(lambda: get(s, f"/openai/v1/fine_tuning/jobs/{last['id']}", key)[1]['status'] == 'succeeded')
    s.json('cap', 'set', '--book', 'training', '--amount', '5 USD', '--jobs', '9', '--window', 'month', '--hard'); time.sleep(1.3)
    status, _, out = s.post('/openai/v1/fine_tuning/jobs', job, auth(spent))
    ok('a used-up inference cap does not touch training', refused == 429 and status == 200, f'{refused} {status} {out[:200]}')

def openai_batch(s):
    lines = [{'custom_id': f'line-{i}', 'method': 'POST', 'url': '/v1/chat/completions',
              'body': {'model': 'gpt-4o-mini', 'messages': [{'role': 'user', 'content': f'question {i}'}]}} for i in range(25)]
    f = upload(s, b''.join(json.dumps(l).encode() + b'\n' for l in lines), 'batch')
    status, _, out = s.post('/openai/v1/batches', {'input_file_id': f, 'endpoint': '/v1/chat/completions', 'completion_window': '24h'}, {'x-runrate-team': 'night'})
    b = json.loads(out)
    ok('a batch is taken up', status == 200, str(out[:200]))
    before = len(rows(s))
    get(s, f"/openai/v1/batches/{b['id']}")
    ok('c32_polls_before_the_end_write_no_rows', len(rows(s)) == before)
    done = until(lambda: (lambda r: r if r['status'] == 'completed' else None)(get(s, f"/openai/v1/batches/{b['id']}")[1]))
    def mine(): return [r for r in rows(s) if r['tier'] == 'batch' and r['provider'] == 'openai']
    until(lambda: len(mine()) >= 25)
    for _ in range(4): get(s, f"/openai/v1/batches/{b['id']}"); get(s, '/openai/v1/batches')
    s.kill(); s.start_gateway()
    import concurrent.futures as cf
    with cf.ThreadPoolExecutor(8) as pool: list(pool.map(lambda _: get(s, f"/openai/v1/batches/{b['id']}"), range(16)))
    time.sleep(0.7)
    got = mine()
    ok('c33_a_batchs_lines_are_booked_once_under_concurrent_polls', len(got) == 25, str(len(got)))
    status, _, out = s.request('GET', f"/openai/v1/files/{done['output_file_id']}/content")
    usages = {json.loads(l)['response']['body']['id']: json.loads(l)['response']['body']['usage'] for l in out.decode().splitlines()}
    want = sum(u['prompt_tokens'] * BATCH_IN + u['completion_tokens'] * BATCH_OUT for u in usages.values())
    have = sum(Decimal(r['cost']) for r in got)
    ok('c34_a_batch_costs_the_batch_price', have == want, f'{have} {want}')
    ok('each line is a call with its own id and the asker\'s team', {r['vendor_ref'] for r in got} == set(usages) and all(r['team'] == 'night' for r in got), str(got[0]))

def anthropic_batch(s):
    body = {'requests': [{'custom_id': f'a{i}', 'params': {'model': 'claude-haiku-4-5', 'max_tokens': 50, 'messages': [{'role': 'user', 'content': f'say {i}'}]}} for i in range(12)]}
    status, _, out = s.post('/anthropic/v1/messages/batches', body, ANTHROPIC)
    b = json.loads(out)
    ok('a message batch is taken up', status == 200, str(out[:300]))
    until(lambda: get(s, f"/anthropic/v1/messages/batches/{b['id']}", headers=ANTHROPIC)[1]['processing_status'] == 'ended')
    def mine(): return [r for r in rows(s) if r['tier'] == 'batch' and r['provider'] == 'anthropic']
    until(lambda: len(mine()) >= 12)
    for _ in range(3): get(s, f"/anthropic/v1/messages/batches/{b['id']}", headers=ANTHROPIC)
    time.sleep(0.3)
    ok('a message batch is booked once, line by line', len(mine()) == 12 and all(r['price_status'] == 'priced' for r in mine()), str(len(mine())))

def gemini_batch(s):
    body = {'batch': {'inputConfig': {'requests': {'requests': [{'request': {'contents': [{'role': 'user', 'parts': [{'text': f'say {i}'}]}]}, 'metadata': {'key': f'k{i}'}} for i in range(7)]}}}}
    status, _, out = s.post('/gemini/v1beta/models/gemini-2.5-flash:batchGenerateContent', body)
    b = json.loads(out)
    ok('a Gemini batch is taken up', status == 200, str(out[:300]))
    until(lambda: get(s, f"/gemini/v1beta/{b['name']}")[1].get('done'))
    def mine(): return [r for r in rows(s) if r['tier'] == 'batch' and r['provider'] == 'gemini']
    until(lambda: len(mine()) >= 7)
    for _ in range(3): get(s, f"/gemini/v1beta/{b['name']}")
    time.sleep(0.3)
    ok('a Gemini batch is booked once, answer by answer', len(mine()) == 7, str(len(mine())))

def unpriced_batch(s):
    """Nobody knows what its lines cost, but how many tokens they used: a cap in tokens counts them, before a crash as after it."""
    s.json('cap', 'set', '--book', 'inference', '--tokens', '1M', '--window', 'month', '--team', 'dark'); time.sleep(1.3)
    body = {'requests': [{'custom_id': f'u{i}', 'params': {'model': 'claude-9-unheard', 'max_tokens': 50, 'messages': [{'role': 'user', 'content': f'say {i}'}]}} for i in range(5)]}
    b = json.loads(s.post('/anthropic/v1/messages/batches', body, {**ANTHROPIC, 'x-runrate-team': 'dark'})[2])
    until(lambda: get(s, f"/anthropic/v1/messages/batches/{b['id']}", headers=ANTHROPIC)[1]['processing_status'] == 'ended')
    def mine(): return [r for r in rows(s) if r['tier'] == 'batch' and r['team'] == 'dark']
    def counted(): return sum(c['spent_tokens'] for c in caps(s, 'inference'))
    until(lambda: len(mine()) >= 5)
    used = sum(r['vendor_total_tok'] for r in mine())
    live = until(lambda: counted() == used) and counted()
    s.kill(); s.start_gateway()
    ok('a batch without a price counts on a cap in tokens', len(mine()) == 5 and used > 0 and live == used == counted() and all(r['price_status'] == 'unpriced' for r in mine()), f'{live} {used} {counted()}')

def main():
    with Stack(sandbox_args=['--job-ms', '500']) as s:
        background(s)
        videos(s)
        tuning(s)
        openai_batch(s)
        anthropic_batch(s)
        gemini_batch(s)
        unpriced_batch(s)
        served = sum(1 for r in s.served() if r.get('batch'))
        v = s.json('verify'); ok('verify is content', v['ok'] is True, str(v)[:300])
    close()

main()
