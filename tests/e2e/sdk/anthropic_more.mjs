// SPDX-License-Identifier: Apache-2.0
// What else the @anthropic-ai/sdk offers.
import Anthropic, { toFile } from '@anthropic-ai/sdk'
import { test, done, assert, thrown } from './t.mjs'

const client = new Anthropic({ maxRetries: 0 })
const model = 'claude-sonnet-4-5', messages = [{ role: 'user', content: 'What does a token cost?' }]
const all = async (page) => { const out = []; for await (const one of page) out.push(one); return out }

await test('anthropic messages, whole and streamed, beta too', async () => {
  const r = await client.messages.create({ model, max_tokens: 30, messages })
  const s = await client.messages.stream({ model, max_tokens: 30, messages }).finalMessage()
  assert.equal(r.usage.input_tokens, s.usage.input_tokens)
  const b = await client.beta.messages.create({ model, max_tokens: 30, messages, betas: ['context-1m-2025-08-07'] })
  assert.equal(b.usage.input_tokens, r.usage.input_tokens)
  assert.equal((await client.beta.messages.countTokens({ model, messages })).input_tokens, r.usage.input_tokens)
})
await test('anthropic files (beta)', async () => {
  const f = await client.beta.files.upload({ file: await toFile(Buffer.from('hello'), 'h.txt', { type: 'text/plain' }) })
  assert.equal((await client.beta.files.retrieveMetadata(f.id)).size_bytes, 5)
  assert.equal(await (await client.beta.files.download(f.id)).text(), 'hello')
  assert.ok((await all(client.beta.files.list())).some(o => o.id === f.id))
  await client.beta.files.delete(f.id)
  assert.equal((await thrown(() => client.beta.files.retrieveMetadata(f.id))).status, 404)
})
await test('anthropic batches: listed, cancelled, deleted', async () => {
  const params = { model, max_tokens: 20, messages }
  let b = await client.messages.batches.create({ requests: [{ custom_id: 'a', params }, { custom_id: 'b', params }] })
  assert.ok((await all(client.messages.batches.list())).some(o => o.id === b.id))
  const c = await client.messages.batches.create({ requests: [{ custom_id: 'a', params }] })
  assert.ok(['canceling', 'ended'].includes((await client.messages.batches.cancel(c.id)).processing_status))
  for (let i = 0; i < 100 && b.processing_status !== 'ended'; i++) { await new Promise(f => setTimeout(f, 50)); b = await client.messages.batches.retrieve(b.id) }
  let n = 0
  for await (const r of await client.messages.batches.results(b.id)) n += r.result.type === 'succeeded'
  assert.equal(n, 2)
  await client.messages.batches.delete(b.id)
})
await test('anthropic models', async () => {
  assert.ok((await all(client.models.list())).length > 2)
  assert.ok((await all(client.beta.models.list())).length > 2)
})
done()
