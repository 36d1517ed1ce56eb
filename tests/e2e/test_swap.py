#!/usr/bin/env python3
# alone: it loads the machine, and looks at times
# SPDX-License-Identifier: Apache-2.0
"""O4: prices and caps read anew, a swap of the program and a stop, each under load over connections that are kept: no call
fails and no stream is cut. A client here is as hard as one can be: it sends its next request on the connection that it
has, at once, unless the last answer said that the connection closes; then it connects anew.
"""
import asyncio, collections, json, pathlib, signal, socket, subprocess, sys, os
sys.path.insert(0, str(pathlib.Path(__file__).parent))
from stack import Stack, BINARY, ok, close, wait_port

PATH = '/openai/v1/chat/completions'
CLIENTS = 60

def ask(i):
    body = json.dumps({'model': 'gpt-4o-mini', 'stream': i % 2 == 0, 'messages': [{'role': 'user', 'content': 'hi'}]}).encode()
    return (f'POST {PATH} HTTP/1.1\r\nhost: t\r\nauthorization: Bearer sk-{i}\r\ncontent-type: application/json\r\nx-sandbox-gap-ms: {3 + i % 5}\r\n'
            f'x-sandbox-tokens: 10\r\ncontent-length: {len(body)}\r\n\r\n').encode() + body

async def client(s, i, seen, stop):
    request = ask(i)
    while not stop.is_set():
        try: reader, writer = await asyncio.open_connection('127.0.0.1', s.port)
        except OSError:
            seen['not connected'] += 1
            return
        asked, closes = 0, False
        try:
            while not closes and not stop.is_set():
                await asyncio.sleep(0.001 * (i % 7))
                writer.write(request)
                head = await asyncio.wait_for(reader.readuntil(b'\r\n\r\n'), 20)
                asked += 1
                closes = b'connection: close' in head
                body = b''
                if b'transfer-encoding: chunked' in head:
                    while n := int(await reader.readuntil(b'\r\n'), 16): body += (await reader.readexactly(n + 2))[:-2]
                    await reader.readexactly(2)
                    whole = body.rstrip().endswith(b'[DONE]')
                else:
                    n = int(head.split(b'content-length: ')[1].split(b'\r\n')[0])
                    whole = json.loads(await reader.readexactly(n))['object'] == 'chat.completion'
                seen['answered' if whole and b' 200 ' in head[:20] else f'wrong {head[:20]}'] += 1
        except (OSError, asyncio.IncompleteReadError, asyncio.TimeoutError) as e: seen[f'cut by {type(e).__name__} after {asked} answers'] += 1
        writer.close()

async def under_load(s, act, ends=False):
    """What the clients saw while act(seen) ran."""
    seen, stop = collections.Counter(), asyncio.Event()
    tasks = [asyncio.create_task(client(s, i, seen, stop)) for i in range(CLIENTS)]
    await asyncio.sleep(0.5)
    await act(seen)
    if not ends: stop.set()
    await asyncio.gather(*tasks)
    return seen

async def until(what, seconds=10):
    for _ in range(int(seconds / 0.05)):
        if what(): return True
        await asyncio.sleep(0.05)
    return False

def main():
    with Stack() as s:
        async def reload(seen):
            for n in range(1, 6):
                s.gateway.send_signal(signal.SIGHUP)
                ok(f'reload {n}', await until(lambda: s.log().count('reloaded') >= n))
        seen = asyncio.run(under_load(s, reload))
        ok(f'5 reloads under load: {dict(seen)}', set(seen) == {'answered'} and seen['answered'] > CLIENTS)
        pid, started = s.gateway.pid, s.log().count('is ready')
        async def swap(seen):
            for n in range(1, 3):
                before = seen['answered']
                s.gateway.send_signal(signal.SIGUSR2)
                if not await until(lambda: s.log().count('is ready') == started + n): ok(f'swap {n}', False, s.log()[-600:])
                await until(lambda: seen['answered'] > before + 5 * CLIENTS)
        seen = asyncio.run(under_load(s, swap))
        ok(f'2 swaps of the program under load: {dict(seen)}', set(seen) == {'answered'} and seen['answered'] > 2 * CLIENTS)
        ok('it is the same process, with another program in it', s.gateway.poll() is None and s.gateway.pid == pid and s.log().count('is ready') == started + 2)
        good = (s.folder / 'runrate.yaml').read_text()
        (s.folder / 'runrate.yaml').write_text(good + 'capz: []\n')
        s.gateway.send_signal(signal.SIGUSR2)
        asyncio.run(until(lambda: 'not_swapped' in s.log()))
        ok('a file with a mistake stops a swap and nothing else', 'capz' in s.log() and s.post(PATH, {'model': 'gpt-4o-mini', 'messages': []})[0] == 400)
        (s.folder / 'runrate.yaml').write_text(good)
        async def stop(seen): s.gateway.send_signal(signal.SIGTERM)
        seen = asyncio.run(under_load(s, stop, ends=True))
        refused = seen.pop('not connected', 0)
        ok(f'a stop under load: {dict(seen)}, then {refused} clients find nobody', set(seen) == {'answered'} and refused == CLIENTS and s.gateway.wait(20) == 0)
        served, ids = [x for x in s.served() if x['status'] == 200], s.call_ids()
        ok(f'{len(served)} calls served, {len(ids)} rows', len(ids) == len(set(ids)) == len(served) + 1)
        v = s.json('verify'); ok('verify is content', v['ok'] is True and not v['orphans'], str(v)[:300])
        # a socket unit: the listener is there before the program
        l = socket.create_server(('127.0.0.1', s.port)); c = socket.create_connection(('127.0.0.1', s.port)); c.sendall(ask(1))
        (s.folder / 'runrate.yaml').write_text(good + 'workers: 1\n')
        code = f'import os,sys; os.dup2({l.fileno()}, 3); e={{**os.environ, "LISTEN_FDS": "1", "LISTEN_PID": str(os.getpid())}}; os.execve({BINARY!r}, [{BINARY!r}, "serve", "--config", {str(s.folder / "runrate.yaml")!r}], e)'
        s.gateway = subprocess.Popen([sys.executable, '-c', code], env=s.env, pass_fds=[l.fileno()], stdout=subprocess.DEVNULL, stderr=open(s.folder / 'gateway.log', 'ab'))
        c.settimeout(15)
        ok('who connected to a socket unit before the program came is served by it', b' 200 ' in c.recv(65536)[:20])
        c.close(); l.close()
    close()

main()
