#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""HTTP/2 on both sides of the gateway, with peers that we did not write: Node's client towards it under TLS, Node's
server as the vendor behind it; and h2spec and curl where they are there. The sandbox is the vendor's truth."""
import json, pathlib, re, shutil, subprocess, sys, tempfile, time
sys.path.insert(0, str(pathlib.Path(__file__).parent))
from stack import Stack, certificate, ok, skip, close, free_port, wait_port
from wire import exchange

HERE = pathlib.Path(__file__).resolve().parent
ASK = [{'role': 'user', 'content': 'hi'}]
WHOLE = {'model': 'gpt-4o', 'messages': ASK}
STREAM = {**WHOLE, 'stream': True, 'stream_options': {'include_usage': True}}
PATH = '/v1/chat/completions'
KEY = {'authorization': 'Bearer sk-e2e-h2', 'x-sandbox-tokens': '40'}

class Client:
    def __init__(self, port, cert):
        self.p = subprocess.Popen(['node', str(HERE / 'h2_peer.mjs'), 'client', str(port), cert], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    def ask(self, path, body=None, headers=None, **more):
        self.p.stdin.write(json.dumps({'path': path, 'body': body and json.dumps(body), 'headers': {**KEY, **(headers or {})}, **more}) + '\n')
        self.p.stdin.flush()
        r = json.loads(self.p.stdout.readline())
        self.alpn = r['alpn']
        return r['answers']
    def close(self):
        self.p.stdin.close(); self.p.wait(10)

def plain(body):
    """Without what is each call's own: ids and times."""
    return re.sub(r'"(id|created|system_fingerprint)":("[^"]*"|\d+)', '', body)

def main():
    if not shutil.which('node') or not shutil.which('openssl'):
        skip('HTTP/2', 'node or openssl are not there')
        return
    folder = tempfile.mkdtemp(prefix='runrate-h2-')
    certificate(folder)
    cert, key, vendor_port = f'{folder}/c.pem', f'{folder}/k.pem', free_port()
    config = f'''  - {{name: far, dialect: openai, base: "https://localhost:{vendor_port}", ca: "{cert}", key: "${{SANDBOX_KEY}}", region: us}}
tls: {{cert: "{cert}", key: "{key}"}}
'''
    with Stack(config=config, sandbox_args=['--deterministic']) as s:
        vendor = subprocess.Popen(['node', str(HERE / 'h2_peer.mjs'), 'server', str(vendor_port), cert, key, str(s.sandbox_port)],
                                  stdout=subprocess.PIPE, text=True)
        wait_port(vendor_port, process=vendor)
        truth = {n: exchange(s.sandbox_port, PATH, b, KEY) for n, b in (('whole', WHOLE), ('stream', STREAM))}
        c = Client(s.port, cert)
        calls = 0
        for place, words in (('/openai', 'h2 to us'), ('/up/far', 'h2 to us and to the vendor')):
            for name, body in (('whole', WHOLE), ('stream', STREAM)):
                (a,) = c.ask(place + PATH, body)
                calls += 1
                want = truth[name].body.decode('latin1') if isinstance(truth[name].body, bytes) else truth[name].body
                ok(f'{words}: {name}', c.alpn == 'h2' and a['status'] == 200 and a['clean'] and plain(a['body']) == plain(want),
                   f"{a['status']} {a.get('error')} {a['body'][:300]} / {want[:300]}")
            many = c.ask(place + PATH, STREAM, times=100)
            calls += 100
            ok(f'{words}: 100 streams at once', all(a['status'] == 200 and a['clean'] and a['body'].rstrip().endswith('[DONE]') for a in many),
               str([a for a in many if not a['clean']][:1])[:300] + f" {sum(not a['clean'] for a in many)} of 100")
            long = {**KEY, 'x-sandbox-tokens': '3000'}
            (slow,) = c.ask(place + PATH, STREAM, headers=long, slow=1)
            calls += 1
            ok(f'{words}: a slow reader gets all', slow['clean'] and slow['body'].rstrip().endswith('[DONE]') and slow['body'].count('data:') > 500)
            cut = c.ask(place + PATH, STREAM, headers=long, cut=500, times=20)
            calls += 20
            ok(f'{words}: 20 that leave early', all(a['code'] == 8 for a in cut))
            big = {**WHOLE, 'messages': [{'role': 'user', 'content': 'word ' * 200000}]}
            (a,) = c.ask(place + PATH, big)
            calls += 1
            ok(f'{words}: a request of 1 MB', a['status'] == 200 and a['clean'], a['body'][:200])
        (a,) = c.ask('/up/far' + PATH, WHOLE, headers={'x-sandbox-refuse': 'once'})
        ok('a refused stream is asked again, unseen', a['status'] == 200 and a['clean'], str(a)[:300])
        (a,) = c.ask('/up/far' + PATH, WHOLE, headers={'x-sandbox-refuse': 'always'})
        ok('twice refused is an error in the vendor\'s shape', a['status'] in (502, 503) and '"error"' in a['body'], str(a)[:300])
        (a,) = c.ask('/up/far' + PATH, STREAM, headers={'x-sandbox-goaway': 'now'})
        ok('GOAWAY lets the stream end', a['status'] == 200 and a['clean'], str(a)[:300])
        (b,) = c.ask('/up/far' + PATH, STREAM)
        ok('and the next goes elsewhere', b['status'] == 200 and b['clean'], str(b)[:300])
        calls += 4
        (a,) = c.ask('/nowhere', method='GET')
        ok('an unknown path is refused in JSON', a['status'] in (401, 403, 404) and a['body'].startswith('{'), str(a)[:200])
        if shutil.which('curl'):
            r = subprocess.run(['curl', '-sS', '--http2', '--cacert', cert, '-w', '%{http_version}', '-H', 'authorization: Bearer sk-e2e-h2', '-H',
                                'content-type: application/json', '-d', json.dumps(WHOLE), f'https://localhost:{s.port}/openai{PATH}'],
                               capture_output=True, text=True)
            calls += 1
            ok('curl by HTTP/2', r.stdout.endswith('}2') or r.stdout.endswith('}\n2'), r.stdout[-200:] + r.stderr[-200:])
            r = subprocess.run(['curl', '-sS', '--http1.1', '--cacert', cert, '-w', '%{http_version}', '-H', 'authorization: Bearer sk-e2e-h2', '-H',
                                'content-type: application/json', '-d', json.dumps(WHOLE), f'https://localhost:{s.port}/openai{PATH}'],
                               capture_output=True, text=True)
            calls += 1
            ok('curl by HTTP/1.1 on the same port', r.stdout.endswith('1.1'), r.stdout[-200:] + r.stderr[-200:])
        if shutil.which('h2spec'):
            r = subprocess.run(['h2spec', '-t', '-k', '-h', '127.0.0.1', '-p', str(s.port), '-P', '/openai' + PATH, '--strict', '-o', '2'],
                               capture_output=True, text=True, timeout=300)
            last = r.stdout.strip().splitlines()[-1]
            ok(f'h2spec strict: {last}', ' 0 failed' in last, r.stdout[-3000:])
        else:
            skip('h2spec', 'there is no h2spec command')
        c.close()
        time.sleep(1)
        vendor.terminate()
        seen = json.loads(vendor.communicate(timeout=20)[0])
        ok('the vendor had more streams than connections, and never more at once than it allows',
           seen['streams'] > 120 and seen['sessions'] < 40, str(seen))
        s.stop()
        ids = s.call_ids()
        ok(f'{calls} calls, {len(ids)} rows', len(set(ids)) == len(ids) >= calls, '')
        v = s.json('verify')
        ok('verify is content', v['ok'] is True, str(v)[:300])
    shutil.rmtree(folder, ignore_errors=True)

main()
close()
