// SPDX-License-Identifier: Apache-2.0
// What else the @google/genai SDK offers.
import { GoogleGenAI } from '@google/genai'
import { test, done, assert, long, thrown } from './t.mjs'

const ai = new GoogleGenAI({ apiKey: process.env.GEMINI_API_KEY, httpOptions: { baseUrl: process.env.GOOGLE_GEMINI_BASE_URL } })
const model = 'gemini-2.5-pro'
const all = async (page) => { const out = []; for await (const one of await page) out.push(one); return out }

await test('gemini whole, streamed, chat', async () => {
  const r = await ai.models.generateContent({ model, contents: 'Hello' })
  const parts = await all(ai.models.generateContentStream({ model, contents: 'Hello' }))
  assert.equal(parts.at(-1).usageMetadata.promptTokenCount, r.usageMetadata.promptTokenCount)
  const chat = ai.chats.create({ model })
  await chat.sendMessage({ message: 'One' })
  assert.ok((await chat.sendMessage({ message: 'Two' })).text.length > 0)
})
await test('gemini stream as a JSON array', async () => {
  const r = await fetch(`${process.env.GOOGLE_GEMINI_BASE_URL}/v1beta/models/${model}:streamGenerateContent`, { method: 'POST',
    headers: { 'content-type': 'application/json', 'x-goog-api-key': process.env.GEMINI_API_KEY }, body: JSON.stringify({ contents: [{ role: 'user', parts: [{ text: 'Hello' }] }] }) })
  const list = JSON.parse(await r.text())
  assert.ok(list.at(-1).usageMetadata.totalTokenCount > 0)
})
await test('gemini files by resumable upload, in pieces', async () => {
  const bytes = new Uint8Array(9 * 1024 * 1024).fill(120) // more than one piece of the SDK's
  const f = await ai.files.upload({ file: new Blob([bytes], { type: 'text/plain' }), config: { mimeType: 'text/plain' } })
  assert.equal(Number(f.sizeBytes), bytes.length)
  assert.equal((await ai.files.get({ name: f.name })).state, 'ACTIVE')
  assert.ok((await all(ai.files.list())).some(o => o.name === f.name))
  await ai.files.delete({ name: f.name })
  assert.ok((await thrown(() => ai.files.get({ name: f.name }))).status >= 403)
})
await test('gemini embeddings of one and of many', async () => {
  const one = await ai.models.embedContent({ model: 'gemini-embedding-001', contents: 'a' })
  const many = await ai.models.embedContent({ model: 'gemini-embedding-001', contents: ['a', 'b', 'c'] })
  assert.deepEqual([one.embeddings.length, many.embeddings.length], [1, 3])
})
await test('gemini caches: made, used, moved, listed, deleted', async () => {
  const c = await ai.caches.create({ model, config: { contents: long(4000), ttl: '300s' } })
  const r = await ai.models.generateContent({ model, contents: 'Hi', config: { cachedContent: c.name } })
  assert.equal(r.usageMetadata.cachedContentTokenCount, c.usageMetadata.totalTokenCount)
  await ai.caches.update({ name: c.name, config: { ttl: '600s' } })
  assert.ok((await all(ai.caches.list())).some(o => o.name === c.name))
  await ai.caches.delete({ name: c.name })
})
await test('gemini batches: listed, cancelled', async () => {
  const b = await ai.batches.create({ model, src: [{ contents: [{ role: 'user', parts: [{ text: 'Question' }] }] }] })
  assert.ok((await all(ai.batches.list())).some(o => o.name === b.name))
  await ai.batches.cancel({ name: b.name })
})
await test('gemini models', async () => {
  assert.ok((await ai.models.get({ model })).name)
  assert.ok((await all(ai.models.list())).length > 2)
})
done()
