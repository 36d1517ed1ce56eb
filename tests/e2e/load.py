# SPDX-License-Identifier: Apache-2.0
"""Raw asyncio HTTP clients for load: they know exactly what was answered cleanly and what was not."""
import asyncio, json

class Answer:
    __slots__ = ('status', 'headers', 'body', 'clean', 'began')
    def __init__(self):
        self.status, self.headers, self.body, self.clean, self.began = 0, {}, b'', False, False

async def call(port, path, body, headers=None, method='POST', timeout=30):
    """One request on its own connection. clean: the whole body came with its proper end."""
    a = Answer()
    data = json.dumps(body).encode() if body is not None else b''
    head = f'{method} {path} HTTP/1.1\r\nhost: t\r\ncontent-type: application/json\r\ncontent-length: {len(data)}\r\n'
    for k, v in {'authorization': 'Bearer sk-load', **(headers or {})}.items():
        head += f'{k}: {v}\r\n'
    writer = None
    try:
        reader, writer = await asyncio.wait_for(asyncio.open_connection('127.0.0.1', port), timeout)
        writer.write(head.encode() + b'\r\n' + data)
        raw = await asyncio.wait_for(reader.readuntil(b'\r\n\r\n'), timeout)
        lines = raw.decode('latin-1').split('\r\n')
        a.status = int(lines[0].split()[1])
        for l in lines[1:]:
            if ':' in l:
                k, v = l.split(':', 1)
                a.headers[k.strip().lower()] = v.strip()
        a.began = True
        parts = []
        if a.headers.get('transfer-encoding', '').lower() == 'chunked':
            while True:
                line = await asyncio.wait_for(reader.readuntil(b'\r\n'), timeout)
                size = int(line.split(b';')[0], 16)
                piece = await asyncio.wait_for(reader.readexactly(size + 2), timeout)
                if size == 0:
                    a.clean = True
                    break
                parts.append(piece[:-2])
                a.body = b''.join(parts)
        elif 'content-length' in a.headers:
            a.body = await asyncio.wait_for(reader.readexactly(int(a.headers['content-length'])), timeout)
            a.clean = True
    except (OSError, asyncio.IncompleteReadError, asyncio.TimeoutError, ValueError, IndexError):
        pass
    finally:
        if writer is not None:
            writer.close()
    return a
