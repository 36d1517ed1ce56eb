#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The planner against formulas that were written here from their definitions, on inputs drawn at random.

Nothing is shared with the C code: each block below states its formula in Python and runs the command. The claim files
of data/claims are checked for their verdicts, then with one input changed, so that no answer can be a stored one.
"""
import itertools, json, math, os, pathlib, random, subprocess, sys, tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BINARY = os.environ.get('RUNRATE', str(ROOT / 'build/runrate'))
R = random.Random(20261121)
HOME = tempfile.mkdtemp(prefix='plan-truth-')
ENV = {**os.environ, 'HOME': HOME, 'XDG_DATA_HOME': HOME + '/data', 'XDG_CONFIG_HOME': HOME + '/config', 'RUNRATE_NOW': '2026-11-21T00:00:00Z'}
passed = failed = 0

def run(*args, text=None):
    r = subprocess.run([BINARY, *map(str, args)], capture_output=True, text=True, env=ENV, timeout=60, input=text)
    return r

def js(*args):
    r = run(*args, '--json')
    try:
        return json.loads(r.stdout)
    except json.JSONDecodeError:
        return {'error': (r.stdout + r.stderr)[:200], 'rc': r.returncode}

def same(a, b, rel=1e-9):
    if a is None or b is None:
        return a is b
    if isinstance(a, bool) or isinstance(b, bool):
        return bool(a) == bool(b)
    return abs(float(a) - float(b)) <= rel * max(abs(float(a)), abs(float(b)), 1e-300)

def check(name, got, want, rel=1e-9):
    global passed, failed
    try:
        ok = same(got, want, rel)
    except (TypeError, ValueError):
        ok = False
    if ok:
        passed += 1
    else:
        failed += 1
        print(f'not ok {name}: got {got}, wanted {want}')

def flags(d):
    return [x for k, v in d.items() for x in ('--' + k, repr(v) if isinstance(v, float) else str(v))]

def u(a, b): return R.uniform(a, b)
def lu(a, b): return math.exp(R.uniform(math.log(a), math.log(b)))

def train():
    a = dict(params=lu(1e8, 1e12), tokens=lu(1e9, 3e13), mfu=u(.1, .6), rate=u(.5, 8), storage=u(0, 5e4), checkpoints=u(0, 1e4), eval=u(0, 1e5), labelling=u(0, 1e5), people=u(0, 1e6))
    a['peak-flops'] = lu(1e14, 5e15)
    j = js('plan', 'train', *flags(a))
    flop = 6 * a['params'] * a['tokens']; s = flop / (a['peak-flops'] * a['mfu']); compute = s / 3600 * a['rate']
    check('train flop', j.get('flop'), flop); check('train s', j.get('gpu_seconds'), s); check('train h', j.get('gpu_hours'), s / 3600)
    check('train compute', j.get('compute_cost'), compute)
    check('train cost', j.get('cost'), compute + sum(a[k] for k in ('storage', 'checkpoints', 'eval', 'labelling', 'people')))
    j = js('plan', 'train', '--params', '70e9', '--tokens', '15T', '--gpu', 'h100', '--mfu', '40%', '--rate', '$2')
    check('train words', j.get('gpu_hours'), 6 * 70e9 * 15e12 / (989e12 * .4 * 3600)); check('currency', j.get('currency') == 'USD', True)
    j = js('plan', 'train', '--params', '7e9', '--tokens', '1B', '--method', 'lora', '--slowdown', '1.35', '--rate', '2', '--mfu', '.3')
    check('lora', j.get('gpu_seconds'), 4 * 7e9 * 1e9 * 1.35 / (989e12 * .3))

def amortise():
    T, c, V, x = lu(1e3, 1e8), lu(.01, 50), lu(1e6, 1e14), u(.001, .9)
    j = js('plan', 'amortise', '--training', T, '--inference-per-mtok', c, '--tokens', V, '--share', x)
    check('amortise unit', j.get('per_mtok'), T / (V / 1e6) + c); check('amortise share', j.get('training_share'), T / (T + V / 1e6 * c))
    v = float(j.get('volume_where_share_below') or 0)
    check('amortise volume', T / (T + v / 1e6 * c), x)

def selfhost():
    a = dict(rate=u(.4, 9), tps=lu(50, 2e4)); api = lu(.05, 30); util = u(.01, 1); n = R.randint(1, 5); V = lu(1e6, 1e12)
    full = a['rate'] / 3600 / a['tps'] * 1e6
    j = js('plan', 'selfhost', *flags(a), '--api-per-mtok', api, '--utilisation', util)
    check('selfhost full', j.get('full_load_per_mtok'), full); check('selfhost eff', j.get('effective_per_mtok'), full / util)
    check('selfhost u*', j.get('breakeven_utilisation'), full / api)
    j = js('plan', 'selfhost', *flags(a), '--api-per-mtok', api, '--tokens-per-month', V, '--replicas-min', n)
    replicas = max(n, math.ceil(V / (a['tps'] * 3600 * 730)))
    check('selfhost replicas', j.get('replicas'), replicas); check('selfhost bill', j.get('fixed_per_month'), replicas * a['rate'] * 730)
    check('selfhost eff at V', j.get('effective_per_mtok'), replicas * a['rate'] * 730 / V * 1e6)
    check('selfhost tokens', j.get('breakeven_tokens_per_month'), n * a['rate'] * 730 / api * 1e6)
    cheaper = replicas * a['rate'] * 730 < V * api / 1e6
    check('selfhost verdict', ('SELF-HOST' in (j.get('verdict') or '')) == (cheaper and full / api <= 1), True)

def finetune():
    C, d, v, H, Rt = lu(100, 1e5), lu(1e-5, .02), lu(1e3, 1e7), u(0, 500), u(0, 300)
    j = js('plan', 'finetune', '--upfront', C, '--saving-per-call', d, '--calls-per-month', v, '--hosting', H, '--retrain', Rt)
    check('tune calls', j.get('breakeven_calls'), C / d)
    net = v * d - H - Rt
    check('tune months', j.get('breakeven_months'), C / net if net > 0 else None); check('tune valid', j.get('valid'), net > 0)
    limit = u(1, 40)
    j = js('plan', 'finetune', '--upfront', C, '--saving-per-call', d, '--calls-per-month', v, '--hosting', H, '--retrain', Rt, '--stable-months', limit)
    check('tune valid in time', j.get('valid'), net > 0 and C / net < limit)
    i, o, gone, p1, q1, p2, q2, r1, r2 = u(10, 5e3), u(10, 2e3), u(0, 5e3), u(.1, 5), u(.5, 30), u(.05, 3), u(.2, 10), u(0, .5), u(0, .3)
    j = js('plan', 'finetune', '--upfront', C, '--calls-per-month', v, '--model-now', f'{p1!r}/{q1!r}', '--model-tuned', f'{p2!r}/{q2!r}', '--input-tokens', i,
           '--output-tokens', o, '--tokens-removed', gone, '--retries-now', r1, '--retries-tuned', r2)
    saving = (1 + r1) * (p1 * (i + gone) + q1 * o) / 1e6 - (1 + r2) * (p2 * i + q2 * o) / 1e6
    check('tune saving', j.get('saving_per_call'), saving, 1e-7); check('tune calls by models', j.get('breakeven_calls'), C / saving if saving > 0 else None, 1e-7)
    if saving > 0:
        j = js('plan', 'finetune', '--upfront', C, '--calls-per-month', v, '--saving-per-call', saving, '--retires', '2027-11-21')
        check('tune retires', j.get('valid'), C / (v * saving) < 365 / (365.25 / 12))

def cache():
    a = dict(prefix=u(100, 1e5), rest=u(0, 5e3), output=u(0, 2e3), read=u(0, .9), write=u(1, 2.5), hit=u(0, 1))
    a |= {'calls-per-day': lu(1, 1e6), 'price-in': lu(.05, 10), 'price-out': lu(.1, 60)}
    j = js('plan', 'cache', *flags(a))
    day = lambda f: a['calls-per-day'] * (a['price-in'] * (a['rest'] + a['prefix'] * f) + a['price-out'] * a['output']) / 1e6
    phi = a['hit'] * a['read'] + (1 - a['hit']) * a['write']
    check('cache before', j.get('before_per_day'), day(1)); check('cache after', j.get('after_per_day'), day(phi))
    check('cache saving', j.get('saving_share'), 1 - day(phi) / day(1), 1e-6); check('cache floor', j.get('floor_per_day'), day(a['read']))
    h = j.get('pays_above_hit_rate') or 0
    check('cache pays', h * a['read'] + (1 - h) * a['write'], 1)

def batch_route_rag():
    b, d, bill = u(0, 1), u(.1, .6), lu(1, 1e6)
    j = js('plan', 'batch', '--share', b, '--discount', d, '--bill', f'GBP {bill!r}')
    check('batch', j.get('after'), bill * (1 - b * d)); check('batch share', j.get('saving_share'), b * d, 1e-6)
    n = R.randint(2, 6); w = [u(.1, 1) for _ in range(n)]; x = [i / sum(w) for i in w]; x[-1] = 1 - sum(x[:-1]); p = [lu(.05, 60) for _ in range(n)]; base = lu(1, 60)
    j = js('plan', 'route', '--mix', ','.join(f'm{i}={x[i]!r}:{p[i]!r}' for i in range(n)), '--baseline', base)
    blended = sum(a * b for a, b in zip(x, p))
    check('route', j.get('blended'), blended); check('route share', j.get('saving_share'), 1 - blended / base, 1e-6)
    c, s, v, e = u(.01, 1), u(1, 3), u(0, .3), u(0, 1)
    j = js('plan', 'cascade', '--cheap', c, '--strong', s, '--verify', v, '--escalate', e)
    check('cascade', j.get('cost'), c + v + e * s); check('cascade threshold', j.get('escalate_below'), (s - c - v) / s)
    t, p, calls, store = u(100, 1e4), u(.1, 5), lu(1e3, 1e7), u(0, 500)
    j = js('plan', 'rag', '--retrieved-tokens', t, '--price-in', p, '--calls-per-month', calls, '--store', store)
    check('rag call', j.get('per_call'), t * p / 1e6); check('rag month', j.get('per_month'), calls * t * p / 1e6 + store)

def agent_growth():
    n, S, t = R.randint(1, 60), u(100, 2e4), u(10, 5e3)
    j = js('plan', 'agent', '--turns', n, '--start-tokens', S, '--tokens-per-turn', t)
    check('agent', j.get('input_tokens'), sum(S + t * k for k in range(n)))
    f, m = lu(1.1, 1000), u(1, 60)
    j = js('plan', 'price-decline', '--factor', f, '--months', m)
    check('decline', j.get('per_year'), f ** (12 / m)); check('halving', f ** (-float(j.get('halving_months') or 0) / m), .5)

def stack():
    f = [u(.1, 1) for _ in range(3)]; fp, fu, fo = (i / sum(f) for i in f); fo = 1 - fp - fu
    h, rho, om, b, d, x, k, bill = u(0, 1), u(0, .5), u(1, 2.5), u(0, 1), u(.1, .6), u(0, 1), u(.05, .9), lu(10, 1e5)
    path = pathlib.Path(HOME) / 'stack.json'
    path.write_text(json.dumps({'bill': bill, 'shares': {'prefix': fp, 'rest': fu, 'output': fo}, 'levers': {'cache': {'hit': h, 'read': rho, 'write': om}, 'batch': {'share': b, 'discount': d}, 'route': {'share': x, 'kappa': k}}, 'overlap': 'independent'}))
    j = js('plan', 'stack', path)
    S = {'cache': fp * (h * rho + (1 - h) * om) + fu + fo, 'batch': 1 - b * d, 'route': 1 - x + x * k}
    check('stack after', j.get('after'), bill * math.prod(S.values()), 1e-8)
    shap = dict.fromkeys(S, 0)
    for order in itertools.permutations(S):
        left = bill
        for lever in order:
            shap[lever] += (left - left * S[lever]) / 6
            left *= S[lever]
    for lever in S:
        check('shapley ' + lever, (j.get('shapley') or {}).get(lever), shap[lever], 1e-6)
        check('first in ' + lever, (j.get('first_in') or {}).get(lever), bill * (1 - S[lever]), 1e-6)
        check('last in ' + lever, (j.get('last_in') or {}).get(lever), bill * math.prod(S[o] for o in S if o != lever) * (1 - S[lever]), 1e-6)

def lifetime():
    months, vol, g, P, U, O, h, pin, pout = R.randint(3, 48), lu(1e3, 1e6), u(-.02, .06), u(100, 5e3), u(10, 2e3), u(10, 1e3), u(.1, .95), u(.1, 5), u(.5, 25)
    outlay, at, decline = u(100, 2e4), R.randint(0, months - 1), u(1, 4)
    path = pathlib.Path(HOME) / 'life.json'
    path.write_text(json.dumps({'months': months, 'draws': 2000, 'price_decline': decline, 'currency': 'USD', 'models': [{'name': 'm', 'in': pin, 'out': pout, 'read': .1, 'write': 1.25}],
        'workloads': [{'name': 'w', 'model': 'm', 'volume': vol, 'growth': g, 'prefix': P, 'rest': U, 'output': O, 'hit': h}], 'outlays': [{'name': 'tune', 'amount': outlay, 'month': at}]}))
    j = js('plan', 'lifetime', path)
    c = (pin * (U + P * (h * .1 + (1 - h) * 1.25)) + pout * O) / 1e6
    cum = spent = 0; overtakes = None
    for m, row in enumerate(j.get('months') or []):
        bill = vol * (1 + g) ** m * c * decline ** (-m / 12)
        cum += bill; spent += outlay if m == at else 0
        check('lifetime month', row['inference']['at_mode'], bill, 1e-7); check('lifetime p50', row['inference']['p50'], bill, .008)
        check('lifetime training', row['training']['at_mode'], outlay if m == at else 0)
        check('lifetime cumulative', row['cumulative']['inference']['at_mode'], cum, 1e-7)
        overtakes = (overtakes or m + 1) if cum > spent else None
    check('lifetime months', len(j.get('months') or []), months)
    check('lifetime overtakes', ((j.get('crossovers') or {}).get('inference_overtakes_training') or {}).get('p50'), overtakes)
    check('lifetime share', (j.get('totals') or {}).get('inference_share', {}).get('at_mode'), cum / (cum + spent), 1e-7)

def quotes():
    calls, P, U, O, h, wait, seats = lu(1e4, 1e6), u(100, 3e3), u(10, 1e3), u(10, 800), u(.1, .95), u(0, .5), R.randint(2, 90)
    pin, pout, rho, beta, per_call, seat, unit, size, off = u(.1, 5), u(.5, 20), u(.02, .5), u(.3, .9), u(1e-4, .01), u(5, 60), u(100, 2e3), lu(1e7, 1e9), u(.02, .4)
    edge = calls * (P + U + O) * u(1.5, 8)
    path = pathlib.Path(HOME) / 'quote.json'
    path.write_text(json.dumps({'currency': 'GBP', 'workload': {'calls_per_month': calls, 'prefix': P, 'rest': U, 'output': O, 'hit': h, 'deferrable': wait, 'seats': seats}, 'quotes': [
        {'vendor': 'tokens', 'in': pin, 'out': pout, 'read': rho, 'batch': beta}, {'vendor': 'bare', 'in': pin, 'out': pout}, {'vendor': 'calls', 'billing': 'call', 'unit_price': per_call, 'tiers': [{'above': edge, 'discount': off}]},
        {'vendor': 'seats', 'billing': 'seat', 'unit_price': seat}, {'vendor': 'units', 'billing': 'provisioned', 'unit_price': unit, 'unit_tokens': size, 'minimum': 123.0}]}))
    j = js('plan', 'quote', path)
    got = {q['vendor']: q for q in j.get('quotes', [])}
    for x, key in ((1, 'at_1x'), (10, 'at_10x')):
        n = calls * x; tok = n * (P + U + O)
        want = {'tokens': n * (pin * (U + P * (h * rho + 1 - h)) + pout * O) / 1e6 * (1 - wait * (1 - beta)), 'bare': n * (pin * (U + P) + pout * O) / 1e6,
                'calls': n * per_call * (1 - off if tok > edge else 1), 'seats': seats * x * seat, 'units': max(123, math.ceil(tok / size) * unit)}
        for v, w in want.items():
            check(f'quote {v} {key}', got.get(v, {}).get(key, {}).get('per_month'), w, 1e-7); check(f'quote {v} {key} per M', got.get(v, {}).get(key, {}).get('per_mtok'), w / tok * 1e6, 1e-7)
        check(f'quote cheapest {key}', j.get('cheapest_' + key) == min(want, key=want.get), True)
    check('five questions', len(j.get('questions', [])), 5); check('two caps', len(j.get('caps', {})), 2)

def ladder():
    vol, P, U, O, h, wait, easy, pin, pout, k = lu(1e4, 1e6), u(500, 5e3), u(50, 800), u(50, 500), u(.5, .95), u(.05, .5), u(.1, .8), u(.5, 5), u(2, 25), u(.05, .5)
    path = pathlib.Path(HOME) / 'ladder.json'
    outlay, host = u(100, 2e4), u(0, 100)
    path.write_text(json.dumps({'months': 24, 'models': [{'name': 'm', 'in': pin, 'out': pout, 'read': .1, 'batch': .5}, {'name': 'e', 'in': pin * k, 'out': pout * k, 'read': .1, 'batch': .5}],
        'workloads': [{'name': 'w', 'model': 'm', 'easy_model': 'e', 'volume': vol, 'prefix': P, 'rest': U, 'output': O, 'reachable_hit': h, 'deferrable': wait, 'easy': easy}],
        'finetunes': [{'name': 't', 'serves': 'w', 'model': 'e', 'upfront': outlay, 'hosting': host}]}))
    j = js('plan', 'advise', path)
    steps = {s['step']: s for s in j.get('steps', [])}
    check('ladder order', list(steps) == ['prompt', 'cache', 'batch', 'route', 'tune', 'selfhost'], True)
    bill = vol * (pin * (P + U) + pout * O) / 1e6
    cached = vol * (pin * (U + P * (h * .1 + 1 - h)) + pout * O) / 1e6
    batched = cached * (1 - wait / 2); routed = batched * (1 - easy + easy * k)
    check('ladder before', steps['cache']['before'], bill, 1e-7); check('ladder cache', steps['cache']['after'], cached, 1e-7)
    check('ladder batch', steps['batch']['after'], batched, 1e-7); check('ladder route', steps['route']['after'], routed, 1e-7)
    check('ladder tune base', steps['tune']['before'], routed, 1e-7)
    saving = routed - batched * k - host  # the tuned model takes all of it at the cheap price, batched and cached as before
    pays = saving > 0 and outlay / saving < 24
    check(f'ladder tune verdict {steps["tune"]["verdict"]}', steps['tune']['verdict'].startswith('Perhaps'), pays)

def bands():
    lo, mode, hi, tps, api = .5 + u(0, 1), 2 + u(0, 1), 4 + u(0, 2), u(500, 3e3), u(1, 10)
    j = js('plan', 'selfhost', '--rate', f'{lo!r}..{mode!r}..{hi!r}', '--tps', tps, '--api-per-mtok', api)
    def q(p):  # quantile of the triangular distribution
        c = (mode - lo) / (hi - lo)
        return lo + math.sqrt(p * (hi - lo) * (mode - lo)) if p < c else hi - math.sqrt((1 - p) * (hi - lo) * (hi - mode))
    for p, key in ((.1, 'p10'), (.5, 'p50'), (.9, 'p90')):
        check('band ' + key, j.get('bands', {}).get('full_load_per_mtok', {}).get(key), q(p) / 3600 / tps * 1e6, .01)
    check('band mode', j.get('full_load_per_mtok'), mode / 3600 / tps * 1e6)
    check('same seed', js('plan', 'selfhost', '--rate', '1..2..3', '--tps', 9, '--api-per-mtok', 1) == js('plan', 'selfhost', '--rate', '1..2..3', '--tps', 9, '--api-per-mtok', 1), True)

VERDICTS = {1: 'holds', 2: 'feasible', 3: 'refuted', 4: 'holds', 5: 'refuted', 6: 'refuted', 7: 'refuted', 8: 'holds', 9: 'refuted', 10: 'feasible', 11: 'holds', 12: 'feasible', 13: 'refuted',
            14: 'holds', 15: 'refuted', 16: 'feasible', 17: 'feasible', 18: 'holds', 19: 'holds', 20: 'holds', 21: 'holds', 22: 'holds', 23: 'holds', 24: 'holds', 25: 'holds', 26: 'reference',
            27: 'reference', 28: 'reference', 29: 'reference', 30: 'holds', 31: 'holds'}
FIGURES = {1: {'per_month': 517.5}, 4: {'span': 150}, 5: {'per_day': 150}, 6: {'after_per_day': 2.23}, 7: {'saving_share': .891}, 9: {'saving_share': 1 - 2.8375 / 30}, 11: {'per_unit': 4000 / 1.5e6},
           13: {'months': 8000 / 2800, 'weeks': 8000 / 2800 * 365.25 / 84}, 14: {'damage': 2500}, 18: {'ratio': 50, 'drop': .3}, 19: {'per_year': 280 ** (12 / 23)}, 20: {'flop': 6.3e24},
           21: {'mfu': 400 / 989}, 22: {'gpu_seconds': 1.575e10, 'gpu_hours': 4.375e6, 'cost': 8.75e6}, 23: {'full_load_per_mtok': 2.5 / 7.2}, 24: {'effective_per_mtok': 2.5 / 7.2 / .2,
           'breakeven_utilisation': 2.5 / 7.2 / 3}, 25: {'training_to_inference': 3}, 31: {'end_per_month': 10000}}

def claims():
    files = sorted((ROOT / 'data/claims').glob('*.yaml'))
    check('31 claims', len(files), 31)
    for path in files:
        n = int(path.name[:2]); j = js('claim', 'check', path)
        check(f'claim {n} verdict {j.get("verdict")}', j.get('verdict') == VERDICTS[n], True)
        for key, want in FIGURES.get(n, {}).items():
            check(f'claim {n} {key}', (j.get('computed') or {}).get(key), want)
    # what stands in words in the table of worked examples
    j = js('claim', 'check', next((ROOT / 'data/claims').glob('02-*')))
    check('claim 2', j['computed']['months']['low'], 8000 / 518); check('claim 2 at half', j['computed']['months']['high'], 16000 / 518)
    j = js('claim', 'check', next((ROOT / 'data/claims').glob('06-*')))
    cases = {c['case']: c['computed']['after_per_day'] for c in j['cases']}
    for name, want in (('read 0.5, free writes', 10.1), ('read 0.025 and write 1.25', .745), ('read 0.02, free writes', .596)):
        check('claim 6 ' + name, cases.get(name), want)
    check('claim 6 read needed', [f['low'] for f in j['feasible'] if f['input'] == 'read' and f.get('case') == 'read 0.1, free writes'][0], (.30 / 20 - .01) / .99, 1e-6)
    j = js('claim', 'check', next((ROOT / 'data/claims').glob('05-*')))
    check('claim 5 price implied', [f['low'] for f in j['feasible'] if f['input'] == 'price_in'][0], .40, 1e-6)
    j = js('claim', 'check', next((ROOT / 'data/claims').glob('12-*')))
    check('claim 12 routing', [f['low'] for f in j['feasible'] if f['input'] == 'route_saving'][0], 1 - .3 / (.5 * .775))
    j = js('claim', 'check', next((ROOT / 'data/claims').glob('16-*')))
    check('claim 16 low', j['computed']['requests_per_month']['low'], 2000 / .00173); check('claim 16 high', j['computed']['requests_per_month']['high'], 5000 / .00173)
    need = [f for f in j['feasible'] if f['input'] == 'per_request'][0]
    check('claim 16 per request', need['low'], .001, 1e-6); check('claim 16 per request', need['high'], .01, 1e-6)
    # changed inputs: 40 perturbed copies, each against its own arithmetic
    for _ in range(10):
        out, save, bill, weeks = u(500, 2e4), u(50, 4e3), u(4e3, 2e4), u(1, 40)
        path = pathlib.Path(HOME) / 'claim.yaml'
        path.write_text(f'claim: perturbed\ncurrency: GBP\nkind: payback\ninputs: {{outlay: {out!r}, bill_per_month: {bill!r}, saving_per_month: {save!r}}}\nstated: {{weeks: {weeks:.1f}}}\n')
        j = js('claim', 'check', path); true = out / save * 365.25 / 84; stated = float(f'{weeks:.1f}')
        check('perturbed weeks', j['computed']['weeks'], true)
        check('perturbed verdict', j['verdict'] == ('holds' if abs(true - stated) <= max(.05, .01 * stated) * (1 + 1e-9) else 'refuted'), True)
        calls, i, o, pi, po = lu(10, 1e6), u(10, 1e5), u(0, 5e3), lu(.05, 20), lu(.1, 60)
        true = calls * 30 * (i * pi + o * po) / 1e6; stated = float(f'{true * R.choice((1, 1, .9, 1.2, .5)):.4g}')
        path.write_text(f'claim: perturbed\ncurrency: USD\nkind: calls_cost\ninputs: {{calls_per_day: {calls!r}, input_tokens: {i!r}, output_tokens: {o!r}, price_in: {pi!r}, price_out: {po!r}}}\nstated: {{per_month: {stated!r}}}\n')
        j = js('claim', 'check', path)
        check('perturbed bill', j['computed']['per_month'], true); check('perturbed bill verdict', j['verdict'] == ('holds' if abs(true - stated) <= .011 * stated else 'refuted'), True)

def refusals():
    for args, words in (
            (['plan', 'batch', '--share', '1.2'], ['share', 'from 0 to 1']), (['plan', 'selfhost', '--rate', '-2', '--tps', '9', '--api-per-mtok', '1'], ['rate', 'above 0']),
            (['plan', 'selfhost', '--rate', '2', '--tps', '9', '--api-per-mtok', '1', '--utilisation', '0'], ['utilisation', 'above 0']),
            (['plan', 'cache', '--prefix', '0', '--calls-per-day', '5', '--price-in', '1', '--hit', '.5'], ['prefix']),
            (['plan', 'selfhost', '--rate', 'GBP 2', '--tps', '9', '--api-per-mtok', 'USD 1'], ['mixed currencies']),
            (['plan', 'selfhost', '--rate', '2/day', '--tps', '9', '--api-per-mtok', '1'], ['unknown unit']), (['plan', 'selfhost', '--rat', '2'], ['rate']),
            (['plan', 'route', '--mix', 'a=0.5:1', '--baseline', '3'], ['sum to 0.5'])):
        r = run(*args)
        check(f'{args} refused', r.returncode in (2, 4), True)
        for w in words:
            check(f'{args} says {w}: {r.stderr.strip()[:120]}', w in r.stderr, True)

for _ in range(6):
    train(); amortise(); selfhost(); finetune(); cache(); batch_route_rag(); agent_growth(); stack()
for _ in range(3):
    lifetime(); quotes(); ladder(); bands()
claims()
refusals()
print(f'{passed} passed, {failed} failed')
sys.exit(failed > 0)
