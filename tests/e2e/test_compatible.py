#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Servers that speak OpenAI's dialect in their own accent: answers as vLLM, llama.cpp and Ollama give them (shapes of their
documentation and source, November 2026), played by a server of thirty lines. Extra fields pass, usage that comes only when it
is asked for is asked for, and the client that did not ask sees what it would have seen."""
import http.server, json, pathlib, sys, threading
sys.path.insert(0, str(pathlib.Path(__file__).parent))
from stack import Stack, ok, close
from wire import exchange, sse

USAGE = {'prompt_tokens': 11, 'completion_tokens': 4, 'total_tokens': 15}
TIMINGS = {'prompt_n': 11, 'prompt_ms': 21.5, 'predicted_n': 4, 'predicted_ms': 66.25, 'predicted_per_second': 60.37}
def whole(**more): return {'id': 'chatcmpl-1', 'object': 'chat.completion', 'created': 1, 'model': 'own-7b', 'choices': [
    {'index': 0, 'message': {'role': 'assistant', 'content': 'one two three four'}, 'finish_reason': 'stop'}], 'usage': USAGE, **more}
def chunk(text, finish=None, **more): return {'id': 'chatcmpl-1', 'object': 'chat.completion.chunk', 'created': 1, 'model': 'own-7b',
    'choices': [{'index': 0, 'delta': {'content': text} if text else {}, 'finish_reason': finish}], **more}
def last(**more): return {'id': 'chatcmpl-1', 'object': 'chat.completion.chunk', 'created': 1, 'model': 'own-7b', 'choices': [], 'usage': USAGE, **more}

SERVERS = {  # whole answer; chunks of a stream; what comes at its end when usage was asked for
    'vllm': (whole(prompt_logprobs=None, kv_transfer_params=None, usage={**USAGE, 'prompt_tokens_details': None}),
             [chunk('one two'), chunk(' three four'), chunk('', 'stop')], [last()]),
    'llama.cpp': (whole(timings=TIMINGS, __verbose={'n_past': 15}), [chunk('one two', timings=TIMINGS), chunk(' three four'), chunk('', 'stop', timings=TIMINGS)], [last(timings=TIMINGS)]),
    'ollama': (whole(system_fingerprint='fp_ollama'), [chunk('one two', system_fingerprint='fp_ollama'), chunk(' three four', system_fingerprint='fp_ollama'), chunk('', 'stop')], [last(system_fingerprint='fp_ollama')]),
    'silent': ({k: v for k, v in whole().items() if k != 'usage'}, [chunk('one two'), chunk(' three four'), chunk('', 'stop')], []),
}

class Server(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    def log_message(self, *_): pass
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers['content-length'])))
        answer, chunks, end = SERVERS[self.headers['x-like']]
        if body.get('stream'):
            asked = (body.get('stream_options') or {}).get('include_usage')
            data = ''.join(f'data: {json.dumps(c)}\n\n' for c in chunks + (end if asked else [])) + 'data: [DONE]\n\n'
        else:
            data = json.dumps(answer)
        raw = data.encode()
        self.send_response(200)
        self.send_header('content-type', 'text/event-stream' if body.get('stream') else 'application/json')
        self.send_header('content-length', str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

def main():
    server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    config = f'  - {{name: own, dialect: openai, base: "http://127.0.0.1:{server.server_port}", key: "k", region: own}}\n'
    ask = {'model': 'own-7b', 'messages': [{'role': 'user', 'content': 'count'}]}
    with Stack(config=config) as s:
        for like in SERVERS:
            rows = lambda: [json.loads(l) for l in s.run('export', '--calls').stdout.splitlines()]
            for name, body in (('whole', ask), ('stream', {**ask, 'stream': True}), ('stream, usage asked for', {**ask, 'stream': True, 'stream_options': {'include_usage': True}})):
                n, head = len(rows()), {'x-like': like}
                direct, ours = (exchange(p, path + '/v1/chat/completions', body, head) for p, path in ((server.server_port, ''), (s.port, '/up/own')))
                ok(f'{like}, {name}: the client sees what it would have seen', ours.status == 200 and ours.body == direct.body, f'{direct.body[-300:]} / {ours.body[-300:]}')
                new = rows()[n:]
                if like == 'silent':
                    ok(f'{like}, {name}: without usage an estimate, marked as one', len(new) == 1 and new[0]['provenance'] == 'estimated' and new[0]['classes'].get('out_text', 0) >= 4, str(new)[:300])
                else:
                    ok(f'{like}, {name}: 11 and 4 tokens', len(new) == 1 and new[0]['classes'] == {'in_plain': 11, 'out_text': 4} and new[0]['provenance'] == 'measured' and new[0]['vendor_total_tok'] == 15, str(new)[:400])
        ok('verify is content', s.json('verify')['ok'])
    server.shutdown()

main()
close()
