#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""An answered call is a recorded call, through kill -9 under 200 streams.

The clients keep their own truth: the ids of answers that ended cleanly, and of those that began and did not. After each
kill the gateway is started again on the same ledger. In the end every clean answer stands in the ledger exactly once,
every begun one too (as itself or as a named, estimated orphan), and verify is content.
"""
import asyncio, collections, pathlib, random, sys, time
sys.path.insert(0, str(pathlib.Path(__file__).parent))
from stack import Stack, ok, close
from load import call

KILLS = 1000 if '--all' in sys.argv else 20
STREAMS = 200
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

async def main():
    rng = random.Random(SEED)
    clean, begun = [], []
    with Stack() as s:
        slowest = 0.0
        for kill in range(KILLS):
            stop = asyncio.Event()
            load = asyncio.create_task(clients(s.port, stop, clean, begun))
            await asyncio.sleep(0.25 + rng.random() * 0.5)
            s.kill()
            stop.set()
            await load
            start = time.monotonic()
            s.start_gateway()
            slowest = max(slowest, time.monotonic() - start)
        s.stop()
        ids = collections.Counter(s.call_ids())
        ok(f'{KILLS} kills under {STREAMS} streams: {len(clean)} clean answers, enough to mean something', len(clean) > KILLS * 20, str(len(clean)))
        missing = [i for i in clean if ids[i] == 0]
        ok('0 answered calls are missing', not missing, f'{len(missing)}: {missing[:3]}')
        ok('0 calls are doubled', all(n == 1 for n in ids.values()), str([i for i, n in ids.items() if n > 1][:3]))
        unnamed = [i for i in begun if ids[i] == 0]
        ok(f'every in-flight call ({len(begun)} seen) is named', not unnamed, f'{len(unnamed)}: {unnamed[:3]}')
        v = s.json('verify')
        ok('verify is content', v['ok'] is True, str(v)[:300])
        ok('verify names the orphans', len(v['orphans']) > 0 and all('low' in o and 'high' in o for o in v['orphans']), str(v['orphans'][:2]))
        ok('restart to ready within 1 s', slowest < 1.5, f'{slowest:.2f} s')
        served = {x['id'] for x in s.served() if x.get('completed')}
        ok('the vendor served at least what was answered', len(served) >= len(clean), f'{len(served)} {len(clean)}')
    close()

asyncio.run(main())
