#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""One damaged row in each table that a gateway reads at its start: it starts, serves, and names the row; the row stays where
it is, `verify` names it too, and commands that would sum over it say so instead. A damaged cap stops it: what that forbade
would be allowed."""
import json, pathlib, sqlite3, subprocess, sys
sys.path.insert(0, str(pathlib.Path(__file__).parent))
from stack import Stack, ok, close, wait_port, BINARY

CHAT = {'model': 'gpt-5.4-mini', 'messages': [{'role': 'user', 'content': 'hello'}], 'max_completion_tokens': 20}
# what a table needs of a row, and a change that its checksum does not know of
ROWS = {
    'job': "INSERT INTO job(ask,kind,provider,id,match,asked,key,team,feature,model,env,own,currency,most,most_tok,crc)"
           " VALUES(x'00000000000000010000000000000001',0,'openai','ftjob-lost','',1,'','','','','',0,'USD',5,5,1)",
    'hold': "INSERT INTO hold(key,name,operation,provider,model,region,caller,team,feature,env,tokens,begin,until,booked,booked_hours,due,crc)"
            " VALUES(x'00000000000000010000000000000001','cachedContents/lost',x'00000000000000010000000000000001','gemini','gemini-2.5-pro','eu','','','','',9,1,2,1,0,1,1)",
    'outlay': "UPDATE outlay SET amount=amount+1",
    'key': "UPDATE key SET team='root' WHERE id=:bad",
    'call': "UPDATE call SET cost=12345678 WHERE row=1",
    'label': "UPDATE label SET team=team+1 WHERE id=1",
}
NAMED = {'job': 'ftjob-lost', 'hold': 'cachedContents/lost', 'outlay': 'o-', 'key': None, 'call': 'call row', 'label': 'label'}

def sql(s, text, **args):
    with sqlite3.connect(s.ledger) as c:
        c.execute(text, args)
    c.close()

def rows(s, table):
    with sqlite3.connect(f'file:{s.ledger}?mode=ro', uri=True) as c:
        return c.execute(f'SELECT count(*) FROM {table}').fetchone()[0]

def columns(s, table):
    with sqlite3.connect(f'file:{s.ledger}?mode=ro', uri=True) as c:
        return [r[1] for r in c.execute(f'PRAGMA table_info({table})')]

def chat(s, key):
    return s.post('/openai/v1/chat/completions', json.dumps(CHAT).encode(), {'content-type': 'application/json', 'authorization': f'Bearer {key}'})[0]

def one(table):
    with Stack() as s:
        s.run('cap', 'set', '--book', 'inference', '--amount', 'USD 100', '--window', 'month', '--hard', check=True)
        s.run('cap', 'set', '--book', 'training', '--amount', 'USD 100', '--window', 'month', '--hard', check=True)
        s.run('outlay', 'add', '--kind', 'finetune', '--amount', 'USD 5', '--date', '2026-11-01', check=True)
        good, bad = s.json('key', 'new', '--team', 'a'), s.json('key', 'new', '--team', 'b')
        wait_port(s.port, process=s.gateway)
        first = [chat(s, bad['key']) for _ in range(2)]
        s.kill()
        sql(s, ROWS[table], **({'bad': bad['id']} if table == 'key' else {}))
        before = rows(s, table)
        s.start_gateway()
        ok(f'{table}: the gateway starts and serves', first == [200, 200] and chat(s, good['key']) == 200)
        if table == 'key':
            ok('key: the damaged one is refused', chat(s, bad['key']) == 401)
        name = NAMED[table] or bad['id']
        log = [l for l in s.log().splitlines() if 'damaged_row_passed_by' in l]
        ok(f'{table}: the log names the row', any(name in l for l in log), log or s.log()[-500:])
        s.stop()
        ok(f'{table}: the row is not lost', rows(s, table) >= before)
        v = s.run('verify')
        ok(f'{table}: verify names it', v.returncode != 0 and (name in v.stdout + v.stderr), v.stdout[-400:] + v.stderr[-200:])

def cap():
    with Stack() as s:
        made = s.json('cap', 'set', '--book', 'inference', '--amount', 'USD 100', '--window', 'month', '--hard')
        s.kill()
        sql(s, 'UPDATE cap SET amount=amount*1000')
        r = subprocess.run([BINARY, 'serve', '--config', str(s.folder / 'runrate.yaml')], env=s.env, capture_output=True, text=True, timeout=20)
        ident = next(w for w in r.stderr.replace('`', ' ').replace(',', ' ').split() if w.startswith('cap-'))
        ok('cap: the gateway does not start without it, and says what to do', r.returncode != 0 and f'cap remove {ident}' in r.stderr, r.stderr)
        s.run('cap', 'remove', ident, check=True)
        s.run('cap', 'set', '--book', 'inference', '--amount', 'USD 100', '--window', 'month', '--hard', check=True)
        s.start_gateway()
        ok('cap: set anew, it starts', True)

for table in ROWS:
    one(table)
cap()
close()
