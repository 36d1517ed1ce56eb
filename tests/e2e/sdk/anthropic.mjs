// SPDX-License-Identifier: Apache-2.0
// The @anthropic-ai/sdk, unmodified; ANTHROPIC_BASE_URL and ANTHROPIC_API_KEY come from the environment.
import Anthropic from '@anthropic-ai/sdk'
import { test, done, assert, long, thrown } from './t.mjs'

const client = new Anthropic({ maxRetries: 0 })
const h = (headers) => ({ headers })
const model = 'claude-sonnet-4-5'
const messages = [{ role: 'user', content: 'What does a token cost?' }]
const tools = [{ name: 'get_weather', description: 'Weather', input_schema: { type: 'object', properties: { city: { type: 'string' }, days: { type: 'integer' } }, required: ['city'] } }]

await test('anthropic message', async () => {
  const r = await client.messages.create({ model, max_tokens: 100, messages }, h({ 'x-sandbox-tokens': '21' }))
  assert.equal(r.type, 'message')
  assert.equal(r.stop_reason, 'end_turn')
  assert.equal(r.usage.output_tokens, 21)
  assert.ok(r.content[0].text.length > 10 && r._request_id.startsWith('req_'))
})
await test('anthropic, max_tokens cuts', async () => {
  const r = await client.messages.create({ model, max_tokens: 4, messages }, h({ 'x-sandbox-tokens': '21' }))
  assert.ok(r.stop_reason === 'max_tokens' && r.usage.output_tokens === 4)
})
await test('anthropic stream, exact order of events', async () => {
  const s = await client.messages.create({ model, max_tokens: 100, messages, stream: true }, h({ 'x-sandbox-tokens': '3' }))
  const types = []; let start, end
  for await (const e of s) { types.push(e.type); if (e.type === 'message_start') start = e.message; if (e.type === 'message_delta') end = e }
  assert.deepEqual(types, ['message_start', 'content_block_start', 'content_block_delta', 'content_block_delta', 'content_block_delta',
    'content_block_stop', 'message_delta', 'message_stop'])
  assert.ok(start.usage.input_tokens > 0 && start.usage.output_tokens === 1 && start.usage.cache_creation.ephemeral_5m_input_tokens === 0)
  assert.equal(end.usage.output_tokens, 3)
})
await test('anthropic stream helper', async () => {
  const s = client.messages.stream({ model, max_tokens: 100, messages }, h({ 'x-sandbox-tokens': '15' }))
  let text = ''
  s.on('text', t => { text += t })
  const r = await s.finalMessage()
  assert.equal(r.content[0].text, text)
  assert.equal(r.usage.output_tokens, 15)
})
await test('anthropic tools, round trip', async () => {
  const r = await client.messages.create({ model, max_tokens: 300, messages, tools }, h({ 'x-sandbox-tokens': '6' }))
  assert.equal(r.stop_reason, 'tool_use')
  const use = r.content.find(b => b.type === 'tool_use')
  assert.equal(typeof use.input.city, 'string')
  const r2 = await client.messages.create({ model, max_tokens: 300, tools, messages: [...messages, { role: 'assistant', content: r.content },
    { role: 'user', content: [{ type: 'tool_result', tool_use_id: use.id, content: '21 degrees' }] }] })
  assert.equal(r2.stop_reason, 'end_turn')
})
await test('anthropic tools in a stream, two calls', async () => {
  const r = await client.messages.stream({ model, max_tokens: 300, messages, tools: [...tools, { ...tools[0], name: 'other' }] }, h({ 'x-sandbox-tool-calls': '2' })).finalMessage()
  const uses = r.content.filter(b => b.type === 'tool_use')
  assert.equal(uses.length, 2)
  assert.ok(uses.every(u => typeof u.input.city === 'string' && typeof u.input.days === 'number'))
})
await test('anthropic thinking', async () => {
  const r = await client.messages.stream({ model, max_tokens: 2000, messages, thinking: { type: 'enabled', budget_tokens: 1024 } }, h({ 'x-sandbox-reasoning': '200', 'x-sandbox-tokens': '10' })).finalMessage()
  assert.equal(r.content[0].type, 'thinking')
  assert.ok(r.content[0].thinking && r.content[0].signature)
  assert.equal(r.usage.output_tokens, 210)
})
await test('anthropic prompt cache: write, read, 5 m and 1 h', async () => {
  const system = (ttl) => [{ type: 'text', text: ttl + Math.random() + long(2000), cache_control: { type: 'ephemeral', ttl } }]
  for (const ttl of ['5m', '1h']) {
    const s = system(ttl)
    const one = () => client.messages.create({ model, max_tokens: 10, messages, system: s })
    const a = (await one()).usage, b = (await one()).usage
    assert.ok(a.cache_creation_input_tokens > 2000 && a.cache_read_input_tokens === 0)
    assert.equal(a.cache_creation[`ephemeral_${ttl}_input_tokens`], a.cache_creation_input_tokens)
    assert.equal(b.cache_read_input_tokens, a.cache_creation_input_tokens)
    assert.ok(b.cache_creation_input_tokens === 0 && b.input_tokens === a.input_tokens)
  }
})
await test('anthropic prompt cache: too short a prefix is silently not kept', async () => {
  const system = [{ type: 'text', text: 'short ' + Math.random(), cache_control: { type: 'ephemeral' } }]
  const u = (await client.messages.create({ model, max_tokens: 10, messages, system })).usage
  assert.ok(u.cache_creation_input_tokens === 0 && u.cache_read_input_tokens === 0)
})
await test('anthropic prompt cache: five marks are refused', async () => {
  const system = Array.from({ length: 5 }, (_, i) => ({ type: 'text', text: 'x' + i, cache_control: { type: 'ephemeral' } }))
  const e = await thrown(() => client.messages.create({ model, max_tokens: 10, messages, system }))
  assert.ok(e instanceof Anthropic.BadRequestError)
})
await test('anthropic count_tokens agrees with the bill', async () => {
  const c = await client.messages.countTokens({ model, messages })
  const r = await client.messages.create({ model, max_tokens: 5, messages })
  assert.equal(c.input_tokens, r.usage.input_tokens)
})
await test('anthropic models', async () => {
  const ids = []
  for await (const m of client.models.list()) ids.push(m.id)
  assert.ok(ids.includes('claude-sonnet-4-5-20250929'))
  assert.equal((await client.models.retrieve('claude-sonnet-4-5')).type, 'model')
})
await test('anthropic message batches', async () => {
  let b = await client.messages.batches.create({ requests: [0, 1, 2].map(i => ({ custom_id: 'c' + i, params: { model: i === 2 ? 'no-such-model' : model, max_tokens: 20, messages } })) })
  assert.equal(b.processing_status, 'in_progress')
  for (let i = 0; i < 100 && b.processing_status !== 'ended'; i++) { await new Promise(f => setTimeout(f, 50)); b = await client.messages.batches.retrieve(b.id) }
  assert.deepEqual(b.request_counts, { processing: 0, succeeded: 2, errored: 1, canceled: 0, expired: 0 })
  const got = {}
  for await (const r of await client.messages.batches.results(b.id)) got[r.custom_id] = r.result
  assert.equal(got.c0.message.usage.service_tier, 'batch')
  assert.equal(got.c2.type, 'errored')
})
await test('anthropic errors have their classes', async () => {
  const e = await thrown(() => client.messages.create({ model: 'no-such-model', max_tokens: 5, messages }))
  assert.ok(e instanceof Anthropic.NotFoundError && e.error.error.type === 'not_found_error')
  const o = await thrown(() => client.messages.create({ model, max_tokens: 5, messages }, h({ 'x-sandbox-fault': '529' })))
  assert.ok(o.status === 529 && o.error.error.type === 'overloaded_error')
  const r = await thrown(() => client.messages.create({ model, max_tokens: 5, messages }, h({ 'x-sandbox-fault': '429:7' })))
  assert.ok(r instanceof Anthropic.RateLimitError && r.headers.get('retry-after') === '7')
})
await test('anthropic retries and comes through', async () => {
  const r = await client.messages.create({ model: 'flaky-anthropic', max_tokens: 5, messages }, { maxRetries: 2 })
  assert.ok(r.content[0].text)
})
await test('anthropic, an error in mid-stream is thrown', async () => {
  const e = await thrown(() => client.messages.stream({ model, max_tokens: 50, messages }, h({ 'x-sandbox-fault': 'error-mid:4' })).finalMessage())
  assert.ok(e instanceof Anthropic.APIError, String(e))
})
done()
