# SPDX-License-Identifier: Apache-2.0
"""A pocket garden of requests that two parsers could read in two ways: what the HTTP Garden's trophies, the smuggling papers
and RFC 9112 sections 2.2, 5, 6 and 11 name, as small generators (collected 2026-11).

Each payload is (name, kind, bytes): 'bad' must be refused, 'good' is one plain request, 'two' is two of them, 'any' may be
refused or be one request. `inner` of a payload is a request for a path that ends in SMUGGLED: whoever serves it though its
sender meant it as body or rubbish has been smuggled to.
"""

def payloads(path, host='t'):
    """path: a path below which any POST is served."""
    P, H = path.encode(), b'Host: ' + host.encode() + b'\r\n'
    inner = b'POST ' + P + b'/SMUGGLED HTTP/1.1\r\n' + H + b'Content-Length: 0\r\n\r\n'
    out = []
    def add(name, kind, data): out.append((name, kind, data))
    def post(lines, body=b'', start=None, host_line=H):
        return (start or b'POST ' + P + b' HTTP/1.1') + b'\r\n' + host_line + lines + b'\r\n' + body
    n = str(len(inner)).encode()
    chunked = b'%x\r\n%s\r\n0\r\n\r\n' % (len(inner), inner)
    short = b'0\r\n\r\n' + inner
    te, cl = b'Transfer-Encoding: chunked\r\n', b'Content-Length: ' + n + b'\r\n'

    # controls: what must pass
    add('a length', 'good', post(cl, inner)); add('chunks', 'good', post(te, chunked)); add('no body', 'good', post(b'Content-Length: 0\r\n'))
    add('chunked in capitals', 'good', post(b'TRANSFER-ENCODING: CHUNKED\r\n', chunked)); add('leading CRLF', 'any', b'\r\n' + post(cl, inner))
    add('blanks round a length', 'good', post(b'Content-Length:  \t' + n + b'\t \r\n', inner)); add('a chunk extension', 'good', post(te, b'%x;a=b\r\n%s\r\n0\r\n\r\n' % (len(inner), inner)))
    add('two in a row', 'two', post(cl, inner) + post(b'Content-Length: 0\r\n', start=b'POST ' + P + b'/second HTTP/1.1'))
    add('two, the first in chunks', 'two', post(te, chunked) + post(b'Content-Length: 0\r\n', start=b'POST ' + P + b'/second HTTP/1.1'))
    add('chunks with a trailer', 'any', post(te, b'%x\r\n%s\r\n0\r\nX-T: a\r\n\r\n' % (len(inner), inner)))

    # both framings
    for order in (cl + te, te + cl): add(f'length and chunks {len(out)}', 'bad', post(order, short))
    add('length 0 and chunks', 'bad', post(b'Content-Length: 0\r\n' + te, chunked)); add('chunks, then a length list', 'bad', post(te + b'Content-Length: 1, 2\r\n', short))
    add('both under HTTP/1.0', 'bad', post(cl + te, short, start=b'POST ' + P + b' HTTP/1.0')); add('chunks under HTTP/1.0', 'bad', post(te, chunked, start=b'POST ' + P + b' HTTP/1.0'))

    # Transfer-Encoding by other names and values
    for v in (b'xchunked', b'chunked, identity', b'identity, chunked', b'identity', b'chunked;q=1', b'"chunked"', b'chunk', b'gzip, chunked', b'chunked, chunked', b'chunked,', b',chunked', b'chunked chunked',
              b'\x0bchunked', b'\x0cchunked', b'chunked\x00', b'\x00chunked', b'chunked\x0b', b'chunked\x0c', b'\xa0chunked', b'chunked\xa0', b'\x85chunked', b"'chunked'", b'cow', b'', b'chun\xc4\xb7ed', b'chunked\r', b'deflate'):
        add(f'transfer-encoding {v!r}', 'bad', post(b'Transfer-Encoding: ' + v + b'\r\n' + cl, short))
        add(f'transfer-encoding {v!r} alone', 'bad', post(b'Transfer-Encoding: ' + v + b'\r\n', short))
    for h in (b'Transfer-Encoding : chunked', b'Transfer-Encoding\t: chunked', b' Transfer-Encoding: chunked', b'\tTransfer-Encoding: chunked', b'X: a\r\n Transfer-Encoding: chunked', b'Transfer-Encoding:\r\n chunked', b'Transfer-Encoding\x00: chunked',
              b'Transfer-Encoding\x0b: chunked', b'X: a\nTransfer-Encoding: chunked', b'X: a\rTransfer-Encoding: chunked', b'X: a\r\r\nTransfer-Encoding: chunked', b'Transfer\xadEncoding: chunked', b'Transfer Encoding: chunked', b'"Transfer-Encoding": chunked',
              b'Transfer-Encoding', b':Transfer-Encoding: chunked', b'\x00Transfer-Encoding: chunked', b'X: a\x00Transfer-Encoding: chunked', b'Transfer-Encoding: chunked\r\nTransfer-Encoding: identity', b'Transfer-Encoding: identity\r\nTransfer-Encoding: chunked',
              b'Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked', b'Transfer-Encoding:\x0bchunked', b'Transfer-Encoding:\nchunked'):
        add(f'header {h!r}', 'bad', post(cl + h + b'\r\n', short))
    for h in (b'Transfer_Encoding: chunked', b'Transfer-Encodin: chunked', b'X-Transfer-Encoding: chunked', b'Content_Length: 5', b'Content-Length-X: 5'): add(f'header {h!r}', 'any', post(cl + h + b'\r\n', inner))

    # Content-Length
    for v in (b'+' + n, b'-' + n, b'0x10', n + b'x', n + b' ' + n, n + b',' + n, n + b', ' + n, n + b';5', b'1e1', b'1_0', b'18446744073709551621', b'9223372036854775808', b'99999999999999999999999', b'', b' ', b'"5"', n + b'\x00', n + b'\x0b', b'\x0b' + n, b'\x0c' + n, n + b'.0', b'\xd9\xa5',
              b'0b1', b'0o7', n + b'\r\n 5', b'\r\n ' + n, b'-0', b'+0', b'1\x002'):
        add(f'content-length {v!r}', 'bad', post(b'Content-Length: ' + v + b'\r\n', inner))
    add('content-length with leading zeros', 'any', post(b'Content-Length: 00' + n + b'\r\n', inner))
    for h in (b'Content-Length : ' + n, b' Content-Length: ' + n, b'Content-Length\t: ' + n, b'Content-Length\x00: ' + n, b'Content-Length: ' + n + b'\r\nContent-Length: 5', b'Content-Length: 5\r\nContent-Length: ' + n, b'Content-Length: ' + n + b'\r\nContent-Length: ' + n, b'Content-Length: 0\r\ncontent-length: ' + n,
              b'X: a\nContent-Length: ' + n, b'X: a\rContent-Length: ' + n):
        add(f'header {h!r}', 'bad', post(h + b'\r\n', inner))

    # chunk sizes, ends, extensions, trailers
    k = b'%x' % len(inner)
    for v in (b'+' + k, b'-' + k, b'0x' + k, b' ' + k, b'\t' + k, k + b'_0', k + b'g', b'', b';x', k + b'\x00', b'\x00' + k, b'FFFFFFFFFFFFFFFF', b'10000000000000005', b'8000000000000000', b'0' * 30 + k, k + b' ' + k, k + b',', k + b'\x0b', b'"' + k + b'"', k + b';a="\n"', k + b';\x00', k + b';' + b'a' * 5000, b'\xef\xbc\x95'):
        add(f'chunk size {v[:24]!r}', 'bad', post(te, v + b'\r\n' + inner + b'\r\n0\r\n\r\n'))
    for v in (k + b' ', k + b'\t', k + b' ;x', b'0' + k, k.upper()): add(f'chunk size {v!r}', 'any', post(te, v + b'\r\n' + inner + b'\r\n0\r\n\r\n'))
    for name, body in (('LF behind a size', k + b'\n' + inner + b'\r\n0\r\n\r\n'), ('CR behind a size', k + b'\r' + inner + b'\r\n0\r\n\r\n'), ('CRCRLF behind a size', k + b'\r\r\n' + inner + b'\r\n0\r\n\r\n'), ('LF behind data', k + b'\r\n' + inner + b'\n0\r\n\r\n'),
                       ('nothing behind data', k + b'\r\n' + inner + b'0\r\n\r\n'), ('letters behind data', k + b'\r\n' + inner + b'XX0\r\n\r\n'), ('last chunk with LF', b'0\n\r\n' + inner), ('LF LF at the end', b'0\n\n' + inner),
                       ('a size of -0', b'-0\r\n\r\n' + inner), ('an extension with LF', k + b';a\nb\r\n' + inner + b'\r\n0\r\n\r\n'), ('an extension with CR', k + b';a\rb\r\n' + inner + b'\r\n0\r\n\r\n'), ('a trailer that is no header', b'0\r\nGET / HTTP/1.1\r\n\r\n' + inner),
                       ('a trailer with bare LF', b'0\r\nX: a\n\r\n' + inner), ('a folded trailer', b'0\r\nX: a\r\n b\r\n\r\n' + inner), ('a trailer with a NUL', b'0\r\nX: \x00\r\n\r\n' + inner)):
        add(name, 'bad', post(te, body))
    for name, t in (('content-length', b'Content-Length: 5'), ('transfer-encoding', te.strip()), ('host', b'Host: evil')): add(f'a trailer named {name}', 'any', post(te, k + b'\r\n' + inner + b'\r\n0\r\n' + t + b'\r\n\r\n'))

    # lines
    good = post(cl, inner)
    head, body = good.split(b'\r\n\r\n', 1)[0], inner
    add('all lines end in LF', 'bad', head.replace(b'\r\n', b'\n') + b'\n\n' + body); add('all lines end in CR', 'bad', head.replace(b'\r\n', b'\r') + b'\r\r' + body)
    add('the head ends in LF LF', 'bad', head + b'\n\n' + body); add('the head ends in CRLF LF', 'bad', head + b'\r\n\n' + body); add('the head ends in LF CRLF', 'bad', head + b'\n\r\n' + body)
    add('the request line ends in LF', 'bad', good.replace(b'\r\n', b'\n', 1)); add('the request line ends in CR', 'bad', good.replace(b'\r\n', b'\r', 1))
    add('a leading LF', 'any', b'\n' + good); add('a leading blank', 'bad', b' ' + good); add('a leading NUL', 'bad', b'\x00' + good); add('a byte order mark', 'bad', b'\xef\xbb\xbf' + good)
    add('a folded first header', 'bad', good.replace(b'\r\nHost', b'\r\n Host', 1))
    for name, line in (('two blanks', b'POST  ' + P + b' HTTP/1.1'), ('tabs', b'POST\t' + P + b'\tHTTP/1.1'), ('a trailing blank', b'POST ' + P + b' HTTP/1.1 '), ('HTTP/1.2', b'POST ' + P + b' HTTP/1.2'), ('HTTP/0.9', b'POST ' + P + b' HTTP/0.9'), ('HTTP/1.10', b'POST ' + P + b' HTTP/1.10'),
                       ('http in small letters', b'POST ' + P + b' http/1.1'), ('no version', b'POST ' + P), ('HTTP/1.1x', b'POST ' + P + b' HTTP/1.1x'), ('HTTP/ 1.1', b'POST ' + P + b' HTTP/ 1.1'), ('HTTP/+1.1', b'POST ' + P + b' HTTP/+1.1'), ('HTTP/3.0', b'POST ' + P + b' HTTP/3.0'), ('an empty method', b' ' + P + b' HTTP/1.1'),
                       ('a method with a NUL', b'PO\x00ST ' + P + b' HTTP/1.1'), ('a method with brackets', b'PO(ST) ' + P + b' HTTP/1.1'), ('a path with a blank', b'POST ' + P + b' x HTTP/1.1'), ('a path with a NUL', b'POST ' + P + b'\x00 HTTP/1.1'), ('a path with LF', b'POST ' + P + b'\nX: HTTP/1.1'),
                       ('a path with 0x80', b'POST ' + P + b'\x80 HTTP/1.1'), ('a path with DEL', b'POST ' + P + b'\x7f HTTP/1.1'), ('a fragment', b'POST ' + P + b'#x HTTP/1.1'), ('another host in absolute form', b'POST http://evil' + P + b' HTTP/1.1'), ('a user in absolute form', b'POST http://u@t' + P + b' HTTP/1.1'),
                       ('a path without a slash', b'POST x' + P + b' HTTP/1.1'), ('an empty path', b'POST  HTTP/1.1'), ('an asterisk', b'POST * HTTP/1.1'), ('another scheme', b'POST gopher://t' + P + b' HTTP/1.1'), ('CONNECT', b'CONNECT t:80 HTTP/1.1')):
        add(f'request line: {name}', 'bad', post(cl, inner, start=line))

    # names, values, hosts
    for h in (b'Nonsense', b': x', b' : x', b'X Y: z', b'X(Y): z', b'X\x80: z', b'X\x7f: z', b'X\x00: z', b'X: \x00', b'X: a\rb', b'X: a\x0ab', b'X@: z', b'X[]: z', b'X,Y: z', b'X;: z', b'X=: z', b'{X}: z', b'X: a\x01b', b'X: a\x7fb', b'@: z', b'\xc3\xa9: z'): add(f'a header {h!r}', 'bad', post(h + b'\r\n' + cl, inner))
    for name, h in (('two', H + b'Host: evil\r\n'), ('two alike', H + H), ('none', b''), ('an empty one beside', H + b'Host:\r\n'), ('with a path', b'Host: t/x\r\n'), ('with a user', b'Host: u@t\r\n'), ('with a comma', b'Host: t, evil\r\n'), ('with a blank', b'Host: t evil\r\n'), ('with a bad port', b'Host: t:x\r\n'), ('with a NUL', b'Host: t\x00\r\n'),
                    ('with a blank before the colon', b'Host : t\r\n'), ('folded', b'Host: t\r\n evil\r\n')):
        add(f'host {name}', 'bad', post(cl, inner, host_line=h))
    for h in (b'Connection: content-length', b'Connection: transfer-encoding', b'Connection: host', b'Connection: close, content-length', b'Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA', b'Expect: 200-ok', b'Expect: 100-continue, x', b'TE: trailers', b'Trailer: Content-Length', b'Proxy-Connection: keep-alive', b'Keep-Alive: 300'):
        add(f'a header {h[:40]!r}', 'any', post(h + b'\r\n' + cl, inner))
    for m in (b'GET', b'HEAD', b'DELETE', b'OPTIONS'): add(f'{m.decode()} with a body', 'any', post(cl, inner, start=m + b' ' + P + b' HTTP/1.1'))
    add('GET with a body and no length', 'two', post(b'', inner.replace(b'SMUGGLED', b'second'), start=b'GET ' + P + b' HTTP/1.1'))
    return out
