#!/usr/bin/env python3
# times: it looks at them, so little else may run
# SPDX-License-Identifier: Apache-2.0
"""Malformed, truncated, oversized and ambiguous input gets a clear error in the vendor's shape and loses nothing."""
import json, pathlib, socket, sys, time
sys.path.insert(0, str(pathlib.Path(__file__).parent))
from stack import Stack, ok, close

GOOD = json.dumps({'model': 'gpt-4o-mini', 'messages': [{'role': 'user', 'content': 'hi'}]}).encode()

def raw(port, data, half_close=False, timeout=5):
    """Sends bytes as they are; returns what came back until the peer closes or is silent for a moment."""
    with socket.create_connection(('127.0.0.1', port), timeout) as s:
        s.sendall(data)
        if half_close: s.shutdown(socket.SHUT_WR)
        out = b''
        s.settimeout(1.5)
        try:
            while True:
                got = s.recv(65536)
                if not got: return out, True
                out += got
        except (socket.timeout, ConnectionResetError) as e:
            return out, isinstance(e, ConnectionResetError)

def req(head_lines, body=GOOD, path='/openai/v1/chat/completions'):
    return f'POST {path} HTTP/1.1\r\nHost: t\r\nAuthorization: Bearer sk-x\r\nContent-Type: application/json\r\n'.encode() + head_lines + b'\r\n' + body

L = str(len(GOOD)).encode()
CHUNKED = b'%x\r\n%s\r\n0\r\n\r\n' % (len(GOOD), GOOD)
SMUGGLING = {  # spec row H2: what two parsers could read in two ways
    'content-length beside transfer-encoding': req(b'Content-Length: ' + L + b'\r\nTransfer-Encoding: chunked\r\n', CHUNKED),
    'two content-lengths that differ': req(b'Content-Length: ' + L + b'\r\nContent-Length: 3\r\n'),
    'two content-lengths that agree': req(b'Content-Length: ' + L + b'\r\nContent-Length: ' + L + b'\r\n'),
    'a list of content-lengths': req(b'Content-Length: ' + L + b', ' + L + b'\r\n'),
    'transfer-encoding that is not chunked': req(b'Transfer-Encoding: gzip, identity\r\n', b''),
    'transfer-encoding: xchunked': req(b'Transfer-Encoding: xchunked\r\n', CHUNKED),
    'bare LF in the head': req(b'Content-Length: ' + L + b'\nX-A: b\r\n'),
    'obs-fold': req(b'X-A: b\r\n c\r\nContent-Length: ' + L + b'\r\n'),
    'space before the colon': req(b'Content-Length : ' + L + b'\r\n'),
    'NUL in a value': req(b'X-A: b\x00c\r\nContent-Length: ' + L + b'\r\n'),
    'CR in a value': req(b'X-A: b\rc\r\nContent-Length: ' + L + b'\r\n'),
    'signed content-length': req(b'Content-Length: +' + L + b'\r\n'),
    'hex content-length': req(b'Content-Length: 0x10\r\n'),
    'chunk size with a sign': req(b'Transfer-Encoding: chunked\r\n', b'+5\r\nhello\r\n0\r\n\r\n'),
    'chunk size with 0x': req(b'Transfer-Encoding: chunked\r\n', b'0x5\r\nhello\r\n0\r\n\r\n'),
    'chunk size with _': req(b'Transfer-Encoding: chunked\r\n', b'1_0\r\nhello\r\n0\r\n\r\n'),
    'chunk size of 17 digits': req(b'Transfer-Encoding: chunked\r\n', b'00000000000000005\r\nhello\r\n0\r\n\r\n'),
    'bare LF after a chunk size': req(b'Transfer-Encoding: chunked\r\n', b'5\nhello\r\n0\r\n\r\n'),
    'two hosts': req(b'Host: other\r\nContent-Length: ' + L + b'\r\n'),
    'absolute form that differs from host': b'POST http://evil/openai/v1/chat/completions HTTP/1.1\r\nHost: t\r\nContent-Length: ' + L + b'\r\n\r\n' + GOOD,
    'no host': b'POST /openai/v1/chat/completions HTTP/1.1\r\nContent-Length: ' + L + b'\r\n\r\n' + GOOD,
    'HTTP/2.0 in the request line': b'POST /openai/v1/chat/completions HTTP/2.0\r\nHost: t\r\n\r\n',
    'a space in the path': b'POST /openai/v1/chat completions HTTP/1.1\r\nHost: t\r\n\r\n',
    'no colon in a header': req(b'Nonsense\r\nContent-Length: ' + L + b'\r\n'),
    'an empty header name': req(b': x\r\nContent-Length: ' + L + b'\r\n'),
}

def main():
    with Stack(config='limits: {body: 1MiB}\n') as s:
        before = len(s.served())
        for name, data in SMUGGLING.items():
            out, closed = raw(s.port, data)
            status = out.split(b' ', 2)[1:2]
            ok(f'{name}: 400 and a close', status in ([b'400'], [b'505']) and closed and out.count(b'HTTP/1.1 ') == 1, repr(out[:80]))
        ok('nothing of it reached the vendor', len(s.served()) == before)
        def vendor_error(name, status, out, want, api='openai'):
            try: e = json.loads(out)
            except ValueError: return ok(name, False, repr(out[:100]))
            good = isinstance(e.get('error'), dict) and ('message' in e['error']) and (set(e['error']) >= {'type', 'param', 'code'} if api == 'openai' else e.get('type') == 'error' if api == 'anthropic' else 'status' in e['error'])
            return ok(name, status == want and good, f'{status} {out[:160]!r}')
        bodies = {'truncated JSON': b'{"model":"gpt-4o-mini","messages":[', 'an unterminated string': b'{"model":"gpt', 'not JSON': b'hello', 'a top array': b'[1]', 'empty body': b'',
                  'a duplicated model': b'{"model":"gpt-4o-mini","model":"gpt-4","messages":[]}', 'a model that is a number': b'{"model":5,"messages":[]}',
                  'stream that is a string': b'{"model":"gpt-4o-mini","stream":"yes","messages":[]}', 'invalid UTF-8': b'{"model":"gpt-4o-mini\xff","messages":[]}',
                  'a control byte in a string': b'{"model":"a\x01","messages":[]}', 'depth 10^5': b'[' * 100000, 'a byte order mark': b'\xef\xbb\xbf' + GOOD, 'trailing garbage': GOOD + b'}', 'a negative limit': b'{"model":"gpt-4o-mini","max_tokens":-5,"messages":[]}'}
        for name, data in bodies.items():
            status, _, out = s.post('/openai/v1/chat/completions', data)
            vendor_error(f'openai: {name}', status, out, 400)
        status, _, out = s.post('/anthropic/v1/messages', b'{"model":', {'anthropic-version': '2023-06-01'})
        vendor_error('anthropic: truncated JSON', status, out, 400, 'anthropic')
        status, _, out = s.post('/gemini/v1beta/models/gemini-2.5-flash:generateContent', b'{"contents":')
        vendor_error('gemini: truncated JSON', status, out, 400, 'gemini')
        status, _, out = s.post('/openai/v1/chat/completions', b'{"model":"gpt-4o-mini","messages":[{"role":"user","content":"' + b'x' * (2 << 20) + b'"}]}')
        vendor_error('a body over the limit: 413', status, out, 413)
        for path in ('/nowhere', '/openai/../admin', '/openai/v1/%2e%2e/x', '/up/nobody/v1/chat/completions', '/metrics', '/api/v1/caps', '/healthz', '/openai'):
            status, _, out = s.post(path, GOOD)
            ok(f'{path} is no route of the data port', status in (400, 404), f'{status} {out[:80]!r}')
        out, _ = raw(s.port, b'GET /' + b'a' * 9000 + b' HTTP/1.1\r\nHost: t\r\n\r\n'); ok('request line over 8 KiB: 414', out.startswith(b'HTTP/1.1 414'), repr(out[:60]))
        out, _ = raw(s.port, req(b''.join(b'X-%d: y\r\n' % i for i in range(120)), b'')); ok('more than 100 headers: 431', out.startswith(b'HTTP/1.1 431'), repr(out[:60]))
        out, _ = raw(s.port, req(b'X-Big: ' + b'y' * 40000 + b'\r\n', b'')); ok('head over 32 KiB: 431', out.startswith(b'HTTP/1.1 431'), repr(out[:60]))
        out, _ = raw(s.port, req(b'Content-Length: 100\r\n', b'{"model"'), half_close=True); ok('a truncated request is not forwarded', len([x for x in s.served() if x['status'] == 200]) == 0)
        status, headers, out = s.post('/openai/v1/chat/completions', {'model': 'gpt-unknown-9', 'messages': [{'role': 'user', 'content': 'hi'}]})
        ok('an unknown model passes', status == 200, f'{status} {out[:100]!r}')
        ok('and its cost is not said to be 0', 'x-runrate-cost' not in headers, str(headers))
        out, _ = raw(s.port, req(b'Content-Length: ' + L + b'\r\nConnection: close\r\n') ); ok('a good request still passes', b' 200 ' in out[:20], repr(out[:60]))
        r = s.json('report')
        ok('the unknown model stands as unpriced', r['unpriced']['calls'] == 1 and 'gpt-unknown-9' in str(r['unpriced']['models']), str(r['unpriced']))
        v = s.json('verify'); ok('verify is content', v['ok'] is True, str(v)[:200])
    import subprocess, tempfile, os
    from stack import BINARY
    def config(text):
        with tempfile.NamedTemporaryFile('w', suffix='.yaml', delete=False) as f: f.write(text)
        r = subprocess.run([BINARY, 'serve', '--config', f.name, '--ledger', f.name + '.db'], capture_output=True, text=True, timeout=20); os.unlink(f.name)
        return r.returncode, r.stderr
    rc, err = config('listen: 127.0.0.1:0\nupstreems: []\n'); ok('an unknown key: place and nearest name', rc == 3 and ':2:1' in err and 'upstreams' in err, err[:300])
    rc, err = config('durability: gruop\n'); ok('a wrong value: place and choices', rc == 3 and ':1:13' in err and 'group' in err and 'relaxed' in err, err[:300])
    rc, err = config('upstreams:\n  - {name: openai, dialect: openai, base: "https://x", key: "${NO_SUCH_VARIABLE}"}\n'); ok('an unset secret names its variable', rc == 3 and 'NO_SUCH_VARIABLE' in err, err[:300])
    rc, err = config('listen: 0.0.0.0:7399\nrequire_keys: false\n'); ok('beyond loopback keys are required', rc == 3 and 'require_keys' in err, err[:300])
    close()

main()
