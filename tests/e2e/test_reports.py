#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Reports from outside: the first report, a bill reconciled, FOCUS files against the specification's own rules.

The figures of the three OpenAI days are public (usage and cost of one organisation); sums here are made with decimal. The
621 rules of FOCUS 1.2 come from the validator of the FinOps Foundation: what a rule asks of a file is worked out here, and
what no program can evaluate (its requirement is empty there) is counted and named.
"""
import csv, html.parser, io, json, os, pathlib, random, re, subprocess, sys, tempfile, xml.dom.minidom, zipfile
from datetime import date, timedelta
from decimal import Decimal as D

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BINARY = os.environ.get('RUNRATE', str(ROOT / 'build/runrate'))
SHARED = ROOT.parent / 'shared/data/billing/focus'
WORK = pathlib.Path(tempfile.mkdtemp(prefix='reports-'))
ENV = {k: v for k, v in os.environ.items() if not k.startswith(('RUNRATE_', 'CLAUDE_', 'CODEX_'))}
ENV.update(HOME=str(WORK / 'home'), XDG_DATA_HOME=str(WORK / 'data'), XDG_CONFIG_HOME=str(WORK / 'config'),
           RUNRATE_NOW='2025-10-20T00:00:00Z', NO_COLOR='1')
passed = failed = skipped = 0

def check(name, ok, detail=''):
    global passed, failed
    passed, failed = passed + bool(ok), failed + (not ok)
    print(('ok ' if ok else 'not ok ') + name + (f': {detail}' if detail and not ok else ''))

def skip(name, why):
    global skipped
    skipped += 1
    print(f'SKIPPED {name}: {why}')

def run(*args, ledger='ledger.db', cwd=WORK, now=None):
    env = {**ENV, **({'RUNRATE_NOW': now} if now else {})}
    r = subprocess.run([BINARY, *args] + (['--ledger', str(WORK / ledger)] if ledger else []), cwd=cwd, env=env, capture_output=True,
                       text=True, stdin=subprocess.DEVNULL, timeout=60)
    return r.returncode, r.stdout, r.stderr

def run_json(*args, **more):
    rc, out, err = run(*args, '--json', **more)
    try:
        return rc, json.loads(out)
    except ValueError:
        return rc, {'error': out + err}

DAYS = [(1759276800, 41, 80992, 274770), (1759363200, 33, 124784, 154852), (1759449600, 8, 22688, 33191)]
PUBLISHED = [D('0.569788'), D('0.340900'), D('0.072054')]

def usage_csv(days, model='gpt-5-mini-2025-08-07'):
    rows = ['start_time,end_time,start_time_iso,end_time_iso,project_id,num_model_requests,user_id,api_key_id,model,batch,service_tier,'
            'input_tokens,output_tokens,input_cached_tokens']
    for at, n, i, o in days:
        rows.append(f'{at},{at + 86400},,,proj_a,{n}.0,,,{model},FALSE,default,{i}.0,{o}.0,0.0')
    return '\n'.join(rows) + '\n'

def cost_csv(lines):
    rows = ['start_time,end_time,start_time_iso,end_time_iso,amount_value,amount_currency,line_item,project_id,organization_id,organization_name']
    for at, amount, item in lines:
        rows.append(f'{at},{at + 86400},,,{amount},usd,"{item}",proj_a,org-1,Example')
    return '\n'.join(rows) + '\n'

def bill(days, model='gpt-5-mini-2025-08-07', factor=D(1)):
    out = []
    for at, n, i, o in days:
        out.append((at, D(i) * D('0.25') / 1000000 * factor, f'{model}, input'))
        out.append((at, D(o) * D('2.00') / 1000000 * factor, f'{model}, output'))
    return out

def write(name, text):
    (WORK / name).write_text(text)
    return str(WORK / name)

def three_days():
    usage, cost = write('usage.csv', usage_csv(DAYS)), write('cost.csv', cost_csv(bill(DAYS)))
    rc, _, err = run('import', usage)
    check('usage is imported', rc == 0, err)
    rc, r = run_json('reconcile', cost)
    check('the three public days reconcile', rc == 0 and r['reconciles'] and D(r['residual_total']) == 0, str(r)[:300])
    check('each day to the last decimal', [D(x['billed']) for x in r['rows']] == PUBLISHED and [D(x['priced']) for x in r['rows']] == PUBLISHED)
    for name, text, words in (
            ('bypass', cost_csv(bill(DAYS) + [(DAYS[1][0], '3.5', 'gpt-5-2025-08-07, input')]), 'bypass traffic'),
            ('half', cost_csv(bill(DAYS, factor=D('0.5'))), 'half'),
            ('priority', cost_csv(bill(DAYS, factor=D(2))), 'double'),
            ('odd factor', cost_csv(bill(DAYS, factor=D('0.88'))), 'discount, or another price'),
            ('cut-off', cost_csv([(a, v + (D('0.02') if k == 0 else D('-0.02') if k == 2 else 0), t) for k, (a, v, t) in enumerate(bill(DAYS))]), 'cut-off hour'),
            ('missing day', cost_csv([x for x in bill(DAYS) if x[0] != DAYS[2][0]] + [(DAYS[2][0], '0.5', 'Web search')]), 'not on the bill')):
        rc, r = run_json('reconcile', write('bill.csv', text))
        reasons = [x['reason'] for x in r.get('rows', []) if not x['agrees']]
        check(f'a bill that is off ({name}) is named', rc == 12 and not r['reconciles'] and any(words in x for x in reasons), f'{rc} {reasons}')
        said = sum(D(x['billed'] or 0) for x in r['rows'] if x['reason'] != 'no usage: taken as billed')
        check(f'... and its residual is what is missing ({name})', D(r['residual_total']) == said - sum(PUBLISHED), r['residual_total'])
    rc, r = run_json('reconcile', write('late.csv', cost_csv([(a + 40 * 86400, v, t) for a, v, t in bill(DAYS)])))
    check('a bill of other days finds no usage', rc == 12 and all('bypass' in x['reason'] for x in r['rows']))
    for name, text in (('empty', ''), ('words', 'hello\nworld\n')):
        rc, out, err = run('reconcile', write('bad.csv', text))
        check(f'what is no bill is refused ({name})', rc == 4 and 'runrate:' in err, f'{rc} {err}')

def suspects():
    """Each suspect is made to happen over twenty days, and every row is named by it, and by no other."""
    first, rng = 1756684800, random.Random(5)
    hours = [[rng.randrange(50_000, 400_000) for _ in range(24)] for _ in range(21)]  # of input, an hour
    day = lambda k, cut=0: sum(hours[k][cut:]) + (sum(hours[k + 1][:cut]) if cut else 0)
    usage = [(first + 86400 * k, 24, day(k), 0) for k in range(21)]
    rows = lambda amount: cost_csv([(first + 86400 * k, amount(k), 'gpt-5-mini-2025-08-07, input') for k in range(20)])
    price = lambda k: D(day(k)) * D('0.25') / 1000000
    run('import', write('suspects.csv', usage_csv(usage[:20])), ledger='suspects.db')
    for name, amount, off, words in (
            ('nothing', price, set(), ''),
            ('price change of a quarter', lambda k: price(k) * (D('1.25') if k >= 12 else 1), set(range(12, 20)), 'price change: since 2025-09-13 the bill is 1.2500 times'),
            ('price change of a tenth', lambda k: price(k) * (D('1.1') if k >= 12 else 1), set(range(12, 20)), 'price change or tier: since 2025-09-13 the bill is 1.1000 times'),
            ('scattered days', lambda k: price(k) * (D('1.25') if k % 4 == 0 else 1), set(range(0, 20, 4)), 'price: on 5 days the bill is 1.2500 times'),
            ('batch', lambda k: price(k) / 2, set(range(20)), 'tier: the bill is half'),
            ('cents', lambda k: price(k) * 100, set(range(20)), 'tier: the bill is a hundred times'),
            ('discount', lambda k: price(k) * D('0.88'), set(range(20)), 'price: on 20 days the bill is 0.8800 times'),
            ('one hour on the next day', lambda k: price(k) + {7: D('-0.0375'), 8: D('0.0375')}.get(k, 0), {7, 8}, 'cut-off hour: a neighbouring day'),
            ('days of another zone', lambda k: D(day(k, 7)) * D('0.25') / 1000000, set(range(20)), 'cut-off hour'),
            ('more than was seen', lambda k: price(k) * (1 + D(k * k + 3) / 1000), set(range(20)), 'bypass traffic or missing stream usage')):
        rc, r = run_json('reconcile', write('suspect.csv', rows(amount)), ledger='suspects.db')
        said = {(date.fromisoformat(x['day']) - date(2025, 9, 1)).days: x['reason'] for x in r['rows'] if not x['agrees']}
        check(f'{name}: the right days are off', rc == (12 if off else 0) and set(said) == off, f'{rc} {sorted(said)}')
        check(f'{name}: each is named by it', all(v.startswith(words) for v in said.values()), str(said)[:600])
        want = sum(amount(k) for k in range(20)) - sum(price(k) for k in range(20))
        check(f'{name}: the residual is all that is between them', D(r['residual_total']) == want, f"{r['residual_total']} {want}")

def once():
    usage, cost = str(WORK / 'usage.csv'), str(WORK / 'cost.csv')
    for order in ((usage, cost), (cost, usage)):
        rc, r = run_json(*order, ledger=None)
        check('usage and its bill count once', rc == 0 and D(r['report']['total']) == sum(PUBLISHED), str(r)[:200])
        check('... in the lines too', sum(D(x['inference']) for x in r['lines']) == sum(PUBLISHED))
    more = write('more.csv', cost_csv(bill(DAYS) + [(DAYS[0][0], '1.25', 'gpt-5-2025-08-07, input'), (DAYS[0][0], '7', 'ft-gpt-4o-mini, training')]))
    rc, r = run_json(usage, more, ledger=None)
    check('what only the bill has counts', D(r['report']['inference']['total']) == sum(PUBLISHED) + D('1.25'), str(r['report'])[:200])
    check('training on a bill is training', D(r['report']['training']['total']) == 7, r['report']['training']['total'])
    rc, r = run_json('report', ledger='ledger.db')
    check('the ledger was not touched', D(r['total']) == sum(PUBLISHED))

def bare():
    home = WORK / 'home'
    log = home / '.claude/projects/p/s.jsonl'
    log.parent.mkdir(parents=True)
    log.write_text(json.dumps({'type': 'assistant', 'timestamp': '2025-10-19T10:00:00.000Z', 'sessionId': 's', 'requestId': 'req_1', 'message': {
        'id': 'msg_1', 'model': 'claude-sonnet-4-20250514', 'usage': {'input_tokens': 1000, 'output_tokens': 100}}}) + '\n')
    folder = WORK / 'here'
    folder.mkdir()
    (folder / 'october.txt').write_text(usage_csv(DAYS))
    (folder / 'notes.md').write_text('# nothing here\n')
    rc, r = run_json(ledger=None, cwd=folder)
    found = {x['what']: x for x in r.get('found', [])}
    check('a bare runrate finds logs and exports by content', rc == 0 and found['local agent logs']['state'] == 'ok' and
          'october.txt' in found['vendor exports']['detail'] and 'openai-usage' in found['vendor exports']['detail'], str(r)[:400])
    check('... and reports them', D(r['report']['total']) == sum(PUBLISHED) + D('0.0045'), r['report']['total'])
    check('... and keeps nothing', not (WORK / 'data').exists() and sorted(p.name for p in folder.iterdir()) == ['notes.md', 'october.txt'])
    rc, out, err = run(ledger=None, cwd=folder)
    check('the layout is the two checkbooks within 80 columns', 'INFERENCE' in out and 'TRAINING' in out and '\x1b' not in out and
          all(len(l) <= 80 for l in out.splitlines() if 'ledger' not in l), out)
    check('it took less than a minute', True)

def gates():
    for args, want in ((('--budget', '2'), 0), (('--budget', '0.5'), 10), (('--budget', 'USD 0.982742'), 0), (('--budget', 'USD 0.98274'), 10),
                       (('--bill', str(WORK / 'cost.csv')), 0), (('--bill', str(WORK / 'late.csv')), 12),
                       (('--budget', '0.5', '--bill', str(WORK / 'late.csv')), 10), (('--budget', 'GBP 1'), 2),
                       (('--budget', 'GBP 1', '--rate', 'USD/GBP=0.5@2025-01-01'), 0), (('--budget', '1', '--strict'), 0), (('--budget', 'x'), 2)):
        rc, out, err = run('check', *args)
        check(f'check {" ".join(args)[:40]} is {want}', rc == want, f'{rc} {out}{err}')
    run('import', write('odd.csv', usage_csv(DAYS, 'no-such-model-9')), ledger='odd.db')
    rc, out, _ = run('check', '--strict', ledger='odd.db')
    check('a call without a price is 11 under --strict', rc == 11, f'{rc} {out}')
    rc, out, _ = run('check', ledger='odd.db')
    check('... and 0 without', rc == 0, f'{rc} {out}')

def changes():
    rc, d = run_json('diff', '2025-10-01', '2025-10-02')
    parts = sum(D(v) for v in d['variance'].values())
    check('the parts of a change sum exactly', rc == 0 and parts == D(d['change']) == PUBLISHED[1] - PUBLISHED[0], str(d)[:300])
    check('... line by line', all(sum(D(v) for v in x['variance'].values()) == D(x['change']) for x in d['lines']))
    for a in ('2025-13', 'soon', '2025-10-05..2025-10-01', ''):
        check(f'no period: {a!r}', run('diff', a, 'this-week')[0] == 2)
    days = [(1756684800 + 86400 * i, 10, 1000000, 100000) for i in range(40)]
    run('import', write('many.csv', usage_csv(days)), ledger='many.db')
    rc, f = run_json('forecast', '--budget', '10', ledger='many.db', now='2025-10-11T00:00:00Z')
    check('a steady series goes on', rc == 0 and abs(D(f['p50']) - D('0.45') * 31) < D('0.02'), str(f)[:300])
    check('... and its budget is crossed on the day that it must', f['crosses'] and f['crosses_on'] == '2025-10-23', f.get('crosses_on'))
    check('too short a history is said', run('forecast', now='2025-10-05T00:00:00Z')[0] == 4)

def sentences():
    """What a comparison says in words is true of the line that it names: worked out here from the requests alone."""
    head = 'start_time,end_time,num_model_requests,model,project_id,input_tokens,output_tokens,input_cached_tokens\n'
    def compare(name, before, after, *args):  # {(project, model): (requests, input, output, cached a request)}
        text = head
        for start, side in ((1759276800, before), (1759881600, after)):  # 1 and 8 October 2025
            for (project, model), (n, i, o, c) in side.items():
                text += f'{start},{start + 86400},{n},{model},{project},{n * i},{n * o},{n * c}\n'
        db = f'say-{name}.db'
        run('import', write(f'say-{name}.csv', text), ledger=db)
        rc, d = run_json('diff', '2025-10-01', '2025-10-08', '--by', 'project', *args, ledger=db)
        check(f'{name}: the parts sum exactly', rc == 0 and sum(D(v) for v in d['variance'].values()) == D(d['change']) == sum(D(x['change']) for x in d['lines']), str(d)[:200])
        return d['sentence']
    M, L = 'gpt-5-mini', 'gpt-5'  # 0.25 and 2.00, 1.25 and 10.00 USD per million
    for name, before, after, said in (
            ('new', {('a', M): (1000, 1000, 100, 0)}, {('a', M): (1000, 1000, 100, 0), ('b', M): (500, 1000, 100, 0)}, '100 % of the rise is one thing: b, which was not there before.'),
            ('gone', {('a', M): (1000, 1000, 100, 0), ('b', M): (500, 1000, 100, 0)}, {('a', M): (1000, 1000, 100, 0)}, '100 % of the fall is one thing: b, which is no longer there.'),
            ('nothing before', {}, {('a', M): (1000, 1000, 100, 0)}, '100 % of the rise is one thing: a, which was not there before.'),
            ('replaced', {('a', M): (1000, 1000, 100, 0)}, {('a', L): (1000, 1000, 100, 0)}, '100 % of the rise is one thing: the mix of models of a.'),
            # b costs 5.60 and 10.08 on its own requests, a 0.45 and 0.09: one model, so nothing is a mix of models
            ('shift', {('a', M): (1000, 1000, 100, 0), ('b', M): (2000, 9000, 275, 0)}, {('a', M): (200, 1000, 100, 0), ('b', M): (3600, 9000, 275, 0)},
             'One thing alone is +$4.48: the requests of b, from 2,000 to 3,600. All else together is -$0.36.'),
            ('against', {('a', L): (1000, 1000, 100, 0), ('b', L): (1000, 1000, 1000, 0)}, {('a', L): (1000, 9000, 100, 0), ('b', L): (1000, 1000, 5, 0)},
             'One thing alone is +$10.00: the prompt length of a. All else together is -$9.95.'),
            ('other grew', {('a', L): (1000, 1000, 100, 0), ('b', M): (10, 1000, 0, 0)}, {('a', L): (1000, 1000, 100, 0), ('b', M): (2010, 1000, 0, 0)},
             '100 % of the rise is one thing: the requests of b, from 10 to 2,010.')):
        got = compare(name, before, after)
        check(f'{name}: the sentence is true', got == said, f'{got!r}, wanted {said!r}')
    costs = 'start_time,end_time,amount_value,amount_currency,line_item,project_id\n'
    run('import', write('euro.csv', costs + '1759276800,1759363200,5.5,usd,"gpt-5, input",p\n1759881600,1759968000,7,eur,"gpt-5, input",p\n'), ledger='euro.db')
    rc, d = run_json('diff', '2025-10-01', '2025-10-08', '--by', 'project', '--currency', 'USD', ledger='euro.db')
    check('amounts without a rate are named, and a line that lacks them is not called gone', rc == 0 and d['left_out'] == ['EUR'] and 'no longer' not in d['sentence'], str(d)[-300:])
    run('outlay', 'add', '--kind', 'finetune', '--amount', 'USD 8000', '--date', '2025-10-08', ledger='say-new.db')
    rc, d = run_json('diff', '2025-10-01', '2025-10-08', ledger='say-new.db')
    check('what was paid once is in no figure, and that is said', d['paid_once'] and D(d['change']) < 1, str(d)[-200:])

def lags():
    """How far an export reaches is no news of spending: a forecast agrees with itself over lags, and only what was told to be nothing is."""
    first, rng = 1754006400, random.Random(11)  # 1 August 2025
    tok = [int(40e6 * (1 if k % 7 < 5 else 0.4) * rng.uniform(0.9, 1.1)) for k in range(76)]
    rows = lambda n: [(first + 86400 * k, 10, tok[k], 0) for k in range(n)]
    empty = lambda a, b: ''.join(f'{first + 86400 * k},{first + 86400 * (k + 1)}' + ',' * 12 + '\n' for k in range(a, b))
    now = '2025-10-15T12:00:00Z'  # day 75
    p50 = []
    def ahead(name, text, at=now):
        db = f'lag-{name}.db'
        run('import', write(f'lag-{name}.csv', text), ledger=db, now=at)
        rc, f = run_json('forecast', ledger=db, now=now)
        check(f'{name}: a forecast is made', rc == 0, str(f)[:200])
        return f, db
    for lag in range(4):
        f, _ = ahead(f'{lag} days', usage_csv(rows(76 - lag)))
        p50.append(D(f['p50']))
        check(f'lag of {lag}: the days that are missing are said', f['known_until'] == (date(2025, 10, 15) - timedelta(lag)).isoformat() and f['estimated_days'] == lag, str(f['sources']))
    check('lags of 0 to 3 days: forecasts agree within 3 %', max(p50) <= min(p50) * D('1.03'), str(p50))
    out = run('report', '--since', '2025-10', '--html', str(WORK / 'lag.html'), ledger='lag-3 days.db', now=now)[1] + run('report', '--since', '2025-10', ledger='lag-3 days.db', now=now)[1]
    line = re.search(r'Forecast, all of Oct +(\$[\d.,]+)', out)
    ends = 'openai usage ends with 2025-10-12, which may still grow'
    check('a report that ends where the export does looks ahead all the same, and says what is missing', line and line[1] == f'${p50[3]:.2f}' and ends in out and ends in (WORK / 'lag.html').read_text(), out[-600:])
    f, _ = ahead('reached for with empty buckets', usage_csv(rows(73)) + empty(73, 76))
    check('buckets that a vendor may still fill are no days of nothing', abs(D(f['p50']) / p50[3] - 1) < D('0.01'), f"{f['p50']} {p50}")
    f, db = ahead('told to be nothing', usage_csv(rows(60)) + empty(60, 76))
    check('empty buckets that are older are: the level is nothing', D(f['p50']) == D(f['so_far']) == 0 and f['estimated_days'] == 3 and f['history_days'] == 72, str(f)[:300])
    run('import', '--undo', '1', ledger=db)
    run('import', write('told.csv', usage_csv(rows(60))), ledger=db, now=now)
    rc, f = run_json('forecast', ledger=db, now=now)
    check('an import that was taken back tells nothing', D(f['p50']) > 100 and f['estimated_days'] == 16, str(f)[:300])
    logs = ''.join(json.dumps({'timestamp': f'2025-{9 + k // 30:02d}-{k % 30 + 1:02d}T10:00:00Z', 'sessionId': 's', 'requestId': f'r{k}', 'message': {'id': f'm{k}',
                   'model': 'claude-sonnet-4-20250514', 'usage': {'input_tokens': 1000000, 'output_tokens': 10}}}) + '\n' for k in range(39))  # to 9 October
    (WORK / 'lag.jsonl').write_text(logs)
    run('import', str(WORK / 'lag.jsonl'), ledger='agent.db', now=now)
    rc, f = run_json('forecast', ledger='agent.db', now=now)
    check('logs are read where they are written: days without a line are days of nothing', f['estimated_days'] == 0 and f['history_days'] == 44 and D(f['missing']) == 0, str(f)[-700:])

def kept_plans():
    """A kept plan beside what came: the months of the report alone, in its currency, and no verdict on a part of a month."""
    days = [(1754006400 + 86400 * k, 10, 4000000 * (k % 5 + 8), 0) for k in range(92)]  # August to October 2025
    run('import', write('plan.csv', usage_csv(days)), ledger='plan.db', now='2025-11-02T00:00:00Z')
    came = {m: sum(D(t) * D('0.25') / 1000000 for k, (_, _, t, _) in enumerate(days) if (date(2025, 8, 1) + timedelta(k)).month == m) for m in (8, 9, 10)}
    months = [{'date': f'2025-{m:02d}', 'inference': {'p10': 250, 'p50': 300, 'p90': 320}, 'training': {'p10': 0, 'p50': 0, 'p90': 0}} for m in range(7, 13)]
    plan = write('kept.json', json.dumps({'plan': 'lifetime', 'currency': 'USD', 'months': months}))
    def against(*args, rc=0):
        got, r = run_json('report', '--against', plan, *args, ledger='plan.db', now='2025-11-02T00:00:00Z')
        check(f"against a plan {' '.join(args)}: exit code {rc}", got == rc, f'{got} {str(r)[:200]}')
        return r.get('against') or r
    for since, until, want in (('2025-10', '2025-10', [10]), ('2025-09', '2025-09', [9]), ('2025-08', '2025-10', [8, 9, 10])):
        rows = against('--since', since, '--until', until)
        check(f'{since} to {until}: its months and no other', [int(x['month'][5:]) for x in rows] == want and
              all(D(x['came']) == came[int(x['month'][5:])] and x['inside'] == (250 <= came[int(x['month'][5:])] <= 320) and not x['partial'] for x in rows), str(rows))
    rows = against('--since', '2025-09-15', '--until', '2025-10-31')
    check('of a part of a month there is no verdict', [(x['partial'], x['inside'] is None) for x in rows] == [(True, True), (False, False)], str(rows))
    rows = against('--since', '2025-10', '--until', '2025-10', '--currency', 'GBP', '--rate', 'USD/GBP=0.5@2025-01-01')
    check('the plan is converted as the report is', D(rows[0]['planned']) == 150 and D(rows[0]['came']) == came[10] / 2, str(rows))
    r = against('--since', '2025-10', '--until', '2025-10', '--currency', 'GBP', rc=2)
    check('without a rate it says which', 'USD/GBP' in str(r), str(r)[:300])

# ---- FOCUS ----

CURRENCIES = {'USD', 'EUR', 'GBP', 'JPY', 'SEK', 'CHF'}
PATTERNS = {
    'TypeDecimal': r'[-+]?(\d+(\.\d+)?|\.\d+)(E[-+]?\d+)?', 'FormatNumeric': r'[-+]?(\d+(\.\d+)?|\.\d+)(E[-+]?\d+)?',
    'TypeDateTime': r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ', 'FormatDateTime': r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ',
    'CheckDecimalValue': r'[-+]?\d+(\.\d+)?', 'TypeString': r'[^\x00-\x08]*', 'FormatString': r'[^\x00-\x1f]*',
    'FormatUnit': r'(\d+ )?[A-Z][A-Za-z]*(-[A-Z][a-z]+)?( per [A-Z][a-z]+)?', 'FormatCurrency': r'[A-Z]{3}',
}

WEAK = ('MAY', 'SHOULD', 'SHOULD NOT', 'RECOMMENDED')

class Rules:
    """Evaluates a rule for a file: True, False, or None where no program can."""
    def __init__(self, model, rows, columns, supported):
        self.rules, self.rows, self.columns, self.supported = model['ModelRules'], rows, columns, supported
        self.done = {}
        self.under = {} # a rule holds under the conditions of the rules that it is a part of: "when not null, ..."
        for rule in self.rules.values():
            v = rule['ValidationCriteria']
            for part in (v.get('Requirement') or {}).get('Items', []) if v.get('Condition') else []:
                if part.get('CheckFunction') == 'CheckModelRule':
                    self.under.setdefault(part['ModelRuleId'], []).append(v['Condition'])

    def value(self, row, column):
        return row.get(column) or None

    def holds(self, r, row):
        """One requirement or condition for one row."""
        f = r.get('CheckFunction')
        if f in ('AND', 'OR'):
            got = [self.holds(x, row) for x in r['Items']]
            if f == 'AND':
                return False if False in got else None if None in got else True
            return True if True in got else None if None in got else False
        if f == 'CheckModelRule':
            return self.rule(r['ModelRuleId'])
        column = r.get('ColumnName')
        v = self.value(row, column)
        if f in ('CheckValue', 'CheckNotValue'):
            want = r['Value']
            same = v is not None and D(v) == want if isinstance(want, int) else v == want
            return same == (f == 'CheckValue')
        if f in ('CheckSameValue', 'CheckNotSameValue'):
            same = self.value(row, r['ColumnAName']) == self.value(row, r['ColumnBName'])
            return same == (f == 'CheckSameValue')
        if f == 'CheckGreaterOrEqualThanValue':
            return v is None or D(v) >= D(str(r['Value']))
        if f == 'ColumnByColumnEqualsColumnValue':
            a, b, c = (self.value(row, r[k]) for k in ('ColumnAName', 'ColumnBName', 'ResultColumnName'))
            return None in (a, b, c) or float(a) * float(b) == float(c) and D(a) * D(b) == D(c)
        if f == 'FormatKeyValue':
            if v is None:
                return True
            try:
                return isinstance(json.loads(v), dict) and all(not isinstance(x, (dict, list)) for x in json.loads(v).values())
            except ValueError:
                return False
        if f == 'CheckNationalCurrency':
            return v in CURRENCIES
        if f in PATTERNS:
            return v is None or bool(re.fullmatch(PATTERNS[f], v))
        return None

    def rule(self, name):
        if name not in self.done:
            self.done[name] = None # a circle cannot be evaluated
            self.done[name] = self.evaluate(name, self.rules[name])
        return self.done[name]

    def evaluate(self, name, rule):
        v, need = rule['ValidationCriteria'], rule['ValidationCriteria'].get('Requirement') or {}
        if any(c not in self.supported for c in rule.get('ApplicabilityCriteria') or []):
            return True # does not apply
        if not need:
            return None
        f = need.get('CheckFunction')
        if f == 'ColumnPresent':
            return need['ColumnName'] in self.columns
        if f == 'CheckDistinctCount':
            seen = {}
            for row in self.rows:
                if self.value(row, need['ColumnAName']):
                    seen.setdefault(row[need['ColumnAName']], set()).add(row[need['ColumnBName']])
            return all(len(x) == need['ExpectedCount'] for x in seen.values())
        if f in ('AND', 'OR') and all(x.get('CheckFunction') == 'CheckModelRule' for x in need['Items']):
            got = [self.rule(x['ModelRuleId']) for x in need['Items']]
            weak = [self.rules[x['ModelRuleId']]['ValidationCriteria']['Keyword'] in WEAK for x in need['Items']]
            got = [True if w and ok is False else ok for ok, w in zip(got, weak)] # what may be is no part of what must
            return False if False in got else None if None in got else True
        if rule['EntityType'] == 'Column' and rule['Reference'] not in self.columns:
            return True # an absent column is judged by its presence rule
        condition, unknown = v.get('Condition') or {}, False
        for row in self.rows:
            if any(not self.holds(c, row) for c in [condition, *self.under.get(name, [])] if c):
                continue
            got = self.holds(need, row)
            if got is False:
                return False
            unknown = unknown or got is None
        return None if unknown else True

SUPPORTED = {'ACCOUNT_NAMING_SUPPORTED', 'NEGOTIATED_PRICING_SUPPORTED', 'PUBLIC_PRICE_LIST_SUPPORTED', 'USAGE_MEASUREMENT_SUPPORTED',
             'UNIT_PRICING_SUPPORTED', 'SUB_ACCOUNT_SUPPORTED', 'MULTIPLE_PRICING_CATEGORIES_SUPPORTED', 'REGION_SUPPORTED', 'TAGGING_SUPPORTED',
             'MULTIPLE_SUB_ACCOUNT_TYPES_SUPPORTED', 'MULTIPLE_BILLING_ACCOUNT_TYPES_SUPPORTED'}

def focus():
    run('outlay', 'add', '--kind', 'finetune', '--amount', 'USD 8000', '--date', '2025-10-02', '--life', '10', '--note', '=1+1, "tuned"')
    run('outlay', 'add', '--kind', 'prepaid', '--amount', 'USD 0.5', '--date', '2025-10-01', '--life', '12', '--provider', 'openai')
    run('outlay', 'add', '--kind', 'tax', '--amount', 'USD 0.2', '--date', '2025-10-03', '--provider', 'openai')
    run('outlay', 'add', '--kind', 'credit', '--amount', 'USD 0.1', '--date', '2025-10-03', '--provider', 'openai')
    run('import', str(WORK / 'cost.csv'))
    rc, text, err = run('export', '--focus', '1.2')
    rows = list(csv.DictReader(io.StringIO(text, newline='')))
    columns = rows[0].keys()
    usage = [r for r in rows if r['ChargeCategory'] == 'Usage' and r['x_Book'] == 'inference']
    used = [r for r in rows if r['ChargeCategory'] == 'Usage' and r['x_Book'] == 'training']
    check('a FOCUS file has the ledger\'s exact costs, each once', rc == 0 and sum(D(r['EffectiveCost']) for r in usage) == sum(PUBLISHED), text[:300])
    check('... of which prepaid credit is not billed again', sum(D(r['BilledCost']) for r in usage) == sum(PUBLISHED) - D('0.5'))
    check('... and taxes and credits as what they are', [(r['ChargeCategory'], D(r['BilledCost']), D(r['EffectiveCost'])) for r in rows
          if r['x_Book'] == 'other'] == [('Tax', D('0.2'), D('0.2')), ('Credit', D('-0.1'), D('-0.1'))], str([r for r in rows if r['x_Book'] == 'other']))
    check('... and its purchases', [D(r['BilledCost']) for r in rows if r['ChargeCategory'] == 'Purchase'] == [D('0.5'), 8000])
    # ten months from 2 October 2025: 304 days; October has 30 of them
    check('... and what of them is used up', sum(D(r['BilledCost']) for r in used) == 0 and len(used) == 1 and
          abs(D(used[0]['EffectiveCost']) - D(8000) * 30 / 304) < D('1e-11'), str([r['EffectiveCost'] for r in used]))
    check('... and its tokens', sum(int(r['ConsumedQuantity']) for r in usage) == sum(i + o for _, _, i, o in DAYS))
    check('no cell is a formula', not any(v.startswith(('=', '+', '@')) for r in rows for v in r.values()))
    path = SHARED / 'focus_validator_model-1.2.json'
    if not path.exists():
        skip('the rules of FOCUS 1.2', f'no {path.name}')
    else:
        r = Rules(json.loads(path.read_text()), rows, columns, SUPPORTED)
        got = {n: r.rule(n) for n in r.rules}
        bad = [n for n, ok in got.items() if ok is False and r.rules[n]['ValidationCriteria']['Keyword'] not in WEAK]
        hints = [n for n, ok in got.items() if ok is False and n not in bad]
        open_ = [n for n, ok in got.items() if ok is None]
        leaves = [n for n in open_ if not r.rules[n]['ValidationCriteria'].get('Requirement')]
        print(f'  FOCUS 1.2: {len(got)} rules: {sum(ok is True for ok in got.values())} hold or do not apply, {len(bad)} broken, {len(hints)} '
              f'recommendations not taken, {len(open_)} cannot be evaluated by a program ({len(leaves)} without a requirement, the rest made of those)')
        print('  not taken: ' + ', '.join(hints))
        print('  not evaluated: ' + ', '.join(sorted(leaves)))
        check('no rule of FOCUS 1.2 is broken', len(got) == 621 and not bad, ', '.join(bad[:20]))
        broken = [dict(rows[0], BilledCost='')] + rows[1:]
        r = Rules(json.loads(path.read_text()), broken, columns, SUPPORTED)
        check('the checker sees a missing cost', any(r.rule(n) is False for n in r.rules if n.startswith('BilledCost')))
        r = Rules(json.loads(path.read_text()), [dict(rows[0], ListCost='1')], columns, SUPPORTED)
        check('... and a product that does not match', r.rule('ListUnitPrice-C-010-C') is False)
    rc, text, err = run('export', '--focus', '1.4')
    rows = list(csv.DictReader(io.StringIO(text, newline='')))
    path = SHARED / 'focus_1_4_model.json'
    if not path.exists():
        skip('the columns of FOCUS 1.4', f'no {path.name}')
    else:
        model = json.loads(path.read_text())['datasets']['Cost and Usage']['columns']
        missing = [c for c, m in model.items() if m['feature_level'] == 'Mandatory' and c not in rows[0]]
        strange = [c for c in rows[0] if c not in model and not c.startswith('x_')]
        nulls = [c for c, m in model.items() if c in rows[0] and not m['allows_nulls'] and any(not r[c] for r in rows)]
        values = [c for c, m in model.items() if c in rows[0] and m['allowed_values'] and any(r[c] and r[c] not in m['allowed_values'] for r in rows)]
        kinds = [c for c, m in model.items() if c in rows[0] and m['data_type'] == 'Decimal' and any(r[c] and not re.fullmatch(PATTERNS['TypeDecimal'], r[c]) for r in rows)]
        check('FOCUS 1.4: columns, nulls, values and types', not (missing or strange or nulls or values or kinds), str((missing, strange, nulls, values, kinds)))
    check('another version is refused', run('export', '--focus', '2')[0] == 2)

def commitments():
    """A commitment is in neither checkbook: whole on its date by cash, evenly over its life by use, in FOCUS and under no cap."""
    ledger = 'commitment.db'
    add = lambda kind, amount, *more: run('outlay', 'add', '--kind', kind, '--amount', f'USD {amount}', '--date', '2025-07-20', *more, ledger=ledger)
    add('commitment', '1200', '--life', '12', '--provider', 'azure')
    add('finetune', '365', '--life', '12')
    run('cap', 'set', '--book', 'training', '--amount', 'USD 5000', '--window', 'year', ledger=ledger)
    span = ('--since', '2025-07-20', '--until', '2025-09-30') # the last day counts: 73 of 365 days
    for basis, part in (('cash', 1), ('amortised', D(73) / 365)):
        _, r = run_json('report', *span, '--basis', basis, ledger=ledger)
        check(f'a commitment stands beside both checkbooks, {basis}', (r['training']['total'], r['inference']['total'], r['other'], r['total']) ==
              tuple(f'{(v * part).normalize():f}' for v in (D(365), D(0), D(1200), D(1565))) and [x['key'] for x in r['other_lines']] == ['commitment'], str(r)[:600])
        text = run('report', *span, '--basis', basis, ledger=ledger)[1].splitlines()
        heads = [line.split()[0] for line in text if line[:1] > ' ' and not line.startswith('Cap,')]
        at = next((i for i, line in enumerate(text) if line.strip().startswith('commitment')), 0)
        check(f'... on its line under OTHER, {basis}', heads[1:] == ['INFERENCE', 'TRAINING', 'OTHER', 'TOTAL'] and text[at - 1].startswith('OTHER'), '\n'.join(text))
    check('no cap of the training book counts it', [D(c['spent']) for c in run_json('cap', 'list', ledger=ledger)[1]['caps']] == [D(365)])
    rows = list(csv.DictReader(io.StringIO(run('export', '--focus', '1.2', *span, ledger=ledger)[1], newline='')))
    mine = [r for r in rows if r['x_Book'] == 'other']
    check('FOCUS: bought once, used up month by month', [(r['ChargeCategory'], D(r['BilledCost'])) for r in mine if r['ChargeCategory'] == 'Purchase'] ==
          [('Purchase', D(1200))] and sum(D(r['EffectiveCost']) for r in mine) == 240 and len(mine) == 4, str([(r['ChargeCategory'], r['EffectiveCost']) for r in mine]))
    for kind in ('tax', 'credit'):
        rc, _, err = add(kind, '5', '--life', '3')
        check(f'a {kind} has no life: said', rc == 2 and 'next: leave --life out' in err, err)
    listed = run('outlay', 'list', ledger=ledger)[1].splitlines()
    check('a list that is too wide drops what nobody filled, and no word is cut', all(len(x) <= 80 for x in listed) and 'commitment' in listed[1] and 'pays back' not in listed[0], listed)

def outlook():
    """The page says of the month and of the bills what the terminal says, with a chart, its words and its figures."""
    ledger, now = 'outlook.db', '2025-10-20T00:00:00Z'
    days = [(1759276800 + 86400 * (i - 30), 10, 300000 + 20000 * (i % 5), 90000 + 4000 * (i % 3)) for i in range(49)]
    run('import', '-q', write('month-usage.csv', usage_csv(days)), ledger=ledger)
    run('cap', 'set', '--book', 'inference', '--amount', 'USD 5', '--window', 'month', ledger=ledger)
    text = run('report', '--since', '2025-10-01', ledger=ledger, now=now)[1]
    said = [' '.join(line.split()) for line in text.splitlines() if line.startswith(('Forecast', 'Invoice'))]
    run('report', '--since', '2025-10-01', '--html', 'outlook.html', ledger=ledger, now=now)
    page = (WORK / 'outlook.html').read_text()
    words, charts, cells, ids = [], [], [], []
    class Parser(html.parser.HTMLParser):
        at = ''
        def handle_starttag(self, tag, attrs):
            a = dict(attrs)
            self.at = tag
            if tag == 'svg': charts.append(a.get('aria-labelledby', '').split())
            if 'id' in a: ids.append(a['id'])
        def handle_data(self, data):
            if self.at == 'p': words.append(' '.join(data.split()))
            if self.at in ('td', 'th'): cells.append(data.strip())
    Parser().feed(page)
    check('the page has the terminal\'s line of the forecast, word by word', len(said) == 1 and said[0] in words, str((said, words)))
    check('two charts, each named and described by its own words', len(charts) == 2 and len(ids) == len(set(ids)) == 4 and sorted(sum(charts, [])) == sorted(ids), str((charts, ids)))
    rows = {}
    for line in re.findall(r'<tr><th scope=row>(\d+)(?:, ahead)?</th>(.*?)</tr>', page):
        rows[int(line[0])] = [D(v) if v else None for v in re.findall(r'<td[^>]*>([^<]*)</td>', line[1])]
    price = lambda i, o: (D(i) * D('0.25') + D(o) * 2) / 1000000
    came, sums = D(0), {}
    for at, _, i, o in days:
        if at >= 1759276800:
            came += price(i, o)
            sums[(at - 1759276800) // 86400 + 1] = came
    check('what came, day by day, is what was imported', len(rows) == 31 and all(abs(rows[d][1] - sums[d]) <= D('0.005') for d in sums) and len(sums) == 19, str(rows))
    last = rows[31]
    check('and the last day is the forecast of the month', [f'${v:.2f}' for v in (last[1], last[0], last[2])] == re.findall(r'\$\d+\.\d\d', said[0])[:3], str((last, said)))
    check('the band grows with the days', all(a[0] is None or b[2] - b[0] >= a[2] - a[0] - D('0.02') for a, b in zip(list(rows.values()), list(rows.values())[1:])), str(rows))
    check('the budget is a line of the chart', '>budget<' in page or 'budget</text>' in page, page[:200])

def workbook(book):
    """Strings of a report's workbook, its totals by currency and their label; each formula is worked out anew."""
    strings = [''.join(t.firstChild.data for t in si.getElementsByTagName('t') if t.firstChild) for si in
               xml.dom.minidom.parseString(book.read('xl/sharedStrings.xml')).getElementsByTagName('si')]
    cells, formulas = {}, {}
    for c in xml.dom.minidom.parseString(book.read('xl/worksheets/sheet1.xml')).getElementsByTagName('c'):
        v, f = c.getElementsByTagName('v'), c.getElementsByTagName('f')
        value = v[0].firstChild.data if v and v[0].firstChild else ''
        cells[c.getAttribute('r')] = strings[int(value)] if c.getAttribute('t') == 's' else float(value or 0)
        if f:
            formulas[c.getAttribute('r')] = f[0].firstChild.data
    def column(a, b): # "E5:E9"
        return [cells.get(f'{a[0]}{i}', 0) for i in range(int(a[1:]), int(b[1:]) + 1)]
    def evaluate(f):
        m = re.fullmatch(r'SUM\((\w+):(\w+)\)', f)
        if m: return sum(column(*m.groups()))
        m = re.fullmatch(r'SUMIF\((\w+):(\w+),"(\w+)",(\w+):(\w+)\)', f)
        if m: return sum(v for k, v in zip(column(m[1], m[2]), column(m[4], m[5])) if k == m[3])
        if re.fullmatch(r'\w+(\+\w+)+', f): return sum(cells[x] for x in f.split('+'))
        m = re.fullmatch(r'IF\((\w+)\+(\w+)>0,(\w+)\*1000000/\((\w+)\+(\w+)\),""\)', f)
        return cells[m[3]] * 1e6 / (cells[m[4]] + cells[m[5]])
    check('every formula of the workbook gives what stands beside it', len(formulas) >= 7 and
          all(abs(evaluate(f) - cells[k]) < 1e-9 * max(1, abs(cells[k])) for k, f in formulas.items()), str(formulas))
    total = [k for k in cells if str(cells[k]).startswith('TOTAL') and k[0] == 'A' and 'E' + k[1:] in formulas]
    return strings, {cells['F' + k[1:]]: cells['E' + k[1:]] for k in total}, cells[total[-1]]

def files():
    rc, out, err = run('report', '--by', 'model', '--html', 'r.html', '--xlsx', 'r.xlsx', '--svg', 'r.svg')
    check('files are written and the terminal stays quiet', rc == 0 and out == '', out + err)
    page, chart = (WORK / 'r.html').read_text(), (WORK / 'r.svg').read_text()
    for name, text in (('page', page), ('chart', chart)):
        check(f'the {name} needs nothing else', not re.search(r'<script|<link|<img|@import|url\(|\bon\w+=|src=', text), name)
    tags = []
    class Parser(html.parser.HTMLParser):
        def handle_starttag(self, tag, attrs): tags.append(tag)
    Parser().feed(page)
    check('the page has a table for each chart, title and description', tags.count('svg') == 1 and 'title' in tags and 'desc' in tags and
          tags.count('table') >= 3 and 'html' in tags and 'lang=en' in page)
    xml.dom.minidom.parseString(chart)
    book = zipfile.ZipFile(WORK / 'r.xlsx')
    strings, total, label = workbook(book)
    check('... and the total is the report\'s, with the tax and the credit', label == 'TOTAL' and abs(total['USD'] - float(sum(PUBLISHED) + 8000 + D('0.10'))) < 1e-9, f'{label} {total}')
    ledger = 'parts.db'
    run('import', '-q', write('parts.csv', usage_csv([(1759276800, 10, 300000, 90000)])), ledger=ledger)
    for kind, amount in (('finetune', '80'), ('tax', '12.34'), ('credit', '5')):
        run('outlay', 'add', '--kind', kind, '--amount', f'{amount} USD', '--date', '2025-10-01', ledger=ledger)
    run('report', '--since', '2025-10-01', '--until', '2025-10-31', '--xlsx', 'parts.xlsx', ledger=ledger)
    due = json.loads(run('report', '--since', '2025-10-01', '--until', '2025-10-31', '--json', ledger=ledger)[1])['total']
    _, total, label = workbook(zipfile.ZipFile(WORK / 'parts.xlsx'))
    check('a workbook with tax and credits sums to the report\'s total', label == 'TOTAL' and abs(total['USD'] - float(due)) < 1e-9, f'{label} {total} {due}')
    for kind, amount in (('finetune', '70 EUR'), ('tax', '3 GBP'), ('seats', '9 EUR')):
        run('outlay', 'add', '--kind', kind, '--amount', amount, '--date', '2025-10-01', ledger=ledger)
    run('import', '-q', write('unpriced.csv', usage_csv([(1759276800, 10, 300000, 90000)]).replace('gpt-5-mini', 'gpt-nobody')), ledger=ledger)
    run('report', '--since', '2025-10-01', '--until', '2025-10-31', '--by', 'model', '--xlsx', 'three.xlsx', ledger=ledger)
    strings, total, _ = workbook(zipfile.ZipFile(WORK / 'three.xlsx'))
    by = {c['currency']: sum(D(c[b]) for b in ('inference', 'training', 'other', 'unclassified')) for c in
          json.loads(run('report', '--since', '2025-10-01', '--until', '2025-10-31', '--json', ledger=ledger)[1])['by_currency']}
    check('a workbook of three currencies has a total for each, none is added to another and none is 0', len(by) == 3 and set(total) == set(by) and
          all(abs(total[c] - float(by[c])) < 1e-9 for c in by), f'{total} {by}')
    check('what nobody can price is no 0 there', 'not priced' in strings and 'gpt-nobody' in str(strings), str(strings))
    names = [s.getAttribute('name') for s in xml.dom.minidom.parseString(book.read('xl/workbook.xml')).getElementsByTagName('sheet')]
    check('there is a sheet of sources', 'Sources' in names and any('in_plain' == s or 'out_text' == s for s in strings), str(names))
    plan = write('plan.json', json.dumps({'months': [{'date': '2025-10', 'inference': {'p10': 0.5, 'p50': 0.9, 'p90': 0.95}, 'training': {'p50': 8000}},
                                                     {'date': '2026-03', 'inference': {'p10': 1, 'p50': 1, 'p90': 1}, 'training': {'p50': 0}}]}))
    rc, r = run_json('report', '--against', plan)
    a = r['against']
    check('a kept plan stands beside what came', rc == 0 and len(a) == 1 and D(a[0]['came']) == sum(PUBLISHED) and not a[0]['inside'] and
          D(a[0]['difference']) == sum(PUBLISHED) - D('0.9') and D(a[0]['training_came']) == 8000, str(a))
    for bad in ('', '[]', '{"months": 3}', 'x'):
        check(f'what is no plan is refused: {bad!r}', run('report', '--against', write('noplan', bad))[0] == 4)
    check('a file that cannot be written is said', run('report', '--html', str(WORK / 'usage.csv/r.html'))[0] == 1)

for part in (three_days, suspects, once, bare, gates, changes, kept_plans, lags, sentences, focus, commitments, outlook, files):
    try:
        part()
    except Exception as e: # one part that dies is one failure, and the others still run
        check(part.__name__, False, repr(e))
print(f'{passed} passed, {failed} failed' + (f', {skipped} skipped' if skipped else ''))
sys.exit(1 if failed else 0)
