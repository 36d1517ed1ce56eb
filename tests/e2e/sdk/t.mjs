// SPDX-License-Identifier: Apache-2.0
// The smallest harness: await test(name, fn) prints "ok name" or "not ok name: why"; done() exits.
import assert from 'node:assert/strict'
import { File } from 'node:buffer'
globalThis.File ??= File // Node 18 has it, but not as a global
export { assert }
// OVER=h2: the same SDKs over HTTP/2, by the dispatcher of undici that Node's own fetch takes.
let h2 = 0, other = 0
if (process.env.OVER === 'h2') {
  const { Agent, setGlobalDispatcher } = await import('undici')
  const { channel } = await import('node:diagnostics_channel')
  channel('undici:client:connected').subscribe(({ socket, connectParams }) => {
    if (connectParams.protocol === 'https:') socket.alpnProtocol === 'h2' ? h2++ : other++ // a vendor's own address in an answer is no matter of ours
  })
  setGlobalDispatcher(new Agent({ allowH2: true }))
}
let failed = 0
export async function test(name, fn) {
  try {
    await Promise.race([fn(), new Promise((_, no) => setTimeout(() => no(new Error('took over 20 s')), 20000).unref())])
    console.log('ok ' + name)
  } catch (e) {
    failed++
    console.log('not ok ' + name + ': ' + String(e?.stack ?? e).split('\n').slice(0, 3).join(' | ').slice(0, 600))
  }
}
export const done = () => {
  if (process.env.OVER === 'h2') console.log(h2 && !other ? `ok all over HTTP/2, ${h2} connections` : `not ok over HTTP/2: ${h2} connections, ${other} of another protocol`)
  process.exit(failed ? 1 : 0)
}
export const long = (n) => 'The quick brown fox counts tokens. '.repeat(Math.ceil((n * 4) / 35))
export async function thrown(fn) {
  try { await fn() } catch (e) { return e }
  throw new Error('nothing was thrown')
}
