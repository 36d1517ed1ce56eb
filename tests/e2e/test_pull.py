#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""pull: the vendor's own usage and cost pages against what the gateway metered.

The sandbox counts and bills by its own rules and rates (src/sandbox/organization.c); what passes the gateway reconciles with
that bill to the last 10^-12, what goes round the gateway is a residual with its name. Then what a vendor does to those who
pull: pages, 429, 503, a key that is none, an end in the middle.
"""
import json, os, signal, subprocess, sys, time
from decimal import Decimal
from stack import BINARY, Stack, close, ok

ADMIN = {'OPENAI_ADMIN_KEY': 'sk-admin-canary-0123456789', 'ANTHROPIC_ADMIN_KEY': 'sk-ant-admin01-canary'}

def chat(s, model, text, port=None, headers=None):
    path = '/v1/chat/completions' if port else '/openai/v1/chat/completions'
    status, _, _ = s.post(path, {'model': model, 'messages': [{'role': 'user', 'content': text}]}, headers, port=port)
    assert status == 200, status

def message(s, model, text, port=None, **more):
    path = '/v1/messages' if port else '/anthropic/v1/messages'
    status, _, _ = s.post(path, {'model': model, 'max_tokens': 200, 'messages': [{'role': 'user', 'content': text}], **more},
                          {'anthropic-version': '2023-06-01', 'x-api-key': 'sk-client-own'}, port=port)
    assert status == 200, status

def pull(s, vendor, *args):
    return s.json('pull', vendor, '--base', f'http://127.0.0.1:{s.sandbox_port}', *args)

def tune(s, port=None):
    """A tuning job to its end, through the gateway or past it."""
    base = '/v1' if port else '/openai/v1'
    data = b'{"messages":[{"role":"user","content":"question"},{"role":"assistant","content":"answer"}]}\n' * 60
    body = (b'--edge\r\ncontent-disposition: form-data; name="purpose"\r\n\r\nfine-tune\r\n--edge\r\ncontent-disposition: form-data; '
            b'name="file"; filename="d.jsonl"\r\n\r\n' + data + b'\r\n--edge--\r\n')
    _, _, out = s.post(base + '/files', body, {'content-type': 'multipart/form-data; boundary=edge'}, port=port)
    _, _, out = s.post(base + '/fine_tuning/jobs', {'model': 'gpt-4.1-mini-2025-04-14', 'training_file': json.loads(out)['id']}, port=port)
    until = time.monotonic() + 30
    while time.monotonic() < until:
        job = json.loads(s.request('GET', f"{base}/fine_tuning/jobs/{json.loads(out)['id']}", port=port)[2])
        if job['status'] == 'succeeded': return job['trained_tokens']
        time.sleep(0.05)
    raise RuntimeError('the job does not end')

def background(s, end):
    """An answer in the background, to its end or cancelled."""
    _, _, out = s.post('/openai/v1/responses', {'model': 'gpt-4.1-mini', 'input': 'what takes its time ' * 12, 'background': True, 'store': True})
    path = f"/openai/v1/responses/{json.loads(out)['id']}"
    if end == 'cancelled': s.request('POST', path + '/cancel', b'')
    until = time.monotonic() + 30
    while json.loads(s.request('GET', path)[2])['status'] != end:
        assert time.monotonic() < until, end
        time.sleep(0.05)

def total(s):
    r = s.json('report', '--env', 'all')
    return Decimal(r['total']), r['inference']['calls'], r['inference']['tokens']

def main():
    with Stack(env=ADMIN) as s:
        for i in range(4):
            chat(s, 'gpt-5-mini', f'a question about invoices, number {i} ' * 20)
            chat(s, 'gpt-4.1-mini', f'another question, number {i} ' * 9)
            message(s, 'claude-haiku-4-5-20251001', f'a question for the other vendor, number {i} ' * 11)
        s.post('/openai/v1/embeddings', {'model': 'text-embedding-3-small', 'input': 'what is to be embedded ' * 7})
        for end in ('completed', 'cancelled', 'completed'): background(s, end)
        before = total(s)

        r = pull(s, 'openai')
        ok('its pages become rows', r['rows_new'] > 0 and r['rows_rejected_count'] == 0, r)
        ok('it reconciles to 0', Decimal(r['reconcile']['residual_total']) == 0 and r['reconcile']['reconciles'] and
           len(r['reconcile']['rows']) == 3, r['reconcile'])
        a = pull(s, 'anthropic')
        ok('Anthropic (cents, beside) reconciles to 0', Decimal(a['reconcile']['residual_total']) == 0 and
           Decimal(a['reconcile']['billed_total']) > 0, a['reconcile'])
        ok('what the gateway metered counts once: money, calls, tokens', total(s) == before, (total(s), before))
        for port in (None, s.sandbox_port): message(s, 'claude-opus-4-6', 'a question that is in a hurry', port=port, speed='fast')
        message(s, 'claude-opus-4-6', 'and one that is not', port=s.sandbox_port)
        a = pull(s, 'anthropic')
        opus = [x for x in a['reconcile']['rows'] if x['model'] == 'claude-opus-4-6']
        ok('fast calls that went round the gateway are asked for and priced as fast: with them the whole is the bill', len(opus) == 1 and
           'usage explains the bill' in opus[0]['reason'] and opus[0]['claimed'] == opus[0]['billed'] and total(s)[0] - before[0] == Decimal(opus[0]['billed']), (opus, total(s), before))
        before = total(s)
        again = pull(s, 'openai')
        ok('pulling again adds nothing', again['rows_new'] == 0 and again['rows_revised'] == 0 and total(s) == before, again)

        # round the gateway
        for i in range(3): chat(s, 'gpt-5-mini', f'nobody sees this, number {i} ' * 30, port=s.sandbox_port)
        chat(s, 'gpt-4o-mini', 'a model that never came through here', port=s.sandbox_port)
        chat(s, 'gpt-5-mini', 'one more that is metered ' * 10)
        grown = pull(s, 'openai')
        off = {x['model'] for x in grown['reconcile']['rows'] if not x['agrees']}
        ok('growing buckets are revised, not added', grown['rows_revised'] > 0, grown)
        ok('bypass is a residual with its name', off == {'gpt-5-mini-2025-08-07', 'gpt-4o-mini-2024-07-18'} and
           all(x['reason'].startswith('bypass traffic') for x in grown['reconcile']['rows'] if not x['agrees']), grown['reconcile'])
        counted = [x for x in grown['reconcile']['rows'] if x['model'] == 'gpt-5-mini-2025-08-07'][0]
        ok('and says how many of how many', '8 requests, 5 of them' in counted['reason'], counted)
        money = total(s)
        ok('what went round counts once, as what the vendor has more', money[1] == before[1] + 5, (money, before))
        ok('the whole is the bill', money[0] == Decimal(grown['reconcile']['billed_total']) + Decimal(a['reconcile']['billed_total']),
           (money[0], grown['reconcile']['billed_total']))
        text = s.run('pull', 'openai', '--base', f'http://127.0.0.1:{s.sandbox_port}').stdout
        ok('a line says what agrees', 'reconciled: 2 of 4 rows agree, residual ' in text, text)
        strict = s.run('pull', 'openai', '--strict', '--base', f'http://127.0.0.1:{s.sandbox_port}')
        ok('--strict: exit code 12', strict.returncode == 12, strict.returncode)

        # pages, widths
        minutes = pull(s, 'openai', '--width', '1m', '--since', time.strftime('%Y-%m-%d', time.gmtime(time.time() - 9 * 86400)))
        ok('1,440 minutes are a page: pages are followed', minutes['pulled']['requests'] >= 100, minutes['pulled'])
        ok('another width replaces, it does not add', total(s) == money, (total(s), money))
        dry = s.run('pull', 'openai', '--dry-run', '--base', f'http://127.0.0.1:{s.sandbox_port}', '--json')
        ok('--dry-run keeps nothing', json.loads(dry.stdout)['batch'] is None and total(s) == money, dry.stdout)
        ok('the ledger verifies', s.json('verify')['ok'], s.run('verify').stdout)

        # keys
        bad = s.run('pull', 'openai', '--base', f'http://127.0.0.1:{s.sandbox_port}'.replace('127.0.0.1', 'localhost'))
        ok('loopback by name, too', bad.returncode == 0, bad.stderr)
        plain = s.run('pull', 'openai', '--base', 'http://vendor.example')
        ok('the key does not leave without TLS', plain.returncode == 2 and 'without TLS' in plain.stderr, plain.stderr)
        for name, key in (('none', ''), ('no admin key', 'sk-project')):
            s.env['OPENAI_ADMIN_KEY'] = key
            r = s.run('pull', 'openai', '--base', f'http://127.0.0.1:{s.sandbox_port}')
            ok(f'{name}: exit code 3, and says which', r.returncode == 3 and 'OPENAI_ADMIN_KEY' in r.stderr, r.stderr)
            ok(f'{name}: the key is in no output', not key or key not in r.stdout + r.stderr)

    # what fails is asked again; what ends goes on
    script = 'rules.jsonl'
    with Stack(env=ADMIN) as s:
        chat(s, 'gpt-5-mini', 'one')
        s.sandbox.terminate(); s.sandbox.wait()
        rules = s.folder / script
        rules.write_text('{"match": {"path": "/v1/organization/usage/completions", "nth": 1}, "fault": "429:1"}\n'
                         '{"match": {"path": "/v1/organization/usage/embeddings", "nth": 1}, "fault": "503"}\n'
                         '{"match": {"path": "/v1/organization/costs", "nth": 1}, "fault": "rst:100"}\n')
        s.sandbox_args = ['--script', str(rules)]
        s.start_sandbox()
        chat(s, 'gpt-5-mini', 'two', port=s.sandbox_port)
        r = pull(s, 'openai')
        ok('429, 503 and a reset are asked again', r['pulled']['retries'] == 3 and r['rows_new'] > 0, r)

    # the name of a page is forgotten between two pages: from the first one on, also where an endpoint may be missing altogether
    for path, nth, faults, rc in (('completions', (2,), 0, 0), ('file_search_calls', (2,), 0, 0), ('completions', (2, 4), 1, 5)):
        with Stack(env=ADMIN) as s:
            s.sandbox.terminate(); s.sandbox.wait()
            rules = s.folder / script
            rules.write_text(''.join(json.dumps({'match': {'path': f'/v1/organization/usage/{path}', 'nth': n}, 'fault': '400'}) + '\n' for n in nth))
            s.sandbox_args = ['--script', str(rules)]
            s.start_sandbox()
            for i in range(3): chat(s, 'gpt-5-mini', 'one', port=s.sandbox_port)
            since = time.strftime('%Y-%m-%d', time.gmtime(time.time() - 4 * 86400))
            r = s.run('pull', 'openai', '--width', '1m', '--since', since, '--base', f'http://127.0.0.1:{s.sandbox_port}', '--json')
            calls = s.json('report', '--env', 'all')['inference']['calls']
            said = json.loads(r.stdout) if r.stdout else {'notes': []}
            ok(f'{path}: a page that is forgotten {len(nth)} times: exit code {rc}, all or nothing', r.returncode == rc and calls == (0 if faults else 3) and not [x for x in said['notes'] if 'left out' in x], (r.returncode, calls, r.stderr, said.get('notes')))

    with Stack(env=ADMIN) as s:
        chat(s, 'gpt-5-mini', 'one')
        s.sandbox.terminate(); s.sandbox.wait()
        rules = s.folder / script
        rules.write_text('{"match": {"path": "/v1/organization/costs", "nth": 1}, "fault": "429:30"}\n')
        s.sandbox_args = ['--script', str(rules)]
        s.start_sandbox()
        chat(s, 'gpt-5-mini', 'two', port=s.sandbox_port)
        p = subprocess.Popen([BINARY, 'pull', 'openai', '--base', f'http://127.0.0.1:{s.sandbox_port}', '--ledger', str(s.ledger)],
                             env=s.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(0.6)
        p.send_signal(signal.SIGKILL); p.wait()
        ok('killed in the middle, nothing counts', s.json('report', '--env', 'all')['inference']['calls'] == 1)
        r = pull(s, 'openai')
        ok('and the next one has all of it', r['rows_new'] > 0 and s.json('report', '--env', 'all')['inference']['calls'] == 1, r)
    # the other checkbook: a job that the gateway saw is an outlay; the bill names it too
    with Stack(env=ADMIN, sandbox_args=['--job-ms', '300']) as s:
        chat(s, 'gpt-5-mini', 'one')
        tokens = tune(s)
        until = time.monotonic() + 30
        while not s.json('outlay', 'list')['outlays'] and time.monotonic() < until: time.sleep(0.05)
        training = lambda: Decimal(s.json('report', '--env', 'all')['training']['total'])
        due = tokens * Decimal('5') / 10**6
        r = pull(s, 'openai')
        ok('training that the gateway saw and the bill names counts once', training() == due and
           Decimal(r['training']) == due, (training(), due, r['training']))
        more = tune(s, s.sandbox_port)
        pull(s, 'openai')
        ok('training that went round it counts as what the bill has more', training() == (tokens + more) * Decimal('5') / 10**6, training())

    # answers that are no pages
    for fault, rc, words in (('redirect:302', 5, 'redirects are not followed'), ('html:200', 4, 'no page of buckets'), ('400', 5, 'answers 400')):
        with Stack(env=ADMIN) as s:
            s.sandbox.terminate(); s.sandbox.wait()
            rules = s.folder / script
            rules.write_text(json.dumps({'match': {'path': '/v1/organization/usage/embeddings'}, 'fault': fault}) + '\n')
            s.sandbox_args = ['--script', str(rules)]
            s.start_sandbox()
            chat(s, 'gpt-5-mini', 'one', port=s.sandbox_port)
            r = s.run('pull', 'openai', '--base', f'http://127.0.0.1:{s.sandbox_port}')
            ok(f'{fault}: exit code {rc}, with the reason, and nothing counts', r.returncode == rc and words in r.stderr and
               s.json('report')['inference']['calls'] == 0, (r.returncode, r.stderr))

    # serve pulls by itself
    with Stack(env=ADMIN) as s:
        chat(s, 'gpt-5-mini', 'one')
        s.stop()
        s.extra = f'pull: [{{vendor: openai, every: 1d, base: "http://127.0.0.1:{s.sandbox_port}"}}]\n'
        s.write_config(); s.start_gateway()
        until = time.monotonic() + 30
        while 'reconciles' not in s.log() and time.monotonic() < until: time.sleep(0.05)
        ok('serve pulls when it is due, and says that it reconciles', 'the ledger agrees with the bill' in s.log(), s.log()[-2000:])
        ok('and counts once', s.json('report', '--env', 'all')['inference']['calls'] == 1)
        ok('no key in the log', not any(k in s.log() for k in ADMIN.values()))

    # an export of the same days was imported before: the pull's rows take its place
    with Stack(env=ADMIN) as s:
        chat(s, 'gpt-5-mini', 'one', port=s.sandbox_port)
        now = int(time.time()); day = now - now % 86400
        status, _, page = s.request('GET', f'/v1/organization/usage/completions?start_time={day}&bucket_width=1h&limit=24&group_by=model',
                                    headers={'authorization': 'Bearer sk-admin-x'}, port=s.sandbox_port)
        (s.folder / 'usage.json').write_bytes(page)
        i = s.json('import', s.folder / 'usage.json')
        was = total(s)
        pull(s, 'openai')
        ok('an export that was imported before counts once', i['rows_new'] == 1 and total(s)[:2] == was[:2] and was[1] == 1, (i, was, total(s)))
        again = s.json('import', s.folder / 'usage.json')
        ok('one that is imported afterwards is warned of', any('was pulled up to' in n for n in again['notes']), again['notes'])
    close()

main()
