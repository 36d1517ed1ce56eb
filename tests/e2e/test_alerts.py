#!/usr/bin/env python3
# waits: for timers, mostly
# SPDX-License-Identifier: Apache-2.0
"""Alerts: each figure told by a hook when it passes its limit, once a window, signed, with the ledger's own value; what cannot
be delivered is tried again, counted and said; nothing secret is told.
"""
import hashlib, hmac, json, pathlib, shutil, ssl, subprocess, sys, time
from decimal import Decimal
sys.path.insert(0, str(pathlib.Path(__file__).parent))
import exposition
from receiver import Receiver
from stack import BINARY, Stack, ok, skip, close, rows, until

CHAT = {'model': 'gpt-4o-mini', 'messages': [{'role': 'user', 'content': 'Zanzibar-prompt-canary'}]}
PATH = '/openai/v1/chat/completions'
KEYS = {'version', 'id', 'state', 'name', 'condition', 'figure', 'unit', 'subject', 'value', 'limit', 'scope', 'window', 'at', 'text', 'see'}

def history(s, days=40):
    """Spans of the days before, one call an hour for the last two days, one a day before that: a usual, and a forecast."""
    now = int(time.time())
    at = [now - now % 3600 - 3600 * h + 60 for h in range(1, 40)] + [now - now % 86400 - 86400 * d + 3600 for d in range(3, days)]
    spans = [{'traceId': f'{i + 1:032x}', 'spanId': f'{i + 1:016x}', 'startTimeUnixNano': f'{t}000000000', 'endTimeUnixNano': f'{t + 1}000000000',
              'attributes': [{'key': k, 'value': v} for k, v in (('gen_ai.provider.name', {'stringValue': 'openai'}), ('gen_ai.request.model', {'stringValue': 'gpt-4o-mini'}),
                             ('gen_ai.usage.input_tokens', {'intValue': str((100 if i < 39 else 10 ** 7) + i % 7)}), ('gen_ai.usage.output_tokens', {'intValue': '10'}), ('runrate.team', {'stringValue': 'search'}))]}
             for i, t in enumerate(at)]
    f = s.folder / 'history.json'
    f.write_text(json.dumps({'resourceSpans': [{'scopeSpans': [{'spans': spans}]}]}))
    made = s.json('import', f, '--as', 'otel')
    days = {}  # the same calls on the vendor's own pages: they count once
    for i, t in enumerate(at):
        d = days.setdefault(t - t % 86400, [0, 0])
        d[0] += 1
        d[1] += (100 if i < 39 else 10 ** 7) + i % 7
    usage = s.folder / 'usage.csv'
    usage.write_text('start_time,end_time,num_model_requests,model,input_tokens,output_tokens\n' +
                     ''.join(f'{d},{d + 86400},{n},gpt-4o-mini,{tok},{10 * n}\n' for d, (n, tok) in days.items()))
    s.json('import', usage)
    return made

def figures():
    r = Receiver()
    hook = f'url: "http://127.0.0.1:{r.port}/hook?to=ops", secret: "${{HOOK_SECRET}}"'
    when = {'hour': 'spend_hour > 0.00001 USD', 'never': 'spend_hour > 100 USD', 'usual': 'spend_hour > 3 x usual', 'unpriced': 'unpriced_day > 0', 'cap': 'cap_share >= 50%',
            'calls': 'calls_hour > 3', 'refused': 'refused_hour > 0', 'errors': 'error_share > 50%', 'disk': 'disk_free < 100%', 'month': 'spend_month > 0.00001 x plan',
            'forecast': 'forecast > 0.000001 x plan', 'plan': 'forecast > 0.01 x plan', 'tokens': 'tokens_day < 5 x usual', 'quiet': 'calls_hour < 0'}
    extra = {'hour': ', team: search', 'month': ', upstream: openai', 'plan': ', plan: "0.001 USD"', 'cap': ', team: capped', 'never': ', again: 60s'}
    config = ('log: {format: json}\ncaps: [{team: capped, amount: "0.0001 USD", window: day}, {amount: "50 USD", window: month}, {feature: closed, amount: "0.0000001 USD", window: day, hard: true}]\nalerts:\n' +
              ''.join(f'  - {{name: {n}, when: "{w}", {hook}{extra.get(n, "")}}}\n' for n, w in when.items()))
    s = Stack(config=config, env={'HOOK_SECRET': 'canary-hook-secret', 'TZ': 'UTC'})
    s.start_sandbox(); s.write_config()
    made = history(s)
    s.start_gateway()
    said = s.json('forecast', '--env', 'all')
    with_entered(s, r, when, made, said)
    r.close()

def with_entered(s, r, when, made, said):
    try:
        h = {'x-sandbox-tokens': '40', 'x-runrate-team': 'search'}
        for _ in range(6): s.post(PATH, CHAT, h)
        for _ in range(4): s.post(PATH, CHAT, {**h, 'x-runrate-team': 'capped'})
        for m in ('nobody-sells-this', 'nor-this'): s.post(PATH, {**CHAT, 'model': m}, {'x-runrate-team': 'other'})
        s.post(PATH, CHAT, {'x-runrate-feature': 'closed', 'x-runrate-team': 'other'})
        for _ in range(25): s.post('/gemini/v1beta/models/gemini-2.5-flash:generateContent', {'contents': [{'role': 'user', 'parts': [{'text': 'hi'}]}]}, {'x-sandbox-fault': '500', 'x-runrate-team': 'other'})
        want = set(when) - {'never', 'quiet'}
        until(lambda: want <= {x['name'] for x in r.json()} and sum(x['name'] == 'unpriced' for x in r.json()) == 2, 25)
        got = r.json()
        names = sorted(x['name'] for x in got)
        ok('each figure that passed its limit was told', want <= set(names), f'missing {want - set(names)}')
        ok('and no other', not {'never', 'quiet'} & set(names), str(names))
        by = {x['name']: x for x in got}
        ok('an unpriced model each', sorted(x['subject'] for x in got if x['name'] == 'unpriced') == ['nobody-sells-this', 'nor-this'])
        time.sleep(4.5)
        ok('once in its window, although it was looked at again', sorted(x['name'] for x in r.json()) == names and len({x['id'] for x in got}) == len(got), str(sorted(x['name'] for x in r.json())))
        ok('the payload has the documented keys', all(set(x) - {'currency'} == KEYS and ('currency' in x) == (x['unit'] == 'money') and x['version'] == 1 and x['state'] == 'firing' for x in got), str(set(got[0]) ^ KEYS))
        good = lambda q: q[1].get('x-runrate-signature') == 'sha256=' + hmac.new(b'canary-hook-secret', q[2], hashlib.sha256).hexdigest()
        ok('each is signed, as Python signs it', all(good(q) and q[1]['content-type'] == 'application/json' and q[0] == '/hook?to=ops' for q in r.got()))
        ledger = rows(s)
        now = time.time()
        inside = [c for c in ledger if c['team'] == 'search' and c['outcome'] == 'ok' and c['provenance'] == 'measured']
        spent = sum(Decimal(c['cost']) for c in inside)
        ok('the value is the ledger\'s at that time', 0 < Decimal(by['hour']['value']) <= spent and by['hour']['currency'] == 'USD' and by['hour']['scope'] == {'team': 'search'} and Decimal(by['hour']['limit']) == Decimal('0.00001'), f"{by['hour']} {spent}")
        hour = time.strftime('%Y-%m-%dT%H:00:00Z', time.gmtime(now))
        ok('the window is the hour', by['hour']['window']['from'] in (hour, time.strftime('%Y-%m-%dT%H:00:00Z', time.gmtime(now - 60))), str(by['hour']['window']))
        costs = sorted(Decimal(c['cost']) for c in ledger if c['provenance'] == 'imported' and not c['surface'].startswith('usage'))
        third = Decimal(by['usual']['limit']) / 3
        ok('the usual lies among the hours before', costs[0] <= third <= 2 * costs[-1] and Decimal(by['usual']['value']) > 3 * third, f'{third} {costs[0]} {costs[-1]}')
        ok('a cap by its share', by['cap']['unit'] == 'share' and by['cap']['subject'] == 'conf-1' and Decimal('0.5') <= Decimal(by['cap']['value']), str(by['cap']))
        ok('failures by upstream', by['errors']['subject'] == 'gemini' and Decimal(by['errors']['value']) == 1 and by['errors']['window'] is None, str(by['errors']))
        ok('the forecast holds each monthly cap to its plan', by['forecast']['subject'] == 'conf-2' and Decimal(by['forecast']['limit']) == Decimal('0.00005'), str(by['forecast']))
        p50 = Decimal(str(said['months'][0]['p50'])) if 'months' in said else None
        ok('and is what runrate forecast says', p50 is not None and abs(Decimal(by['plan']['value']) - p50) <= p50 / 20, f"{by['plan']['value']} {json.dumps(said)[:400]}")
        f = exposition.parse(s.request('GET', '/metrics', port=s.admin_port)[2].decode())
        v = lambda n: exposition.values(f, n)
        ok('/metrics counts them', v('runrate_alerts_fired_total') == v('runrate_alerts_delivered_total') == len(got) and v('runrate_alerts_firing') == len(got) and v('runrate_alerts_failed_total') == 0, f"{v('runrate_alerts_fired_total')} {len(got)}")
        s.kill(); s.start_gateway()
        until(lambda: len(r.json()) > len(got) and any(x['name'] == 'hour' for x in r.json()[len(got):]))
        again = [x for x in r.json()[len(got):] if x['name'] == 'hour']
        ok('after a kill it is told again, under the same id', len(again) == 1 and (again[0]['id'] == by['hour']['id'] or again[0]['window'] != by['hour']['window']), str(again)[:300])
        shown = s.run('config', 'show', '--origin', '--config', s.folder / 'runrate.yaml').stdout
        outside = b''.join(b for _, _, b in r.got()) + s.log().encode() + shown.encode()
        secrets = ['Zanzibar-prompt-canary', 'canary-hook-secret', 'sk-client-own', 'sk-sandbox-canary', 'to=ops']
        ok('no prompt, no key and no address is told or shown', not [x for x in secrets if x.encode() in outside] and 'alerts[0].when' in shown and 'spend_hour > 0.00001 USD' in shown)
        ok('the log says what fired', all(any(json.loads(l).get('name') == n for l in s.log().splitlines() if l.startswith('{') and '"event":"alert"' in l) for n in want))
    finally:
        s.__exit__()

def delivery():
    busy = Receiver(plan=[500, (503, {'retry-after': '1'}, b'')])
    moved = Receiver(plan=[(307, {'location': '/elsewhere'}, b'')])
    silent = Receiver(hold=True)
    folder = pathlib.Path(Stack().folder)
    subprocess.run(['openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', folder / 'k.pem', '-out', folder / 'c.pem', '-days', '2', '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'], check=True, capture_output=True)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER); tls.load_cert_chain(folder / 'c.pem', folder / 'k.pem')
    secure = Receiver(tls=tls)
    config = 'alerts:\n' + ''.join(f'  - {{name: {n}, when: "calls_hour > 0", url: "{u}"{x}}}\n' for n, u, x in (
        ('busy', f'http://127.0.0.1:{busy.port}/', ''), ('moved', f'http://127.0.0.1:{moved.port}/', ''), ('silent', f'http://127.0.0.1:{silent.port}/', ''),
        ('stranger', f'https://localhost:{secure.port}/stranger', ''), ('known', f'https://localhost:{secure.port}/known', f', ca: "{folder}/c.pem"'), ('wrongname', f'https://127.0.0.1:{secure.port}/wrongname', f', ca: "{folder}/c.pem"')))
    with Stack(config=config) as s:
        s.post(PATH, CHAT)
        ok('a hook that is busy is tried again until it takes it', len(busy.wait(3, seconds=12)) == 3 and len({b for _, _, b in busy.got()}) == 1)
        ok('a redirect is not followed', len(moved.wait(1)) == 1 and not [q for q in moved.got() if 'elsewhere' in q[0]])
        secure.wait(1)
        begin = time.monotonic()
        status, rc = s.post(PATH, CHAT)[0], s.stop()
        took = time.monotonic() - begin
        ok('only the certificate that is trusted, for its own name, is told', [q[0] for q in secure.got()] == ['/known'], str([q[0] for q in secure.got()]))
        ok('a silent hook stops neither calls nor the end, and what was not delivered is said', status == 200 and rc == 0 and took < 10 and s.log().count('not_delivered') == 4, f"{took:.1f} {s.log().count('not_delivered')} {s.log()[-900:]}")
        ok('without its address', '/stranger' not in s.log() and '/wrongname' not in s.log())
    for x in (busy, moved, silent, secure): x.close()
    shutil.rmtree(folder, ignore_errors=True)

def wrong_config():
    hook = 'url: "https://example.org/x"'
    for text, words, column in ((f'alerts: [{{when: "spend_huor > 3 x usual", {hook}}}]', 'did you mean spend_hour?', 18), (f'alerts: [{{when: "spend_hour > 20", {hook}}}]', 'which currency', 31),
                                (f'alerts: [{{when: "cap_share > 80", {hook}}}]', 'percentage', 30), (f'alerts: [{{when: "disk_free < 10%", team: a, {hook}}}]', 'not counted by that scope', None),
                                (f'alerts: [{{when: "calls_day > 1", {hook}, secret: ""}}]', 'a secret cannot be empty', None), (f'alerts: [{{when: "calls_day > 1", {hook}, secret: "${{NOT_SET_ANYWHERE}}"}}]', 'NOT_SET_ANYWHERE', None),
                                ('alerts: [{when: "calls_day > 1", url: "${NOT_SET_ANYWHERE}"}]', 'NOT_SET_ANYWHERE', None), (f'alerts: [{{when: "calls_day > 1", {hook}, upstream: nobody}}]', 'none of that name', None),
                                (f'alerts: [{{when: "calls_day > 1", {hook}, tz: Mars/Base}}]', 'tz:', None), (f'alerts: [{{when: "calls_day > 1", {hook}, whne: x}}]', 'whne', None),
                                (f'alerts: [{{when: "forecast > plan", plan: 5, {hook}}}]', 'which currency', None)):
        s = Stack(config=text + '\n'); s.write_config()
        run = subprocess.run([BINARY, 'serve', '--config', str(s.folder / 'runrate.yaml')], capture_output=True, text=True, env=s.env, timeout=20)
        ok(f'refused at start, in its place: {text[:70]}', run.returncode == 3 and words in run.stderr and '^' in run.stderr and (column is None or f':{column}: ' in run.stderr), f'{run.returncode} {run.stderr[:400]}')

def main():
    wrong_config(); figures(); delivery()
    close()

main()
