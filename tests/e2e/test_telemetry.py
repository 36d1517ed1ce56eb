#!/usr/bin/env python3
# waits: for timers, mostly
# SPDX-License-Identifier: Apache-2.0
"""What is told of calls outside: the log with OpenTelemetry's names, spans and metrics by OTLP. Judged by the official
protobuf definitions where they are installed (setup.sh judges), by a plain check of the JSON form always,
and by our own importer, which must read back the tokens that the ledger has.
"""
import json, pathlib, re, subprocess, sys, time
from decimal import Decimal
sys.path.insert(0, str(pathlib.Path(__file__).parent))
import exposition, judges
from receiver import Receiver
from stack import BINARY, Stack, ok, skip, close, rows

CHAT = {'model': 'gpt-4o-mini', 'messages': [{'role': 'user', 'content': 'Zanzibar-prompt-canary'}]}
TRACE, PARENT = '4bf92f3577b34da6a3ce929d0e0e4736', '00f067aa0ba902b7'

def traffic(s):
    """Calls of every vendor, streamed and not, cached, reasoning, failing, refused, with and without a trace."""
    h = {'x-runrate-team': 'search', 'x-runrate-feature': 'bot', 'x-sandbox-tokens': '33'}
    s.post('/openai/v1/chat/completions', CHAT, {**h, 'traceparent': f'00-{TRACE}-{PARENT}-01'})
    s.post('/openai/v1/chat/completions', {**CHAT, 'stream': True}, {**h, 'x-runrate-env': 'pilot'})
    s.post('/openai/v1/chat/completions', CHAT, {**h, 'traceparent': f'00-{TRACE}-{PARENT}-00'})
    s.post('/openai/v1/chat/completions', CHAT, {**h, 'traceparent': f'00-{TRACE}-{PARENT.upper()}-01'})
    s.post('/openai/v1/responses', {'model': 'gpt-5-mini', 'input': 'hi', 'reasoning': {'effort': 'high'}}, h)
    s.post('/openai/v1/embeddings', {'model': 'text-embedding-3-small', 'input': 'hi'}, h)
    a = {'x-api-key': 'sk-canary-client-77', 'authorization': '', 'anthropic-version': '2023-06-01', **h}
    long = [{'type': 'text', 'text': 'a rule of the house. ' * 800, 'cache_control': {'type': 'ephemeral'}}]
    for stream in (False, True, True):
        s.post('/anthropic/v1/messages', {'model': 'claude-sonnet-4-5', 'max_tokens': 90, 'system': long, 'stream': stream, 'messages': CHAT['messages']}, a)
    for op in ('generateContent', 'streamGenerateContent?alt=sse'):
        s.post(f'/gemini/v1beta/models/gemini-2.5-flash:{op}', {'contents': [{'role': 'user', 'parts': [{'text': 'hi'}]}]}, h)
    s.post('/openai/v1/chat/completions', CHAT, {**h, 'x-sandbox-fault': '500'})
    s.post('/openai/v1/chat/completions', {**CHAT, 'model': 'nobody-sells-this'}, h)
    s.post('/openai/v1/chat/completions', CHAT, {**h, 'x-runrate-feature': 'closed'})

# ---- the JSON form of OTLP, by its own description (opentelemetry-proto docs/specification.md, "JSON Protobuf Encoding") ----

FORMS = {'resourceSpans': [{'resource': {'attributes': 'attrs'}, 'scopeSpans': [{'scope': {'name': str, 'version': str}, 'spans': ['span']}]}]}
SPAN = {'traceId': 'hex32', 'spanId': 'hex16', 'parentSpanId': 'hex16', 'flags': int, 'name': str, 'kind': int, 'startTimeUnixNano': 'u64',
        'endTimeUnixNano': 'u64', 'attributes': 'attrs', 'status': {'code': int}}
METRICS = {'resourceMetrics': [{'resource': {'attributes': 'attrs'}, 'scopeMetrics': [{'scope': {'name': str, 'version': str}, 'metrics': ['metric']}]}]}
POINT = {'attributes': 'attrs', 'startTimeUnixNano': 'u64', 'timeUnixNano': 'u64', 'count': 'u64', 'sum': float, 'bucketCounts': ['u64'],
         'explicitBounds': [float], 'asInt': 'u64', 'asDouble': float}
METRIC = {'name': str, 'unit': str, 'description': str, 'histogram': {'aggregationTemporality': int, 'dataPoints': [POINT]},
          'sum': {'aggregationTemporality': int, 'isMonotonic': bool, 'dataPoints': [POINT]}}
NAMED = {'span': SPAN, 'metric': METRIC}

def check(v, form, where=''):
    if form in ('hex32', 'hex16'):
        n = int(form[3:])
        assert isinstance(v, str) and re.fullmatch(f'[0-9a-f]{{{n}}}', v) and set(v) != {'0'}, f'{where}: {v}'
    elif form == 'u64': assert isinstance(v, str) and v.isdigit() and int(v) < 1 << 64, f'{where}: {v!r} is no 64-bit integer as text'
    elif form == 'attrs':
        names = [a['key'] for a in v]
        assert len(names) == len(set(names)), f'{where}: a name twice in {names}'
        for a in v:
            (kind, x), = a['value'].items()
            assert set(a) == {'key', 'value'}, where
            assert isinstance(x, {'stringValue': str, 'intValue': str, 'doubleValue': (int, float), 'boolValue': bool}[kind]), f'{where}: {a}'
            if kind == 'intValue': int(x)
    elif isinstance(form, str): check(v, NAMED[form], where)
    elif isinstance(form, dict):
        assert isinstance(v, dict) and set(v) <= set(form), f'{where}: {set(v) - set(form)}'
        for k, x in v.items(): check(x, form[k], f'{where}.{k}')
    elif isinstance(form, list):
        assert isinstance(v, list), where
        for x in v: check(x, form[0], where + '[]')
    elif form is float: assert isinstance(v, (int, float)) and not isinstance(v, bool), f'{where}: {v}'
    else: assert isinstance(v, form) and not (form is int and isinstance(v, bool)), f'{where}: {v}'

def attrs(item):
    out = {}
    for a in item['attributes']:
        (kind, x), = a['value'].items()
        out[a['key']] = int(x) if kind == 'intValue' else x
    return out

def spans_of(bodies): return [x for b in bodies for r in b['resourceSpans'] for sc in r['scopeSpans'] for x in sc['spans']]

def official(bodies, metrics):
    try:
        judges.have('judges')
        from google.protobuf import json_format
        from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
        from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
    except ImportError:
        skip('the official definitions', 'opentelemetry-proto is not here (tests/e2e/setup.sh judges)')
        return
    import base64
    def as_proto(v, key=''):  # OTLP differs from protobuf's JSON in one thing: ids are hex, not base64
        if isinstance(v, dict): return {k: as_proto(x, k) for k, x in v.items()}
        if isinstance(v, list): return [as_proto(x) for x in v]
        return base64.b64encode(bytes.fromhex(v)).decode() if key in ('traceId', 'spanId', 'parentSpanId') else v
    n = 0
    for b in bodies:
        got = json_format.Parse(json.dumps(as_proto(b)), ExportTraceServiceRequest(), ignore_unknown_fields=False)
        n += sum(len(sc.spans) for r in got.resource_spans for sc in r.scope_spans)
        ok('a span\'s kind is CLIENT by the official enum', all(s.kind == 3 for r in got.resource_spans for sc in r.scope_spans for s in sc.spans))
    points = 0
    for b in metrics:
        got = json_format.Parse(json.dumps(as_proto(b)), ExportMetricsServiceRequest(), ignore_unknown_fields=False)
        for m in (m for r in got.resource_metrics for sc in r.scope_metrics for m in sc.metrics):
            points += len(m.histogram.data_points) + len(m.sum.data_points)
            bad = [p for p in m.histogram.data_points if len(p.bucket_counts) != len(p.explicit_bounds) + 1 or sum(p.bucket_counts) != p.count]
            if bad: ok('buckets sum to the count', False, str(bad[0])[:200])
    ok(f'the official definitions take {n} spans and {points} points, unknown fields forbidden', n > 10 and points > 20, f'{n} {points}')

def export():
    r = Receiver()
    config = (f'log: {{format: json, calls: true}}\ncaps: [{{feature: closed, amount: "0.0000001 USD", window: day, hard: true}}]\n'
              f'otlp: {{endpoint: "http://127.0.0.1:{r.port}/base/", interval: 1s, headers: [{{name: x-token, value: "${{OTLP_TOKEN}}"}}]}}\n')
    with Stack(config=config, env={'OTLP_TOKEN': 'canary-otlp-token'}) as s:
        traffic(s)
        ledger = rows(s)
        r.wait(1, '/base/v1/traces')
        begin = time.monotonic()
        rc = s.stop()
        ok('it ends soon', rc == 0 and time.monotonic() - begin < 10)
        bodies, metrics = r.json('/base/v1/traces'), r.json('/base/v1/metrics')
        heads = [h for _, h, _ in r.got()]
        ok('each export bears the header that the configuration names, and says JSON', heads and all(h['x-token'] == 'canary-otlp-token' and h['content-type'] == 'application/json' for h in heads))
        for b in bodies: check(b, FORMS)
        for b in metrics: check(b, METRICS)
        ok('the form is that of the specification', True)
        official(bodies, metrics)
        spans = spans_of(bodies)
        by_call = {attrs(x)['runrate.call.id']: x for x in spans}
        unsampled = [c for c in ledger if c['id'] not in by_call]
        ok('a span for each recorded call, but for the one whose client did not sample it', len(spans) == len(by_call) == len(ledger) - 1 and len(unsampled) == 1, f'{len(spans)} {len(ledger)}')
        parents = [x for x in spans if 'parentSpanId' in x]
        ok("the client's trace is the span's, and its span the parent", len(parents) == 1 and parents[0]['traceId'] == TRACE and parents[0]['parentSpanId'] == PARENT and parents[0]['flags'] == 0x301, str(parents)[:300])
        ok('a span without a trace has its operation\'s id', all(x['traceId'] == attrs(x)['runrate.operation.id'][2:] for x in spans if 'parentSpanId' not in x))
        ok('ids are apart', len({x['spanId'] for x in spans}) == len(spans))
        wrong = []
        for c in ledger:
            x = by_call.get(c['id'])
            if not x: continue
            a, k = attrs(x), c['classes']
            side = lambda p: sum(v for n, v in k.items() if n.startswith(p))
            want = {'gen_ai.request.model': c['model_asked'] or None, 'gen_ai.response.model': c['model_answered'] or None, 'runrate.team': 'search',
                    'http.response.status_code': c['status'], 'gen_ai.usage.cache_read.input_tokens': k.get('in_cache_read') or None,
                    'gen_ai.usage.cache_creation.input_tokens': side('in_cache_write') or None, 'gen_ai.usage.reasoning.output_tokens': k.get('out_reasoning') or None,
                    'runrate.cost.status': c['price_status'], 'runrate.cost.amount': c['cost'] if c['price_status'] == 'priced' else None, 'deployment.environment.name': c['env']}
            if c['outcome'] == 'ok': want |= {'gen_ai.usage.input_tokens': side('in_'), 'gen_ai.usage.output_tokens': side('out_'), 'error.type': None}
            else: want |= {'gen_ai.usage.input_tokens': None}
            wrong += [(c['id'], n, a.get(n), v) for n, v in want.items() if a.get(n) != v]
            if ('status' in x) != (c['outcome'] != 'ok'): wrong.append((c['id'], 'status', x.get('status')))
        ok('every span says what the ledger says', not wrong, str(wrong[:4]))
        named = {(attrs(x)['gen_ai.operation.name'], attrs(x)['gen_ai.provider.name']) for x in spans}
        ok('operations and providers bear the conventions\' names', named >= {('chat', 'openai'), ('chat', 'anthropic'), ('generate_content', 'gcp.gemini'), ('embeddings', 'openai')}, str(named))
        ok('a span is named by operation and model', {'chat gpt-4o-mini', 'embeddings text-embedding-3-small'} <= {x['name'] for x in spans})
        errors = sorted(attrs(x).get('error.type', '') for x in spans if 'status' in x)
        ok('errors say which', errors == ['500', 'refused'], str(errors))
        check_metrics(metrics[-1], ledger)
        check_log(s, ledger)
        round_trip(s, r, ledger)
        secrets = ['Zanzibar-prompt-canary', 'sk-canary-client-77', 'sk-client-own', 'sk-sandbox-canary', 'a rule of the house']
        outside = b''.join(b for _, _, b in r.got()) + s.log().encode()
        ok('no prompt and no key is told', not [x for x in secrets + ['canary-otlp-token'] if x.encode() in outside])
    r.close()

def check_metrics(body, ledger):
    found = {m['name']: m for rm in body['resourceMetrics'] for sc in rm['scopeMetrics'] for m in sc['metrics']}
    tokens, took = found['gen_ai.client.token.usage']['histogram'], found['gen_ai.client.operation.duration']['histogram']
    ok('the conventions\' bounds', all(p['explicitBounds'] == [4 ** i for i in range(14)] for p in tokens['dataPoints']) and
       all([str(b) for b in p['explicitBounds']] == [str(Decimal(2 ** i) / 100).rstrip('0').rstrip('.') if Decimal(2 ** i) % 100 else str(2 ** i // 100) for i in range(14)] for p in took['dataPoints']))
    for kind, side in (('input', 'in_'), ('output', 'out_')):
        got = sum(p['sum'] for p in tokens['dataPoints'] if attrs(p)['gen_ai.token.type'] == kind)
        want = sum(v for c in ledger for k, v in c['classes'].items() if k.startswith(side))
        ok(f'the sum of {kind} tokens is the ledger\'s', got == want > 0, f'{got} {want}')
    ok('every call has its duration', sum(int(p['count']) for p in took['dataPoints']) == len(ledger))
    cost = sum(p['asDouble'] for p in found['runrate.model.cost']['sum']['dataPoints'])
    want = sum(Decimal(c['cost']) for c in ledger if c['price_status'] == 'priced')
    ok('the cost is the ledger\'s', abs(cost - float(want)) <= 1e-12 * float(want) > 0, f'{cost} {want}')
    keys = [(m, json.dumps(sorted(attrs(p).items()))) for m, x in found.items() for p in (x.get('sum') or x['histogram'])['dataPoints']]
    ok('no series stands twice', len(keys) == len(set(keys)))
    ok('the gateway\'s counters go along', int(found['runrate.requests']['sum']['dataPoints'][0]['asInt']) == len(ledger), str(found['runrate.requests'])[:300])

def check_log(s, ledger):
    lines = [json.loads(l) for l in s.log().splitlines() if l.startswith('{')]
    calls = {l['runrate.call.id']: l for l in lines if l['event'] == 'call'}
    ok('one line a call', len(calls) == len(ledger) == sum(l['event'] == 'call' for l in lines), f'{len(calls)} {len(ledger)}')
    bad = []
    for c in ledger:
        l, k = calls[c['id']], c['classes']
        if c['outcome'] == 'ok' and (l['gen_ai.usage.input_tokens'], l['gen_ai.usage.output_tokens']) != (sum(v for n, v in k.items() if n.startswith('in_')), sum(v for n, v in k.items() if n.startswith('out_'))): bad.append((c['id'], 'tokens'))
        if c['price_status'] == 'priced' and (l['runrate.cost.amount'], l['runrate.cost.currency']) != (c['cost'], c['currency']): bad.append((c['id'], 'cost'))
        if c['streamed'] and c['outcome'] == 'ok' and not (round(l['gen_ai.response.time_to_first_chunk'] * 1e6) == c['ttft_us'] and l['gen_ai.request.stream'] is True): bad.append((c['id'], 'first'))
        if not isinstance(l['runrate.duration_us'], int) or l['http.response.status_code'] != c['status']: bad.append((c['id'], 'status'))
    ok('each with the ledger\'s figures', not bad, str(bad[:3]))

def round_trip(s, r, ledger):
    """What was exported, imported into an empty ledger, has the same tokens."""
    f = s.folder / 'spans.jsonl'
    f.write_bytes(b'\n'.join(b for p, _, b in r.got('/base/v1/traces')) + b'\n')
    other = s.folder / 'other.db'
    run = lambda *a: subprocess.run([BINARY, *map(str, a), '--ledger', str(other), '--json'], capture_output=True, text=True, env=s.env, timeout=60)
    got = run('import', f, '--as', 'otel')
    back = [json.loads(l) for l in subprocess.run([BINARY, 'export', '--calls', '--ledger', str(other)], capture_output=True, text=True, env=s.env).stdout.splitlines()]
    spans = {attrs(x)['runrate.call.id'] for x in spans_of(r.json('/base/v1/traces'))}
    used = [c for c in ledger if sum(c['classes'].values()) and c['id'] in spans]
    def per(rows):
        out = {}
        for c in rows:
            k = c['classes']
            key = (c['vendor_ref'], c['team'], c['feature'], c['env'].replace('production', ''))
            out[key] = {n: v for n, v in k.items() if v}
        return out
    a, b = per(used), per(back)
    ok(f'our own importer reads back the tokens of {len(used)} calls, class by class', a == b and len(a) == len(used) > 8, f'{got.stderr[-300:]} only there {[x for x in a.items() if b.get(x[0]) != x[1]][:2]} only here {[x for x in b.items() if a.get(x[0]) != x[1]][:2]}')

def failing():
    """A collector that is busy, down, or refuses: what is lost is counted and said, and nothing waits for it."""
    r = Receiver(plan=[(429, {'retry-after': '1'}, b''), 503, (200, {}, b'{"partialSuccess":{"rejectedSpans":"1","errorMessage":"too old"}}'), 400, (302, {'location': '/elsewhere'}, b'')])
    with Stack(config=f'otlp: {{endpoint: "http://127.0.0.1:{r.port}", interval: 1s, metrics: false}}\n') as s:
        begin = time.monotonic()
        s.post('/openai/v1/chat/completions', CHAT)
        s.post('/openai/v1/chat/completions', CHAT)
        got = r.wait(3, '/v1/traces', 12)
        ok('429 and 503 are tried again, with the same bytes', len(got) == 3 and got[0][2] == got[1][2] == got[2][2] and time.monotonic() - begin >= 2)
        s.post('/openai/v1/chat/completions', CHAT); r.wait(4, '/v1/traces')
        s.post('/openai/v1/chat/completions', CHAT); r.wait(5, '/v1/traces')
        time.sleep(0.3)
        f = exposition.parse(s.request('GET', '/metrics', port=s.admin_port)[2].decode())
        v = lambda n: exposition.values(f, n)
        ok('400 and a redirect are not, nor is it followed', len(r.got()) == 5 and not [x for x in r.got() if 'elsewhere' in x[0]], str([x[0] for x in r.got()]))
        ok('counted: one kept, one rejected by a partial success, two refused', (v('runrate_otlp_spans_delivered_total'), v('runrate_otlp_spans_failed_total')) == (1, 3), str((v('runrate_otlp_spans_delivered_total'), v('runrate_otlp_spans_failed_total'))))
        ok('and said', 'spans_rejected' in s.log() and s.log().count('not_delivered') == 2, s.log()[-600:])
    r.close()
    r = Receiver(hold=True)
    with Stack(config=f'otlp: {{endpoint: "http://127.0.0.1:{r.port}", interval: 1s}}\n') as s:
        for _ in range(5): status = s.post('/openai/v1/chat/completions', CHAT)[0]
        r.wait(1)
        begin = time.monotonic()
        status2 = s.post('/openai/v1/chat/completions', CHAT)[0]
        rc = s.stop()
        took = time.monotonic() - begin
        ok('a collector that never answers stops neither calls nor the end', status == status2 == 200 and rc == 0 and took < 12 and 'not_delivered' in s.log(), f'{took:.1f} {rc} {s.log()[-300:]}')
    r.close()

def wrong_config():
    for text, words in (('otlp: {interval: 5s}', 'endpoint is missing'), ('otlp: {endpoint: "ftp://x"}', 'begins with https:// or http://'),
                        ('otlp: {endpoint: "http://x/v1/traces"}', 'follow by themselves'), ('otlp: {endpoint: "http://x", intervall: 5s}', 'interval'),
                        ('otlp: {endpoint: "http://x", headers: [{name: host, value: y}]}', 'a name and a value'),
                        ('otlp: {endpoint: "http://x", headers: [{name: a, value: "${NOT_SET_ANYWHERE}"}]}', 'NOT_SET_ANYWHERE'),
                        ('otlp: {endpoint: "http://x", headers: [{name: a}]}', 'a name and a value'), ('log: {calls: maybe}', 'true or false')):
        s = Stack(config=text + '\n'); s.write_config()
        r = subprocess.run([BINARY, 'serve', '--config', str(s.folder / 'runrate.yaml')], capture_output=True, text=True, env=s.env, timeout=20)
        ok(f'refused at start, in its place: {text}', r.returncode == 3 and words in r.stderr and '^' in r.stderr, f'{r.returncode} {r.stderr[:300]}')

def main():
    export(); failing(); wrong_config()
    close()

main()
