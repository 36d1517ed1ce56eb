#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""No memory, at the n-th allocation, once and from then on: every golden command, and a gateway under its calls.

A command either prints what it prints with memory, or ends with a documented code and says something; it never crashes and
never prints another number. The gateway answers 5xx at worst, lives on, and records every clean answer once. Sampled here;
with --all each of the first allocations of a command is taken, and many of the rest.
"""
import http.client, importlib.machinery, importlib.util, json, os, pathlib, random, shutil, subprocess, sys, tempfile, time
sys.path.insert(0, str(pathlib.Path(__file__).parent))
from stack import ROOT, BINARY, Stack, ok, skip, close, until
from faults import Faults, LIBRARY

ALL = '--all' in sys.argv
FIRST, MORE = (60, 30) if ALL else (0, 2)
SEED = 20261129

def golden_cases():
    source = (ROOT / 'tests/golden/run').read_text()
    namespace = {}
    exec(source[source.index('def cases('):source.index('def main(')], namespace)
    for path in sorted((ROOT / 'tests/golden').glob('*.test')):
        yield path, [c for c, _ in namespace['cases'](path.read_text(encoding='utf-8')) if c]

WRAPPER = '''#!/bin/sh
LD_PRELOAD={library} RR_FAULTS={faults} {binary} "$@"
rc=$?
echo $rc >>{log}
exit $rc
'''

def run(command, folder, env):
    log = folder / '.codes'
    log.unlink(missing_ok=True)
    r = subprocess.run(['bash', '-c', command], cwd=folder, env=env, capture_output=True, text=True, errors='replace', stdin=subprocess.DEVNULL, timeout=120)
    codes = [int(x) for x in log.read_text().split()] if log.exists() else []
    return codes, (r.stdout).replace(str(folder), '.'), r.stderr

def install(folder, faults):
    (folder / 'bin').mkdir(exist_ok=True)
    w = folder / 'bin/runrate'
    w.write_text(WRAPPER.format(library=LIBRARY, faults=faults.path, binary=BINARY, log=folder / '.codes')); w.chmod(0o755)
    return {'PATH': f'{folder}/bin:' + os.environ['PATH'], 'HOME': str(folder), 'XDG_DATA_HOME': str(folder / 'data'), 'XDG_CONFIG_HOME': str(folder / 'config'),
            'TZ': 'UTC', 'LC_ALL': 'C.UTF-8', 'NO_COLOR': '1', 'TESTS': str(ROOT / 'tests'), 'ROOT': str(ROOT), 'COLUMNS': '80'}

def commands():
    rng = random.Random(SEED)
    runs = crashes = wrong = silent = 0
    with tempfile.TemporaryDirectory() as top:
        faults = Faults(top)
        for path, cases in golden_cases():
            home = pathlib.Path(tempfile.mkdtemp(dir=top))
            env = install(home, faults)
            for command in cases:
                before = pathlib.Path(tempfile.mkdtemp(dir=top)) / 'before'
                shutil.copytree(home, before, symlinks=True)
                faults.reset()
                codes, want, said = run(command, home, env)
                total = faults.allocations()
                if not total or 'RANDOM' in command: continue
                picks = list(range(1, min(total, FIRST) + 1)) + [rng.randint(1, total) for _ in range(MORE)]
                for n in picks:
                    for many in ((1, 0) if ALL else (rng.randint(0, 1),)):
                        there = pathlib.Path(tempfile.mkdtemp(dir=top)) / 'x'
                        shutil.copytree(before, there, symlinks=True)
                        faults.reset(); faults.set(2, many); faults.set(1, n)
                        got, text, err = run(command, there, install(there, faults))
                        runs += 1
                        if any(c >= 128 or c < 0 for c in got):
                            crashes += 1; print(f'  crash {got} at {n} of {total} x{many or "all"}: {path.stem}: {command}\n    {err[-300:]}')
                        elif got == codes and text != want and err == said and faults.failed():
                            wrong += 1; print(f'  other output at {n} of {total} x{many or "all"}: {path.stem}: {command}\n    {text[:300]}')
                        elif got != codes and not err.strip() and not text.strip():
                            silent += 1; print(f'  ends with {got} and says nothing at {n} of {total}: {path.stem}: {command}')
                        shutil.rmtree(there.parent, ignore_errors=True)
                shutil.rmtree(before.parent, ignore_errors=True)
        faults.reset(); faults.close()
    ok(f'{runs} runs of golden commands without memory: none crashes', crashes == 0 and runs > 20, str(crashes))
    ok('none prints another number', wrong == 0, str(wrong))
    ok('none ends without a word', silent == 0, str(silent))

BODIES = [('/openai/v1/chat/completions', {'model': 'gpt-4o-mini', 'messages': [{'role': 'user', 'content': 'hi'}]}, {}),
          ('/openai/v1/chat/completions', {'model': 'gpt-4o-mini', 'stream': True, 'messages': [{'role': 'user', 'content': 'count'}]}, {}),
          ('/anthropic/v1/messages', {'model': 'claude-haiku-4-5', 'max_tokens': 20, 'stream': True, 'messages': [{'role': 'user', 'content': 'hi'}]}, {'anthropic-version': '2023-06-01'}),
          ('/openai/v1/batches', {'input_file_id': 'file-none', 'endpoint': '/v1/chat/completions', 'completion_window': '24h'}, {}),
          ('/openai/v1/responses', {'model': 'gpt-4.1-mini', 'input': 'x', 'background': True, 'store': True}, {})]

def whole(headers, out):
    """Is that a vendor's answer from its first byte to its last?"""
    if 'event-stream' in headers.get('content-type', ''):
        events = out.decode().split('\n\n')
        return events[-1] == '' and all(e.startswith(('data: ', 'event: ')) for e in events[:-1]) and \
            any(end in events[-2] for end in ('[DONE]', 'message_stop', '"error"'))
    try: return isinstance(json.loads(out), dict)
    except ValueError: return False

def first_flush():
    """The first commits and the first roll-ups of a gateway build their statements: without memory for one it is built later."""
    rng = random.Random(SEED)
    starts = range(1, 241) if ALL else rng.sample(range(1, 200), 3)
    with tempfile.TemporaryDirectory() as top:
        faults = Faults(top)
        hit, dead, torn = 0, [], []
        with Stack() as s:
            s.stop()
            plain, faulty = s.env, {**s.env, **faults.env()}
            for n in starts:
                s.ledger.unlink(missing_ok=True)
                for side in ('-wal', '-shm'): pathlib.Path(f'{s.ledger}{side}').unlink(missing_ok=True)
                s.env = faulty; s.start_gateway(); s.env = plain
                many = rng.choice((1, 3, 8))
                faults.fail(n, many)
                try:
                    status, h, out = s.post(*BODIES[0], timeout=20)
                    if status == 200 and not whole(h, out): torn.append((n, many, out[-80:]))
                except (OSError, http.client.HTTPException): pass
                time.sleep(0.02)
                hit += faults.failed()
                faults.fail(0)
                if not until(lambda: s.post(*BODIES[0])[0] == 200, 5): dead.append((n, many, s.log()[-300:]))
                s.stop()
        ok(f'{len(starts)} gateways whose first calls had no memory ({hit} allocations) serve the next ones', not dead and hit > 0, f'{hit} {dead[:2]}')
        ok('and none of their clean answers was torn', not torn, str(torn[:3]))
        faults.close()

def gateway():
    rng = random.Random(SEED)
    scripts = 200 if ALL else 50
    with tempfile.TemporaryDirectory() as top:
        faults = Faults(top)
        with Stack() as s:
            s.stop()
            plain, s.env = s.env, {**s.env, **faults.env()}
            s.start_gateway()
            s.env = plain
            for path, body, headers in BODIES: s.post(path, body, headers)
            clean, torn, statuses, hit = [], [], {}, 0
            for n in range(scripts):
                path, body, headers = BODIES[n % len(BODIES)]
                at, many = rng.randint(1, 60), rng.choice((1, 1, 3, 20))
                faults.fail(at, many)
                try:
                    status, h, out = s.post(path, body, headers, timeout=20)
                    if not whole(h, out): torn.append((n, status, h, out[-80:]))
                    if status == 200 and 'x-runrate-id' in h and 'batches' not in path: clean.append(h['x-runrate-id'])
                except (OSError, http.client.HTTPException):
                    status = 'cut'
                hit += faults.failed()
                faults.fail(0)
                statuses[status] = statuses.get(status, 0) + 1
                if s.gateway.poll() is not None: break
            ok(f'{scripts} calls while memory fails ({hit} allocations): the gateway lives', s.gateway.poll() is None, f'{s.gateway.poll()} {s.log()[-400:]}')
            if s.gateway.poll() is not None: return
            ok('some were hit, each got an answer or a cut connection', hit > scripts // 5 and set(statuses) <= {200, 400, 404, 500, 502, 503, 504, 507, 'cut'}, f'{hit} {statuses}')
            ok('no answer that ends cleanly is torn', not torn, str(torn[:3]))
            after = s.post(*BODIES[0])
            ok('then it serves as before', after[0] == 200, f'{after} {s.log()[-600:]}')
            time.sleep(0.3)
            s.stop()
            ids = s.call_ids()
            lost = [i for i in clean if ids.count(i) != 1]
            ok(f'each of {len(clean)} clean answers is recorded once', not lost and len(clean) > scripts // 4, f'{lost[:3]} {len(clean)}')
            v = s.json('verify'); ok('verify is content', v['ok'] is True, str(v)[:300])
        faults.close()

def main():
    if not LIBRARY.exists():
        skip('no memory', f'{LIBRARY} was not built'); close()
    if 'libasan' in subprocess.run(['ldd', BINARY], capture_output=True, text=True).stdout:
        skip('no memory', 'a sanitizer has its own allocator'); close()
    commands()
    first_flush()
    gateway()
    close()

main()
