#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The README's commands do what it says: every ./runrate line of its code blocks that needs no server is run; every command
of its table exists and has help with examples."""
import pathlib, re, shlex, subprocess, sys, tempfile
sys.path.insert(0, str(pathlib.Path(__file__).parent))
from stack import BINARY, ROOT, ok, close
import json, os
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
# the gateway's guide: its file is taken as it stands, its key can be made, its headers and codes are the program's
guide = (ROOT / 'docs/guide/gateway.md').read_text()
conf = pathlib.Path(home) / 'guide.yaml'
conf.write_text(re.search(r'```yaml\n(.*?)```', guide, re.S)[1])
env |= {'OPENAI_API_KEY': 'sk-guide-1', 'ANTHROPIC_API_KEY': 'sk-guide-2'}
r = run(['config', 'show', '--json', '--config', str(conf)])
shown = {x['name']: x['value'] for x in json.loads(r.stdout or '{"settings":[]}')['settings']}
ok("the guide's configuration is taken as it stands", shown.get('upstreams[2].name') == 'local' and shown.get('caps[2].book') == 'training', r.stderr[:300])
ok('and shows no key', 'sk-guide' not in r.stdout + r.stderr and shown.get('upstreams[0].key') == 'set')
for line in re.findall(r'^\$ runrate (key .*)$', guide, re.M):
    r = run(shlex.split(line) + ['--ledger', home + '/guide.db']); ok('runrate ' + line, r.returncode == 0 and 'rr_' in r.stdout, r.stderr[:200])
source = ''.join(p.read_text() for p in (ROOT / 'src').rglob('*.[ch]') if p.parts[-2] in ('gate', 'model'))
told = set(re.findall(r'x-runrate-[a-z]+(?:-[a-z]+)*', guide)) | {'x-runrate-feature', 'x-runrate-env'}
does = set(re.findall(r'"(x-runrate-[a-z-]+[a-z])"', source)) - {'x-runrate-signature'}
ok('the guide tells every header, and none that is not', told == does, str(told ^ does))
ok('and codes that the gateway uses', all(c in source for c in re.findall(r'^\| \d+ `([a-z_]+)`', guide, re.M)))
keys = {x['name'] for x in json.loads(run(['config', 'keys', '--json']).stdout)['settings']}
plain = {re.sub(r'\[\d+\]', '[]', n) for n in shown}
ok(f'config keys lists all {len(plain)} that config show can show', plain <= keys, str(plain - keys))
pages = pathlib.Path(home) / 'man'
r = run(['help', '--all-man', str(pages)])
fresh = {p.name: p.read_text() for p in pages.glob('*.1')}
kept = {p.name: p.read_text() for p in (ROOT / 'docs/man').glob('*.1')}
stale = sorted(n for n in fresh.keys() | kept.keys() if fresh.get(n) != kept.get(n))
ok(f'docs/man is what the commands say of themselves ({len(kept)} pages); else: make man', r.returncode == 0 and kept and not stale, str(stale[:5]))
close()
