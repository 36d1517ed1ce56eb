#!/usr/bin/env python3
# waits: for timers, mostly
# SPDX-License-Identifier: Apache-2.0
"""Explicit caches bill for as long as they are kept: created, moved, deleted, run out, through kill -9. The sandbox's list
says how many tokens were kept from when to when; what that costs is computed here from the published price."""
import http.server, json, pathlib, sqlite3, sys, threading, time
from datetime import datetime, timedelta, timezone
from decimal import Decimal, ROUND_HALF_EVEN
from fractions import Fraction
sys.path.insert(0, str(pathlib.Path(__file__).parent))
from stack import Stack, ok, wait_port, close, until

PRICE = Decimal('4.5') / 10**6  # gemini-2.5-pro, a token-hour: data/prices/google.csv
GEM = '/gemini/v1beta'
KEY = {'x-goog-api-key': 'g-storage'}

def us(text):
    t = datetime.fromisoformat(text.replace('Z', '+00:00'))
    return round(Fraction(t.timestamp()) * 10**6) if not t.microsecond else int(t.replace(microsecond=0).timestamp()) * 10**6 + t.microsecond
def half_even(n, d):
    q, r = divmod(n, d)
    return q + (2 * r > d or (2 * r == d and q % 2))
def rows(s): return [r for r in map(json.loads, s.run('export', '--calls').stdout.splitlines()) if r['surface'] == 'gemini-cache-storage']
def call(s, method, path, body=None, headers=None):
    status, h, out = s.request(method, GEM + path, body, {'authorization': '', **KEY, **(headers or {})})
    return status, json.loads(out or b'{}')
def create(s, ttl, words=40000, model='models/gemini-2.5-pro', **kw):
    return call(s, 'POST', '/cachedContents', {'model': model, 'ttl': ttl, 'contents': [{'role': 'user', 'parts': [{'text': 'word ' * words}]}]}, **kw)
def truth(s, name): return [l['usage_due'] for l in s.served() if l['id'] == name]

def lives(s):
    status, ends = create(s, '2s')
    ok('a cache is created', status == 200 and ends['usageMetadata']['totalTokenCount'] > 40000, str(ends)[:200])
    _, moved = create(s, '900s')
    _, gone = create(s, '600s')
    _, free = create(s, '600s', model='models/gemini-9-unheard')
    for _ in range(3):
        st, seen = call(s, 'GET', '/' + moved['name'])
        st2, listed = call(s, 'GET', '/cachedContents')
    ok('c63_looking_at_caches_bills_nothing', st == 200 and len(listed['cachedContents']) >= 3 and not rows(s), str(rows(s))[:200])
    st, m = call(s, 'PATCH', '/' + moved['name'], {'ttl': '3s'})
    ok('its end is moved', st == 200 and us(m['expireTime']) < us(moved['expireTime']), str(m)[:200])
    s.kill(); s.start_gateway()
    st, _ = call(s, 'DELETE', '/' + gone['name'])
    at_delete = time.time() * 1e6
    ok('one is deleted', st == 200)
    mine = [r for r in rows(s) if r['vendor_ref'] == gone['name']]
    ok('its storage stands in the ledger when the deletion is answered', len(mine) == 1, str(mine)[:200])
    st, _ = call(s, 'DELETE', '/' + gone['name'])
    ok('deleted twice is an error of the vendor', st in (403, 404))
    call(s, 'DELETE', '/' + free['name'])
    all_in = until(lambda: {r['vendor_ref'] for r in rows(s)} >= {ends['name'], moved['name'], gone['name']})
    ok('what ran out is booked without being asked for', all_in, str(rows(s))[:400])
    s.kill(); s.start_gateway()
    time.sleep(1.5)
    for c, exact in ((ends, True), (moved, True), (gone, False)):
        t, mine = truth(s, c['name'])[-1], [r for r in rows(s) if r['vendor_ref'] == c['name']]
        held = us(t['until']) - us(t['from'])
        want = half_even(t['totalTokenCount'] * held, 3600 * 10**6)
        got = sum(r['storage_token_hours'] for r in mine)
        slack = 0 if exact else half_even(t['totalTokenCount'] * 300000, 3600 * 10**6)
        ok(f"c39_a_caches_token_hours_are_booked_once: {got} of {want} for {held / 1e6:.3f} s", len(mine) == 1 and 0 <= got - want <= slack, str(mine)[:300])
        r = mine[0]
        cost = (PRICE * r['storage_token_hours']).quantize(Decimal('1e-12'), ROUND_HALF_EVEN)
        ok('c39_at_the_published_price_to_the_last_10^-12', Decimal(r['cost']) == cost and cost > 0 and r['price_status'] == 'priced', f"{r['cost']} {cost}")
        ok('it is inference, of its own class, and no call', r['book'] == 'inference' and r['class_rule'] == 'I-cache-storage' and r['calls'] == 0 and r['provenance'] == 'measured', str(r)[:300])
        ok('from its creation on', us(r['start']) == us(t['from']), f"{r['start']} {t['from']}")
    r = [r for r in rows(s) if r['vendor_ref'] == free['name']][0]
    ok('c54_storage_without_a_price_is_unpriced', r['price_status'] == 'unpriced' and r['cost'] is None, str(r)[:300])
    spent = json.loads(s.request('GET', '/api/v1/caps', port=s.admin_port)[2])['caps'][0]['spent']
    ok('caps count it', Decimal(spent) == sum(Decimal(r['cost']) for r in rows(s) if r['cost']), f'{spent}')

def capped(s):
    before = len(s.served())
    st, e = create(s, '864000s')  # 50,000 tokens for ten days: far over the dollar
    ok('c48_storage_that_a_hard_cap_cannot_hold_is_refused', st == 429 and e['error']['status'] == 'RESOURCE_EXHAUSTED', str(e)[:300])
    ok('and is not forwarded', len(s.served()) == before)
    st, e = create(s, '864000s', model='models/gemini-9-unheard')
    ok('a hard cap refuses storage without a price', st == 429, str(e)[:300])

def odd(s):
    for body in (b'[]', b'{"ttl":', b'{"model":7,"ttl":[]}', json.dumps({'model': 'models/gemini-2.5-pro', 'ttl': '-5s'}).encode(), b'{}'):
        st, out = call(s, 'POST', '/cachedContents', body)
        ok(f'{body[:24]!r} is answered', st < 500, f'{st} {str(out)[:100]}')
    for path in ('/cachedContents/', '/cachedContents/no-such', '/cachedContents/a/b/c'):
        for method in ('DELETE', 'PATCH', 'GET'):
            st, _ = call(s, method, path, b'{}' if method == 'PATCH' else None)
            ok(f'{method} {path}', 400 <= st < 500, str(st))

def ahead(s):
    """What a cache may cost up to its end is reserved on a hard cap: nothing else can use it up meanwhile."""
    def cap():
        c = json.loads(s.request('GET', '/api/v1/caps', port=s.admin_port)[2])['caps'][0]
        return Decimal(c['spent']), Decimal(c['reserved'])
    def due(c, until, since=None):  # of what is not booked yet; a token-hour more where it is rounded
        held = us(until) - us(since or c['createTime'])
        return PRICE * half_even(c['usageMetadata']['totalTokenCount'] * held, 3600 * 10**6)
    def near(reserved, want): return want <= reserved <= want + 2 * PRICE
    st, c = create(s, '2400s')
    ok('what a cache may cost until its end is reserved', st == 200 and near(cap()[1], due(c, c['expireTime'])), f"{cap()} {due(c, c['expireTime'])}")
    before = len(s.served())
    st, e = create(s, '3600s')
    ok('so that a second one which does not fit beside it is refused', st == 429 and len(s.served()) == before, f'{st} {e} {cap()}')
    st, e = call(s, 'PATCH', '/' + c['name'], {'ttl': '36000s'})
    ok('and so is a later end which does not fit', st == 429 and len(s.served()) == before and near(cap()[1], due(c, c['expireTime'])), f'{st} {e} {cap()}')
    st, m = call(s, 'PATCH', '/' + c['name'], {'ttl': '3600s'})
    ok('one that fits is reserved', st == 200 and near(cap()[1], due(c, m['expireTime'])), f"{cap()} {due(c, m['expireTime'])}")
    s.kill(); s.start_gateway(); wait_port(s.admin_port)
    ok('it is reserved through kill -9', near(cap()[1], due(c, m['expireTime'])), f"{cap()} {due(c, m['expireTime'])}")
    s.run('cap', 'set', '--book', 'inference', '--amount', '9 USD', '--window', 'total', '--team', 'nobody', '--hard', check=True)
    s.run('cap', 'set', '--book', 'inference', '--amount', '9 USD', '--window', 'year', '--hard', check=True)
    def year():
        found = [c for c in json.loads(s.request('GET', '/api/v1/caps', port=s.admin_port)[2])['caps'] if c['window'] == 'year']
        return found and Decimal(found[0]['reserved'])
    ok('and on a cap that is set while it is kept', bool(until(lambda: year() and near(year(), due(c, m['expireTime'])))), f"{year()} {due(c, m['expireTime'])}")
    st, short = call(s, 'PATCH', '/' + c['name'], {'ttl': '60s'})
    ok('an earlier end gives back', st == 200 and near(cap()[1], due(c, short['expireTime'])), f"{cap()} {due(c, short['expireTime'])}")
    st, _ = call(s, 'DELETE', '/' + c['name'])
    spent = sum(Decimal(r['cost']) for r in rows(s))
    ok('a deletion gives all back, but what was booked', st == 200 and cap() == (spent, 0) and spent > 0, f'{cap()} {spent}')
    st, c = create(s, '2s')
    ok('what runs out leaves nothing reserved', bool(until(lambda: cap()[1] == 0)) and cap()[0] > spent, f'{cap()}')
    st, c = create(s, '600s', headers={'x-sandbox-fault': '500'})
    ok('a cache that was not made leaves nothing reserved', st == 500 and cap()[1] == 0, f'{st} {cap()}')

class Stub(http.server.BaseHTTPRequestHandler):
    """A vendor that answers a creation with what was posted to it, a look with the name alone, as `fields=name` asks for."""
    def reply(self, body):
        body = json.dumps(body).encode()
        self.send_response(200)
        self.send_header('content-length', str(len(body))); self.end_headers(); self.wfile.write(body)
    def do_POST(self): self.reply(json.loads(self.rfile.read(int(self.headers['content-length'])))['made'])
    def do_GET(self): self.reply({'name': self.path.split('?')[0].removeprefix('/v1beta/')})
    def do_DELETE(self): self.reply({})
    def log_message(self, *_): pass

def stated(s):
    """What an answer leaves out is not known from it; what has more than a transaction's slices due is booked whole."""
    def make(name, born=0, lives=3600, tokens=50000):
        at = datetime.now(timezone.utc).replace(tzinfo=None)
        made = {'name': f'cachedContents/{name}', 'model': 'models/gemini-2.5-pro', 'usageMetadata': {'totalTokenCount': tokens},
                'createTime': (at + timedelta(seconds=born)).isoformat() + 'Z', 'expireTime': (at + timedelta(seconds=lives)).isoformat() + 'Z'}
        if tokens is None: del made['usageMetadata']
        st, _, _ = s.request('POST', '/up/stub/v1beta/cachedContents', {'made': made, 'model': made['model'], 'ttl': f'{lives}s', 'contents': []}, KEY)
        return st, made
    def booked(c): return sum(r['storage_token_hours'] for r in rows(s) if r['vendor_ref'] == c['name'])
    def held():
        with sqlite3.connect(f'file:{s.ledger}?mode=ro', uri=True) as db: return db.execute('SELECT count(*) FROM hold').fetchone()[0]
    st, c = make('seen-in-part', lives=3)
    st2, _, part = s.request('GET', f"/up/stub/v1beta/{c['name']}?fields=name", None, KEY)
    want = half_even(50000 * (us(c['expireTime']) - us(c['createTime'])), 3600 * 10**6)
    ok('an answer that does not state the end does not take it away', st == st2 == 200 and until(lambda: booked(c) == want) and held() == 0, f'{part} {booked(c)} of {want}, {held()}')
    st, c = make('uncounted', tokens=None)
    ok('a cache whose tokens nobody counts is named, not booked as nothing', st == 200 and 'cache_not_metered' in s.log() and c['name'] in s.log() and held() == 0, s.log()[-300:])
    st, c = make('old', born=-1440 * 3600)
    st2, _, _ = s.request('DELETE', f"/up/stub/v1beta/{c['name']}", None, KEY)
    ok('a deletion counts, however much is not booked yet', st == st2 == 200 and until(lambda: 50000 * 1440 <= booked(c) and held() == 0), f'{booked(c)} {held()}')
    ok('to its own moment', booked(c) <= 50000 * 1440 + 50000 * 10 // 3600, f'{booked(c)}')

stub = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Stub); stub.daemon_threads = True
threading.Thread(target=stub.serve_forever, daemon=True).start()
with Stack(f'''  - {{name: stub, dialect: gemini, base: "http://127.0.0.1:{stub.server_port}", key: stub-key}}
caps: [{{book: inference, amount: "1000 USD", window: total, hard: false}}]''') as s:
    stated(s)
with Stack(config='caps: [{book: inference, amount: "1 USD", window: total, hard: true}]') as s:
    capped(s)
def by_window(s):
    """Of a cache that outlives a cap's window, the window holds its own part."""
    st, c = create(s, '259200s', words=5000)
    found = json.loads(s.request('GET', '/api/v1/caps', port=s.admin_port)[2])['caps'][0]
    held, whole = us(found['resets_at']) - us(c['createTime']), us(c['expireTime']) - us(c['createTime'])
    want = PRICE * c['usageMetadata']['totalTokenCount'] * held / (3600 * 10**6)
    ok('a window holds its own part of what is kept beyond it', st == 200 and held < whole and abs(Decimal(found['reserved']) - want) <= 2 * PRICE, f'{found} {want}')

with Stack(config='caps: [{book: inference, amount: "1 USD", window: total, hard: true}]') as s:
    ahead(s)
with Stack(config='caps: [{book: inference, amount: "9 USD", window: day, hard: true}]') as s:
    by_window(s)
with Stack(config='caps: [{book: inference, amount: "100 USD", window: total, hard: false}]') as s:
    lives(s)
    odd(s)
    ok('verify is content', s.json('verify')['ok'], str(s.json('verify'))[:300])
close()
