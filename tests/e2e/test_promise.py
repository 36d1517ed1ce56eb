#!/usr/bin/env python3
# alone: it loads the machine, and looks at times
# SPDX-License-Identifier: Apache-2.0
"""An answered call is a recorded call, through kill -9 under 200 streams (500 with --all).

The clients keep their own truth: the ids of answers that ended cleanly, and of those that began and did not. After each
kill the gateway is started again on the same ledger; every fifth start is itself killed, at a random moment of its
recovery. In the end every clean answer stands in the ledger exactly once and is no orphan, every begun one too (as itself
or as a named, estimated orphan), and verify is content. With --all 1,000 kills, and a restart on a ledger of 1 GB.
RUNRATE_KILLS names another number of kills.
"""
import asyncio, collections, os, pathlib, random, sqlite3, subprocess, sys, time
sys.path.insert(0, str(pathlib.Path(__file__).parent))
from stack import Stack, BINARY, ok, close, wait_port
from load import call

ALL = '--all' in sys.argv
KILLS = int(os.environ.get('RUNRATE_KILLS', 1000 if ALL else 15))
STREAMS = 500 if ALL else 200
SEED = 20261121

def body(i):
    return {'model': 'gpt-4o-mini' if i % 3 else 'gpt-4.1-mini', 'stream': True, 'messages': [{'role': 'user', 'content': f'count to {i}'}]}

async def clients(port, stop, clean, begun, n=STREAMS):
    async def one(k):
        i = 0
        while not stop.is_set():
            if k % 4 == 3:
                a = await call(port, '/anthropic/v1/messages', {'model': 'claude-sonnet-4-5', 'max_tokens': 64, 'stream': True,
                               'messages': [{'role': 'user', 'content': f'{k} {i}'}]},
                               {'anthropic-version': '2023-06-01', 'x-sandbox-gap-ms': '15', 'x-sandbox-tokens': '12'})
            elif k % 4 == 2:
                a = await call(port, '/openai/v1/chat/completions', {**body(i), 'stream': False}, {'x-sandbox-delay-ms': '60'})
            else:
                a = await call(port, '/openai/v1/chat/completions', body(i), {'x-sandbox-gap-ms': '15', 'x-sandbox-tokens': '12'})
            i += 1
            rid = a.headers.get('x-runrate-id')
            if rid and a.status == 200:
                (clean if a.clean else begun).append(rid)
            if not a.began:
                await asyncio.sleep(0.02)
    await asyncio.gather(*(one(k) for k in range(n)))

def kill_in_recovery(s, rng):
    """Starts the gateway and kills it before it is ready. True when it had not listened yet."""
    p = subprocess.Popen([BINARY, 'serve', '--config', str(s.folder / 'runrate.yaml')], env=s.env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    time.sleep(rng.random() * 0.05)
    p.kill()
    return b'is ready' not in p.communicate()[1]

def grow(s, size):
    """The ledger's own rows again and again, until the file has that size; roll-ups claim them, so that a start has no more to
    do than on a ledger that grew by itself."""
    with sqlite3.connect(s.ledger) as c:
        c.execute('PRAGMA synchronous=OFF')
        columns = ','.join(r[1] for r in c.execute('PRAGMA table_info(call)') if r[1] != 'row')
        while os.path.getsize(s.ledger) < size:
            (most,) = c.execute('SELECT max(row) FROM call').fetchone()
            c.execute(f'INSERT INTO call(row,{columns}) SELECT row+{most},{columns} FROM call LIMIT 2000000')
            c.execute("UPDATE meta SET value=(SELECT max(row) FROM call) WHERE name='rollup_row'")
            c.commit()
            c.execute('PRAGMA wal_checkpoint(TRUNCATE)')
    c.close()

def start_seconds(s):
    begin = time.monotonic()
    s.start_gateway()
    return time.monotonic() - begin

async def large_ledger():
    with Stack() as s:
        clean, begun, stop = [], [], asyncio.Event()
        load = asyncio.create_task(clients(s.port, stop, clean, begun))
        await asyncio.sleep(2)
        stop.set(); await load
        s.stop()
        grow(s, 1 << 30)
        took = [start_seconds(s)]
        for _ in range(5):
            stop = asyncio.Event()
            load = asyncio.create_task(clients(s.port, stop, clean, begun))
            await asyncio.sleep(0.7)
            s.kill(); stop.set(); await load
            took.append(start_seconds(s))
        print(f'  1 GB ({os.path.getsize(s.ledger) >> 20} MiB): ready after {", ".join(f"{t:.2f}" for t in took)} s, five of them after kill -9 under load')
        ok('a start on 1 GB is no longer than a generous bound', max(took) < 10, str(took))

async def main():
    rng = random.Random(SEED)
    clean, begun, took = [], [], []
    early = 0
    with Stack() as s:
        for kill in range(KILLS):
            stop = asyncio.Event()
            load = asyncio.create_task(clients(s.port, stop, clean, begun))
            await asyncio.sleep(0.25 + rng.random() * 0.5)
            s.kill()
            stop.set()
            await load
            if kill % 5 == 4:
                early += kill_in_recovery(s, rng)
            took.append(start_seconds(s))
        s.stop()
        ids = collections.Counter(s.call_ids())
        took.sort()
        print(f'  ready after {took[len(took) // 2]:.2f} s (median), {took[-1]:.2f} s (longest); {early} of {KILLS // 5} second kills came before it was ready')
        ok(f'{KILLS} kills under {STREAMS} streams: {len(clean)} clean answers, enough to mean something', len(clean) > KILLS * 20, str(len(clean)))
        missing = [i for i in clean if ids[i] == 0]
        ok('0 answered calls are missing', not missing, f'{len(missing)}: {missing[:3]}')
        ok('0 calls are doubled', all(n == 1 for n in ids.values()), str([i for i, n in ids.items() if n > 1][:3]))
        unnamed = [i for i in begun if ids[i] == 0]
        ok(f'every in-flight call ({len(begun)} seen) is named', not unnamed, f'{len(unnamed)}: {unnamed[:3]}')
        v = s.json('verify')
        ok('verify is content', v['ok'] is True, str(v)[:300])
        orphans = [o['id'] for o in v['orphans']]
        ok('verify names the orphans', len(orphans) > 0 and all('low' in o and 'high' in o for o in v['orphans']), str(v['orphans'][:2]))
        wrong = set(orphans) & set(clean)
        ok('and they are those in flight: none was answered, no more than there were streams', not wrong and len(orphans) <= KILLS * STREAMS, f'{len(wrong)}: {list(wrong)[:3]} {len(orphans)}')
        served = {x['id'] for x in s.served() if x.get('completed')}
        ok('the vendor served at least what was answered', len(served) >= len(clean), f'{len(served)} {len(clean)}')
    if ALL: await large_ledger()
    close()

asyncio.run(main())
