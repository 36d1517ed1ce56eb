// SPDX-License-Identifier: Apache-2.0
// The @google/genai SDK, unmodified; GOOGLE_GEMINI_BASE_URL and GEMINI_API_KEY come from the environment.
import { GoogleGenAI, Type } from '@google/genai'
import { test, done, assert, long, thrown } from './t.mjs'

const base = process.env.GOOGLE_GEMINI_BASE_URL
const ai = new GoogleGenAI({ apiKey: process.env.GEMINI_API_KEY, httpOptions: { baseUrl: base } })
const model = 'gemini-2.5-flash'
const steer = (headers, config = {}) => ({ ...config, httpOptions: { baseUrl: base, headers } })

await test('gemini generateContent, thoughts beside candidates', async () => {
  const r = await ai.models.generateContent({ model, contents: 'What does a token cost?', config: steer({ 'x-sandbox-tokens': '11', 'x-sandbox-reasoning': '30' }) })
  const u = r.usageMetadata
  assert.ok(r.text.length > 5)
  assert.deepEqual([u.candidatesTokenCount, u.thoughtsTokenCount], [11, 30])
  assert.equal(u.totalTokenCount, u.promptTokenCount + 41)
})
await test('gemini, thinking off and a limit', async () => {
  const r = await ai.models.generateContent({ model, contents: 'Hi', config: steer({ 'x-sandbox-tokens': '50' }, { maxOutputTokens: 7, thinkingConfig: { thinkingBudget: 0 } }) })
  assert.equal(r.candidates[0].finishReason, 'MAX_TOKENS')
  assert.ok(r.usageMetadata.thoughtsTokenCount === undefined && r.usageMetadata.candidatesTokenCount === 7)
})
await test('gemini stream, usage grows', async () => {
  const s = await ai.models.generateContentStream({ model, contents: 'Hi', config: steer({ 'x-sandbox-tokens': '9', 'x-sandbox-reasoning': '5' }) })
  let text = '', seen = []
  for await (const c of s) { text += c.text ?? ''; seen.push(c.usageMetadata) }
  assert.deepEqual(seen.map(u => u.candidatesTokenCount), [1, 2, 3, 4, 5, 6, 7, 8, 9])
  assert.equal(seen.at(-1).thoughtsTokenCount, 5)
  assert.ok(seen.slice(0, -1).every(u => u.thoughtsTokenCount === undefined))
  assert.ok(text.length > 5)
})
await test('gemini function calls, round trip', async () => {
  const tools = [{ functionDeclarations: [{ name: 'get_weather', parameters: { type: Type.OBJECT, properties: { city: { type: Type.STRING }, days: { type: Type.INTEGER } } } }] }]
  const ask = { role: 'user', parts: [{ text: 'Weather?' }] }
  const r = await ai.models.generateContent({ model, contents: [ask], config: { tools } })
  const call = r.functionCalls[0]
  assert.ok(call.name === 'get_weather' && typeof call.args.city === 'string' && typeof call.args.days === 'number')
  const r2 = await ai.models.generateContent({ model, config: { tools }, contents: [ask, r.candidates[0].content,
    { role: 'user', parts: [{ functionResponse: { name: call.name, response: { temp: 21 } } }] }] })
  assert.ok(r2.text.length > 0 && !r2.functionCalls)
})
await test('gemini structured output', async () => {
  const r = await ai.models.generateContent({ model, contents: 'x', config: { responseMimeType: 'application/json', responseSchema: { type: Type.OBJECT, properties: { ok: { type: Type.BOOLEAN } } } } })
  assert.equal(typeof JSON.parse(r.text).ok, 'boolean')
})
await test('gemini implicit cache', async () => {
  const contents = Math.random() + long(5000)
  const one = async () => (await ai.models.generateContent({ model, contents })).usageMetadata
  const a = await one(), b = await one()
  assert.ok(!a.cachedContentTokenCount && b.cachedContentTokenCount > 4000 && b.cachedContentTokenCount < b.promptTokenCount)
})
await test('gemini explicit cache', async () => {
  const c = await ai.caches.create({ model, config: { contents: long(4000), ttl: '300s' } })
  const r = await ai.models.generateContent({ model, contents: 'Hi', config: { cachedContent: c.name } })
  assert.equal(r.usageMetadata.cachedContentTokenCount, c.usageMetadata.totalTokenCount)
  const before = Date.parse(c.expireTime), now = await ai.caches.update({ name: c.name, config: { ttl: '600s' } })
  assert.ok(Date.parse(now.expireTime) > before)
  assert.equal((await ai.caches.get({ name: c.name })).usageMetadata.totalTokenCount, c.usageMetadata.totalTokenCount)
  const names = []
  for await (const one of await ai.caches.list()) names.push(one.name)
  assert.ok(names.includes(c.name))
  await ai.caches.delete({ name: c.name })
  assert.ok([403, 404].includes((await thrown(() => ai.caches.get({ name: c.name }))).status))
})
await test('gemini countTokens agrees with the bill', async () => {
  const contents = 'How many tokens are these words?'
  const c = await ai.models.countTokens({ model, contents })
  const r = await ai.models.generateContent({ model, contents })
  assert.equal(c.totalTokens, r.usageMetadata.promptTokenCount)
})
await test('gemini embeddings', async () => {
  const r = await ai.models.embedContent({ model: 'gemini-embedding-001', contents: ['a', 'b'], config: { outputDimensionality: 8 } })
  assert.deepEqual(r.embeddings.map(e => e.values.length), [8, 8])
})
await test('gemini models', async () => {
  const names = []
  for await (const m of await ai.models.list()) names.push(m.name)
  assert.ok(names.includes('models/gemini-2.5-flash'))
})
await test('gemini inline batch', async () => {
  let b = await ai.batches.create({ model, src: [0, 1].map(i => ({ contents: [{ role: 'user', parts: [{ text: 'Question ' + i }] }] })) })
  for (let i = 0; i < 100 && b.state !== 'JOB_STATE_SUCCEEDED'; i++) { await new Promise(f => setTimeout(f, 50)); b = await ai.batches.get({ name: b.name }) }
  assert.equal(b.dest.inlinedResponses.length, 2)
  assert.ok(b.dest.inlinedResponses.every(r => r.response.usageMetadata.totalTokenCount > 0))
})
await test('gemini errors', async () => {
  const e = await thrown(() => ai.models.generateContent({ model, contents: 'x', config: steer({ 'x-sandbox-fault': '429' }) }))
  assert.ok(e.status === 429 && e.message.includes('RESOURCE_EXHAUSTED'), String(e))
  const n = await thrown(() => ai.models.generateContent({ model: 'no-such-model', contents: 'x' }))
  assert.equal(n.status, 404)
})
done()
