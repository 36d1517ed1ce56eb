#!/usr/bin/env python3
# times: it looks at them, so little else may run
# SPDX-License-Identifier: Apache-2.0
"""What goes wrong on either side: usage that is odd (U2), answers that are not HTTP as it should be (U3), vendors that
stall (U5), certificates that must not be trusted (H5), clients that leave at any byte (L1). The sandbox's own list says what
was served and what is due.
"""
import json, pathlib, random, shutil, socket, ssl, subprocess, sys, threading, time
sys.path.insert(0, str(pathlib.Path(__file__).parent))
from stack import Stack, free_port, ok, skip, close, rows
from wire import exchange, request_bytes

CUTS = 10000 if '--all' in sys.argv else 200
rng = random.Random(20261121)
CHAT = {'model': 'gpt-4o-mini', 'messages': [{'role': 'user', 'content': 'count'}]}
ASKED = {**CHAT, 'stream': True, 'stream_options': {'include_usage': True}}
MESSAGE = {'model': 'claude-haiku-4-5', 'max_tokens': 60, 'messages': [{'role': 'user', 'content': 'count'}]}
ANTHROPIC = {'anthropic-version': '2026-10-21'}
LIMITS = 'limits: {connect: 600ms, first_byte: 900ms, stream_idle: 700ms, total: 20s}\n'

def last(s): return rows(s)[-1]
def active(s): return json.loads(s.request('GET', '/api/v1/status', port=s.admin_port)[2])['active']
def quiet(s, seconds=10):
    end = time.monotonic() + seconds
    while time.monotonic() < end and active(s): time.sleep(0.05)

def usage(s):
    """U2: what the vendor says counts, zero included; what it does not say is estimated and named so."""
    def one(fault, body=ASKED, path='/openai/v1/chat/completions', headers=None):
        status, h, out = s.post(path, body, {'x-sandbox-fault': fault, 'x-sandbox-tokens': '12', **(headers or {})})
        return last(s), s.served()[-1]
    for name, body, path, headers in (('a chat stream', ASKED, '/openai/v1/chat/completions', {}), ('a whole chat', CHAT, '/openai/v1/chat/completions', {}),
                                      ('a message stream', {**MESSAGE, 'stream': True}, '/anthropic/v1/messages', ANTHROPIC)):
        r, due = one('usage-missing', body, path, headers)
        ok(f'usage that is missing from {name} is estimated and says so', r['provenance'] == 'estimated' and r['vendor_total_tok'] > 0, f"{r['provenance']} {r['vendor_total_tok']}")
        r, due = one('usage-zero', body, path, headers)
        ok(f'c58_a_vendors_zero_stays_zero_in_{name.replace(" ", "_")}', r['provenance'] == 'measured' and r['vendor_total_tok'] == 0 and r['price_status'] in ('priced', 'free'), f"{r['provenance']} {r['vendor_total_tok']} {r['price_status']}")
        r, due = one('usage-twice', body, path, headers)
        ok(f'usage that is said twice in {name} counts once', r['vendor_total_tok'] == sum(v for k, v in due['usage'].items() if k in ('prompt_tokens', 'completion_tokens', 'input_tokens', 'output_tokens')), f"{r['vendor_total_tok']} {due['usage']}")
    for fault in ('crlf', 'cr', 'bom', 'comments', 'split', 'no-done', 'crlf+split:3', 'gzip'):
        r, due = one(fault)
        ok(f'a stream with {fault} is measured', r['provenance'] == 'measured' and r['vendor_total_tok'] == due['usage']['total_tokens'], f"{r['provenance']} {r['vendor_total_tok']} {due['usage']}")

def framing(s):
    """U3: an answer or an error within the limits, and nothing of it in the next answer."""
    for fault in ('length-short', 'length-long', 'length-twice', 'truncated', 'bad-chunk', 'bad-head', '1xx:500', 'error200', 'html', 'redirect', 'http10', 'rst', 'close', 'rst-early', 'close-early'):
        for body in (CHAT, ASKED):
            begin = time.monotonic()
            a = exchange(s.port, '/openai/v1/chat/completions', body, {'x-sandbox-fault': fault}, timeout=6)
            took = time.monotonic() - begin
            status, _, out = s.post('/openai/v1/chat/completions', CHAT)
            good = status == 200 and json.loads(out)['object'] == 'chat.completion'
            ok(f'{fault}{" stream" if body is ASKED else ""}: an end in time, the next answer its own', took < 5 and good and a.ended != 'timeout' and a.status not in (0, -1), f'{took:.2f} {a.status} {a.ended} {status}')
    status, h, _ = s.post('/openai/v1/chat/completions', CHAT, {'x-sandbox-fault': 'redirect'})
    ok('a redirect is not followed', status == 307 or status >= 400, str(status))

def stalls(s, hole):
    """U5: each ends at its own limit."""
    def timed(name, limit, path, headers, body=CHAT):
        begin = time.monotonic()
        a = exchange(s.port, path, body, headers, timeout=8)
        took = time.monotonic() - begin
        ok(f'{name} ends at its limit of {limit} s', limit - 0.1 < took < limit + 3 and a.ended != 'timeout', f'{took:.3f} {a.status} {a.body[-120:]}')
        return a
    chat = '/openai/v1/chat/completions'
    a = timed('an answer that never begins', 0.9, chat, {'x-sandbox-fault': 'stall-early'})
    ok('it is a 504 in the vendor\'s shape', a.status == 504 and b'"error"' in a.body, f'{a.status} {a.body[:200]}')
    a = timed('a stream that stops', 0.7, chat, {'x-sandbox-fault': 'stall:300'}, ASKED)
    ok('it ends in an error event', a.status == 200 and b'"error"' in a.body, a.body[-200:].decode())
    r = last(s)
    ok('c59_a_stream_that_stalls_has_its_row', r['outcome'] == 'upstream_failed' and r['provenance'] == 'estimated', f"{r['outcome']} {r['provenance']}")
    timed('a body that stops', 0.7, chat, {'x-sandbox-fault': 'stall:100'})
    timed('a TLS handshake that stalls', 0.6, '/up/tlshole/v1/chat/completions', {})
    timed('a connection that is never taken', 0.6, '/up/hole/v1/chat/completions', {})
    begin = time.monotonic()
    a = exchange(s.port, '/up/nowhere/v1/chat/completions', CHAT, {}, timeout=8)
    ok('a name that does not resolve is an error', a.status in (502, 504) and time.monotonic() - begin < 8, f'{a.status} {time.monotonic() - begin:.2f}')

def cuts(s):
    """L1."""
    before = len(s.served())
    def leave(i):
        kind = i % 4
        path, body, headers = (('/openai/v1/chat/completions', {**CHAT, 'stream': True}, {}), ('/openai/v1/chat/completions', CHAT, {}),
                               ('/anthropic/v1/messages', {**MESSAGE, 'stream': True}, ANTHROPIC), ('/openai/v1/responses', {'model': 'gpt-4.1-mini', 'input': 'count', 'stream': True}, {}))[kind]
        most = rng.randrange(0, 3000)
        with socket.create_connection(('127.0.0.1', s.port), 5) as c:
            c.settimeout(5)
            c.sendall(request_bytes('POST', path, body, {**headers, 'x-sandbox-tokens': '20', 'x-sandbox-gap-ms': '2', 'x-sandbox-delay-ms': '5'}, close=False))
            got = 0
            try:
                while got < most:
                    piece = c.recv(min(512, most - got))
                    if not piece: break
                    got += len(piece)
                    if got >= 200 and rng.random() < 0.1: break
            except (TimeoutError, OSError): pass
            if rng.random() < 0.5: c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b'\1\0\0\0\0\0\0\0')
    todo = iter(range(CUTS))
    def work():
        for i in todo: leave(i)
    lock = threading.Lock()
    class Safe:
        def __iter__(self): return self
        def __next__(self):
            with lock: return next(base)
    base, todo = todo, Safe()
    ts = [threading.Thread(target=work) for _ in range(10)]
    for t in ts: t.start()
    for t in ts: t.join()
    quiet(s); time.sleep(0.5)
    served = [x for x in s.served()[before:] if x['id']]
    by_ref = {}
    for r in rows(s): by_ref.setdefault(r['vendor_ref'], []).append(r)
    missing = [x['id'] for x in served if len(by_ref.get(x['id'], [])) != 1]
    ok(f'c56_clients_that_leave_at_any_byte_have_their_rows: {len(served)} of {CUTS} served', len(served) > CUTS * 0.8 and not missing, f'{len(served)} {len(missing)} {missing[:3]}')
    def total(u): return u.get('total_tokens') or u.get('input_tokens', 0) + u.get('output_tokens', 0) + (u.get('cache_read_input_tokens') or 0) + (u.get('cache_creation_input_tokens') or 0)
    wrong = [(x['id'], total(x['usage_due'] or x['usage'] or {}), by_ref[x['id']][0]['vendor_total_tok']) for x in served if x['id'] in by_ref and by_ref[x['id']][0]['vendor_total_tok'] != total(x['usage_due'] or x['usage'] or {})]
    ok('c57_what_is_billed_for_them_is_what_the_vendor_counted', not wrong, f'{len(wrong)}: {wrong[:3]}')
    left = sum(r['outcome'] == 'client_left' for r in rows(s))
    ok(f'they are told from those who stayed ({left})', left > CUTS // 10, str(left))

def certificates(folder):
    """H5: (name, host in the certificate, days) -> files; None without openssl."""
    if not shutil.which('openssl'): return None
    out = {}
    for name, host in (('self', 'localhost'), ('other', 'else.example')):
        key, cert = folder / f'{name}.key', folder / f'{name}.pem'
        r = subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', key, '-out', cert, '-days', '2', '-subj', f'/CN={host}', '-addext', f'subjectAltName=DNS:{host}'], capture_output=True, text=True)
        if r.returncode: return None
        out[name] = (cert, key)
    return out

def tls_server(cert, key, old=False):
    ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ctx.load_cert_chain(cert, key)
    if old:
        import warnings; warnings.simplefilter('ignore', DeprecationWarning)
        ctx.minimum_version, ctx.maximum_version = ssl.TLSVersion.TLSv1_1, ssl.TLSVersion.TLSv1_1
        ctx.set_ciphers('ALL:@SECLEVEL=0')
    l = socket.create_server(('127.0.0.1', 0))
    got = []
    def serve():
        while True:
            c, _ = l.accept()
            try:
                with ctx.wrap_socket(c, server_side=True) as t:
                    got.append(t.recv(65536))
                    t.sendall(b'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}')
            except (ssl.SSLError, OSError): pass
    threading.Thread(target=serve, daemon=True).start()
    return l.getsockname()[1], got

def main():
    import tempfile
    folder = pathlib.Path(tempfile.mkdtemp(prefix='runrate-faults-'))
    tlshole = socket.create_server(('127.0.0.1', 0))       # takes connections, says nothing
    hole = socket.socket(); hole.bind(('127.0.0.1', 0)); hole.listen(0)
    fill = []
    for _ in range(8):                                     # a full queue: further SYNs are dropped
        c = socket.socket(); c.setblocking(False); c.connect_ex(hole.getsockname()); fill.append(c)
    certs = certificates(folder)
    extra = (f'  - {{name: tlshole, dialect: openai, base: "https://127.0.0.1:{tlshole.getsockname()[1]}"}}\n'
             f'  - {{name: hole, dialect: openai, base: "http://127.0.0.1:{hole.getsockname()[1]}"}}\n'
             f'  - {{name: nowhere, dialect: openai, base: "http://nowhere.invalid"}}\n')
    seen = {}
    if certs:
        for name, cert, ca, old in (('selfsigned', 'self', None, False), ('wronghost', 'other', 'other', False), ('tls11', 'self', 'self', True), ('good', 'self', 'self', False)):
            port, seen[name] = tls_server(*certs[cert], old)
            extra += f'  - {{name: {name}, dialect: openai, base: "https://localhost:{port}"' + (f', ca: "{certs[ca][0]}"' if ca else '') + '}\n'
    with Stack(config=extra + LIMITS) as s:
        usage(s)
        framing(s)
        stalls(s, hole)
        if certs:
            for name in ('selfsigned', 'wronghost', 'tls11'):
                status, _, out = s.post(f'/up/{name}/v1/chat/completions', CHAT, {'authorization': 'Bearer sk-secret-for-tls'})
                ok(f'a vendor with {name} is not spoken to', status == 502 and seen[name] == [], f'{status} {seen[name][:1]} {out[:200]}')
            status, _, out = s.post('/up/good/v1/chat/completions', CHAT)
            ok('one with its own authority is', status == 200 and len(seen['good']) == 1, f'{status} {out[:200]}')
        else:
            skip('TLS', 'no openssl to make certificates with')
    with Stack() as s:
        cuts(s)
        v = s.json('verify'); ok('verify is content', v['ok'] is True, str(v)[:300])
    shutil.rmtree(folder, ignore_errors=True)
    close()

main()
