#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The vendors' own SDKs against the sandbox, and through the gateway.

    tests/e2e/run.py                    starts a sandbox on a free port, runs sdk/*.mjs against it
    tests/e2e/run.py --gateway          starts sandbox and gateway, runs them through the gateway
    tests/e2e/run.py --bases OPENAI ANTHROPIC GEMINI     starts nothing
    ... [WORD...]                       only the files whose name holds a WORD
Prints the cases' ok and not ok lines; the last line is "N passed, N failed".
"""
import json, os, pathlib, shutil, subprocess, sys, tempfile
HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import judges, stack

SCRIPT = [  # what the cases about retries count on
    {'match': {'model': 'flaky-openai'}, 'fault': '503:0.05', 'times': 2},
    {'match': {'model': 'flaky-anthropic'}, 'fault': '529:0.05', 'times': 2},
]

def setup():
    """True when the SDKs are there."""
    return judges.have('sdks')

def write_script(folder):
    path = pathlib.Path(folder) / 'script.jsonl'
    path.write_text(''.join(json.dumps(r) + '\n' for r in SCRIPT))
    return str(path)

def run_cases(bases, words=(), mark='', keys=None, more_env=None):
    """Runs sdk/*.mjs; each line counts. bases: OpenAI, Anthropic, Gemini."""
    key = (keys or {}).get('key', 'sk-sdk-test')
    env = {**os.environ, 'OPENAI_BASE_URL': bases[0], 'ANTHROPIC_BASE_URL': bases[1], 'GOOGLE_GEMINI_BASE_URL': bases[2],
           'OPENAI_API_KEY': key, 'ANTHROPIC_API_KEY': key, 'GEMINI_API_KEY': key, 'NO_PROXY': '127.0.0.1,localhost'}
    env.update(more_env or {})
    for name in ('ANTHROPIC_AUTH_TOKEN', 'GOOGLE_API_KEY', 'OPENAI_ORG_ID', 'OPENAI_PROJECT_ID'):
        env.pop(name, None)
    for case in sorted((HERE / 'sdk').glob('*.mjs')):
        if case.name == 't.mjs' or (words and not any(w in case.name for w in words)):
            continue
        try:
            r = subprocess.run(['node', str(case)], capture_output=True, text=True, env=env, timeout=120, cwd=HERE)
            out, err, rc = r.stdout, r.stderr, r.returncode
        except subprocess.TimeoutExpired as e:
            out, err, rc = (e.stdout or b'').decode(errors='replace'), 'timed out', 124
        seen = 0
        for line in out.splitlines():
            for word, good in (('ok ', True), ('not ok ', False)):
                if line.startswith(word):
                    name, _, why = line[len(word):].partition(': ') if not good else (line[len(word):], '', '')
                    stack.ok(mark + name, good, why)
                    seen += 1
        if not seen or rc not in (0, 1):
            stack.ok(f'{mark}{case.name} ran to its end', False, f'rc {rc}: {err.strip()[-400:]}')

def direct(words=(), mark='direct: '):
    folder = tempfile.mkdtemp(prefix='runrate-sdk-')
    port = stack.free_port()
    truth = pathlib.Path(folder) / 'served.jsonl'
    p = subprocess.Popen([stack.BINARY, 'sandbox', '--port', str(port), '--list', str(truth), '--job-ms', '400',
                          '--script', write_script(folder)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        stack.wait_port(port, process=p)
        base = f'http://127.0.0.1:{port}'
        run_cases((base + '/v1', base, base), words, mark)
        rows = [json.loads(l) for l in truth.read_text().splitlines()]
        stack.ok(f'{mark}the list of what was served is whole ({len(rows)} lines)', len(rows) > 20 and all(r['request_sha256'] for r in rows))
    finally:
        p.terminate()
        p.wait(10)
        shutil.rmtree(folder, ignore_errors=True)

def through_gateway(words=(), mark='gateway: '):
    with tempfile.TemporaryDirectory() as folder:
        with stack.Stack(sandbox_args=['--job-ms', '400', '--script', write_script(folder)]) as s:
            base = f'http://127.0.0.1:{s.port}'
            run_cases((base + '/openai/v1', base + '/anthropic', base + '/gemini'), words, mark)

def main(argv):
    if not setup():
        stack.skip('SDK cases', 'node or the SDKs are not there')
        stack.close()
    words = [a for a in argv if not a.startswith('--')]
    if '--bases' in argv:
        at = argv.index('--bases')
        run_cases(argv[at + 1:at + 4], argv[at + 4:])
    elif '--gateway' in argv:
        through_gateway(words)
    else:
        direct(words)
    stack.close()

if __name__ == '__main__':
    main(sys.argv[1:])
