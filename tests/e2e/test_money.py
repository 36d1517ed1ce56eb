#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Money truth and byte truth.

Some hundred calls of every dialect go through the gateway. The sandbox keeps its own list of what it served; an
independent decimal script (price_truth.py, which reads the price lists itself) prices that list, and the ledger must equal
it to the last token and the last 10^-12. The bytes that the client sent and got are hashed and compared with the
hashes that the vendor took, wherever no edit was asked for.
"""
import hashlib, json, pathlib, random, subprocess, sys
sys.path.insert(0, str(pathlib.Path(__file__).parent))
from stack import Stack, ROOT, ok, close

rng = random.Random(11)
ANTHROPIC = {'anthropic-version': '2026-10-21'}
def text(n): return ' '.join(rng.choice(['cost', 'inference', 'cached', 'caf\u00e9', 'prefix', '"quoted"', 'line\nbreak']) for _ in range(n))

def calls():
    """(path, body, headers, edited): edited says that the gateway asks for usage the client did not ask for."""
    for i in range(30):
        model = rng.choice(['gpt-4o-mini', 'gpt-4.1', 'gpt-4.1-mini', 'gpt-5-mini', 'o4-mini', 'gpt-5.6', 'gpt-4o'])
        stream, asks = i % 3 != 0, i % 2 == 0
        body = {'messages': [{'role': 'system', 'content': 'manual ' * (900 if i % 5 == 0 else 3)}, {'role': 'user', 'content': text(10 + i)}], 'model': model, 'stream': stream}
        if stream and asks: body['stream_options'] = {'include_usage': True}
        if i % 7 == 0: body['n'] = 2
        if i % 11 == 0: body['service_tier'] = 'flex'
        yield '/openai/v1/chat/completions', body, {'x-sandbox-tokens': str(5 + i)}, stream and not asks
    for i in range(14):
        yield '/openai/v1/responses', {'model': rng.choice(['gpt-4.1-mini', 'gpt-5-mini', 'gpt-5']), 'input': text(40), 'stream': i % 2 == 0}, {'x-sandbox-reasoning': str(i)}, False
    for i in range(6):
        yield '/openai/v1/embeddings', {'model': 'text-embedding-3-small', 'input': [text(20), text(5)], **({'encoding_format': 'base64'} if i % 2 else {})}, {}, False
    for i in range(30):
        ttl = '1h' if i % 4 == 0 else '5m'
        body = {'model': rng.choice(['claude-sonnet-4-5', 'claude-haiku-4-5', 'claude-opus-4-5', 'claude-opus-4-1']), 'max_tokens': 120, 'stream': i % 2 == 0,
                'system': [{'type': 'text', 'text': f'manual {i % 3} ' * 2500, **({'cache_control': {'type': 'ephemeral', 'ttl': ttl}} if i % 3 else {})}],
                'messages': [{'role': 'user', 'content': text(30)}]}
        yield '/anthropic/v1/messages', body, {**ANTHROPIC, 'x-sandbox-tokens': str(7 + i)}, False
    for i in range(16):
        model = rng.choice(['gemini-2.5-flash', 'gemini-2.5-pro', 'gemini-2.5-flash-lite'])
        what = ['generateContent', 'streamGenerateContent?alt=sse', 'streamGenerateContent'][i % 3]
        yield f'/gemini/v1beta/models/{model}:{what}', {'contents': [{'role': 'user', 'parts': [{'text': text(25)}]}]}, {'x-sandbox-reasoning': str(3 * i)}, False

def main():
    with Stack() as s:
        sent = []
        for path, body, headers, edited in calls():
            data = json.dumps(body, ensure_ascii=False).encode()
            status, h, out = s.post(path, data, headers)
            sent.append((path, status, h, hashlib.sha256(data).hexdigest(), hashlib.sha256(out).hexdigest(), edited, len(out)))
        ok(f'{len(sent)} calls are answered', all(x[1] == 200 for x in sent), str([(x[0], x[1]) for x in sent if x[1] != 200][:4]))
        served = s.served()
        ok('the vendor served each once', len(served) == len(sent), f'{len(served)} {len(sent)}')
        same_up = sum(a[3] == b['request_sha256'] for a, b in zip(sent, served) if not a[5])
        same_down = sum(a[4] == b['response_sha256'] for a, b in zip(sent, served) if not a[5])
        plain = sum(not a[5] for a in sent)
        ok(f"the vendor got the client's bytes ({plain} requests without an edit)", same_up == plain, f'{same_up}')
        wrong = [a[0] for a, b in zip(sent, served) if not a[5] and a[4] != b['response_sha256']]
        ok("the client got the vendor's bytes", same_down == plain, f'{same_down} {wrong[:5]}')
        edited = [(a, b) for a, b in zip(sent, served) if a[5]]
        ok(f'{len(edited)} streams were asked for their usage by us', len(edited) > 3 and all(a[3] != b['request_sha256'] and b['usage'] for a, b in edited))
        r = s.run('export', '--calls')
        calls_file = s.folder / 'calls.jsonl'; calls_file.write_text(r.stdout)
        rows = [json.loads(l) for l in r.stdout.splitlines()]
        ok('one row a call', len(rows) == len(sent), f'{len(rows)}')
        ok('every row is measured and priced', all(x['price_status'] == 'priced' and x['provenance'] == 'measured' for x in rows), str([(x['model_answered'], x['price_status'], x['provenance']) for x in rows if x['price_status'] != 'priced' or x['provenance'] != 'measured'][:5]))
        by_id = {x['id']: x for x in rows}
        told = [(h['x-runrate-id'], h['x-runrate-cost']) for _, _, h, *_ in sent if 'x-runrate-cost' in h]
        ok(f'the cost told in {len(told)} heads is the cost in the ledger', len(told) > 20 and all(by_id[i]['cost'] == c for i, c in told))
        t = subprocess.run([sys.executable, str(ROOT / 'tests/e2e/price_truth.py'), '--book', str(ROOT / 'data/prices'), '--served', str(s.list), '--ledger-export', str(calls_file)], capture_output=True, text=True)
        last = t.stdout.strip().splitlines()[-1] if t.stdout.strip() else t.stderr[-300:]
        ok(f'an independent decimal script prices the same list to the last 10^-12: {last}', t.returncode == 0 and last.startswith(f'{len(sent)} passed'), t.stdout[-900:])
        v = s.json('verify'); ok('verify is content', v['ok'] is True, str(v)[:300])
        text_found = [p.name for p in s.folder.iterdir() if p.is_file() and p.suffix != '.jsonl' and (b'quoted' in p.read_bytes() or b'manual' in p.read_bytes())]
        ok('no prompt text is stored', not text_found, str(text_found))
        keys_found = [p.name for p in s.folder.iterdir() if p.is_file() and (b'sk-sandbox-canary' in p.read_bytes() or b'sk-client-own' in p.read_bytes())]
        ok('no key stands in any file', not keys_found, str(keys_found))
    close()

main()
