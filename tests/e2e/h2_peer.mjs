// SPDX-License-Identifier: Apache-2.0
// HTTP/2 peers that are Node's: a vendor's front (server) and an application (client). Driven by test_h2.py.
//   h2_peer.mjs server PORT CERT KEY UPSTREAM_PORT    TLS and h2 alone, in front of a plain vendor; statistics at the end
//   h2_peer.mjs client PORT CERT                      one case a line of stdin (JSON), one answer a line of stdout
import fs from 'node:fs';
import http from 'node:http';
import http2 from 'node:http2';
import readline from 'node:readline';

const [mode, port, cert, key, upstream] = process.argv.slice(2);
const say = (o) => process.stdout.write(JSON.stringify(o) + '\n');
const c = http2.constants;

function server() {
  const seen = { sessions: 0, streams: 0, most: 0, refused: 0, goaways: 0, resets: 0, capitals: 0 };
  const told = new Set();
  let open = 0;
  const s = http2.createSecureServer({ cert: fs.readFileSync(cert), key: fs.readFileSync(key), settings: { maxConcurrentStreams: 20 } });
  s.on('session', (session) => { seen.sessions++; session.on('error', () => {}); });
  s.on('stream', (stream, headers) => {
    seen.streams++;
    seen.most = Math.max(seen.most, ++open);
    stream.on('close', () => { open--; if (stream.rstCode) seen.resets++; });
    stream.on('error', () => {});
    const wish = headers['x-sandbox-refuse'];
    if (wish === 'always' || (wish && !told.has(wish))) {
      told.add(wish); seen.refused++;
      stream.close(c.NGHTTP2_REFUSED_STREAM);
      return;
    }
    const leave = headers['x-sandbox-goaway'];
    if (leave && !told.has(leave)) { told.add(leave); seen.goaways++; stream.session.close(); }
    const plain = {};
    for (const [k, v] of Object.entries(headers)) if (!k.startsWith(':')) plain[k] = v;
    const q = http.request({ port: upstream, host: '127.0.0.1', method: headers[':method'], path: headers[':path'], headers: plain }, (a) => {
      const out = { ':status': a.statusCode };
      for (const [k, v] of Object.entries(a.headers)) if (!['connection', 'keep-alive', 'transfer-encoding'].includes(k)) out[k] = v;
      if (stream.destroyed) { a.resume(); return; }
      stream.respond(out);
      a.pipe(stream);
      a.on('aborted', () => stream.close(c.NGHTTP2_INTERNAL_ERROR));
    });
    q.on('error', () => stream.close(c.NGHTTP2_INTERNAL_ERROR));
    stream.on('aborted', () => q.destroy());
    stream.pipe(q);
  });
  s.listen(port, '127.0.0.1');
  process.on('SIGTERM', () => { say(seen); process.exit(0); });
}

function ask(session, { path, body, headers = {}, method = 'POST', cut = 0, slow = 0 }) {
  return new Promise((done) => {
    const r = { status: 0, body: '', frames: 0, clean: false };
    const q = session.request({ ':method': method, ':path': path, 'content-type': 'application/json', ...headers });
    q.on('response', (h) => { r.status = h[':status']; r.headers = h; });
    q.on('data', (d) => {
      r.body += d.toString('latin1'); r.frames++;
      if (cut && r.body.length >= cut) q.close(c.NGHTTP2_CANCEL);
      if (slow) { q.pause(); setTimeout(() => q.resume(), slow); }
    });
    q.on('end', () => { r.clean = true; });
    q.on('error', (e) => { r.error = e.code || String(e); });
    q.on('close', () => { r.code = q.rstCode; r.clean = r.clean && !q.rstCode; done(r); });
    if (method === 'POST') q.end(typeof body === 'string' ? body : JSON.stringify(body)); else q.end();
  });
}

async function client() {
  let session;
  const fresh = () => {
    session = http2.connect(`https://localhost:${port}`, { ca: fs.readFileSync(cert), lookup: (h, o, f) => o.all ? f(null, [{ address: '127.0.0.1', family: 4 }]) : f(null, '127.0.0.1', 4) });
    session.on('error', () => {});
    session.setMaxListeners(1000);
  };
  fresh();
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const t = JSON.parse(line);
    if (t.fresh || session.closed || session.destroyed) fresh();
    const all = await Promise.all(Array.from({ length: t.times || 1 }, () => ask(session, t)));
    say({ alpn: session.alpnProtocol, answers: all });
  }
  session.close();
}

if (mode === 'server') server(); else client();
