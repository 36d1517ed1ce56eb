#!/usr/bin/env python3
# times: it looks at them, so little else may run
# SPDX-License-Identifier: Apache-2.0
"""Too much work and bad clients: the memory ceiling under bodies, heads and readers that want more (O2), more calls than
the gateway or a key may have at once (O1), clients that send or read too slowly (H4, L3). What is too much is refused in
the vendor's words and says when to come again; what was begun ends well; the memory is the kernel's own figure.
"""
import asyncio, json, pathlib, socket, sys, time
sys.path.insert(0, str(pathlib.Path(__file__).parent))
from stack import Stack, ok, close, rows
from load import call
from wire import request_bytes

CHAT = {'model': 'gpt-4o-mini', 'messages': [{'role': 'user', 'content': 'hello'}]}
MESSAGE = {'model': 'claude-haiku-4-5', 'max_tokens': 60, 'messages': [{'role': 'user', 'content': 'hello'}]}
GEMINI = {'contents': [{'role': 'user', 'parts': [{'text': 'hello'}]}]}
PATH = '/openai/v1/chat/completions'
VENDORS = {'openai': (PATH, CHAT, {}), 'anthropic': ('/anthropic/v1/messages', MESSAGE, {'anthropic-version': '2026-10-21'}),
           'gemini': ('/gemini/v1beta/models/gemini-2.5-flash:generateContent', GEMINI, {})}

WORDS = [a for a in sys.argv[1:] if not a.startswith("--")]

def memory(pid):
    """KiB: resident now, and the highest ever."""
    lines = dict(l.split(':', 1) for l in pathlib.Path(f'/proc/{pid}/status').read_text().splitlines())
    return int(lines['VmRSS'].split()[0]), int(lines['VmHWM'].split()[0])

def status_of(s): return json.loads(s.request('GET', '/api/v1/status', port=s.admin_port)[2])

def shaped(vendor, body, status):
    try: v = json.loads(body)
    except ValueError: return False
    e = v.get('error', {})
    return {'openai': lambda: {'message', 'type', 'param', 'code'} <= set(e), 'anthropic': lambda: v.get('type') == 'error' and {'type', 'message'} <= set(e),
            'gemini': lambda: e.get('code') == status and {'message', 'status'} <= set(e)}[vendor]()

async def answer(reader):
    """(status, headers, body) of an answer, whatever becomes of the request."""
    try:
        head = (await asyncio.wait_for(reader.readuntil(b'\r\n\r\n'), 30)).decode('latin-1').split('\r\n')
        headers = {k.lower(): v.strip() for k, _, v in (l.partition(':') for l in head[1:] if l)}
        body = await asyncio.wait_for(reader.readexactly(int(headers.get('content-length', 0))), 30)
        return int(head[0].split()[1]), headers, body
    except (OSError, asyncio.IncompleteReadError, asyncio.TimeoutError, ValueError): return 0, {}, b''

async def large(s, size, chunked):
    reader, writer = await asyncio.open_connection('127.0.0.1', s.port)
    body = b'{"model":"gpt-4o-mini","messages":[{"role":"user","content":"' + b'x' * size + b'"}]}'
    head = f'POST {PATH} HTTP/1.1\r\nhost: t\r\nauthorization: Bearer sk-large\r\ncontent-type: application/json\r\n'
    async def send():
        try:
            writer.write((head + ('transfer-encoding: chunked' if chunked else f'content-length: {len(body)}') + '\r\n\r\n').encode())
            for at in range(0, len(body), 1 << 16):
                piece = body[at:at + (1 << 16)]
                writer.write(b'%x\r\n%s\r\n' % (len(piece), piece) if chunked else piece)
                await writer.drain()
            if chunked: writer.write(b'0\r\n\r\n')
        except OSError: pass
    sender = asyncio.create_task(send())
    got = await answer(reader)
    sender.cancel()
    writer.close()
    return got

def ceiling():
    most = 48 * 1024
    with Stack(config='max_memory: 48 MiB\nworkers: 2\n') as s:
        pid = s.gateway.pid
        async def flood(chunked): return await asyncio.gather(*(large(s, 6 << 20, chunked) for _ in range(24)))
        for chunked in (False, True):
            got = asyncio.run(flood(chunked))
            codes = sorted(g[0] for g in got)
            no = [g for g in got if g[0] == 503]
            ok(f'24 bodies of 6 MiB at once{", chunked" if chunked else ""}: some pass, the others are told to come again: {codes.count(200)} {len(no)}',
               codes.count(200) > 0 and len(no) > 0 and codes.count(200) + len(no) == 24 and all(g[1].get('retry-after') == '1' and shaped('openai', g[2], 503) for g in no), str(codes))
            ok(f'the memory stays below its ceiling: {memory(pid)[1]} KiB', memory(pid)[1] <= most)
        held = []
        for _ in range(1500):
            c = socket.create_connection(('127.0.0.1', s.port)); c.setblocking(False)
            try: c.send(f'POST {PATH} HTTP/1.1\r\nhost: t\r\n'.encode() + b'x-a: ' + b'y' * 28000 + b'\r\n')
            except OSError: pass
            held.append(c)
        time.sleep(0.3)
        ok(f'so it does under 1,500 heads of 28 KiB that do not end: {memory(pid)[1]} KiB', memory(pid)[1] <= most)
        for c in held: c.close()
        end = time.monotonic() + 15
        while time.monotonic() < end and s.post(PATH, CHAT)[0] != 200: time.sleep(0.1)
        status, _, _ = s.post(PATH, CHAT)
        ok(f'when they have gone there is room again: {memory(pid)[0]} KiB', status == 200)
        v, st = s.json('verify'), status_of(s)
        ok('what was refused so was not begun: each row is a call that the vendor saw', v['ok'] and len(rows(s)) == len([x for x in s.served() if x['status'] == 200]) and st['overloaded'] > 0, f"{st['overloaded']} {len(rows(s))} {len(s.served())}")

def readers():
    """L3: what a client does not read is not taken from its vendor."""
    most, many = 64, 1000 if '--all' in sys.argv else 150
    piece = b'data: {"id":"x","object":"chat.completion.chunk","model":"gpt-4o-mini","choices":[{"index":0,"delta":{"content":"word "}}]}\n\n'
    sent, stop = [], asyncio.Event()
    async def vendor(reader, writer):
        await reader.readuntil(b'\r\n\r\n')
        writer.write(b'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n')
        at, n = len(sent), 32
        sent.append(0)
        try:
            while not stop.is_set() and sent[at] < 64 << 20:
                writer.write(b'%x\r\n%s\r\n' % (len(piece) * n, piece * n))
                await writer.drain()
                sent[at] += len(piece) * n
            writer.write(b'%x\r\n%s\r\n0\r\n\r\n' % (14, b'data: [DONE]\n\n'))
            await writer.drain()
        except (OSError, asyncio.CancelledError): pass
        writer.close()
    async def main():
        server = await asyncio.start_server(vendor, '127.0.0.1', 0, backlog=4096)
        extra = f'workers: 2\nlimits: {{key_active: 2000}}\n'
        with Stack(config=f'  - {{name: endless, dialect: openai, base: "http://127.0.0.1:{server.sockets[0].getsockname()[1]}"}}\n' + extra) as s:
            for _ in range(30): await call(s.port, PATH, {**CHAT, 'stream': True})   # so that what is there once is there
            before, held, got = memory(s.gateway.pid)[0], [], {}
            ask = request_bytes('POST', '/up/endless/v1/chat/completions', {**CHAT, 'stream': True}, {}, close=False)
            for _ in range(many):
                c = socket.socket(); c.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048); c.connect(('127.0.0.1', s.port)); c.sendall(ask); held.append(c)
            seen = []
            for _ in range(10):
                await asyncio.sleep(0.3 * many / 150)
                for c in held:
                    try: got[c] = got.get(c, b'') + c.recv(1, socket.MSG_DONTWAIT)
                    except OSError: pass
                seen.append(sum(sent))
            each = (memory(s.gateway.pid)[1] - before) / many
            ok(f'{many} clients that read a byte now and then cost {each:.0f} KiB each', each <= most and len(got) == len(sent) == many, f'{len(got)} {len(sent)}')
            ok(f'their vendors wait: {max(sent) >> 10} KiB is the most that one of them could send', seen[-1] - seen[-3] <= many * 4096 and max(sent) < 16 << 20, str(seen))
            c = held.pop(); out = got[c]; c.setblocking(False); c.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
            for other in held: other.close()
            stop.set()
            loop = asyncio.get_running_loop()
            while not out.endswith(b'\r\n0\r\n\r\n'):
                more = await asyncio.wait_for(loop.sock_recv(c, 1 << 16), 20)
                if not more: break
                out += more
            ok('one that reads at last gets all that was sent', any(out.count(b'"word "') == n // len(piece) for n in sent) and out.count(b'[DONE]') == 1, f'{out.count(b"word ")} {out[-60:]}')
            c.close()
        server.close()
    asyncio.run(main())

def overload():
    with Stack(config='workers: 1\nlimits: {active: 20}\n') as s:
        async def all_at_once(vendor):
            path, body, headers = VENDORS[vendor]
            return await asyncio.gather(*(call(s.port, path, body, {**headers, 'x-sandbox-delay-ms': '400', 'authorization': f'Bearer sk-{i}'}) for i in range(60)))
        for vendor in VENDORS:
            got = asyncio.run(all_at_once(vendor))
            no = [a for a in got if a.status == 503]
            good = [a for a in got if a.status == 200 and a.clean]
            ok(f'{vendor}: 60 calls where 20 have room: {len(good)} answered, {len(no)} told to come again', len(good) >= 20 and len(no) > 0 and len(good) + len(no) == 60 and
               all(a.headers.get('retry-after') == '1' and shaped(vendor, a.body, 503) for a in no), str(sorted(a.status for a in got)))
        ok('and then there is room', s.post(PATH, CHAT)[0] == 200)
        ok('the vendor saw those that were answered, and no more', sum(x['status'] == 200 for x in s.served()) == len(rows(s)))
    with Stack(config='limits: {key_active: 5}\n') as s:
        key, other = (s.json('key', 'new', '--team', t)['key'] for t in ('busy', 'other'))
        async def both():
            slow = {'x-sandbox-delay-ms': '500'}
            return await asyncio.gather(*(call(s.port, PATH, CHAT, {**slow, 'authorization': f'Bearer {key}'}) for _ in range(15)),
                                        *(call(s.port, PATH, CHAT, {**slow, 'authorization': f'Bearer {other}'}) for _ in range(3)))
        got = asyncio.run(both())
        mine = [a.status for a in got[:15]]
        ok('5 of 15 calls of a key at once pass, another key has its own', mine.count(200) == 5 and mine.count(429) == 10 and [a.status for a in got[15:]] == [200] * 3, str(mine))
        no = next(a for a in got if a.status == 429)
        ok('the refusal is the vendor\'s', shaped('openai', no.body, 429) and no.headers.get('retry-after') == '1', f'{no.headers} {no.body}')
        ok('places are free again', s.post(PATH, CHAT, {'authorization': f'Bearer {key}'})[0] == 200)
        ok('its refusals are recorded as such', sum(r['outcome'] == 'refused' for r in rows(s)) == 10, str([r['outcome'] for r in rows(s)]))

def keys():
    """Limits and caps by each thing that a key or a call names."""
    with Stack() as s:
        def new(team, *more): return s.json('key', 'new', '--team', team, *more)
        def as_(key): return {'authorization': f"Bearer {key['key']}"}
        few, tokens, two = new('few', '--requests-per-minute', '3'), new('tokens', '--tokens-per-minute', '300'), new('two', '--at-once', '2')
        listed = {k['id']: k for k in s.json('key', 'list')['keys']}
        ok('key list shows the limits', [listed[k['id']][n] for k, n in ((few, 'requests_per_minute'), (tokens, 'tokens_per_minute'), (two, 'at_once'), (two, 'requests_per_minute'))] == [3, 300, 2, None])
        where = [new('region', '--regions', 'us', '--models', 'gpt-4o-mini,gemini-2.5-flash')]
        scopes = {}
        for scope in ('key', 'team', 'feature', 'model', 'env'):
            for hard in (True, False):
                name = f'{scope}-{"hard" if hard else "soft"}'
                k = new(name, *(['--env', name] if scope == 'env' else []))
                value = {'key': k['id'], 'model': 'gpt-4o' if hard else 'gpt-4.1'}.get(scope, name)
                s.json('cap', 'set', '--book', 'inference', '--amount', '0.0000001 USD', '--window', 'day', f'--{scope}', value, *(['--hard'] if hard else []))
                headers = {'x-runrate-feature': value} if scope == 'feature' else {}
                scopes[scope, hard] = ({**as_(k), **headers}, {**CHAT, 'model': value if scope == 'model' else 'gpt-4o-mini'})
        time.sleep(1.3)
        ok('a key\'s own requests a minute', [s.post(PATH, CHAT, as_(few))[0] for _ in range(5)] == [200] * 3 + [429] * 2)
        ok('a key\'s own tokens a minute', [s.post(PATH, {**CHAT, 'max_tokens': 200}, {**as_(tokens), 'x-sandbox-tokens': '200'})[0] for _ in range(3)] == [200, 429, 429])
        async def at_once(): return sorted([a.status for a in await asyncio.gather(*(call(s.port, PATH, CHAT, {**as_(two), 'x-sandbox-delay-ms': '400'}) for _ in range(5)))])
        ok('a key\'s own calls at once', asyncio.run(at_once()) == [200, 200, 429, 429, 429])
        for (scope, hard), (headers, body) in scopes.items():
            status, h, out = s.post(PATH, body, headers)
            later, h2, _ = s.post(PATH, body, headers)
            if hard: ok(f'a hard cap by {scope} refuses', status == later == 429 and json.loads(out)['error']['type'] == 'budget_exceeded' and h.get('x-should-retry') == 'false', f'{status} {out[:200]}')
            else: ok(f'a soft cap by {scope} warns', status == later == 200 and 'x-runrate-soft-cap' in h2, f'{status} {h2}')
        ok('and what no cap names goes its way', (lambda r: r[0] == 200 and 'x-runrate-soft-cap' not in r[1])(s.post(PATH, CHAT, as_(new('free')))))
        h = as_(where[0])
        codes = [s.post(PATH, CHAT, h)[0], s.post(PATH, {**CHAT, 'model': 'gpt-4.1-nano'}, h)[0]]
        status, _, out = s.post('/gemini/v1beta/models/gemini-2.5-flash:generateContent', GEMINI, {'authorization': '', 'x-goog-api-key': where[0]['key']})
        ok('models and regions that a key may not use', codes == [200, 403] and status == 451 and shaped('gemini', out, 451), f'{codes} {status} {out[:200]}')
        register = {l['key']: l for l in s.json('report', '--by', 'region', '--env', 'all')['inference']['lines']}
        ok('the register of regions names what went there and what was refused', register['us']['calls'] > 5 and register['eu']['calls'] == 0 and register['eu']['refused'] == 1, str(register))

def slow():
    """H4: each attacker is closed at its own limit, good traffic goes on."""
    limits = {'head': 0.6, 'body': 0.8, 'read': 1.0, 'idle': 0.7}
    with Stack(config=f'limits: {{head_time: 600ms, body_grace: 800ms, body_min_rate: 1000, stream_idle: 1s, idle: 700ms, out: 16384}}\n') as s:
        ask = request_bytes('POST', PATH, {**CHAT, 'stream': True}, {'x-sandbox-tokens': '30000'}, close=False)
        head = b'POST ' + PATH.encode() + b' HTTP/1.1\r\nhost: t\r\ncontent-length: 100000\r\n'
        async def attack(kind):
            begin = time.monotonic()
            sock = socket.socket(); sock.setblocking(False)
            if kind == 'read': sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            await asyncio.get_running_loop().sock_connect(sock, ('127.0.0.1', s.port))
            reader, writer = await asyncio.open_connection(sock=sock, limit=1024)
            writer.write({'head': b'P', 'body': head + b'\r\n{', 'read': ask, 'idle': b''}[kind])
            first = b''
            while time.monotonic() - begin < 10:
                try:
                    if kind == 'read':   # looks whether it is still there, takes nothing
                        await asyncio.sleep(0.1)
                        if sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) or writer.transport.is_closing(): break
                        if not status_of(s)['active']: break
                    else:
                        if kind != 'idle': writer.write(head[:1] if kind == 'body' else b'x')
                        piece = await asyncio.wait_for(reader.read(1024), 0.1)
                        if not piece: break
                        first += piece
                except asyncio.TimeoutError: pass
                except OSError: break
            writer.close()
            return kind, time.monotonic() - begin, first
        async def good(stop):
            codes = []
            while not stop.is_set():
                codes.append((await call(s.port, PATH, CHAT)).status)
                await asyncio.sleep(0.02)
            return codes
        async def main():
            stop = asyncio.Event()
            g = asyncio.create_task(good(stop))
            got = await asyncio.gather(*(attack(k) for k in ('head', 'body', 'idle') for _ in range(40)))
            stop.set()
            codes = await g
            return got + [await attack('read')], codes
        got, codes = asyncio.run(main())
        for kind, limit in limits.items():
            took = [t for k, t, _ in got if k == kind]
            said = {b[:12] for k, _, b in got if k == kind}
            ok(f'slow {kind}: {len(took)} attackers are closed at {limit} s ({min(took):.2f} to {max(took):.2f})', all(limit * 0.9 < t < limit + 5 for t in took) and said <= {b'', b'HTTP/1.1 408'}, str(said))
        ok(f'{len(codes)} good calls meanwhile, all answered', len(codes) > 5 and set(codes) == {200}, str(set(codes)))

def main():
    for part in (ceiling, readers, overload, keys, slow):
        if not WORDS or part.__name__ in WORDS: part()
    close()

main()
