# SPDX-License-Identifier: Apache-2.0
"""A receiver of what the gateway sends out: a collector, a hook. It answers what `plan` says, one entry a request (a status,
or (status, headers, body)), then 200; it keeps every request as (path, headers, body). hold: it takes requests and is silent.
"""
import http.server, json, threading, time

class Receiver:
    def __init__(self, plan=(), hold=False, tls=None):
        self.plan, self.hold, self.requests, self.lock = list(plan), hold, [], threading.Lock()
        receiver = self
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = 'HTTP/1.1'
            def do_POST(self):
                body = self.rfile.read(int(self.headers['content-length']))
                with receiver.lock:
                    receiver.requests.append((self.path, {k.lower(): v for k, v in self.headers.items()}, body))
                    step = receiver.plan.pop(0) if receiver.plan else 200
                if receiver.hold: time.sleep(60); return
                status, headers, answer = step if isinstance(step, tuple) else (step, {}, b'{}')
                self.send_response(status)
                for k, v in headers.items(): self.send_header(k, v)
                self.send_header('content-length', str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)
            def do_GET(self):
                with receiver.lock: receiver.requests.append(('GET ' + self.path, {}, b''))
                self.send_response(200); self.send_header('content-length', '0'); self.end_headers()
            def log_message(self, *_): pass
        self.server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
        self.server.daemon_threads = True
        if tls: self.server.socket = tls.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def got(self, path=None):
        with self.lock: return [r for r in self.requests if path is None or r[0] == path]

    def wait(self, n, path=None, seconds=10):
        end = time.monotonic() + seconds
        while time.monotonic() < end and len(self.got(path)) < n: time.sleep(0.02)
        return self.got(path)

    def json(self, path=None): return [json.loads(b) for _, _, b in self.got(path)]
    def close(self): self.server.shutdown(); self.server.server_close()
