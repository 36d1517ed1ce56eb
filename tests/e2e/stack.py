# SPDX-License-Identifier: Apache-2.0
"""A stack for end-to-end tests: sandbox vendor, gateway, ledger, each a real process on loopback.

    with Stack() as s:                 # sandbox on a free port, gateway in front of it
        s.post('/openai/v1/chat/completions', {...})
        s.kill(); s.start_gateway()    # the promise, through kill -9
Checks: ok(name, condition, detail) counts; close() prints "N passed, N failed".
"""
import http.client, json, os, pathlib, shutil, signal, socket, subprocess, sys, tempfile, time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BINARY = os.environ.get('RUNRATE', str(ROOT / 'build/runrate'))
counts = {'passed': 0, 'failed': 0, 'skipped': 0}

def ok(name, condition, detail=''):
    counts['passed' if condition else 'failed'] += 1
    print(('ok ' if condition else 'not ok ') + name + ('' if condition or not detail else f': {detail}'), flush=True)
    return bool(condition)

def skip(name, why):
    counts['skipped'] += 1
    print(f'skipped {name}: {why}', flush=True)

def close():
    print(f"{counts['passed']} passed, {counts['failed']} failed" + (f", {counts['skipped']} skipped" if counts['skipped'] else ''))
    sys.exit(1 if counts['failed'] else 0)

def free_port():
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]

def wait_port(port, seconds=15, process=None):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if process is not None and process.poll() is not None:
            raise RuntimeError(f'process ended with {process.returncode} before it listened')
        try:
            socket.create_connection(('127.0.0.1', port), 1).close()
            return
        except OSError:
            time.sleep(0.01)
    raise RuntimeError(f'nothing listens on {port}')

def until(what, seconds=30):
    """What `what` says at last: as soon as it is true, at the latest after so many seconds."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        v = what()
        if v: return v
        time.sleep(0.05)
    return what()

def rows(s):
    """The ledger's calls, as `export --calls` prints them."""
    return [json.loads(l) for l in s.run('export', '--calls').stdout.splitlines()]

def certificate(folder):
    """c.pem and k.pem for localhost, in folder."""
    r = subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', 'k.pem',
                        '-out', 'c.pem', '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1', '-days', '3'],
                       cwd=folder, capture_output=True)
    return r.returncode == 0

class Stack:
    def __init__(self, config='', sandbox_args=(), durability='group', keep=False, env=None):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix='runrate-e2e-'))
        self.ledger = self.folder / 'ledger.db'
        self.list = self.folder / 'served.jsonl'
        self.sandbox_port, self.port, self.admin_port = free_port(), free_port(), free_port()
        self.extra, self.sandbox_args, self.durability, self.keep = config, list(sandbox_args), durability, keep
        self.gateway = self.sandbox = None
        self.env = {**os.environ, 'HOME': str(self.folder), 'XDG_DATA_HOME': str(self.folder), 'XDG_CONFIG_HOME': str(self.folder),
                    'SANDBOX_KEY': 'sk-sandbox-canary-0123456789', **(env or {})}

    def write_config(self):
        base = f'http://127.0.0.1:{self.sandbox_port}'
        (self.folder / 'runrate.yaml').write_text(f'''
listen: 127.0.0.1:{self.port}
admin: 127.0.0.1:{self.admin_port}
ledger: {self.ledger}
durability: {self.durability}
upstreams:
  - {{name: openai, dialect: openai, base: "{base}", key: "${{SANDBOX_KEY}}", region: us}}
  - {{name: anthropic, dialect: anthropic, base: "{base}", key: "${{SANDBOX_KEY}}", region: us}}
  - {{name: gemini, dialect: gemini, base: "{base}", key: "${{SANDBOX_KEY}}", region: eu}}
{self.extra}''')

    def __enter__(self):
        self.start_sandbox(); self.write_config(); self.start_gateway()
        return self

    def __exit__(self, *_):
        for name, p in (('gateway', self.gateway), ('sandbox', self.sandbox)):
            if p and p.poll() not in (None, 0, -signal.SIGKILL):  # it ended by itself: say how
                print(f'{name} ended with {p.returncode}\n' + (self.folder / f'{name}.log').read_text(errors='replace')[-3000:], flush=True)
        for p in (self.gateway, self.sandbox):
            if p and p.poll() is None:
                p.terminate()
                try: p.wait(10)
                except subprocess.TimeoutExpired: p.kill(); p.wait()
        if not self.keep:
            shutil.rmtree(self.folder, ignore_errors=True)

    def start_sandbox(self):
        self.sandbox = subprocess.Popen([BINARY, 'sandbox', '--port', str(self.sandbox_port), '--list', str(self.list)] + self.sandbox_args,
                                        env=self.env, stdout=subprocess.DEVNULL, stderr=open(self.folder / 'sandbox.log', 'ab'))
        wait_port(self.sandbox_port, process=self.sandbox)

    def start_gateway(self):
        self.gateway = subprocess.Popen([BINARY, 'serve', '--config', str(self.folder / 'runrate.yaml')], env=self.env,
                                        stdout=subprocess.DEVNULL, stderr=open(self.folder / 'gateway.log', 'ab'))
        for port in (self.port, self.admin_port): wait_port(port, process=self.gateway)

    def kill(self):
        self.gateway.send_signal(signal.SIGKILL); self.gateway.wait()

    def stop(self):
        self.gateway.terminate(); return self.gateway.wait(30)

    def log(self):
        return (self.folder / 'gateway.log').read_text(errors='replace')

    def run(self, *args, check=False):
        r = subprocess.run([BINARY, *map(str, args), '--ledger', str(self.ledger)], capture_output=True, text=True, env=self.env, timeout=60)
        if check and r.returncode:
            raise RuntimeError(f'{args}: {r.returncode}: {r.stderr}')
        return r

    def json(self, *args):
        r = self.run(*args, '--json')
        try: return json.loads(r.stdout)
        except ValueError: raise RuntimeError(f'{args}: rc {r.returncode}: {r.stdout[:200]} {r.stderr[:300]}')

    def call_ids(self):
        """The ids of all live calls, as the ledger's own file holds them."""
        import sqlite3
        with sqlite3.connect(f'file:{self.ledger}?mode=ro', uri=True) as c:
            return ['c-' + i.hex() for (i,) in c.execute('SELECT id FROM call')]

    def served(self):
        if not self.list.exists(): return []
        return [json.loads(l) for l in self.list.read_text().splitlines() if l.strip()]

    def request(self, method, path, body=None, headers=None, port=None, timeout=30):
        c = http.client.HTTPConnection('127.0.0.1', port or self.port, timeout=timeout)
        data = body if isinstance(body, (bytes, type(None))) else json.dumps(body).encode()
        c.request(method, path, data, {'content-type': 'application/json', 'authorization': 'Bearer sk-client-own', **(headers or {})})
        r = c.getresponse()
        out = r.read()
        c.close()
        return r.status, dict((k.lower(), v) for k, v in r.getheaders()), out

    def post(self, path, body, headers=None, **kw):
        return self.request('POST', path, body, headers, **kw)
