# SPDX-License-Identifier: Apache-2.0
"""A raw HTTP/1.1 client for byte tests: keeps every byte, knows how a connection ended."""
import json, socket

class Raw:
    """all: bytes as they came; ended: 'fin', 'rst' or 'timeout'; status, headers (list), body (de-chunked), clean."""
    def __init__(self):
        self.all, self.ended, self.status, self.headers, self.body, self.clean, self.chunks = b'', '', 0, [], b'', False, []

    def get(self, name):
        return next((v for k, v in self.headers if k == name), None)

    def parse(self):
        rest = self.all
        while True:  # 1xx come before
            head, sep, rest = rest.partition(b'\r\n\r\n')
            if not sep: return self
            lines = head.decode('latin-1').split('\r\n')
            try: self.status = int(lines[0].split()[1])
            except (ValueError, IndexError): self.status = -1
            if self.status >= 200 or self.status < 0: break
        self.headers = [(k.lower(), v.strip()) for k, _, v in (l.partition(':') for l in lines[1:])]
        if self.get('transfer-encoding') == 'chunked':
            at, left = 0, b''
            while at < len(rest) and not self.clean:
                end = rest.find(b'\r\n', at)
                try: n = int(rest[at:end if end >= 0 else len(rest)], 16)
                except ValueError: break
                at = end + 2 if end >= 0 else len(rest)
                if end < 0 or len(rest) - at < n + 2:
                    left = rest[at:at + n]
                    break
                if n: self.chunks.append(rest[at:at + n])
                else: self.clean = True
                at += n + 2
            self.body = b''.join(self.chunks) + left
        elif self.get('content-length') is not None:
            n = int(self.get('content-length'))
            self.body, self.clean = rest[:n], len(rest) >= n
        else:
            self.body, self.clean = rest, self.ended == 'fin'
        return self

def request_bytes(method, path, body, headers, close=True):
    data = body if isinstance(body, bytes) else b'' if body is None else json.dumps(body).encode()
    head = f'{method} {path} HTTP/1.1\r\nhost: t\r\n' + (f'content-length: {len(data)}\r\n' if data or method == 'POST' else '')
    base = {'content-type': 'application/json', 'authorization': 'Bearer sk-raw', **({'connection': 'close'} if close else {}), **(headers or {})}
    return (head + ''.join(f'{k}: {v}\r\n' for k, v in base.items() if v is not None)).encode() + b'\r\n' + data

def exchange(port, path, body=None, headers=None, method='POST', timeout=10.0, host='127.0.0.1'):
    """One request on its own connection, read to its end (or until `timeout` s of silence)."""
    r = Raw()
    with socket.create_connection((host, port), timeout) as s:
        s.settimeout(timeout)
        s.sendall(request_bytes(method, path, body, headers))
        parts = []
        try:
            while True:
                piece = s.recv(1 << 16)
                if not piece:
                    r.ended = 'fin'
                    break
                parts.append(piece)
        except (ConnectionResetError, BrokenPipeError):
            r.ended = 'rst'
        except (TimeoutError, socket.timeout):
            r.ended = 'timeout'
        r.all = b''.join(parts)
    return r.parse()

def sse(body):
    """[(event or None, data text)] by the HTML standard's rules (any line end, comments, a byte order mark)."""
    text = body.decode('utf-8').removeprefix('\ufeff').replace('\r\n', '\n').replace('\r', '\n')
    out = []
    for block in text.split('\n\n'):
        event, data = None, []
        for line in block.split('\n'):
            key, _, value = line.partition(':')
            if key == 'event': event = value.removeprefix(' ')
            elif key == 'data': data.append(value.removeprefix(' '))
        if data: out.append((event, '\n'.join(data)))
    return out
