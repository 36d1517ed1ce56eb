#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The README's commands do what it says: every ./runrate line of its code blocks that needs no server is run; every command
of its table exists and has help with examples."""
import pathlib, re, shlex, subprocess, sys, tempfile
sys.path.insert(0, str(pathlib.Path(__file__).parent))
from stack import BINARY, ROOT, ok, close
import os
text = (ROOT / 'README.md').read_text()
home = tempfile.mkdtemp(prefix='runrate-readme-')
env = {**os.environ, 'HOME': home, 'XDG_DATA_HOME': home, 'XDG_CONFIG_HOME': home, 'RUNRATE_NOW': '2026-11-21T12:00:00Z'}
def run(args):
    return subprocess.run([BINARY] + args, capture_output=True, text=True, env=env, cwd=ROOT, timeout=30, stdin=subprocess.DEVNULL)
lines = [l.split('#')[0].strip() for block in re.findall(r'```\n(.*?)```', text, re.S) for l in block.splitlines() if l.startswith('./runrate ')]
for line in lines:
    args = shlex.split(line)[1:]
    if args[0] == 'serve':
        r = run(['serve', '--help']); ok(line + ' (its help)', r.returncode == 0 and 'runrate serve' in r.stdout)
    elif args[0] in ('report', 'verify', 'diff', 'forecast'):
        r = run(args); ok(line + ' says what to do without a ledger', r.returncode in (0, 4) and ('serve' in r.stderr + r.stdout), r.stderr[:200])
    else:
        r = run(args); ok(line, r.returncode == 0 and len(r.stdout) > 100, r.stderr[:300])
        j = run(args + ['--json']); ok(line + ' --json', j.returncode == 0 and j.stdout.startswith('{'), j.stderr[:200])
ok('the README shows commands', len(lines) >= 6)
for cell in re.findall(r'^\| [^|]+\| (.+) \|$', text, re.M):
    for part in re.findall(r'`runrate ([a-z]+)`', cell):
        r = run([part, '--help'])
        good = '$ runrate' in r.stdout or 'has these commands' in r.stdout
        ok(f'runrate {part} --help helps', r.returncode == 0 and good, (r.stdout + r.stderr)[:200])
pages = pathlib.Path(home) / 'man'
r = run(['help', '--all-man', str(pages)])
fresh = {p.name: p.read_text() for p in pages.glob('*.1')}
kept = {p.name: p.read_text() for p in (ROOT / 'docs/man').glob('*.1')}
stale = sorted(n for n in fresh.keys() | kept.keys() if fresh.get(n) != kept.get(n))
ok(f'docs/man is what the commands say of themselves ({len(kept)} pages); else: make man', r.returncode == 0 and kept and not stale, str(stale[:5]))
close()
