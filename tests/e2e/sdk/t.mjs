// SPDX-License-Identifier: Apache-2.0
// The smallest harness: await test(name, fn) prints "ok name" or "not ok name: why"; done() exits.
import assert from 'node:assert/strict'
import { File } from 'node:buffer'
globalThis.File ??= File // Node 18 has it, but not as a global
export { assert }
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
export const done = () => process.exit(failed ? 1 : 0)
export const long = (n) => 'The quick brown fox counts tokens. '.repeat(Math.ceil((n * 4) / 35))
export async function thrown(fn) {
  try { await fn() } catch (e) { return e }
  throw new Error('nothing was thrown')
}
