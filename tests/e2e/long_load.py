#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The long forms of what load and bad clients may not do: five times what fits (O1), a full house under a memory ceiling (O2),
slowhttptest as the attacker (H4), and hours in small of everything at once (O3; RUNRATE_SOAK_SECONDS, default 120): at the
end memory and descriptors are where they were and the sums are equal. Ports and files: `ulimit -n` of 15,000 is wanted.

    tests/e2e/long_load.py [overload] [house] [slowhttp] [soak]
"""
import asyncio, collections, json, os, pathlib, random, resource, shutil, signal, socket, statistics, subprocess, sys, threading, time
from decimal import Decimal
sys.path.insert(0, str(pathlib.Path(__file__).parent))
from stack import Stack, ok, skip, close
from load import call
from wire import request_bytes

WORDS = [a for a in sys.argv[1:] if not a.startswith('--')]
SOAK = float(os.environ.get('RUNRATE_SOAK_SECONDS', '120'))
PATH = '/openai/v1/chat/completions'
CHAT = {'model': 'gpt-4o-mini', 'messages': [{'role': 'user', 'content': 'hello'}]}
most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))

def memory(pid):
    lines = dict(l.split(':', 1) for l in pathlib.Path(f'/proc/{pid}/status').read_text().splitlines())
    return int(lines['VmRSS'].split()[0]), int(lines['VmHWM'].split()[0])
def files(pid): return len(os.listdir(f'/proc/{pid}/fd'))
def status_of(s): return json.loads(s.request('GET', '/api/v1/status', port=s.admin_port)[2])

def overload():
    """Capacity is what the limits say: 40 calls at once of 0.25 s are 160 a second. Five times that is asked for, openly: nobody waits for answers to ask on."""
    with Stack(config='workers: 1\nlimits: {active: 40}\n') as s:
        async def open_loop(rate, seconds):
            """(answered, [latency of a refusal], [latency of the admin listener])"""
            good, no, admin, tasks = 0, [], [], []
            async def one(i):
                nonlocal good
                begin = time.monotonic()
                a = await call(s.port, PATH, CHAT, {'x-sandbox-delay-ms': '250', 'x-sandbox-tokens': '3', 'authorization': f'Bearer sk-{i % 50}'})
                if a.status == 200 and a.clean: good += 1
                elif a.status == 503 and a.headers.get('retry-after'): no.append(time.monotonic() - begin)
                else: no.append(99)
            async def watch():
                while True:
                    begin = time.monotonic()
                    a = await call(s.admin_port, '/healthz', None, method='GET')
                    admin.append(time.monotonic() - begin if a.status == 200 else 99)
                    await asyncio.sleep(0.1)
            w = asyncio.create_task(watch())
            begin = time.monotonic()
            for i in range(int(rate * seconds)):
                late = begin + i / rate - time.monotonic()
                if late > 0: await asyncio.sleep(late)
                tasks.append(asyncio.create_task(one(i)))
            await asyncio.gather(*tasks)
            w.cancel()
            return good / (time.monotonic() - begin), no, admin
        peak = max(asyncio.run(open_loop(r, 5))[0] for r in (110, 140, 155))
        asked = 5 * peak
        goodput, no, admin = asyncio.run(open_loop(asked, 20))
        q = lambda v, p: sorted(v)[int(len(v) * p)] if v else 0
        ok(f'{asked:.0f} calls a second asked, {peak:.0f} is the most that fits: {goodput:.0f} are answered', goodput >= 0.9 * peak, f'{goodput / peak:.2f}')
        ok(f'{len(no)} are told to come again, in {q(no, .5) * 1000:.1f} ms (p50), {q(no, .99) * 1000:.1f} ms (p99) as this client sees it', len(no) > 1000 and q(no, .5) <= 0.010)
        ok(f'the admin listener answers in {q(admin, .5) * 1000:.1f} ms (p50), {q(admin, .99) * 1000:.1f} ms (p99)', q(admin, .5) <= 0.050 and max(admin) < 99)

def house():
    with Stack(config='limits: {key_active: 5000}\n') as s:
        s.stop()
        s.gateway = subprocess.Popen([os.environ.get('RUNRATE', str(pathlib.Path(__file__).resolve().parent.parent.parent / 'build/runrate')), 'serve', '--config', str(s.folder / 'runrate.yaml'), '--max-memory', '256M'], env=s.env, stderr=open(s.folder / 'gateway.log', 'ab'))
        from stack import wait_port
        wait_port(s.port, process=s.gateway)
        pid, ceiling = s.gateway.pid, 256 * 1024
        idle, active = [], []
        for i in range(10000):
            idle.append(socket.create_connection(('127.0.0.1', s.port)))
            idle[-1].sendall(b'GET /nowhere HTTP/1.1\r\nhost: t\r\n\r\n')
        for c in idle: c.recv(65536)
        each = memory(pid)[0] / 10000
        ok(f'10,000 idle connections that were used: {memory(pid)[0]} KiB in all, {each:.1f} each', memory(pid)[0] < 64 * 1024)
        ask = request_bytes('POST', PATH, {**CHAT, 'stream': True}, {'x-sandbox-tokens': '400', 'x-sandbox-gap-ms': '100'}, close=False)
        for i in range(1000):
            active.append(socket.create_connection(('127.0.0.1', s.port)))
            active[-1].sendall(ask)
        time.sleep(3)
        ok(f'and 1,000 streams: {memory(pid)[0]} KiB', status_of(s)['active'] == 1000 and memory(pid)[1] < ceiling, str(status_of(s)['active']))
        body = b'{"model":"gpt-4o-mini","messages":[{"role":"user","content":"' + b'x' * (24 << 20) + b'"}]}'
        seen = collections.Counter()
        def large():
            try:
                with socket.create_connection(('127.0.0.1', s.port), 30) as c:
                    c.settimeout(60)
                    try: c.sendall(f'POST {PATH} HTTP/1.1\r\nhost: t\r\nauthorization: Bearer sk-l\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n'.encode() + body)
                    except OSError: pass
                    seen[c.recv(64)[9:12].decode()] += 1
            except OSError as e: seen[type(e).__name__] += 1
        for _ in range(3):
            ts = [threading.Thread(target=large) for _ in range(20)]
            for t in ts: t.start()
            for t in ts: t.join()
        ok(f'then 60 bodies of 24 MiB: {dict(seen)}; never above {memory(pid)[1]} KiB', memory(pid)[1] <= ceiling and seen['503'] > 0 and seen['200'] > 0)
        ok('nobody was thrown out for it', status_of(s)['active'] == 1000 and s.gateway.poll() is None)
        for c in active: c.close()
        for c in idle: c.close()

def slowhttp():
    if not shutil.which('slowhttptest'):
        skip('slowhttptest', 'there is no slowhttptest on this machine: install it for the attack by another program')
        return
    limits = 'limits: {head_time: 2s, body_grace: 2s, stream_idle: 3s, idle: 3s}\n'
    for name, kind in (('slow heads', ['-H', '-i', '1']), ('slow bodies', ['-B', '-i', '1', '-s', '100000']), ('slow reads', ['-X', '-w', '512', '-y', '1024', '-n', '5', '-z', '32'])):
        with Stack(config=limits) as s:
            async def good(stop):
                took, wrong = [], collections.Counter()
                while not stop.is_set():
                    begin = time.monotonic()
                    a = await call(s.port, PATH, CHAT, {'x-sandbox-tokens': '3'})
                    took.append(time.monotonic() - begin)
                    if a.status != 200: wrong[a.status] += 1
                    await asyncio.sleep(0.05)
                return took, wrong
            async def main():
                stop = asyncio.Event()
                asyncio.get_running_loop().call_later(5, stop.set)
                quiet, _ = await good(stop)
                stop = asyncio.Event()
                p = await asyncio.create_subprocess_exec('slowhttptest', *kind, '-c', '4000', '-r', '1000', '-l', '15', '-p', '3', '-u', f'http://127.0.0.1:{s.port}{PATH}', stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT)
                g = asyncio.create_task(good(stop))
                highest = 0
                while p.returncode is None:
                    try: await asyncio.wait_for(asyncio.shield(asyncio.create_task(p.wait())), 0.5)
                    except asyncio.TimeoutError: pass
                    highest = max(highest, memory(s.gateway.pid)[0])
                stop.set()
                return quiet, await g, highest
            quiet, (busy, wrong), highest = asyncio.run(main())
            mid = statistics.median
            ok(f'{name} from 4,000 connections: {len(busy)} good calls, median {mid(busy) * 1000:.1f} ms ({mid(quiet) * 1000:.1f} before), {highest} KiB', not wrong and len(busy) > 20 and highest < 128 * 1024, str(dict(wrong)))
            time.sleep(4)
            ok(f'{name}: the attackers are closed', files(s.gateway.pid) < 200, str(files(s.gateway.pid)))

def soak():
    rng = random.Random(20261129)
    faults = [None] * 12 + ['500', '429:1', 'rst:300', 'close:200', 'truncated', 'bad-chunk', 'usage-missing', 'stall:200', 'split:3', '1xx:5', 'gzip', 'rst-early']
    with Stack(config='max_memory: 512 MiB\nlimits: {first_byte: 3s, stream_idle: 2s, total: 20s, idle: 5s}\ndrain: {seconds: 2}\n') as s:
        key = s.json('key', 'new', '--team', 'soak')['key']
        s.json('cap', 'set', '--book', 'inference', '--amount', '10000 USD', '--window', 'hour', '--team', 'soak', '--hard')
        pid, marks, counts = s.gateway.pid, [], collections.Counter()
        async def client(until):
            while time.monotonic() < until:
                stream, fault = rng.random() < 0.6, rng.choice(faults)
                path, body, headers = rng.choice([(PATH, {**CHAT, 'stream': stream}, {}), ('/anthropic/v1/messages', {'model': 'claude-haiku-4-5', 'max_tokens': 50, 'stream': stream, 'messages': CHAT['messages']}, {'anthropic-version': '2026-10-21'}),
                                                  ('/openai/v1/responses', {'model': 'gpt-4.1-mini', 'input': 'hi', 'stream': stream}, {}), (PATH, {**CHAT, 'messages': [{'role': 'user', 'content': 'x' * rng.choice([10, 1000, 200000])}]}, {})])
                headers = {**headers, 'x-sandbox-tokens': str(rng.choice([1, 10, 60])), 'x-sandbox-gap-ms': str(rng.choice([0, 0, 5])), 'authorization': f'Bearer {key}' if rng.random() < 0.5 else f'Bearer sk-{rng.randrange(9)}'}
                if fault: headers['x-sandbox-fault'] = fault
                if rng.random() < 0.1:   # leaves somewhere on the way
                    try:
                        reader, writer = await asyncio.open_connection('127.0.0.1', s.port)
                        writer.write(request_bytes('POST', path, body, headers))
                        await asyncio.wait_for(reader.read(rng.randrange(1, 2000)), 2)
                    except (OSError, asyncio.TimeoutError): pass
                    writer.transport.abort()
                    counts['left'] += 1
                else: counts[(await call(s.port, path, body, headers, timeout=15)).status] += 1
        async def part(seconds):
            until = time.monotonic() + seconds
            await asyncio.gather(*(client(until) for _ in range(40)))
        async def quiet():
            for _ in range(200):
                if not status_of(s)['active']: break
                await asyncio.sleep(0.1)
            await asyncio.sleep(6)   # kept connections grow old
        async def warm():   # the writer's rings, pages and pools are touched once: 8,192 rows a worker
            todo = iter(range(20000))
            async def one():
                for i in todo: await call(s.port, PATH, CHAT, {'x-sandbox-tokens': '1', 'authorization': f'Bearer sk-{i % 9}'})
            await asyncio.gather(*(one() for _ in range(40)))
        asyncio.run(warm())
        parts = 6
        for n in range(parts):
            asyncio.run(part(SOAK / parts))
            asyncio.run(quiet())
            marks.append((memory(pid)[0], files(pid)))
            s.gateway.send_signal(signal.SIGHUP)
        drift = marks[-1][0] / marks[parts // 2][0] - 1
        ok(f'{sum(counts.values())} calls in {SOAK:.0f} s, {dict(counts)}', counts[200] > 100 and 0 not in counts)
        ok(f'memory drifts by {drift * 100:.1f} % over the second half: {[m for m, _ in marks]} KiB', drift < (0.01 if SOAK >= 3600 else 0.08))
        ok(f'descriptors stay: {[f for _, f in marks]}', max(f for _, f in marks[1:]) <= marks[0][1] + 8)
        served, rows = collections.Counter(x['id'] for x in s.served() if x['id'] and x['completed']), collections.Counter()
        for l in s.run('export', '--calls').stdout.splitlines():
            r = json.loads(l)
            if r['vendor_ref'] in served: rows[r['vendor_ref']] += 1
        ok(f'each of {len(served)} answers that the vendor completed has its row', rows.keys() == served.keys() and max(rows.values()) == 1, f'{len(rows)} {[k for k in served if k not in rows][:3]}')
        v = s.json('verify')
        ok('the sums are equal', v['ok'] is True and v['sum_calls'] == v['sum_rollups'] and not v['orphans'], str(v)[:300])
        cap = next(c for c in json.loads(s.request('GET', '/api/v1/caps', port=s.admin_port)[2])['caps'])
        team = next(l for l in s.json('report', '--by', 'team')['inference']['lines'] if l['key'] == 'soak')
        ok('the cap counts what the ledger counts, and nothing stays reserved', Decimal(cap['reserved']) == 0 and cap['reserved_tokens'] == 0 and Decimal(cap['spent']) >= Decimal(team['cost']), f"{cap['spent']} {team['cost']}")

def main():
    for part in (overload, house, slowhttp, soak):
        if not WORDS or part.__name__ in WORDS: part()
    close()

main()
