#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The gateway as a service: prices and caps anew on SIGHUP, calls that end before it does on SIGTERM, rates of keys, and a
search for keys and prompts in everything that it writes.
"""
import json, pathlib, signal, sys, threading, time
from decimal import Decimal
sys.path.insert(0, str(pathlib.Path(__file__).parent))
from receiver import Receiver
from stack import Stack, ok, close, rows

CHAT = {'model': 'gpt-4o-mini', 'messages': [{'role': 'user', 'content': 'hello'}]}
PATH = '/openai/v1/chat/completions'
def hup(s):
    n = s.log().count('reloaded')
    s.gateway.send_signal(signal.SIGHUP)
    end = time.monotonic() + 5
    while time.monotonic() < end and s.log().count('reloaded') == n: time.sleep(0.02)
    time.sleep(0.3)

def reload():
    with Stack() as s:
        s.post(PATH, {**CHAT, 'model': 'house-model'})
        ok('a model without a price is unpriced', rows(s)[-1]['price_status'] == 'unpriced')
        stop, failed = threading.Event(), []
        def traffic():
            while not stop.is_set():
                status, _, out = s.post(PATH, CHAT)
                if status != 200: failed.append((status, out[:100]))
        ts = [threading.Thread(target=traffic) for _ in range(4)]
        for t in ts: t.start()
        prices = s.folder / 'runrate'; prices.mkdir(exist_ok=True)
        (prices / 'prices.csv').write_text('provider,model,meter,price\nopenai,house-model,in_plain,0.000001\nopenai,house-model,out_text,0.000002\n')
        for _ in range(3): hup(s)
        s.post(PATH, {**CHAT, 'model': 'house-model'}, {'x-sandbox-tokens': '10'})
        r = [x for x in rows(s) if x['model_asked'] == 'house-model'][-1]
        ok('a price that was added is there after SIGHUP', r['price_status'] == 'priced' and Decimal(r['cost']) > 0, str(r)[:300])
        f = s.folder / 'runrate.yaml'
        good = f.read_text()
        f.write_text(good + 'caps: [{feature: closed, amount: "0.0000001 USD", window: day, hard: true}]\n')
        hup(s)
        stop.set()
        for t in ts: t.join()
        ok('0 requests fail while it reloads', not failed, str(failed[:3]))
        ok('a cap that was added holds after SIGHUP', s.post(PATH, CHAT, {'x-runrate-feature': 'closed'})[0] == 429 and s.post(PATH, CHAT)[0] == 200)
        f.write_text(good + 'capz: []\n')
        hup(s)
        ok('a file with a mistake changes nothing and says so', 'not_reloaded' in s.log() and s.post(PATH, CHAT, {'x-runrate-feature': 'closed'})[0] == 429)

def outside():
    """Alerts, telemetry and policies too; what needs a restart is named, and only that."""
    hook, collector = Receiver(), Receiver()
    with Stack() as s:
        f = s.folder / 'runrate.yaml'
        good = f.read_text()
        stop, failed = threading.Event(), []
        def traffic():
            while not stop.is_set():
                status, _, out = s.post(PATH, CHAT)
                if status != 200: failed.append((status, out[:100]))
        ts = [threading.Thread(target=traffic) for _ in range(3)]
        for t in ts: t.start()
        alert = f'alerts: [{{name: first, when: "calls_hour > 0", url: "http://127.0.0.1:{hook.port}/first"}}]\n'
        otlp = f'otlp: {{endpoint: "http://127.0.0.1:{collector.port}", interval: 1s}}\n'
        f.write_text(good + alert + otlp + 'unpriced: block\nlog: {calls: true}\n')
        hup(s)
        ok('an alert that was added is told after SIGHUP', len(hook.wait(1, '/first')) == 1, str(hook.got())[:300])
        ok('spans go to a collector that was added', len(collector.wait(1, '/v1/traces')) > 0)
        ok('calls are logged from then on', 'runrate.call.id' in s.log(), s.log()[-400:])
        ok('a policy that was changed holds', s.post(PATH, {**CHAT, 'model': 'no-price'})[0] == 403)
        hup(s)
        ok('nothing that is as it was is told again', len(hook.wait(2, '/first', 2)) == 1, str(hook.got())[:300])
        f.write_text(good + alert.replace('first', 'second'))
        hup(s)
        ok('another alert takes its place', len(hook.wait(1, '/second')) == 1)
        n = len(collector.got())
        s.post(PATH, CHAT); time.sleep(1.5)
        ok('a collector that was taken out hears no more', len(collector.got()) == n, f'{n} {len(collector.got())}')
        ok('a policy that was taken out is gone', s.post(PATH, {**CHAT, 'model': 'no-price'})[0] != 403)
        stop.set()
        for t in ts: t.join()
        ok('0 requests fail while the watch is changed', not failed, str(failed[:3]))
        ok('no restart is asked for without need', 'restart_needed' not in s.log(), s.log()[-600:])
        f.write_text(good.replace('region: eu', 'region: us').replace('durability: group', 'durability: relaxed') + 'workers: 3\n')
        hup(s)
        named = [l for l in s.log().splitlines() if 'restart_needed' in l][-1:]
        ok('what needs a restart is named', named and all(w in named[0] for w in ('durability', 'workers', 'upstreams[2].region')) and 'upstreams[0]' not in named[0], str(named))
        f.write_text(good.replace('${SANDBOX_KEY}', 'sk-other-canary-77'))
        hup(s)
        named = [l for l in s.log().splitlines() if 'restart_needed' in l][-1:]
        ok('a provider key that changed is named, and not shown', named and 'upstreams[0].key' in named[0] and 'canary' not in named[0], str(named))
        stopped = s.stop()
        ok('it ends as it should', stopped == 0, f'{stopped} {s.log()[-500:]}')

def drain():
    with Stack() as s:
        got = []
        def slow(): got.append(s.post(PATH, {**CHAT, 'stream': True}, {'x-sandbox-gap-ms': '60', 'x-sandbox-tokens': '20'}))
        ts = [threading.Thread(target=slow) for _ in range(20)]
        for t in ts: t.start()
        time.sleep(0.4)
        rc = s.stop()
        for t in ts: t.join()
        ok('0 streams are cut by a stop', rc == 0 and len(got) == 20 and all(g[0] == 200 and g[2].rstrip().endswith(b'[DONE]') for g in got), f'{rc} {[(g[0], g[2][-40:]) for g in got][:2]}')
        ok('and each has its row', len(rows(s)) == 20, str(len(rows(s))))

def rates():
    with Stack(config='key_requests_per_minute: 30\n') as s:
        status = [s.post(PATH, CHAT) for _ in range(40)]
        codes = [x[0] for x in status]
        ok('requests a minute: 30 of 40 at once', codes.count(200) in (30, 31) and codes.count(429) in (9, 10), str(codes))
        no = [x for x in status if x[0] == 429][-1]
        ok('the refusal says when to come again', 1 <= int(no[1]['retry-after']) <= 3 and json.loads(no[2])['error']['type'], f"{no[1]} {no[2][:200]}")
        ok("another key has its own", s.post(PATH, CHAT, {'authorization': 'Bearer sk-somebody-else'})[0] == 200)
        time.sleep(2.2)
        ok('it fills evenly', s.post(PATH, CHAT)[0] == 200)
    with Stack(config='key_tokens_per_minute: 2000\n') as s:
        codes = []
        def one(): codes.append(s.post(PATH, {**CHAT, 'max_tokens': 100}, {'x-sandbox-tokens': '90'})[0])
        ts = [threading.Thread(target=one) for _ in range(60)]
        for t in ts: t.start()
        for t in ts: t.join()
        used = sum(r['vendor_total_tok'] for r in rows(s))
        ok(f'tokens a minute hold for calls that come together: {used} of 2000', 0 < used <= 2100 and codes.count(429) > 0, f'{used} {codes.count(200)}')

def canaries():
    keys = ['sk-sandbox-canary-0123456789', 'sk-canary-client-77', 'canary-query-key-88', 'sk-canary-bad']
    words = ['Zanzibar-prompt-canary', 'Quokka-system-canary', 'Tool-canary-argument']
    collector, hook = Receiver(), Receiver()
    outside = (f'log: {{level: debug, format: json, calls: true}}\n'
               f'otlp: {{endpoint: "http://127.0.0.1:{collector.port}", interval: 1s, headers: [{{name: authorization, value: "Bearer ${{OTLP_KEY}}"}}]}}\n'
               f'alerts: [{{when: "calls_hour > 0", url: "http://127.0.0.1:{hook.port}/${{HOOK_KEY}}", secret: "${{HOOK_KEY}}"}}, {{when: "unpriced_day > 0", url: "http://127.0.0.1:{hook.port}/"}}]\n')
    keys += ['canary-otlp-key', 'canary-hook-key']
    with Stack(config=outside, env={'OTLP_KEY': 'canary-otlp-key', 'HOOK_KEY': 'canary-hook-key'}) as s:
        virtual = s.json('key', 'new', '--team', 'x')['key']
        body = {'model': 'gpt-4o-mini', 'messages': [{'role': 'system', 'content': words[1]}, {'role': 'user', 'content': words[0]}], 'tools': [{'type': 'function', 'function': {'name': 'f', 'description': words[2], 'parameters': {}}}]}
        for fault in ('', '500', 'rst', 'bad-head', 'html', 'truncated', 'usage-missing'):
            for key in (keys[1], virtual):
                for stream in (False, True):
                    try: s.post(PATH, {**body, 'stream': stream}, {'authorization': f'Bearer {key}', 'x-sandbox-fault': fault})
                    except Exception: pass
        s.post('/anthropic/v1/messages', {'model': 'claude-haiku-4-5', 'max_tokens': 9, 'system': words[1], 'messages': [{'role': 'user', 'content': words[0]}]}, {'authorization': '', 'x-api-key': keys[1], 'anthropic-version': '2026-10-21'})
        s.post(f'/gemini/v1beta/models/gemini-2.5-flash:generateContent?key={keys[2]}', {'contents': [{'role': 'user', 'parts': [{'text': words[0]}]}]}, {'authorization': ''})
        s.post(PATH, b'{"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "' + words[0].encode() + b'" BROKEN', {'authorization': f'Bearer {keys[3]}'})
        s.post(PATH, body, {'authorization': 'Bearer rr_' + 'A' * 49})
        s.post('/nowhere/' + keys[3], body)
        outputs = {'metrics': s.request('GET', '/metrics', port=s.admin_port)[2], 'status': s.request('GET', '/api/v1/status', port=s.admin_port)[2],
                   'caps': s.request('GET', '/api/v1/caps', port=s.admin_port)[2], 'export': s.run('export', '--calls').stdout.encode(), 'report': s.run('report').stdout.encode(),
                   'environ': b''}
        mem = pathlib.Path(f'/proc/{s.gateway.pid}/cmdline').read_bytes()
        outputs['argv'] = mem
        hook.wait(1); collector.wait(1, '/v1/traces')
        s.kill(); s.start_gateway(); s.stop()
        outputs['spans and metrics'] = b''.join(x[2] for x in collector.got())
        outputs['hooks'] = b''.join(x[2] for x in hook.got())
        outputs['config'] = s.run('config', 'show', '--origin', '--config', s.folder / 'runrate.yaml').stdout.encode() + s.run('doctor', '--config', s.folder / 'runrate.yaml').stdout.encode()
        ok('the new outputs were there to be searched', b'runrate.call.id' in outputs['spans and metrics'] and b'calls_hour' in outputs['hooks'] and b'"event":"call"' in s.log().encode())
        skip_names = {'served.jsonl', 'sandbox.log'}
        for p in s.folder.rglob('*'):
            if p.is_file() and p.name not in skip_names: outputs[p.name] = p.read_bytes()
        hits = [(name, what) for name, data in outputs.items() for what in keys + words + [virtual] if what.encode() in data]
        ok(f'keys and prompts stand in none of {len(outputs)} outputs', not hits, str(hits))

def main():
    reload(); outside(); drain(); rates(); canaries()
    close()

main()
