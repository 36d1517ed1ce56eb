#!/usr/bin/env python3
# waits: for timers, mostly
# SPDX-License-Identifier: Apache-2.0
"""Sessions over a websocket: the SDKs' own clients over TLS, a strict client over raw sockets, and the vendor's list as the
judge of tokens and money. Then what must not work: frames that lie, caps that are used up, peers that leave."""
import collections, json, os, pathlib, signal, subprocess, sys, tempfile, time
from decimal import Decimal
sys.path.insert(0, str(pathlib.Path(__file__).parent))
import price_truth, run, wsraw
from stack import Stack, ROOT, certificate, ok, skip, close, rows, until
from wsraw import Client, TEXT, BINARY, CLOSE, PING, PONG, CONT, frame

HERE = pathlib.Path(__file__).resolve().parent
LISTS = price_truth.Lists(ROOT / 'data/prices')
RT = '/openai/v1/realtime?model=gpt-realtime'
CREATE = json.dumps({'type': 'response.create', 'response': {'output_modalities': ['text']}})

def counts(line):
    u = line['usage']
    if u.get('type') == 'duration': return {'audio_second': u['seconds']}
    if line['api'] == 'gemini': return price_truth.gemini_counts(u)
    if 'input_token_details' not in u: return price_truth.openai_counts(u)
    i, o = u['input_token_details'], u.get('output_token_details') or {'text_tokens': u['output_tokens'], 'audio_tokens': 0}
    c = i.get('cached_tokens_details') or {}
    ct, ca = c.get('text_tokens', 0), c.get('audio_tokens', 0)
    return {'in_plain': i['text_tokens'] - ct, 'in_audio': i['audio_tokens'] - ca, 'in_cache_read': ct, 'in_audio_cache_read': ca,
            'out_text': o['text_tokens'], 'out_audio': o['audio_tokens']}

def due(line): return LISTS.price({'gemini': 'google'}.get(line['api'], line['api']), line['model'], price_truth.moment(line['at']), counts(line))['total']
def talk(c, *messages, end=b'"response.done"', limit=100000):
    """Sends, and reads up to the message that holds `end`: all messages."""
    for m in messages: c.send(m)
    out = []
    while len(out) < limit:
        m = c.read()
        if m is None: return out
        out.append(m)
        if m[0] == CLOSE or end in m[1]: return out
    return out

def sdks():
    if not run.setup():
        skip('the SDKs\' websocket clients', 'node or the SDKs are not there')
        return
    with tempfile.TemporaryDirectory() as folder:
        if not certificate(folder):
            skip('the SDKs\' websocket clients', 'openssl is not there')
            return
        with Stack(config=f'tls: {{cert: "{folder}/c.pem", key: "{folder}/k.pem"}}\n') as s:
            base, key = f'https://localhost:{s.port}', s.json('key', 'new', '--team', 'voice')['key']
            time.sleep(1.2)
            env = {**os.environ, 'OPENAI_BASE_URL': base + '/openai/v1', 'GOOGLE_GEMINI_BASE_URL': base + '/gemini', 'OPENAI_API_KEY': key,
                   'GEMINI_API_KEY': key, 'NODE_EXTRA_CA_CERTS': f'{folder}/c.pem'}
            r = subprocess.run(['node', str(HERE / 'sockets.mjs')], capture_output=True, text=True, env=env, timeout=120, cwd=HERE)
            lines = [l for l in r.stdout.splitlines() if l.startswith(('ok ', 'not ok '))]
            for l in lines: ok(l.removeprefix('not ').removeprefix('ok '), l.startswith('ok '))
            ok(f'{len(lines)} cases ran', len(lines) >= 7, r.stderr[-400:])
            served = [l for l in s.served() if l['status'] == 200]
            mine = rows(s)
            by_ref = collections.defaultdict(list)
            for row in mine: by_ref[row['vendor_ref']].append(row)
            wrong, kinds = [], collections.Counter()
            for l in served:
                kinds[l['surface']] += 1
                found = by_ref[l['id']] if l['api'] == 'openai' else [x for x in mine if x['surface'] == 'gemini-live' and x['vendor_total_tok'] == l['usage']['totalTokenCount']]
                if len(found) != 1 or found[0]['cost'] is None or Decimal(found[0]['cost']) != due(l) or found[0]['provenance'] != 'measured':
                    wrong.append((l['surface'], l['model'], l['usage'], str(due(l)), [(f['cost'], f['classes'], f['price_status'], f['audio_ms']) for f in found]))
            ok(f'c38_every_response_of_a_session_is_billed_once_to_the_last_10^-12: {dict(kinds)}', not wrong and len(served) >= 12, str(wrong[:3])[:1200])
            ok('c38_a_transcription_only_session_is_billed', kinds['transcriptions'] == 3 and sum(x['surface'] == 'openai-realtime-transcription' and x['price_status'] == 'priced' for x in mine) == 3)
            ok('c38_responses_over_a_websocket_have_their_tokens', sum(x['surface'] == 'openai-responses' and x['vendor_total_tok'] > 0 for x in mine) == 2)
            good = [x for x in mine if x['outcome'] == 'ok']
            ok('a row a response, none for the sessions', len(good) == len(served), f'{len(good)} {len(served)}')
            sessions = collections.Counter(x['operation'] for x in good)
            ok('responses of one session share its operation', sorted(sessions.values()) == [1, 1, 1, 2, 2, 2, 3], str(sessions.values()))
            bad = [x for x in mine if x['outcome'] == 'vendor_error']
            ok('a response.create that the vendor refuses is a call that costs nothing', len(bad) == 1 and bad[0]['price_status'] == 'free' and bad[0]['status'] == 400, str(bad)[:300])
            ok('it stands under its team', all(x['team'] == 'voice' for x in mine))
            ok('time to first content is known', all(0 < x['ttft_us'] < 5e6 for x in good if x['surface'] in ('openai-realtime', 'openai-responses', 'gemini-live')))
            ok('verify is content', s.json('verify')['ok'], str(s.json('verify'))[:300])

def handshakes(s):
    for name, kw, want in (('version 8', {'version': '8'}, 426), ('no key', {'drop': ['sec-websocket-key']}, 400), ('a short key', {'key': 'abc='}, 400),
                           ('a key of other letters', {'key': '!' * 22 + '=='}, 400), ('POST', {'method': 'POST', 'headers': {'content-length': '0'}}, 400),
                           ('HTTP/1.0', {'proto': 'HTTP/1.0'}, 400), ('a body', {'headers': {'content-length': '3'}}, 400)):
        try: c = Client(s.port, RT, **kw) if name != 'a body' else None
        except wsraw.Broken as e: ok(f'handshake refused: {name}', False, str(e)); continue
        if c: ok(f'handshake refused: {name}', c.status == want, f'{c.status}'); c.shut()
    c = Client(s.port, RT, version='8')
    ok('426 names the version', c.headers.get('sec-websocket-version') == '13', str(c.headers))
    for path in ('/openai/v1/chat/completions', '/openai/v1/nothing', '/anthropic/v1/messages'):
        c = Client(s.port, path)
        ok(f'no websocket on {path}, and it says why', c.status == 501, str(c.status))
    c = Client(s.port, RT, headers={'authorization': 'Bearer rr_' + 'x' * 49})
    ok('a mistyped key gets no session', c.status == 401, str(c.status))
    c = Client(s.port, RT, drop=['authorization'], headers={'sec-websocket-protocol': 'realtime, openai-insecure-api-key.sk-browser, openai-beta.realtime-v1'})
    ok('a browser\'s key among the protocols', c.status == 101 and c.headers.get('sec-websocket-protocol') == 'realtime', f'{c.status} {c.headers}')
    c = Client(s.port, RT, headers={'sec-websocket-extensions': 'permessage-deflate; client_max_window_bits'})
    ok('compression is not agreed on', c.status == 101 and b'session.created' in c.read()[1])
    c = Client(s.port, RT, headers={'authorization': 'Bearer sk-invalid'})
    ok('a vendor that refuses the upgrade is heard', c.status in (401, 404, 400, 101), str(c.status))

def frames(s):
    """Everything that Autobahn's first groups ask, and frames that lie."""
    c = Client(s.port, RT); c.read()
    for b in frame(CREATE.encode()): c.raw(bytes([b]))
    ok('a frame, byte by byte', b'response.done' in talk(c)[-1][1])
    data = CREATE.encode()
    for n in (1, 2, 7):
        parts = [data[i:i + n] for i in range(0, len(data), n)]
        for i, p in enumerate(parts):
            c.send(p, opcode=TEXT if i == 0 else CONT, fin=i == len(parts) - 1)
            if i == len(parts) // 2: c.send(b'mid', opcode=PING)
        out = talk(c)
        ok(f'a message in pieces of {n}, with a ping between', b'response.done' in out[-1][1] and (PONG, b'mid') in out + getattr(c, 'control', []), str(out[:2])[:200])
    c.send(b'p' * 125, opcode=PING)
    ok('a ping of 125 bytes', c.read() == (PONG, b'p' * 125))
    c.send(b'', opcode=PONG)
    item = json.dumps({'type': 'conversation.item.create', 'item': {'type': 'message', 'content': [{'type': 'input_text', 'text': 'café 数字 🙂 ' * 9000}]}}, ensure_ascii=False)
    for size in (125, 126, 65535, 65536):
        text = json.dumps({'type': 'conversation.item.create', 'item': {'type': 'x', 'pad': ''}})
        text = text[:-3] + 'a' * (size - len(text)) + text[-3:]
        c.send(text)
        m = c.read()
        ok(f'a message of {size} bytes', m[0] == TEXT and b'conversation.item.added' in m[1], str(m)[:100])
    c.send(item, length=None)
    m = c.read()
    ok(f'{len(item.encode())} bytes of UTF-8', m[0] == TEXT and '🙂' in m[1].decode())
    c.send(b'\x03\xe8done', opcode=CLOSE)
    ok('the close is answered with the same code, then the end', c.read() == (CLOSE, 1000, 'done') and c.read() is None)
    lies = [('an unmasked frame', lambda c: c.send(CREATE, mask=False), 1002), ('a reserved bit', lambda c: c.send(CREATE, rsv=4), 1002),
            ('a reserved opcode', lambda c: c.send(b'x', opcode=3), 1002), ('a control opcode of tomorrow', lambda c: c.send(b'', opcode=11), 1002),
            ('a long ping', lambda c: c.send(b'x' * 126, opcode=PING), 1002), ('a ping in pieces', lambda c: c.send(b'x', opcode=PING, fin=False), 1002),
            ('a continuation of nothing', lambda c: c.send(b'x', opcode=CONT), 1002),
            ('a message within a message', lambda c: (c.send(b'{"a":', fin=False), c.send(b'1}')), 1002),
            ('a length of 2 bytes for 5', lambda c: c.send(b'hello', length=2), 1002), ('a length of 8 bytes for 300', lambda c: c.send(b'h' * 300, length=8), 1002),
            ('a length without end', lambda c: c.raw(b'\x81\xff' + b'\xff' * 8 + b'1234'), 1002), ('a message of a terabyte', lambda c: c.raw(b'\x81\xff' + (1 << 40).to_bytes(8, 'big') + b'1234'), 1009),
            ('text that is not UTF-8', lambda c: c.send(b'{"type":"\xff\xfe"}'), 1007), ('text cut within a character', lambda c: c.send('é'.encode()[:1]), 1007),
            ('close with one byte', lambda c: c.send(b'\x03', opcode=CLOSE), 1002), ('close with code 1005', lambda c: c.send(b'\x03\xed', opcode=CLOSE), 1002),
            ('close with a reason that is not UTF-8', lambda c: c.send(b'\x03\xe8\xff', opcode=CLOSE), 1007)]
    for name, lie, code in lies:
        c = Client(s.port, RT); c.read()
        lie(c)
        m = c.read()
        ok(f'{name}: closed with {code}', m is not None and m[0] == CLOSE and m[1] == code and c.read() is None, str(m)[:200])
    n = len(s.served())
    c = Client(s.port, RT); c.read()
    ok('the next session is well', b'response.done' in talk(c, CREATE)[-1][1] and len(s.served()) == n + 1)

def untouched(s):
    """The bytes behind the handshake, direct and through the gateway, in the vendor's own fragments."""
    got = []
    for port, base in ((s.sandbox_port, ''), (s.port, '/openai')):
        c = Client(port, base + '/v1/realtime?model=gpt-realtime', headers={'x-sandbox-fragment': '7', 'x-sandbox-tokens': '40'})
        c.send(CREATE)
        data, end = c.buf, time.monotonic() + 10
        c.s.settimeout(0.7)
        while time.monotonic() < end:
            try: more = c.s.recv(65536)
            except TimeoutError: break
            if not more: break
            data += more
        got.append(data); c.shut()
    ok(f'frames pass untouched ({len(got[0])} bytes)', got[0] == got[1] and len(got[0]) > 3000, f'{len(got[0])} {len(got[1])}')

def leaving(s):
    before = len(rows(s))
    c = Client(s.port, RT, headers={'x-sandbox-gap-ms': '20', 'x-sandbox-tokens': '40'}); c.read(); c.send(CREATE); c.read(); c.read(); c.shut()
    c = Client(s.port, RT, headers={'x-sandbox-gap-ms': '20', 'x-sandbox-tokens': '41'}); c.read(); c.send(CREATE); c.read(); c.read()
    c.send(b'\x03\xe9', opcode=CLOSE)
    m = c.read()
    while m is not None and m[0] != CLOSE: m = c.read()
    ok('a close in mid-response is answered at once', m is not None and m[1] == 1001, str(m))
    ok('both are drained', until(lambda: len(rows(s)) == before + 2), str(len(rows(s)) - before))
    truth = {l['id']: l for l in s.served()}
    left = [r for r in rows(s)[before:] if r['outcome'] == 'client_left']
    ok('c57_who_leaves_in_mid-response_is_billed_what_the_vendor_counted', len(left) == 2 and all(Decimal(r['cost']) == due(truth[r['vendor_ref']]) and r['provenance'] == 'measured' for r in left), str(left)[:600])
    before = len(rows(s))
    c = Client(s.port, RT, headers={'x-sandbox-gap-ms': '30', 'x-sandbox-tokens': '60'}); c.read(); c.send(json.dumps({'type': 'response.create', 'response': {'output_modalities': ['audio']}}))
    for _ in range(20): c.read()
    s.sandbox.send_signal(signal.SIGKILL); s.sandbox.wait(); s.start_sandbox()
    m = c.read()
    while m is not None and m[0] != CLOSE: m = c.read()
    new = until(lambda: rows(s)[before:])
    ok('c59_a_response_that_the_vendor_breaks_off_is_estimated', len(new) == 1 and new[0]['provenance'] == 'estimated' and new[0]['outcome'] == 'upstream_failed'
       and new[0]['classes'].get('out_audio', 0) >= 15 and Decimal(new[0]['high']) >= Decimal(new[0]['cost']) > 0, str(new)[:700])

def killed(s):
    c = Client(s.port, RT, headers={'x-sandbox-gap-ms': '30', 'x-sandbox-tokens': '60'}); c.read(); talk(c, CREATE, end=b'delta')
    before = len(rows(s))
    s.kill(); s.start_gateway()
    v = s.json('verify')
    new = rows(s)[before:]
    ok('kill -9 in mid-response: the call is named and bounded', v['ok'] and len(new) == 1 and new[0]['outcome'] == 'crashed' and Decimal(new[0]['high']) > 0, str(new)[:400])
    c = Client(s.port, RT); c.read()
    out = talk(c, CREATE)
    rid = json.loads(out[-1][1])['response']['id']
    s.kill(); s.start_gateway()
    ok('an answer that the client saw stands in the ledger through kill -9', sum(r['vendor_ref'] == rid for r in rows(s)) == 1)

def slow(s):
    rss = lambda: int(next(l for l in open(f'/proc/{s.gateway.pid}/status') if l.startswith('VmRSS')).split()[1])
    before = rss()
    c = Client(s.port, RT, headers={'x-sandbox-tokens': '2500'}); c.read()
    c.send(json.dumps({'type': 'response.create', 'response': {'output_modalities': ['audio']}}))
    time.sleep(1.0)
    grown = rss() - before
    got = sum(len(m[1]) for m in talk(c))
    ok(f'a client that does not read stops the vendor: {got // 1000000} MB wait elsewhere, we grew by {grown} kB', got > 20e6 and grown < 12000)

def stops(s):
    idle = Client(s.port, RT); idle.read()
    busy = Client(s.port, RT, headers={'x-sandbox-gap-ms': '40', 'x-sandbox-tokens': '15'}); busy.read(); busy.send(CREATE); busy.read()
    before = len(rows(s))
    s.gateway.terminate()
    ok('a gateway that stops tells an idle session', idle.read()[:2] == (CLOSE, 1001))
    out = talk(busy)
    ended = out[-1][0] != CLOSE and b'response.done' in out[-1][1]
    ok('and lets a response end first', ended and busy.read()[:2] == (CLOSE, 1001), f'{len(out)} messages: {out[-3:]}'[:900])
    ok('it ends well, with the row', s.gateway.wait(20) == 0 and len(rows(s)) == before + 1)

def caps_of(s): return json.loads(s.request('GET', '/api/v1/caps', port=s.admin_port)[2])['caps']

def capped():
    with Stack(config='caps: [{book: inference, amount: "1.9 USD", window: total, hard: true}]') as s:
        ask = json.dumps({'type': 'response.create', 'response': {'output_modalities': ['audio']}})
        c = Client(s.port, RT, headers={'x-sandbox-tokens': '2500'}); c.read()
        reserved = Decimal(caps_of(s)[0]['reserved'])
        ok('the next response is reserved while a session is open', reserved == Decimal('32000') * 32 / 10**6 + Decimal('4096') * 64 / 10**6, str(reserved))
        answers, last = 0, None
        while last is None or last[0] != CLOSE:
            out = talk(c, ask)
            last = out[-1] if out else (CLOSE, None, '')
            answers += last[0] != CLOSE and b'"response.done"' in last[1]
            if last[0] != CLOSE:
                c.s.settimeout(0.3)
                try: more = c.read()
                except TimeoutError: more = 1
                c.s.settimeout(15)
                if more is None: break
                if more != 1: last = more if more[0] == CLOSE else (c.read() or (CLOSE, None, ''))
                if more not in (1, None) and more[0] == TEXT: event = json.loads(more[1])
        spent = sum(Decimal(r['cost']) for r in rows(s) if r['cost'])
        ok(f'c38_a_hard_cap_ends_the_session_before_it_is_over ({answers} answers, {spent} of 1.9)', answers >= 1 and spent <= Decimal('1.9') and spent == Decimal(caps_of(s)[0]['spent']), f'{caps_of(s)}')
        ok('with the vendor\'s error event and a policy close', c.closed is not None and c.closed[0] == 1008 and event['type'] == 'error' and event['error']['type'] == 'budget_exceeded', f'{c.closed}')
        ok('what was reserved is free again', until(lambda: Decimal(caps_of(s)[0]['reserved']) == 0), str(caps_of(s)))
        served = sum(due(l) for l in s.served() if l['usage'])
        ok('the vendor served no more than that', served == spent, f'{served} {spent}')
        c = Client(s.port, RT)
        ok('the next upgrade is refused with 429 in the vendor\'s shape', c.status == 429, str(c.status))
        c = Client(s.port, '/openai/v1/realtime?model=no-such-price')
        ok('a session without a price has no place under a hard cap', c.status == 429, str(c.status))
        key = s.json('key', 'new', '--team', 'x', '--models', 'gpt-realtime-mini')['key']
        time.sleep(1.3)
        c = Client(s.port, RT, headers={'authorization': f'Bearer {key}'})
        ok('a key\'s models hold for sessions', c.status == 403, str(c.status))
        refused = [r for r in rows(s) if r['outcome'] == 'refused']
        ok('refusals are recorded', len(refused) >= 3, str(len(refused)))
    with Stack(config='caps: [{book: inference, amount: "0.01 USD", window: total, hard: true}]') as s:
        c = Client(s.port, '/openai/v1/responses')
        out = talk(c, json.dumps({'type': 'response.create', 'model': 'gpt-4.1-mini', 'input': 'hi', 'max_output_tokens': 100000}), end=b'"error"')
        ok('responses: a request over the cap is told so and not forwarded', out and json.loads(out[0][1])['error']['type'] == 'budget_exceeded' and not s.served(), str(out)[:300])
        m = c.read()
        ok('and the session is closed by policy', m is not None and m[:2] == (CLOSE, 1008), str(m))
        c = Client(s.port, '/openai/v1/responses')
        out = talk(c, json.dumps({'type': 'response.create', 'model': 'gpt-4.1-mini', 'input': 'hi', 'max_output_tokens': 100}), end=b'response.completed')
        ok('one that fits passes', b'response.completed' in out[-1][1] and s.served()[0]['usage'] is not None, str(out)[:300])
        tricky = '{"type":"x","\\u0074ype":"response.\\u0063reate","model":"gpt-4.1-mini","input":"hi","max_output_tokens":100000}'
        out = talk(c, tricky, end=b'"error"')
        ok('escapes and a second type hide no request', b'budget_exceeded' in out[0][1] or b'BAD' in out[0][1] or b'invalid' in out[0][1], str(out)[:300])
        ok('it was not forwarded', len(s.served()) == 1)

sdks()
with Stack() as s:
    handshakes(s)
    frames(s)
    leaving(s)
    killed(s)
    slow(s)
    stops(s)
    ok('verify is content', s.json('verify')['ok'], str(s.json('verify'))[:300])
with Stack(sandbox_args=['--deterministic']) as s:
    untouched(s)
capped()
close()
