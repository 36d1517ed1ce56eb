# SPDX-License-Identifier: Apache-2.0
"""What the parts of bench/run stand on: processes pinned to a core, their CPU and memory, load, rounds, and the table.

A round is clean when other processes used less than 0.16 CPU-seconds a second of it. Ratios are formed inside a round,
between runs that stand next to each other; the median of the rounds is what a bar is held against.
"""
import json, os, pathlib, re, signal, socket, statistics, subprocess as sp, sys, tempfile, time, urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = ROOT / 'build-release'
BINARY = BUILD / 'runrate'
WORK = pathlib.Path(tempfile.mkdtemp(prefix='runrate-bench-'))
LOAD_CORE, PROXY_CORE = '0', '1'
FOREIGN_MOST = 0.16

# ---- processes

running = {}
def start(name, cmd, core, env=None):
    log = open(WORK / f'{name}.log', 'wb')
    p = sp.Popen((['taskset', '-c', core] if core else []) + [str(c) for c in cmd], stdout=log, stderr=sp.STDOUT, cwd=WORK, env={**os.environ, **(env or {})}, start_new_session=True)
    running[name] = p
    return p

def stop(*names):
    for n in names:
        p = running.pop(n, None)
        if p and p.poll() is None:
            os.killpg(p.pid, signal.SIGTERM)
            try: p.wait(10)
            except sp.TimeoutExpired: os.killpg(p.pid, signal.SIGKILL); p.wait()

def stop_all():
    stop(*list(running))

def wait_port(port):
    for _ in range(400):
        try: socket.create_connection(('127.0.0.1', port), 1).close(); return
        except OSError: time.sleep(0.05)
    raise SystemExit(f'bench: nothing listens on {port}; see {WORK}')

def tree(pid):
    out, todo = [], [pid]
    while todo:
        p = todo.pop(); out.append(p)
        try:
            for t in os.listdir(f'/proc/{p}/task'): todo += [int(c) for c in open(f'/proc/{p}/task/{t}/children').read().split()]
        except OSError: pass
    return out

def pin(name, core):
    for p in tree(running[name].pid):
        for t in os.listdir(f'/proc/{p}/task'): os.sched_setaffinity(int(t), {int(core)})

def cpu_s(pid):
    """CPU of all threads of a process and its children."""
    ns = 0
    for p in tree(pid):
        try:
            for t in os.listdir(f'/proc/{p}/task'): ns += int(open(f'/proc/{p}/task/{t}/schedstat').read().split()[0])
        except OSError: pass
    return ns / 1e9

def pss_mb(pid):
    kb = 0
    for p in tree(pid):
        try: kb += int(re.search(r'^Pss:\s+(\d+)', open(f'/proc/{p}/smaps_rollup').read(), re.M)[1])
        except (OSError, TypeError): pass
    return kb / 1024

def busy_s():
    f = [int(x) for x in open('/proc/stat').readline().split()[1:9]]
    return (f[0] + f[1] + f[2] + f[5] + f[6]) / os.sysconf('SC_CLK_TCK')

def own_s():
    t = os.times()
    return sum(cpu_s(p.pid) for p in running.values()) + t.children_user + t.children_system + t.user + t.system

def fdatasync_us():
    """What one flush of a written page takes on this disk: the floor of a durable commit."""
    fd, times = os.open(WORK / 'sync', os.O_CREAT | os.O_WRONLY), []
    for _ in range(100):
        os.write(fd, b'x' * 4096); t = time.perf_counter(); os.fdatasync(fd); times.append(time.perf_counter() - t)
    os.close(fd)
    return statistics.median(times) * 1e6

# ---- load

# wrk sends one request over and over: no Lua runs a request. Portkey is told its upstream by headers of its own.
LUA = '''local f = assert(io.open(os.getenv("BODY"), "rb"))
wrk.method = "POST"; wrk.body = f:read("*a"); f:close()
wrk.headers["Content-Type"] = "application/json"; wrk.headers["Authorization"] = "Bearer sk-bench-0000000000000000000000000000"
if os.getenv("PORTKEY") then wrk.headers["x-portkey-provider"] = "openai"; wrk.headers["x-portkey-custom-host"] = os.getenv("PORTKEY") end
function done(s, l, r) local e = s.errors
io.write(string.format('JSON {"requests":%d,"us":%d,"p50":%d,"p99":%d,"bad":%d}\\n', s.requests, s.duration, l:percentile(50), l:percentile(99), e.connect+e.read+e.write+e.timeout+e.status)) end'''

def wrk(port, conns, body_file, seconds, env=None):
    lua = WORK / 'chat.lua'
    if not lua.exists(): lua.write_text(LUA)
    r = sp.run(['taskset', '-c', LOAD_CORE, 'wrk', '-t1', f'-c{conns}', f'-d{seconds}s', '--timeout', '10s', '-s', str(lua), f'http://127.0.0.1:{port}/v1/chat/completions'],
               capture_output=True, text=True, env={**os.environ, 'BODY': str(body_file), **(env or {})})
    m = re.search(r'JSON (\{.*\})', r.stdout)
    if not m: raise SystemExit(f'bench: wrk failed: {r.stdout[-300:]} {r.stderr[-300:]}')
    return json.loads(m[1])

def rows_written(admin):
    text = urllib.request.urlopen(f'http://127.0.0.1:{admin}/metrics', timeout=5).read().decode()
    g = lambda n: int(re.search(rf'^{n} (\d+)', text, re.M)[1])
    return {'rows': g('runrate_ledger_rows_total'), 'queued': g('runrate_ledger_queued'), 'lost': g('runrate_unrecorded_total'), 'commits': g('runrate_ledger_commits_total')}

class Target:
    """A proxy under test: its process, its port, and for runrate its admin port, whose counters say what was recorded."""
    def __init__(self, name, port, admin=None, env=None):
        self.name, self.port, self.admin, self.env = name, port, admin, env

    def measure(self, conns, body_file, seconds=1):
        p = running[self.name]
        foreign, own, a, clock = busy_s(), own_s(), cpu_s(p.pid), time.time()
        before = rows_written(self.admin) if self.admin else None
        r = wrk(self.port, conns, body_file, seconds, self.env)
        if self.admin:
            until = time.time() + 5  # CPU counts until the writer has caught up
            while time.time() < until and rows_written(self.admin)['queued']: time.sleep(0.02)
            time.sleep(0.05)
        used, took = cpu_s(p.pid) - a, time.time() - clock
        other = (busy_s() - foreign) - (own_s() - own)
        out = {'us': used / max(1, r['requests']) * 1e6, 'rps': r['requests'] / (r['us'] / 1e6), 'cap': r['requests'] / used if used else 0,
               'p50': r['p50'], 'p99': r['p99'], 'bad': r['bad'], 'clean': other < FOREIGN_MOST * took}
        if self.admin:
            after = rows_written(self.admin)
            out['above'] = after['rows'] - before['rows'] - r['requests']  # rows above answers: in flight when wrk stopped
            out['lost'] = after['lost']
            out['group'] = (after['rows'] - before['rows']) / max(1, after['commits'] - before['commits'])
        return out

rounds_seen = {'clean': 0, 'all': 0}
def interleave(targets, rounds, measure):
    """Rounds of all targets next to each other, in alternating order; the clean ones, or all where none was clean."""
    clean, every = [], []
    for rnd in range(rounds * 2):
        one = {t.name: measure(t) for t in (targets if rnd % 2 == 0 else targets[::-1])}
        every.append(one)
        if all(v.get('clean', True) for v in one.values()): clean.append(one)
        if len(clean) >= rounds or (rnd + 1 >= rounds and not clean): break
    rounds_seen['clean'] += len(clean); rounds_seen['all'] += len(every)
    return clean or every

# ---- the table

table = []
def bar(what, values, must, aim, unit='x nginx', lower=True, note=''):
    """Holds the median of values against a bar. A miss by less than 5 % is within the noise of this method."""
    values = list(values) if isinstance(values, (list, tuple)) else [values]
    v = statistics.median(values)
    missed = v > must * 1.05 if lower else v < must * 0.95
    verdict = 'MISSED' if missed else 'aim' if (v <= aim if lower else v >= aim) else 'must'
    digits = 0 if abs(v) >= 100 else 1 if abs(v) >= 10 else 2
    measured = f'{v:,.{digits}f}' + (f' [{min(values):,.{digits}f}-{max(values):,.{digits}f}]' if len(values) > 1 else '')
    table.append((what, f'{must:,g}', f'{aim:,g}', f'{measured} {unit}', verdict, note))
    print(f'{what:56} {measured:>22} {unit:9} must {must:<8,g} aim {aim:<8,g} {verdict:7}{note}', flush=True)

def not_measured(what, why):
    table.append((what, '', '', '', 'not measured', why))
    print(f'{what:56} not measured: {why}', flush=True)

def over(rounds, name, key, base='nginx'):
    return [g[name][key] / g[base][key] for g in rounds if g[base][key]]

def print_table():
    print('\n| bar | must | aim | measured: median [range] | verdict | note |\n|---|---|---|---|---|---|')
    for row in table: print('| ' + ' | '.join(row) + ' |')
    count = lambda v: sum(t[4] == v for t in table)
    print(f"\n{len(table)} bars: {count('aim')} at the aim, {count('must')} within the must, {count('MISSED')} missed, {count('not measured')} not measured; {rounds_seen['clean']} of {rounds_seen['all']} rounds were clean of other work")
