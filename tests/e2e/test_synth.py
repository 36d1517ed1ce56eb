#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`runrate synth`: made-up exports import to exactly what the generator says, and to what this script counts with json and
decimal alone; they are the same for the same seed, grow with the days, and name themselves synthetic."""
import csv, io, json, pathlib, subprocess, sys, tempfile
from decimal import Decimal as D
sys.path.insert(0, str(pathlib.Path(__file__).parent))
from stack import BINARY, ok, close

TMP = pathlib.Path(tempfile.mkdtemp(prefix='runrate-synth-'))
SHAPES = ['openai-usage', 'openai-costs', 'anthropic-usage', 'anthropic-costs', 'claude-code', 'aws', 'focus']

def run(*args, data=None):
    return subprocess.run([BINARY, *map(str, args)], input=data, capture_output=True)

def synth(shape, *more):
    r = run('synth', shape, *more)
    if r.returncode:
        ok(f'synth {shape} {more}', False, r.stderr[:300])
    return r.stdout, json.loads(r.stderr)

def take(data, ledger):
    r = run('import', '-', '--json', '--ledger', TMP / ledger, data=data)
    ok(f'import into {ledger} exits 0', r.returncode == 0, r.stderr[:300])
    return json.loads(r.stdout)

def same(name, got, want):
    ok(name, got == want, f'{got!r}, wanted {want!r}')

def pages(data):
    """Results of all pages, numbers as decimals."""
    text, decoder, at = data.decode(), json.JSONDecoder(parse_float=D, parse_int=D), 0
    while text[at:].strip():
        page, end = decoder.raw_decode(text[at:].lstrip())
        at = len(text) - len(text[at:].lstrip()) + end
        assert page['synthetic'] is True
        yield page

def results(data):
    return [r for p in pages(data) for b in p['data'] for r in b['results']]

def counted(shape, data):
    """rows, calls, tokens, inference, training: None is what the shape does not state."""
    if shape in ('aws', 'focus'):
        rows = list(csv.DictReader(io.StringIO(data.decode())))
        cost, text, unit, amount = (('line_item_unblended_cost', 'line_item_line_item_description', 'pricing_unit', 'line_item_usage_amount')
                                    if shape == 'aws' else ('BilledCost', 'ChargeDescription', 'ConsumedUnit', 'ConsumedQuantity'))
        part = lambda word: sum((D(r[cost]) for r in rows if word in r[text]), D(0))
        tokens = sum(D(r[amount]) * (1000 if shape == 'aws' else 1) for r in rows if 'okens' in r[unit])
        return len(rows), 0, tokens, part('tokens') + part('throughput'), part('training')
    if shape == 'openai-usage':
        r = results(data)
        return len(r), sum(x['num_model_requests'] for x in r), sum(x['input_tokens'] + x['output_tokens'] for x in r), None, D(0)
    if shape == 'openai-costs':
        r = results(data)
        part = lambda train: sum((x['amount']['value'] for x in r if ('training' in x['line_item']) == train), D(0))
        return len(r), 0, 0, part(False), part(True)
    if shape == 'anthropic-usage':
        r = results(data)
        return len(r), 0, sum(x['uncached_input_tokens'] + x['cache_read_input_tokens'] + x['output_tokens'] +
                              sum(x['cache_creation'].values()) for x in r), None, D(0)
    if shape == 'anthropic-costs':
        r = results(data)
        return len(r), 0, 0, sum((D(x['amount']) for x in r), D(0)) / 100, D(0)
    answers = {}  # an answer once, its last line
    for line in map(json.loads, data.decode().splitlines()):
        m = line['message']
        if 'usage' in m and m['model'] != '<synthetic>' and not line['isSidechain']:
            answers[m['id']] = m['usage']
    keys = ('input_tokens', 'cache_creation_input_tokens', 'cache_read_input_tokens', 'output_tokens')
    return len(answers), len(answers), sum(u[k] for u in answers.values() for k in keys), None, D(0)

truths = {}
for shape in SHAPES:
    for seed, days in ((7, 40), (8, 1), (9, 62)):
        data, truth = synth(shape, '--seed', seed, '--days', days)
        name = f'{shape} seed {seed}'
        truths[shape, seed] = truth
        rows, calls, tokens, inference, training = counted(shape, data)
        same(f'{name}: the truth is what python counts', (truth['rows'], truth['calls'], truth['tokens'], D(truth['training'])),
             (rows, calls, tokens, training))
        if inference is not None:
            same(f'{name}: and its money', D(truth['inference']), inference)
        a = take(data, f'{shape}-{seed}.db')
        same(f'{name}: told by its content', a['source'], shape)
        for key in ('rows', 'calls', 'tokens', 'inference', 'training', 'other'):
            same(f'{name}: import gives {key}', a['rows_new' if key == 'rows' else key], truth[key])
        same(f'{name}: nothing rejected, unclassified or without a price',
             (a['rows_rejected_count'], a['unclassified'], a['rows_unpriced']), (0, '0', 0))
        ok(f'{name}: marked synthetic', data.count(b'synthetic') > 2 and truth['synthetic'] is True)
        again = take(data, f'{shape}-{seed}.db')
        same(f'{name}: twice adds nothing', (again['rows_new'], again['rows_revised']), (0, 0))
        same(f'{name}: the same bytes again', synth(shape, '--seed', seed, '--days', days)[0], data)
    ok(f'{shape}: another seed, other bytes', synth(shape, '--seed', 10, '--days', 1)[0] != synth(shape, '--seed', 8, '--days', 1)[0])
    longer, truth = synth(shape, '--seed', 8, '--days', 5)  # a longer export holds the shorter one
    a = take(longer, f'{shape}-8.db')
    same(f'{shape}: growing keeps the first day', (a['rows_new'], a['rows_revised']), (truth['rows'] - truths[shape, 8]['rows'], 0))

for vendor in ('openai', 'anthropic'):  # one world behind both: usage at list prices is the bill
    for seed in (7, 8, 9):
        same(f'{vendor} seed {seed}: usage and costs agree', truths[f'{vendor}-usage', seed]['inference'], truths[f'{vendor}-costs', seed]['inference'])
for seed in (7, 8, 9):
    same(f'aws and focus seed {seed}: one bill', *({k: truths[s, seed][k] for k in ('inference', 'training', 'other', 'tokens')} for s in ('aws', 'focus')))
ok('some of the bill is training', D(truths['openai-costs', 9]['training']) > 0)

log, truth = synth('claude-code', '--seed', 9, '--days', 62)
naive = sum(l['message']['usage']['input_tokens'] for l in map(json.loads, log.splitlines()) if 'usage' in l['message'])
right = sum(u['input_tokens'] for u in {l['message']['id']: l['message']['usage'] for l in map(json.loads, log.splitlines()) if 'usage' in l['message'] and l['message']['model'] != '<synthetic>'}.values())
ok('a reader that sums the lines of a log counts more than double', naive > 2 * right, f'{naive} {right}')
same('a log states its lines', truth['lines'], len(log.splitlines()))

pages_of = list(pages(synth('openai-usage', '--days', 62)[0]))
same('a page holds at most 31 days', [len(p['data']) for p in pages_of], [31, 31])
same('pages are linked', [(p['has_more'], p['next_page'] is None) for p in pages_of], [(True, False), (False, True)])
same('--since sets the first day', synth('claude-code', '--since', '2026-02-28', '--days', 2)[1]['until'], '2026-03-02')

for args in (['synth'], ['synth', 'no-such'], ['synth', 'openai-usage', '--days', '0'], ['synth', 'openai-usage', '--days', '3661'],
             ['synth', 'openai-usage', '--since', '2026-01-01T05:00:00Z'], ['synth', 'openai-usage', 'openai-costs']):
    r = run(*args)
    ok(' '.join(args) + ' is refused', r.returncode == 2 and not r.stdout and b'runrate' in r.stderr, (r.returncode, r.stderr[:200]))
same('--list names every shape', [l.split()[0] for l in run('synth', '--list').stdout.decode().splitlines()], SHAPES)
close()
