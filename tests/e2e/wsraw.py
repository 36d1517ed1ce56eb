# SPDX-License-Identifier: Apache-2.0
"""A strict RFC 6455 client over raw sockets, written apart from the gateway's: it checks every bit of what it is sent, and
sends whatever it is told to, right or wrong."""
import base64, hashlib, os, socket, struct

TEXT, BINARY, CLOSE, PING, PONG, CONT = 1, 2, 8, 9, 10, 0

class Broken(Exception): pass

def frame(payload, opcode=TEXT, fin=True, mask=True, rsv=0, length=None):
    """length: how it is written: None the shortest, 2 or 8 bytes."""
    n = len(payload)
    head = bytes([(0x80 if fin else 0) | rsv << 4 | opcode])
    bit = 0x80 if mask else 0
    if length == 8 or (length is None and n > 65535): head += bytes([bit | 127]) + struct.pack('>Q', n)
    elif length == 2 or (length is None and n > 125): head += bytes([bit | 126]) + struct.pack('>H', n)
    else: head += bytes([bit | n])
    if not mask: return head + payload
    key = os.urandom(4)
    return head + key + bytes(b ^ key[i & 3] for i, b in enumerate(payload))

class Client:
    def __init__(self, port, path, headers=None, key=None, timeout=15, drop=(), version='13', method='GET', proto='HTTP/1.1'):
        self.s = socket.create_connection(('127.0.0.1', port), timeout)
        self.s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.key = key or base64.b64encode(os.urandom(16)).decode()
        h = {'host': 't', 'upgrade': 'websocket', 'connection': 'Upgrade', 'sec-websocket-key': self.key, 'sec-websocket-version': version,
             'authorization': 'Bearer sk-raw-ws', **(headers or {})}
        for d in drop: h.pop(d, None)
        self.s.sendall((f'{method} {path} {proto}\r\n' + ''.join(f'{k}: {v}\r\n' for k, v in h.items()) + '\r\n').encode())
        self.buf, self.closed = b'', None
        head = self.until(b'\r\n\r\n')
        lines = head.decode('latin-1').split('\r\n')
        self.status = int(lines[0].split()[1])
        self.headers = {k.lower(): v.strip() for k, _, v in (l.partition(':') for l in lines[1:] if l)}
        if self.status == 101:
            want = base64.b64encode(hashlib.sha1((self.key + '258EAFA5-E914-47DA-95CA-C5AB0DC85B11').encode()).digest()).decode()
            if self.headers.get('sec-websocket-accept') != want or self.headers.get('upgrade', '').lower() != 'websocket' or 'upgrade' not in self.headers.get('connection', '').lower():
                raise Broken(f'handshake: {self.headers}')
            if 'sec-websocket-extensions' in self.headers: raise Broken('an extension nobody asked for')

    def until(self, mark):
        while mark not in self.buf:
            more = self.s.recv(65536)
            if not more: raise Broken(f'ended in the head: {self.buf[:200]!r}')
            self.buf += more
        at = self.buf.index(mark) + len(mark)
        out, self.buf = self.buf[:at], self.buf[at:]
        return out

    def need(self, n):
        parts, have = [self.buf], len(self.buf)
        try:
            while have < n:
                more = self.s.recv(1 << 16)
                if not more: raise EOFError
                parts.append(more)
                have += len(more)
        finally:
            self.buf = b''.join(parts)
        out, self.buf = self.buf[:n], self.buf[n:]
        return out

    def read_frame(self):
        a, b = self.need(2)
        if a & 0x70: raise Broken('reserved bits')
        if b & 0x80: raise Broken('a masked frame from a server')
        op, n = a & 15, b & 127
        if op not in (0, 1, 2, 8, 9, 10): raise Broken(f'opcode {op}')
        if n == 126:
            n = struct.unpack('>H', self.need(2))[0]
            if n < 126: raise Broken('length not shortest')
        elif n == 127:
            n = struct.unpack('>Q', self.need(8))[0]
            if n < 65536: raise Broken('length not shortest')
        if op >= 8 and (n > 125 or not a & 0x80): raise Broken('long or fragmented control frame')
        return bool(a & 0x80), op, self.need(n)

    def read(self):
        """(opcode, payload) of the next message or control frame; (CLOSE, code, reason); None at the end of the connection."""
        parts, kind = [], None
        while True:
            try: fin, op, data = self.read_frame()
            except (EOFError, ConnectionResetError): return None
            if op == CLOSE:
                self.closed = (struct.unpack('>H', data[:2])[0] if data else None, data[2:].decode())
                return (CLOSE, *self.closed)
            if op >= 8:
                self.control = getattr(self, 'control', []) + [(op, data)]
                if not parts: return op, data
                continue
            if op == CONT and kind is None: raise Broken('a continuation of nothing')
            if op != CONT and kind is not None: raise Broken('a message within a message')
            kind = kind if op == CONT else op
            parts.append(data)
            if fin:
                whole = b''.join(parts)
                if kind == TEXT: whole.decode()
                return kind, whole

    def send(self, payload, **kw): self.s.sendall(frame(payload if isinstance(payload, bytes) else payload.encode(), **kw))
    def raw(self, data): self.s.sendall(data)
    def shut(self): self.s.close()
