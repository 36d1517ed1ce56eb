# SPDX-License-Identifier: Apache-2.0
"""A strict reader of the Prometheus text format 0.0.4 as generally known (Prometheus's own parser is the check
where it is installed): parse(text) gives {name: {'type', 'help', 'samples': [(name, labels, Decimal)]}} and raises
ValueError at the first thing that a scraper could misread. Stricter than the format where the format is lax: each family
has HELP and TYPE, stands in one piece, and a counter ends in _total.
"""
import re
from decimal import Decimal, InvalidOperation

NAME = re.compile(r'[a-zA-Z_:][a-zA-Z0-9_:]*\Z')
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\\\|\\"|\\n)*)"')

def labels_of(text, line):
    out, at = {}, 0
    while at < len(text):
        m = LABEL.match(text, at)
        if not m: raise ValueError(f'bad label: {line}')
        if m[1] in out: raise ValueError(f'label twice: {line}')
        out[m[1]] = re.sub(r'\\(.)', lambda x: '\n' if x[1] == 'n' else x[1], m[2])
        at = m.end()
        if at < len(text):
            if text[at] != ',': raise ValueError(f'no comma between labels: {line}')
            at += 1
    return out

def number(text, line):
    if text in ('+Inf', '-Inf', 'NaN'): return Decimal(text.replace('Inf', 'Infinity'))
    try: return Decimal(text)
    except InvalidOperation: raise ValueError(f'no number: {line}')

def parse(text):
    if not text.endswith('\n'): raise ValueError('the last line has no end')
    families, current, seen = {}, None, set()
    for line in text[:-1].split('\n'):
        if line.startswith('# '):
            _, kind, name, rest = (line.split(' ', 3) + [''])[:4]
            if kind not in ('HELP', 'TYPE') or not NAME.match(name): raise ValueError(f'odd comment: {line}')
            if kind == 'HELP':
                if name in families: raise ValueError(f'a second family {name}')
                current = families[name] = {'type': None, 'help': rest, 'samples': []}
            else:
                if families.get(name) is not current or current['type'] or current['samples']: raise ValueError(f'TYPE out of place: {line}')
                if rest not in ('counter', 'gauge', 'histogram'): raise ValueError(f'odd type: {line}')
                if rest == 'counter' and not name.endswith('_total'): raise ValueError(f'a counter without _total: {name}')
                if rest != 'counter' and name.endswith('_total'): raise ValueError(f'_total but no counter: {name}')
                current['type'], current['name'] = rest, name
            continue
        m = re.match(r'([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)\Z', line)
        if not m or current is None or not current['type']: raise ValueError(f'no sample of a family: {line!r}')
        labels, value = labels_of(m[2] or '', line), number(m[3], line)
        suffixes = ('_bucket', '_sum', '_count') if current['type'] == 'histogram' else ('',)
        if m[1] not in [current['name'] + s for s in suffixes]: raise ValueError(f'a stranger in {current["name"]}: {line}')
        key = (m[1], tuple(sorted(labels.items())))
        if key in seen: raise ValueError(f'a series twice: {line}')
        seen.add(key)
        if current['type'] == 'counter' and value < 0: raise ValueError(f'a negative counter: {line}')
        current['samples'].append((m[1], labels, value))
    for name, f in families.items():
        if f['type'] == 'histogram': check_histogram(name, f['samples'])
    return families

def check_histogram(name, samples):
    series = {}
    for n, labels, value in samples:
        rest = {k: v for k, v in labels.items() if k != 'le'}
        s = series.setdefault(tuple(sorted(rest.items())), {'le': [], 'sum': None, 'count': None})
        if n.endswith('_bucket'): s['le'].append((Decimal(labels['le'].replace('Inf', 'Infinity')), value))
        else: s[n.rsplit('_', 1)[1]] = value
    for key, s in series.items():
        bounds, counts = [b for b, _ in s['le']], [c for _, c in s['le']]
        if s['sum'] is None or s['count'] is None: raise ValueError(f'{name}{key}: no sum or count')
        if bounds != sorted(set(bounds)) or bounds[-1] != Decimal('Infinity'): raise ValueError(f'{name}{key}: bounds {bounds}')
        if counts != sorted(counts) or counts[-1] != s['count']: raise ValueError(f'{name}{key}: buckets {counts} of {s["count"]}')

def values(families, family, **labels):
    """The sum over the samples of a family that bear these labels."""
    return sum((v for n, l, v in families[family]['samples'] if all(l.get(k) == x for k, x in labels.items())), Decimal(0))
