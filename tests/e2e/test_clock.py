#!/usr/bin/env python3
# times: it looks at them, so little else may run
# SPDX-License-Identifier: Apache-2.0
"""The wall clock is set under a running gateway: an hour, a day, there and back.

Durations follow the monotonic clock, rows stand in the order in which they became durable, a cap's window is neither doubled
by a step back nor skipped by a step ahead, and a restart sees the same. The time zone of the process changes nothing.
"""
import json, pathlib, subprocess, sys, tempfile, time
from decimal import Decimal
sys.path.insert(0, str(pathlib.Path(__file__).parent))
from stack import Stack, BINARY, ok, skip, close, wait_port, rows
from faults import Faults, LIBRARY

HOUR, DAY = 3600, 86400

def cap(s):
    wait_port(s.admin_port, process=s.gateway)
    return [c for c in json.loads(s.request('GET', '/api/v1/caps', port=s.admin_port)[2])['caps'] if c['book'] == 'inference'][0]

def call(s, gap_ms=0):
    body = {'model': 'gpt-4o-mini', 'stream': True, 'max_tokens': 20, 'messages': [{'role': 'user', 'content': 'count'}]}
    status, h, out = s.post('/openai/v1/chat/completions', body, {'x-sandbox-gap-ms': str(gap_ms), 'x-sandbox-tokens': '10'})
    return status, h.get('x-runrate-id'), out

def us(text):
    import datetime
    return datetime.datetime.fromisoformat(text.replace('Z', '+00:00')).timestamp()

def main():
    if not LIBRARY.exists() or 'libasan' in subprocess.run(['ldd', BINARY], capture_output=True, text=True).stdout:
        skip('a clock that is set', 'the preloaded library does not go with this build'); close()
    with tempfile.TemporaryDirectory() as top:
        faults = Faults(top)
        with Stack() as s:
            s.stop()
            base = dict(s.env)
            s.json('cap', 'set', '--book', 'inference', '--amount', '50 USD', '--window', 'day', '--tz', 'Europe/London', '--hard')
            s.env = {**base, **faults.env(), 'TZ': 'America/New_York'}
            s.start_gateway()
            # noon of the cap's day, so that an hour stays within it whatever the time is now
            faults.clock((12 * HOUR - time.time() % DAY))
            noon = faults.get(4) // 1_000_000
            order = []
            def step(seconds, what):
                faults.clock(noon + seconds)
                status, i, out = call(s, 10)
                ok(f'{what}: served to its end', status == 200 and b'[DONE]' in out, str(status))
                order.append(i)
                return Decimal(cap(s)['spent'])
            first = step(0, 'noon')
            hour = step(HOUR, 'an hour ahead')
            back = step(-HOUR, 'an hour back')
            ok('within the day the window goes on: each call is counted once', first > 0 and hour > first and back > hour and back - hour <= 2 * first, f'{first} {hour} {back}')
            held = cap(s)
            ahead = step(DAY, 'a day ahead')
            ok('a day ahead is a new window', 0 < ahead <= 2 * first and cap(s)['resets_at'] > held['resets_at'], f'{ahead} {cap(s)}')
            again = step(0, 'a day back')
            ok('a day back does not open the old window again: nothing is forgotten', again > ahead, f'{again} {ahead}')
            # set while a call is under way
            import threading
            t = threading.Thread(target=lambda: order.append(call(s, 120)[1])); t.start()
            time.sleep(0.4); faults.clock(noon - DAY); t.join()
            t = threading.Thread(target=lambda: order.append(call(s, 120)[1])); t.start()
            time.sleep(0.4); faults.clock(noon + HOUR); t.join()
            time.sleep(0.4)
            got = rows(s)
            ok('rows stand in the order of the log', [r['id'] for r in got if r['id'] in order] == order, f'{len(got)} {len(order)}')
            took = [us(r['end']) - us(r['start']) for r in got]
            ok('no duration is negative, none takes the step', all(0 <= x < 20 for x in took) and max(took[-2:]) > 0.9, str(took))
            s.kill()
            faults.clock(noon)
            s.start_gateway()
            now = Decimal(cap(s)['spent'])
            today = sum(Decimal(r['cost']) for r in got if noon + time.time() - us(r['start']) < 12 * HOUR + 120 and us(r['start']) < noon + time.time() + 11 * HOUR)
            ok('a restart counts what the day has, once', now == today, f'{now} {today}')
            s.stop()
            s.env = base
            v = s.json('verify'); ok('verify is content', v['ok'] is True, str(v)[:300])
        faults.close()
    close()

main()
