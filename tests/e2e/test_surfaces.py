#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Everything that the vendors' SDKs offer, through the gateway, over HTTP/1.1 and over HTTP/2 (TLS, ALPN), and the money.

The sandbox's list says what was served; each answer that used something stands in the ledger once, under the vendor's own
id, with the vendor's own counts, at what price_truth.py (decimal, from the price lists) makes of them. Whatever else was
asked (files, lists, counts) stands there not at all.
"""
import collections, json, pathlib, shutil, subprocess, sys, tempfile, time
from decimal import Decimal
sys.path.insert(0, str(pathlib.Path(__file__).parent))
import price_truth, run, stack
from stack import Stack, ROOT, certificate, ok, skip, close

LISTS = price_truth.Lists(ROOT / 'data/prices')
UNTOLD = {'tts-1': {'character': len('Read this aloud, café.')}, 'dall-e-2': {'image': 1}}  # billed by what was asked and by pieces

def counts(line):
    """Meter to quantity of one line of the list, as the vendors' pages describe their blocks."""
    u, surface = line['usage'], line['surface']
    if line['model'] in UNTOLD: return UNTOLD[line['model']]
    if surface == 'transcriptions':
        if u['type'] == 'duration': return {'audio_second': u['seconds']}
        audio = u['input_token_details']['audio_tokens']
        return {'in_audio': audio, 'in_plain': u['input_tokens'] - audio, 'out_text': u['output_tokens']}
    if surface == 'images':
        d = u['input_tokens_details']
        return {'in_plain': d['text_tokens'], 'in_image': d['image_tokens'], 'out_image': u['output_tokens']}
    return {'openai': price_truth.openai_counts, 'anthropic': price_truth.anthropic_counts, 'gemini': price_truth.gemini_counts}[line['api']](u)

def due(line):
    tier = str(line.get('service_tier') or (line['usage'] or {}).get('service_tier') or '').lower()
    tier = 'batch' if line['batch'] else price_truth.TIER.get(tier, tier)
    provider = {'gemini': 'google'}.get(line['api'], line['api'])
    return LISTS.price(provider, line['model'], price_truth.moment(line['at']), counts(line), tier)['total']

SILENT = ('cachedContents', 'fine_tuning', 'countTokens', 'input_tokens', 'count_tokens')

def money(s, mark):
    rows = [json.loads(l) for l in s.run('export', '--calls').stdout.splitlines()]
    by_ref = collections.defaultdict(list)
    for r in rows:
        if r['vendor_ref']: by_ref[r['vendor_ref']].append(r)
    lines = [l for l in s.served() if l['status'] == 200 and l['surface'] not in SILENT]
    told = [l for l in lines if l['usage'] or l['model'] in UNTOLD]
    seen, wrong, unpriced, sums = set(), [], 0, collections.Counter()
    for l in told:
        mine = by_ref.get(l['id'], [])
        seen.add(l['id'])
        if len(mine) != 1:
            wrong.append((l['surface'], l['id'], f'{len(mine)} rows'))
            continue
        r = mine[0]
        try: want = due(l)
        except price_truth.Unpriced:
            unpriced += 1
            if r['price_status'] != 'unpriced': wrong.append((l['surface'], l['model'], r['price_status']))
            continue
        if r['cost'] is None or Decimal(r['cost']) != want or r['provenance'] != 'measured':
            wrong.append((l['surface'], l['model'], r['price_status'], r['cost'], str(want), l['usage'], r['provenance'], {k: v for k, v in r['classes'].items()}))
        sums[l['surface']] += 1
    ok(f"{mark}each of {len(told)} answers is billed once, to the last 10^-12: {dict(sums)}, {unpriced} without a price", not wrong and len(told) > 20, str(wrong[:4])[:1500])
    free = [r for r in rows if r['vendor_ref'] not in seen and r['price_status'] == 'priced' and r['surface'] != 'gemini-cache-storage'
            and r['provenance'] == 'measured' and Decimal(r['cost']) > 0]
    ok(f'{mark}nothing else is billed', not free, str([(r['surface'], r['cost'], r['vendor_ref']) for r in free][:5]))
    names = {r['surface'] for r in rows}
    reads = [n for n in names if n.endswith('-read') or n in ('openai-files', 'openai-uploads', 'openai-models', 'anthropic-files', 'gemini-files', 'gemini-models')]
    ok(f'{mark}c63_what_only_shows_things_is_no_call', not reads, str(reads))
    tuned = [l for l in s.served() if l['surface'] == 'fine_tuning']
    outlays = {o['id']: o for o in s.json('outlay', 'list')['outlays']}
    ok(f'{mark}{len(tuned)} tuning jobs are outlays of the training book', all(outlays[l['id']]['trained_tokens'] == l['usage']['trained_tokens'] for l in tuned if l['id'] in outlays)
       and {l['id'] for l in tuned} == set(outlays), f"{[l['id'] for l in tuned]} {list(outlays)}")
    ok(f'{mark}verify is content', s.json('verify')['ok'], str(s.json('verify'))[:300])

def main():
    if not run.setup():
        skip('all surfaces', 'node or the SDKs are not there')
        return
    with tempfile.TemporaryDirectory() as folder:
        args = ['--job-ms', '900', '--script', run.write_script(folder)]
        with Stack(sandbox_args=args) as s:
            base = f'http://127.0.0.1:{s.port}'
            key = s.json('key', 'new', '--team', 'surfaces')['key']
            time.sleep(1.2)
            run.run_cases((base + '/openai/v1', base + '/anthropic', base + '/gemini'), ['_more'], 'h1, virtual key: ', {'key': key})
            time.sleep(1.2)
            money(s, 'h1: ')
        if not shutil.which('openssl') or not certificate(folder):
            skip('all surfaces over HTTP/2', 'openssl is not there')
            return
        tls = f'tls: {{cert: "{folder}/c.pem", key: "{folder}/k.pem"}}\n'
        with Stack(config=tls, sandbox_args=args) as s:
            base = f'https://localhost:{s.port}'
            run.run_cases((base + '/openai/v1', base + '/anthropic', base + '/gemini'), [] if '--all' in sys.argv else ['_more'], 'h2: ',
                          more_env={'OVER': 'h2', 'NODE_EXTRA_CA_CERTS': f'{folder}/c.pem'})
            time.sleep(1.2)
            if '--all' not in sys.argv: money(s, 'h2: ')

main()
close()
