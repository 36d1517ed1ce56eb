#!/usr/bin/env python3
# waits: for timers, mostly
# SPDX-License-Identifier: Apache-2.0
"""A full disk under the ledger: alarm before, refusals or marked passing while, and no restart after.

The disk is a tmpfs of a few MiB in a mount namespace of this test's own, filled and emptied by a file beside the ledger.
"""
import http.client, json, os, pathlib, subprocess, sys, threading, time
sys.path.insert(0, str(pathlib.Path(__file__).parent))
from stack import Stack, ok, skip, close, wait_port, until

DISK_MIB = 12

def own_namespace():
    """Again, where this process may mount."""
    if os.environ.get('RUNRATE_OWN_MOUNTS'): return True
    for how in (['unshare', '-m'], ['unshare', '-Urm']):
        if subprocess.run(how + ['sh', '-c', 'd=$(mktemp -d) && mount -t tmpfs none $d && umount $d; r=$?; rmdir $d; exit $r'], capture_output=True).returncode == 0:
            os.environ['RUNRATE_OWN_MOUNTS'] = '1'
            os.execvp('unshare', how + [sys.executable] + sys.argv)
    return False

def fill(disk, leave=0):
    """Writes until no more goes, or until so many bytes are left."""
    with open(disk / 'filler', 'ab', buffering=0) as f:
        while True:
            st = os.statvfs(disk)
            room = st.f_bavail * st.f_frsize - leave
            if room <= 0: return
            try: f.write(b'x' * min(room, 65536))
            except OSError: return

CALLS = {'openai': ('/openai/v1/chat/completions', {'model': 'gpt-4o-mini', 'messages': [{'role': 'user', 'content': 'hi'}]}, {}),
         'anthropic': ('/anthropic/v1/messages', {'model': 'claude-haiku-4-5', 'max_tokens': 20, 'messages': [{'role': 'user', 'content': 'hi'}]}, {'anthropic-version': '2023-06-01'}),
         'gemini': ('/gemini/v1beta/models/gemini-2.5-flash:generateContent', {'contents': [{'role': 'user', 'parts': [{'text': 'hi'}]}]}, {})}

def call(s, vendor='openai', timeout=8):
    path, body, headers = CALLS[vendor]
    try: status, h, out = s.post(path, body, headers, timeout=timeout)
    except OSError as e: return 0, {}, str(e).encode()
    return status, h, out

def metric(s, name):
    return [float(l.split()[-1]) for l in s.request('GET', '/metrics', port=s.admin_port)[2].decode().splitlines() if l.startswith(name + ' ')][0]

def until_full(s, disk, want):
    """The log of the store lies on the disk already and is written over: so some calls still go through."""
    for _ in range(3000):
        fill(disk)
        status, h, out = call(s)
        if want(status, h): return status, h, out
    return status, h, out

def refuse(disk):
    with Stack() as s:
        pass_ids = []
        for _ in range(20): pass_ids.append(call(s)[1].get('x-runrate-id'))
        ok('before: no alarm', metric(s, 'runrate_ledger_disk_low') == 0)
        fill(disk, leave=DISK_MIB * 1024 * 1024 * 8 // 100)
        ok('a tenth left: the log says so, and the metric', until(lambda: 'disk_low' in s.log()) and metric(s, 'runrate_ledger_disk_low') == 1, s.log()[-300:])
        slow = {}
        def stream():
            c = http.client.HTTPConnection('127.0.0.1', s.port, timeout=60)
            c.request('POST', '/openai/v1/chat/completions', json.dumps({'model': 'gpt-4o-mini', 'stream': True, 'messages': [{'role': 'user', 'content': 'count'}]}),
                      {'content-type': 'application/json', 'authorization': 'Bearer x', 'x-sandbox-gap-ms': '100', 'x-sandbox-tokens': '40'})
            r = c.getresponse()
            slow['id'] = r.getheader('x-runrate-id')
            slow['body'] = r.read()
            slow['at'] = time.monotonic()
        t = threading.Thread(target=stream, daemon=True); t.start()
        until(lambda: 'id' in slow)
        status, h, out = until_full(s, disk, lambda st, h: st not in (200, 0))
        ok("full: 507 in OpenAI's shape", status == 507 and json.loads(out)['error']['code'] == 'ledger_unavailable', f'{status} {out[:200]}')
        began = time.monotonic()
        status, _, out = call(s, 'anthropic')
        ok("in Anthropic's", status == 507 and json.loads(out)['error']['type'] == 'api_error', f'{status} {out[:200]}')
        status, _, out = call(s, 'gemini')
        ok("in Gemini's", status == 507 and json.loads(out)['error']['status'] == 'INTERNAL', f'{status} {out[:200]}')
        ok('none of them waited for the disk', time.monotonic() - began < 10)
        ok('health says it', s.request('GET', '/healthz', port=s.admin_port)[0] == 503)
        time.sleep(4.5)
        ok('a stream that was under way is not ended without its row', 'body' not in slow, str(slow)[:200])
        os.unlink(disk / 'filler')
        freed = time.monotonic()
        ok('space again: it goes on without a restart', until(lambda: call(s)[0] == 200) and s.gateway.poll() is None)
        t.join(10)
        ok('and the stream has its clean end', b'[DONE]' in slow.get('body', b''), str(slow)[-100:])
        ok('the alarm is over', until(lambda: metric(s, 'runrate_ledger_disk_low') == 0) and until(lambda: 'disk_well' in s.log()))
        time.sleep(0.3)
        ids = s.call_ids()
        ok('every clean answer is recorded once', all(ids.count(i) == 1 for i in pass_ids + [slow.get('id')]) and len(ids) == len(set(ids)))
        served = len([x for x in s.served() if x.get('completed')])
        ok('what was served was recorded: 0 rows torn or lost', served == len(ids), f'{served} {len(ids)}')
        v = s.json('verify'); ok('verify is content', v['ok'] is True, str(v)[:300])

def let_pass(disk):
    with Stack('on_disk_full: pass\n') as s:
        status, h, _ = until_full(s, disk, lambda st, h: 'x-runrate-unrecorded' in h)
        ok('policy pass: answers come, marked', status == 200 and h.get('x-runrate-unrecorded') == 'disk-full', f'{status} {h}')
        marked = [h.get('x-runrate-id')] + [call(s)[1].get('x-runrate-id') for _ in range(30)]
        ok('the log says it loudly', 'disk_full' in s.log(), s.log()[-300:])
        ok('no row yet', not set(marked) & set(s.call_ids()))
        os.unlink(disk / 'filler')
        ok('space again: the rows that waited in memory are written', until(lambda: set(marked) <= set(s.call_ids())), str(len(set(marked) - set(s.call_ids()))))
        served = len([x for x in s.served() if x.get('completed')])
        ok('all that was served is there', until(lambda: len(s.call_ids()) == served), f'{served} {len(s.call_ids())}')
        v = s.json('verify'); ok('verify is content', v['ok'] is True, str(v)[:300])

def main():
    if not own_namespace():
        skip('a full disk', 'this user may not mount a small one (unshare -Urm)')
        close()
    for part in (refuse, let_pass):
        disk = pathlib.Path(subprocess.run(['mktemp', '-d'], capture_output=True, text=True).stdout.strip())
        subprocess.run(['mount', '-t', 'tmpfs', '-o', f'size={DISK_MIB}m', 'none', str(disk)], check=True)
        init = Stack.__init__
        def on_disk(self, *a, _init=init, **kw):
            _init(self, *a, **kw)
            self.ledger = disk / 'ledger.db'
        Stack.__init__ = on_disk
        try: part(disk)
        finally:
            Stack.__init__ = init
            subprocess.run(['umount', '-l', str(disk)]); os.rmdir(disk)
    close()

main()
