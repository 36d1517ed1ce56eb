#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A plan's workbook: its cell formulas, worked out anew, give the figures of --json.

First by a small evaluator here, from the sheet's XML alone, with the inputs as they are and with inputs changed. Then, where
LibreOffice is installed, by LibreOffice: changed inputs, recalculated, exported as CSV.
"""
import csv, json, math, os, pathlib, re, shutil, subprocess, sys, tempfile, zipfile
import xml.etree.ElementTree as ET

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BINARY = os.environ.get('RUNRATE', str(ROOT / 'build/runrate'))
WORK = pathlib.Path(tempfile.mkdtemp(prefix='plan-xlsx-'))
ENV = {**os.environ, 'HOME': str(WORK), 'XDG_DATA_HOME': str(WORK / 'data'), 'XDG_CONFIG_HOME': str(WORK / 'config'), 'RUNRATE_NOW': '2026-11-21T00:00:00Z'}
NS = {'m': 'http://schemas.openxmlformats.org/spreadsheetml/2006/main'}
passed = failed = skipped = 0

PLANS = {
    'selfhost': ('--rate 2.50 --tps 2000 --api-per-mtok 3.00 --tokens-per-month 240M --growth 7% --spare 1', {'rate': '3.10', 'tokens_per_month': '900M', 'spare': '0'}),
    'train': ('--params 70e9 --tokens 15e12 --gpu h100 --mfu 40% --rate 2 --eval 5000', {'mfu': '0.25', 'rate': '2.5'}),
    'amortise': ('--training 8750000 --inference-per-mtok 0.35 --tokens 1e13', {'tokens': '2e12', 'share': '0.1'}),
    'finetune': ('--upfront 8000 --saving-per-call 0.00086 --calls-per-month 300k --hosting 40 --stable-months 24', {'hosting': '100', 'calls_per_month': '600000'}),
    'finetune ': ('--upfront 8000 --model-now 2/10 --model-tuned 0.5/2 --input-tokens 400 --output-tokens 200 --tokens-removed 1000 --calls-per-month 300k', {'now_hit': '0.9'}),
    'cache': ('--prefix 50k --rest 300 --output 200 --calls-per-day 1000 --price-in 0.40 --price-out 1.6 --hit 99%', {'hit': '0.5', 'write': '1'}),
    'batch': ('--bill 518 --share 22%', {'share': '0.5'}),
    'route': ('--mix nano=75%:0.20,base=17.5%:2.50,pro=7.5%:30 --baseline 30', {'baseline': '15'}),
    'rag': ('--retrieved-tokens 3000 --price-in 0.75 --calls-per-month 300k --store 70', {'cached_share': '0.4'}),
    'agent': ('--turns 10 --start-tokens 2000 --tokens-per-turn 1000 --price-in 3', {'turns': '25'}),
    'stack-set': ('--before 4000 --after 1200 --batch-share 1 --cache-share 25%', {'cache_share': '0.1'}),
    'payback': ('--outlay 8000 --bill-per-month 4000 --saving-per-month 2800 --weeks-wanted 3', {'outlay': '5000'}),
}

def check(name, got, want, rel=1e-9):
    global passed, failed
    if isinstance(want, bool):
        want = float(want)
    ok = (got is None and want is None) or (got is not None and want is not None and abs(got - want) <= rel * max(abs(got), abs(want), 1e-300))
    if ok:
        passed += 1
    else:
        failed += 1
        print(f'not ok {name}: got {got}, wanted {want}')

def run(*args):
    r = subprocess.run([BINARY, *args], capture_output=True, text=True, env=ENV, timeout=60)
    if r.returncode:
        print(f'{args}: {r.stderr}')
    return r

def sheet(path):
    """cells of sheet Plan: {'B5': ('f', formula) or ('n', number) or ('s', text)}"""
    z = zipfile.ZipFile(path)
    shared = [''.join(t.text or '' for t in si.iter('{%s}t' % NS['m'])) for si in ET.fromstring(z.read('xl/sharedStrings.xml')).findall('m:si', NS)]
    cells = {}
    for c in ET.fromstring(z.read('xl/worksheets/sheet1.xml')).iter('{%s}c' % NS['m']):
        f, v = c.find('m:f', NS), c.find('m:v', NS)
        if f is not None: cells[c.get('r')] = ('f', f.text)
        elif c.get('t') == 's': cells[c.get('r')] = ('s', shared[int(v.text)])
        elif v is not None: cells[c.get('r')] = ('n', float(v.text))
    return cells

class NA(Exception): pass

class Evaluator:
    """Only what our cells use: + - * / ^, comparison, MIN MAX EXP LN IF ISNUMBER ROUNDUP SUMPRODUCT NA, ranges."""
    def __init__(self, cells): self.cells = cells
    def cell(self, name):
        kind, v = self.cells[name]
        return self.eval(v) if kind == 'f' else v
    def eval(self, text):
        self_tokens = re.findall(r'\$?[A-Z]+\$?\d+|[A-Z]+(?=\()|\d+\.?\d*|[-+*/^(),<:]', text)
        return Parser(self, self_tokens).parse()

class Parser:
    def __init__(self, ev, tokens): self.ev, self.t, self.i = ev, tokens, 0
    def peek(self): return self.t[self.i] if self.i < len(self.t) else None
    def take(self, x=None):
        v = self.peek()
        if x is not None and v != x: raise SyntaxError(f'{v} for {x} in {self.t}')
        self.i += 1
        return v
    def parse(self):
        v = self.compare()()
        if self.peek() is not None: raise SyntaxError(self.t)
        return v
    # every level gives a function of no arguments, so that IF is lazy
    def compare(self):
        a = self.add()
        if self.peek() == '<':
            self.take(); b = self.add()
            return lambda: a() < b()
        return a
    def add(self):
        a = self.mul()
        while self.peek() in ('+', '-'):
            op, l = self.take(), a
            r = self.mul(); a = (lambda l=l, r=r: l() + r()) if op == '+' else (lambda l=l, r=r: l() - r())
        return a
    def mul(self):
        a = self.pow()
        while self.peek() in ('*', '/'):
            op, l = self.take(), a
            r = self.pow()
            def div(l=l, r=r):
                x, y = l(), r()
                if isinstance(x, list): return [p / q for p, q in zip(x, y)]
                if y == 0: raise NA
                return x / y
            a = (lambda l=l, r=r: l() * r()) if op == '*' else div
        return a
    def pow(self):
        a = self.atom()
        if self.peek() == '^':
            self.take(); b = self.pow(); l = a
            return lambda: l() ** b()
        return a
    def args(self):
        out = [self.compare()]
        while self.peek() == ',':
            self.take(); out.append(self.compare())
        self.take(')')
        return out
    def atom(self):
        t = self.take()
        if t == '(':
            v = self.compare(); self.take(')'); return v
        if t == '-':
            v = self.atom(); return lambda: -v()
        if re.fullmatch(r'\d+\.?\d*', t): return lambda: float(t)
        if re.fullmatch(r'[A-Z]+', t):
            self.take('(')
            if t == 'NA':
                self.take(')')
                def na(): raise NA
                return na
            a = self.args()
            if t == 'IF': return lambda: a[1]() if a[0]() else a[2]()
            if t == 'ISNUMBER':
                def isnumber():
                    try: return isinstance(a[0](), float)
                    except (NA, ZeroDivisionError, ValueError, OverflowError): return False
                return isnumber
            if t == 'ROUNDUP': return lambda: float(math.ceil(a[0]()))
            if t == 'SUMPRODUCT':
                def sumproduct():
                    v = [x() for x in a]
                    return v[0] if not isinstance(v[0], list) else float(sum(math.prod(p) for p in zip(*v)))
                return sumproduct
            f = {'MIN': min, 'MAX': max}.get(t)
            if f:
                def extreme():
                    v = [x() for x in a]
                    return f(v[0]) if isinstance(v[0], list) else f(v)
                return extreme
            if t == 'EXP': return lambda: math.exp(a[0]())
            if t == 'LN':
                def ln():
                    x = a[0]()
                    if x <= 0: raise NA
                    return math.log(x)
                return ln
            raise SyntaxError(t)
        name = t.replace('$', '')
        if self.peek() == ':':
            self.take(); end = self.take().replace('$', '')
            return lambda: [self.ev.cell(f'{name[0]}{r}') for r in range(int(name[1:]), int(end[1:]) + 1)]
        return lambda: self.ev.cell(name)

def figures(cells):
    """names of column A from 'Figures (live)' on"""
    start = next(int(k[1:]) for k, v in cells.items() if k[0] == 'A' and v == ('s', 'Figures (live)'))
    out, row = {}, start + 1
    while cells.get(f'A{row}', ('', ''))[0] == 's' and cells.get(f'B{row}', ('', ''))[0] == 'f':
        out[cells[f'A{row}'][1]] = f'B{row}'
        row += 1
    return out

def value(cells, name):
    try: return float(Evaluator(cells).cell(name))
    except (NA, ZeroDivisionError, OverflowError, ValueError): return None

def input_cell(cells, name):
    return next('B' + k[1:] for k, v in sorted(cells.items(), key=lambda c: int(re.sub(r'\D', '', c[0]))) if k[0] == 'A' and v == ('s', name))

def changed_book(path, changed, cells):
    """a copy with the changed inputs and without any stored result: whoever opens it must calculate"""
    out = path.with_name(path.stem.upper() + '.xlsx')
    with zipfile.ZipFile(path) as src, zipfile.ZipFile(out, 'w') as dst:
        for item in src.infolist():
            data = src.read(item)
            if item.filename == 'xl/worksheets/sheet1.xml':
                text = re.sub(r'(</f>)<v>[^<]*</v>', r'\1', data.decode())
                for at, (kind, v) in changed.items():
                    if kind == 'n' and cells.get(at) != (kind, v):
                        text, n = re.subn(rf'<c r="{at}"([^>]*?)(?: t="\w+")?>.*?</c>', rf'<c r="{at}"\1><v>{v!r}</v></c>', text)
                        assert n == 1, at
                data = text.encode()
            dst.writestr(item, data)
    return out

books = {}
for plan, (flags, changes) in PLANS.items():
    path = WORK / f'{plan.replace(" ", "2")}.xlsx'
    base = ['plan', plan.strip(), *flags.split()]
    j = json.loads(run(*base, '--json', '--xlsx', str(path)).stdout)
    cells = sheet(path)
    names = figures(cells)
    check(f'{plan}: figures', float(len(names) > 0), 1.0)
    for name, at in names.items():
        check(f'{plan} {name} as exported', value(cells, at), j[name])
    changed = dict(cells)
    for name, v in changes.items():
        changed[input_cell(cells, name)] = ('n', float(re.sub('M', 'e6', v)))
    again = [x for k, v in changes.items() for x in ('--' + k.replace('_', '-'), v)]
    kept = list(base)
    for name in changes:  # a flag given twice is refused: take the first one out
        flag = '--' + name.replace('_', '-')
        if flag in kept:
            i = kept.index(flag); del kept[i:i + 2]
    j2 = json.loads(run(*kept, *again, '--json').stdout)
    for name, at in names.items():
        check(f'{plan} {name} with {changes}', value(changed, at), j2[name])
    books[plan] = (changed_book(path, changed, cells), names, j2)

SCENARIO = {'months': 18, 'draws': 500, 'currency': 'GBP', 'start': '2026-12', 'price_decline': 2, 'adoption': {'multiple': 3, 'middle': 8},
    'models': [{'name': 'm', 'in': .75, 'out': 4.5, 'read': .1, 'write': 1.25, 'batch': .5}, {'name': 'e', 'in': .2, 'out': 1.25, 'read': .1, 'batch': .5}],
    'workloads': [{'name': 'bot', 'model': 'm', 'easy_model': 'e', 'volume': 300000, 'growth': .02, 'prefix': 1100, 'rest': 350, 'output': 222, 'hit': .8, 'batched': .1, 'routed': .3, 'easy_ratio': 1.2},
                  {'name': 'agent', 'model': 'm', 'volume': 4000, 'turns': 8, 'rest': 1500, 'turn_tokens': 700, 'output': 300, 'extra_per_call': .001, 'fixed_per_month': 40},
                  {'name': 'desk', 'billing': 'seat', 'unit_price': 25, 'seats': 40}, {'name': 'help', 'billing': 'resolution', 'unit_price': .4, 'volume': 3000, 'resolved': .5},
                  {'name': 'calls', 'billing': 'call', 'unit_price': .002, 'volume': 9000}, {'name': 'fleet', 'billing': 'provisioned', 'unit_price': 900, 'unit_tokens': 5e7, 'volume': 90000, 'rest': 800, 'output': 100}],
    'outlays': [{'name': 'consultant', 'amount': 8000, 'month': 2}, {'name': 'labels', 'amount': 500, 'month': 1, 'every_months': 5}],
    'finetunes': [{'name': 't', 'serves': 'bot', 'model': 'e', 'month': 4, 'upfront': 3000, 'tokens_removed': 900, 'hosting': 60, 'retrain': 200, 'retrain_every': 3, 'retires_month': 14, 'drift': .02}]}

def scenario():
    """the months of a scenario's workbook, as exported and with inputs changed, against the command"""
    def command(data, xlsx=None):
        (WORK / 'life.json').write_text(json.dumps(data))
        return json.loads(run('plan', 'lifetime', str(WORK / 'life.json'), '--json', *(['--xlsx', str(xlsx)] if xlsx else [])).stdout)
    path = WORK / 'life.xlsx'
    j = command(SCENARIO, path)
    cells = sheet(path)
    head = next(int(k[1:]) for k, v in cells.items() if re.fullmatch(r'A\d+', k) and v == ('s', 'month'))
    columns = {v[1]: re.sub(r'\d', '', k) for k, v in cells.items() if re.sub(r'\D', '', k) == str(head) and v[0] == 's'}
    def compare(name, cells, j):
        for m, row in enumerate(j['months']):
            at = str(head + 1 + m)
            for column, want in (('inference', row['inference']['at_mode']), ('training', row['training']['at_mode']), ('inference so far', row['cumulative']['inference']['at_mode']),
                                 ('training so far', row['cumulative']['training']['at_mode']), *row['workloads'].items()):
                check(f'{name} month {m + 1} {column}', value(cells, columns[column] + at), want)
    compare('scenario', cells, j)
    rows = {v[1]: k[1:] for k, v in cells.items() if re.fullmatch(r'A\d+', k) and v[0] == 's'}
    changed, data = dict(cells), json.loads(json.dumps(SCENARIO))
    for name, column, v in (('volume', 'B', 100000), ('hit', 'B', .3), ('growth', 'C', .05), ('turns', 'C', 15), ('seats', 'D', 7)):
        changed[column + rows[name]] = ('n', float(v))
        data['workloads']['BCD'.index(column)][name] = v
    changed['B' + rows['price_decline']] = ('n', 1.5); data['price_decline'] = 1.5
    changed['B' + rows['consultant']] = ('n', 100.0); data['outlays'][0]['amount'] = 100
    compare('scenario changed', changed, command(data))
    return path, columns, head, command(SCENARIO)

life = scenario()

office = shutil.which('soffice') or shutil.which('libreoffice')
if office:
    out = WORK / 'csv'
    try:
        subprocess.run([office, '--headless', f'-env:UserInstallation=file://{WORK}/profile', '--convert-to', 'csv:Text - txt - csv (StarCalc):44,34,76,1,,0,false,false,false,false,false,1',
                        '--outdir', str(out)] + [str(b[0]) for b in books.values()], capture_output=True, timeout=200, env=ENV)
    except subprocess.TimeoutExpired:
        pass
    for plan, (path, names, j) in books.items():
        found = [p for p in out.glob(path.stem + '*.csv') if p.stem in (path.stem, path.stem + '-Plan')] if out.exists() else []
        if not found:
            skipped += 1
            print(f'skipped: LibreOffice made no CSV of {path.name}')
            continue
        rows = list(csv.reader(found[0].open(encoding='utf-8')))
        for name, at in names.items():
            text = rows[int(at[1:]) - 1][1]
            got = None if text.startswith('#') or text == '' else float(text.replace(',', '').rstrip('%')) / (100 if text.endswith('%') else 1)
            check(f'LibreOffice {plan} {name}', got, j[name], 1e-6)
else:
    skipped += 1
    print('skipped: LibreOffice is not installed: the workbook was recalculated by the evaluator alone')
shutil.rmtree(WORK, ignore_errors=True)
print(f'{passed} passed, {failed} failed' + (f', {skipped} skipped' if skipped else ''))
sys.exit(failed > 0)
