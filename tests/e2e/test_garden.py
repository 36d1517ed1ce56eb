#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""H1: what two parsers could read in two ways is never read in two ways through us.

Each payload of garden.py goes to the gateway, behind which a strict vendor writes down what it is asked. What is ambiguous is
refused and the connection closed; what passes is at the vendor one plain request with one length, the bytes of the body as
they were sent. In `make test-all` also with each of six proxies (nginx, HAProxy, Apache, lighttpd,
h2o, Varnish), once before the gateway and once behind it: nobody serves what another took for a body.
"""
import concurrent.futures, pathlib, re, shutil, socket, subprocess, sys, tempfile, threading, time
sys.path.insert(0, str(pathlib.Path(__file__).parent))
from garden import payloads
from stack import Stack, free_port, wait_port, ok, skip, close

FIRST, QUIET = 3, 0.35  # seconds: until an answer begins; until no other one can be expected
HEAD = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+) (/[\x21-\x7e]*) HTTP/1\.[01]\r\n((?:[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t\x20-\x7e\x80-\xff]*\r\n)*)\r\n")

class Vendor:
    """Answers each request with its path; anything that is not one plain request is noted as a fault."""
    def __init__(self):
        self.l = socket.create_server(('127.0.0.1', 0), backlog=512)
        self.port, self.asked, self.faults = self.l.getsockname()[1], [], []
        threading.Thread(target=self.accept, daemon=True).start()
    def accept(self):
        while True:
            c, _ = self.l.accept()
            threading.Thread(target=self.serve, args=(c,), daemon=True).start()
    def serve(self, c):
        data = b''
        with c:
            while True:
                while b'\r\n\r\n' not in data:
                    try: more = c.recv(65536)
                    except OSError: return
                    if not more:
                        if data: self.faults.append(data)
                        return
                    data += more
                m = HEAD.match(data)
                if not m: self.faults.append(data); return
                lines = [l.partition(b':') for l in m[3].split(b'\r\n') if l]
                lengths = [v.strip() for k, _, v in lines if k.lower() == b'content-length']
                coded = [v.strip().lower() for k, _, v in lines if k.lower() == b'transfer-encoding']
                if len(lengths) + len(coded) > 1 or (lengths and not lengths[0].isdigit()) or (coded and coded != [b'chunked']): self.faults.append(data); return
                data = data[m.end():]
                try:
                    if coded:   # what a proxy may send on
                        body = b''
                        while True:
                            while b'\r\n' not in data: data += c.recv(65536) or exit_thread()
                            size, data = data.split(b'\r\n', 1)
                            n = int(size.split(b';')[0], 16)
                            while len(data) < n + 2: data += c.recv(65536) or exit_thread()
                            body, data = body + data[:n], data[n + 2:]
                            if n == 0: break
                    else:
                        n = int(lengths[0]) if lengths else 0
                        while len(data) < n: data += c.recv(65536) or exit_thread()
                        body, data = data[:n], data[n:]
                    self.asked.append((m[2], body))
                    c.sendall(b'HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: %d\r\n\r\n%s' % (0 if m[1] == b'HEAD' else len(m[2]), b'' if m[1] == b'HEAD' else m[2]))
                except (OSError, EOFError, ValueError): return

def exit_thread(): raise EOFError

def send(port, data):
    """(statuses of all final answers, did the peer close?)"""
    out, closed = b'', False
    try:
        with socket.create_connection(('127.0.0.1', port), 5) as c:
            c.settimeout(FIRST)
            c.sendall(data)
            while True:
                more = c.recv(65536)
                c.settimeout(QUIET)
                if not more: closed = True; break
                out += more
    except (ConnectionResetError, BrokenPipeError): closed = True
    except OSError: pass
    return [s for s in map(int, re.findall(rb'HTTP/1\.[01] (\d{3}) ', out)) if s >= 200], closed

def garden(port, vendor, base, threads=16):
    """[(name, kind, data, answers, closed, requests at the vendor)]"""
    def one(i):
        name, kind, data = payloads(f'{base}/v1/g{i}')[i]
        answers, closed = send(port, data)
        return i, name, kind, data, answers, closed
    count = len(payloads(base))
    with concurrent.futures.ThreadPoolExecutor(threads) as pool: got = list(pool.map(one, range(count)))
    time.sleep(0.3)
    by = {}
    for path, body in list(vendor.asked):
        m = re.match(rb'/v1/g(\d+)', path)
        by.setdefault(int(m[1]) if m else -1, []).append((path, body))
    vendor.asked.clear()
    return [(name, kind, data, answers, closed, by.get(i, [])) for i, name, kind, data, answers, closed in got], by.get(-1, [])

def direct(s, vendor):
    got, strange = garden(s.port, vendor, '/up/raw')
    bad = [(name, answers, closed, asked) for name, kind, _, answers, closed, asked in got if kind == 'bad' and not (answers and answers[0] in (400, 413, 414, 431, 501, 505, 404) and len(answers) == 1 and closed and not asked)]
    ok(f"{sum(g[1] == 'bad' for g in got)} ambiguous requests: refused once, closed, nothing at the vendor", not bad, f'{len(bad)}: {bad[:4]}')
    def inner(data): return b'POST' + data.split(b'POST')[-1] if b'SMUGGLED' in data else b''
    wrong = [(name, answers, asked) for name, kind, data, answers, closed, asked in got if kind == 'good' and not (answers == [200] and len(asked) == 1 and (not asked[0][1] or asked[0][1] in data))]
    ok(f"{sum(g[1] == 'good' for g in got)} plain ones pass, once, with their bytes", not wrong, str(wrong[:3]))
    wrong = [(name, answers, asked) for name, kind, _, answers, _, asked in got if kind == 'two' and not (answers == [200, 200] and len(asked) == 2 and asked[1][0].endswith(b'/second'))]
    ok('two in a row are two', not wrong, str(wrong[:3]))
    wrong = [(name, answers, asked) for name, kind, _, answers, closed, asked in got if kind == 'any' and (len(asked) > 1 or len(answers) > 1 or (asked and answers != [200]))]
    ok(f"{sum(g[1] == 'any' for g in got)} odd ones are one request or none", not wrong, str(wrong[:3]))
    smuggled = [name for name, _, _, _, _, asked in got if any(b'SMUGGLED' in p for p, _ in asked)]
    ok(f'of {len(got)} payloads none was smuggled', len(got) >= 150 and not smuggled and not strange, f'{smuggled[:5]} {strange[:2]}')
    ok('the vendor understood all that it was sent', not vendor.faults, str(vendor.faults[:2]))

def configs(folder, port, to):
    """name -> (program, arguments, file, text) of a plain reverse proxy."""
    return {
        'nginx': ('nginx', ['-c', f'{folder}/nginx.conf', '-p', folder], 'nginx.conf', f'daemon off; pid {folder}/nginx.pid; error_log {folder}/nginx.log; events {{}} http {{ access_log off; client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;'
                  f' server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass http://127.0.0.1:{to}; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $http_host; proxy_request_buffering off; }} }} }}'),
        'haproxy': ('haproxy', ['-f', f'{folder}/haproxy.cfg'], 'haproxy.cfg', f'defaults\n  mode http\n  timeout connect 5s\n  timeout client 10s\n  timeout server 10s\n  http-reuse always\nlisten a\n  bind 127.0.0.1:{port}\n  server b 127.0.0.1:{to}\n'),
        'apache2': ('apache2', ['-f', f'{folder}/apache.conf', '-DFOREGROUND'], 'apache.conf', ''.join(f'LoadModule {m}_module {modules()}/mod_{m}.so\n' for m in ('mpm_event', 'proxy', 'proxy_http', 'authz_core')) +
                    f'ServerName t\nServerRoot {folder}\nPidFile {folder}/apache.pid\nErrorLog {folder}/apache.log\nListen 127.0.0.1:{port}\nProxyPass / http://127.0.0.1:{to}/ keepalive=On\nProxyPreserveHost On\n'),
        'lighttpd': ('lighttpd', ['-D', '-f', f'{folder}/lighttpd.conf'], 'lighttpd.conf', f'server.port = {port}\nserver.bind = "127.0.0.1"\nserver.document-root = "{folder}"\nserver.errorlog = "{folder}/lighttpd.log"\nserver.modules = ("mod_proxy")\nproxy.server = ("" => (("host" => "127.0.0.1", "port" => {to})))\n'),
        'h2o': ('h2o', ['-m', 'worker', '-c', f'{folder}/h2o.conf'], 'h2o.conf', f'listen: {{host: 127.0.0.1, port: {port}}}\nerror-log: {folder}/h2o.log\nhosts: {{default: {{paths: {{"/": {{"proxy.reverse.url": "http://127.0.0.1:{to}/", "proxy.preserve-host": ON}}}}}}}}\n'),
        'varnishd': ('varnishd', ['-F', '-j', 'none', '-n', f'{folder}/v', '-a', f'127.0.0.1:{port}', '-s', 'malloc,16m', '-f', f'{folder}/a.vcl'], 'a.vcl',
                     f'vcl 4.1;\nbackend b {{ .host = "127.0.0.1"; .port = "{to}"; }}\nsub vcl_recv {{ return (pass); }}\n'),
    }

def modules():
    return next((str(p.parent) for root in ('/usr/lib/apache2/modules', *(str(pathlib.Path(shutil.which('apache2') or '/x').parent.parent / 'lib/apache2/modules'),)) for p in [pathlib.Path(root) / 'mod_proxy.so'] if p.exists()), '/usr/lib/apache2/modules')

def differential(s, vendor):
    for name in ('nginx', 'haproxy', 'apache2', 'lighttpd', 'h2o', 'varnishd'):
        if not shutil.which(name):
            skip(f'the garden with {name}', f'there is no {name} on this machine: install it for the whole differential')
            continue
        for place in ('before', 'behind'):
            folder, port = tempfile.mkdtemp(prefix='runrate-garden-'), free_port()
            program, arguments, file, text = configs(folder, port, s.port if place == 'before' else vendor.port)[name]
            pathlib.Path(folder, file).write_text(text)
            p = subprocess.Popen([program, *arguments], stdout=subprocess.DEVNULL, stderr=open(f'{folder}/err', 'w'))
            try: wait_port(port, process=p)
            except RuntimeError as e:
                ok(f'{name} {place} us', False, f'{e}: {pathlib.Path(folder, "err").read_text()[-300:]}')
                continue
            try:
                s.extra = f'  - {{name: raw, dialect: openai, base: "http://127.0.0.1:{port if place == "behind" else vendor.port}"}}\n'
                s.stop(); s.write_config(); s.start_gateway()
                got, strange = garden(s.port if place == 'behind' else port, vendor, '/up/raw', threads=8)
                smuggled = [(n, a, [q for q, _ in asked]) for n, _, _, a, _, asked in got if any(b'SMUGGLED' in q for q, _ in asked) and len(a) < 2]
                ok(f'{name} {place} us: {len(got)} payloads, {sum(bool(a) for *_, a in got)} reach the vendor, none is read in two ways', not smuggled and not strange, f'{smuggled[:4]} {strange[:2]}')
                good = [n for n, kind, _, a, _, asked in got if kind == 'good' and a != [200]]
                ok(f'{name} {place} us: plain ones pass', len(good) <= 2, str(good))
            finally:
                p.terminate(); p.wait(10)
                shutil.rmtree(folder, ignore_errors=True)
                vendor.faults.clear()

def main():
    vendor = Vendor()
    with Stack(config=f'  - {{name: raw, dialect: openai, base: "http://127.0.0.1:{vendor.port}"}}\n') as s:
        direct(s, vendor)
        if '--all' in sys.argv: differential(s, vendor)
    close()

main()
