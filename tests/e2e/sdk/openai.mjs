// SPDX-License-Identifier: Apache-2.0
// The openai SDK, unmodified; OPENAI_BASE_URL and OPENAI_API_KEY come from the environment.
import OpenAI, { toFile } from 'openai'
import { test, done, assert, long, thrown } from './t.mjs'

const client = new OpenAI({ maxRetries: 0 })
const h = (headers) => ({ headers })
const ask = [{ role: 'user', content: 'What does a token cost?' }]
const weather = { type: 'function', function: { name: 'get_weather', description: 'Weather of a city', parameters: {
  type: 'object', properties: { city: { type: 'string' }, days: { type: 'integer' }, unit: { type: 'string', enum: ['c', 'f'] } }, required: ['city'] } } }

await test('openai chat', async () => {
  const r = await client.chat.completions.create({ model: 'gpt-4o', messages: ask }, h({ 'x-sandbox-tokens': '17' }))
  assert.equal(r.object, 'chat.completion')
  assert.equal(r.model, 'gpt-4o-2024-08-06')
  assert.equal(r.choices[0].finish_reason, 'stop')
  assert.ok(r.choices[0].message.content.length > 10)
  assert.equal(r.usage.completion_tokens, 17)
  assert.equal(r.usage.total_tokens, r.usage.prompt_tokens + 17)
  assert.ok(r._request_id.startsWith('req_'))
})
await test('openai chat, n and max_completion_tokens', async () => {
  const r = await client.chat.completions.create({ model: 'gpt-4o-mini', messages: ask, n: 3, max_completion_tokens: 5 }, h({ 'x-sandbox-tokens': '50' }))
  assert.deepEqual(r.choices.map(c => c.index), [0, 1, 2])
  assert.ok(r.choices.every(c => c.finish_reason === 'length'))
  assert.equal(r.usage.completion_tokens, 15)
})
await test('openai chat, reasoning is inside the completion', async () => {
  const r = await client.chat.completions.create({ model: 'o4-mini', messages: ask }, h({ 'x-sandbox-tokens': '10', 'x-sandbox-reasoning': '128' }))
  assert.equal(r.usage.completion_tokens, 138)
  assert.equal(r.usage.completion_tokens_details.reasoning_tokens, 128)
})
await test('openai chat, the served tier is told', async () => {
  const a = await client.chat.completions.create({ model: 'gpt-5', messages: ask, service_tier: 'flex' })
  const b = await client.chat.completions.create({ model: 'gpt-5', messages: ask, service_tier: 'priority' }, h({ 'x-sandbox-tier': 'default' }))
  assert.deepEqual([a.service_tier, b.service_tier], ['flex', 'default'])
})
await test('openai chat stream without usage', async () => {
  const s = await client.chat.completions.create({ model: 'gpt-4o', messages: ask, stream: true }, h({ 'x-sandbox-tokens': '12' }))
  let text = '', chunks = 0, usage = 0
  for await (const c of s) { chunks++; text += c.choices[0]?.delta?.content ?? ''; if (c.usage) usage++; assert.equal(c.choices.length, 1) }
  assert.equal(usage, 0)
  assert.equal(chunks, 14)
  const whole = await client.chat.completions.create({ model: 'gpt-4o', messages: ask }, h({ 'x-sandbox-tokens': '12' }))
  assert.ok(text.length > 5 && whole.choices[0].message.content.length > 5)
})
await test('openai chat stream with usage', async () => {
  const s = await client.chat.completions.create({ model: 'gpt-4o', messages: ask, stream: true, stream_options: { include_usage: true } }, h({ 'x-sandbox-tokens': '12' }))
  const all = []
  for await (const c of s) all.push(c)
  const last = all.at(-1)
  assert.deepEqual(last.choices, [])
  assert.equal(last.usage.completion_tokens, 12)
  assert.ok(all.slice(0, -1).every(c => c.usage === null))
})
await test('openai chat tools, round trip', async () => {
  const messages = [{ role: 'user', content: 'Weather in Paris?' }]
  const r = await client.chat.completions.create({ model: 'gpt-4.1', messages, tools: [weather] })
  assert.equal(r.choices[0].finish_reason, 'tool_calls')
  const call = r.choices[0].message.tool_calls[0]
  const args = JSON.parse(call.function.arguments)
  assert.equal(typeof args.city, 'string'); assert.equal(typeof args.days, 'number'); assert.equal(args.unit, 'c')
  messages.push(r.choices[0].message, { role: 'tool', tool_call_id: call.id, content: '{"temp": 21}' })
  const r2 = await client.chat.completions.create({ model: 'gpt-4.1', messages, tools: [weather] })
  assert.equal(r2.choices[0].finish_reason, 'stop')
  assert.ok(r2.choices[0].message.content)
})
await test('openai chat tools in a stream, two calls', async () => {
  const s = client.chat.completions.stream({ model: 'gpt-4.1', messages: ask, tools: [weather], stream_options: { include_usage: true } }, h({ 'x-sandbox-tool-calls': '2' }))
  const r = await s.finalChatCompletion()
  assert.equal(r.choices[0].message.tool_calls.length, 2)
  for (const c of r.choices[0].message.tool_calls) assert.equal(typeof JSON.parse(c.function.arguments).city, 'string')
  assert.ok(r.usage.completion_tokens > 4)
})
await test('openai chat, structured output', async () => {
  const r = await client.chat.completions.create({ model: 'gpt-4o', messages: ask, response_format: { type: 'json_schema', json_schema: {
    name: 'x', schema: { type: 'object', properties: { total: { type: 'number' }, tags: { type: 'array', items: { type: 'string' } } } } } } })
  const v = JSON.parse(r.choices[0].message.content)
  assert.ok(typeof v.total === 'number' && Array.isArray(v.tags))
})
await test('openai chat, spoken', async () => {
  const r = await client.chat.completions.create({ model: 'gpt-audio', messages: ask, modalities: ['text', 'audio'], audio: { voice: 'alloy', format: 'wav' } }, h({ 'x-sandbox-tokens': '10' }))
  assert.ok(r.choices[0].message.content === null && r.choices[0].message.audio.transcript.length > 5)
  assert.deepEqual([r.usage.completion_tokens, r.usage.completion_tokens_details.audio_tokens], [40, 30])
})
await test('openai prompt cache, the second request reads', async () => {
  const messages = [{ role: 'system', content: long(2000) + Math.random() }, ...ask]
  const one = () => client.chat.completions.create({ model: 'gpt-4o', messages })
  const a = await one(), b = await one()
  assert.equal(a.usage.prompt_tokens_details.cached_tokens, 0)
  assert.ok(b.usage.prompt_tokens_details.cached_tokens >= 1920)
  assert.equal(b.usage.prompt_tokens_details.cached_tokens % 128, 0)
  assert.equal(a.usage.prompt_tokens, b.usage.prompt_tokens)
})
await test('openai prompt cache, newer models count writes', async () => {
  const messages = [{ role: 'system', content: Math.random() + long(1500) }]
  const one = () => client.chat.completions.create({ model: 'gpt-5.6', messages })
  const a = (await one()).usage.prompt_tokens_details, b = (await one()).usage.prompt_tokens_details
  assert.ok(a.cached_tokens === 0 && a.cache_write_tokens >= 1408, JSON.stringify(a))
  assert.ok(b.cached_tokens === a.cache_write_tokens && b.cache_write_tokens === 0, JSON.stringify(b))
})
await test('openai responses', async () => {
  const r = await client.responses.create({ model: 'gpt-5', input: 'Hello', instructions: 'Be brief.' }, h({ 'x-sandbox-tokens': '9', 'x-sandbox-reasoning': '64' }))
  assert.equal(r.status, 'completed')
  assert.ok(r.output_text.length > 3)
  assert.equal(r.usage.output_tokens, 73)
  assert.equal(r.usage.output_tokens_details.reasoning_tokens, 64)
  const again = await client.responses.retrieve(r.id)
  assert.equal(again.output_text, r.output_text)
})
await test('openai responses stream', async () => {
  const s = await client.responses.create({ model: 'gpt-4o', input: [{ role: 'user', content: 'Hello' }], stream: true }, h({ 'x-sandbox-tokens': '7' }))
  const types = []; let text = '', last, n = 0
  for await (const e of s) { assert.equal(e.sequence_number, n++); types.push(e.type); if (e.type === 'response.output_text.delta') text += e.delta; last = e }
  assert.deepEqual([...new Set(types)], ['response.created', 'response.in_progress', 'response.output_item.added', 'response.content_part.added',
    'response.output_text.delta', 'response.output_text.done', 'response.content_part.done', 'response.output_item.done', 'response.completed'])
  assert.equal(types.filter(t => t === 'response.output_text.delta').length, 7)
  assert.equal(last.response.usage.output_tokens, 7)
  assert.equal(last.response.output[0].content[0].text, text)
})
await test('openai responses, incomplete', async () => {
  const s = await client.responses.create({ model: 'gpt-4o', input: 'Hello', max_output_tokens: 3, stream: true })
  let last
  for await (const e of s) last = e
  assert.equal(last.type, 'response.incomplete')
  assert.equal(last.response.incomplete_details.reason, 'max_output_tokens')
  assert.equal(last.response.usage.output_tokens, 3)
})
await test('openai responses, function call', async () => {
  const tools = [{ type: 'function', name: 'get_weather', parameters: weather.function.parameters, strict: false }]
  const r = await client.responses.create({ model: 'gpt-4o', input: 'Weather?', tools })
  const call = r.output.find(o => o.type === 'function_call')
  assert.equal(typeof JSON.parse(call.arguments).city, 'string')
  const r2 = await client.responses.create({ model: 'gpt-4o', tools, previous_response_id: r.id,
    input: [{ type: 'function_call_output', call_id: call.call_id, output: '21' }] })
  assert.ok(r2.output_text.length > 0)
  assert.ok(r2.usage.input_tokens > r.usage.input_tokens)
})
await test('openai responses in the background', async () => {
  let r = await client.responses.create({ model: 'gpt-4o', input: 'Take your time', background: true })
  assert.equal(r.status, 'queued')
  for (let i = 0; i < 100 && r.status !== 'completed'; i++) { await new Promise(f => setTimeout(f, 50)); r = await client.responses.retrieve(r.id) }
  assert.equal(r.status, 'completed')
  assert.ok(r.usage.output_tokens > 0)
})
await test('openai embeddings, float and base64 agree', async () => {
  const f = await client.embeddings.create({ model: 'text-embedding-3-small', input: ['alpha', 'beta gamma'], dimensions: 8, encoding_format: 'float' })
  const d = await client.embeddings.create({ model: 'text-embedding-3-small', input: ['alpha', 'beta gamma'], dimensions: 8 }) // the SDK asks for base64
  assert.equal(f.data.length, 2)
  for (let i = 0; i < 2; i++) f.data[i].embedding.forEach((v, k) => assert.ok(Math.abs(v - d.data[i].embedding[k]) < 1e-6))
  assert.deepEqual(f.usage, { prompt_tokens: 5, total_tokens: 5 })
})
await test('openai models', async () => {
  const ids = []
  for await (const m of client.models.list()) ids.push(m.id)
  assert.ok(ids.includes('gpt-4o'))
  assert.equal((await client.models.retrieve('gpt-4o')).object, 'model')
})
await test('openai legacy completions', async () => {
  const r = await client.completions.create({ model: 'gpt-3.5-turbo-instruct', prompt: 'Say', max_tokens: 4 })
  assert.ok(r.choices[0].text.length > 0 && r.usage.completion_tokens === 4)
})
await test('openai moderations, images, transcription', async () => {
  assert.equal((await client.moderations.create({ input: 'hello' })).results[0].flagged, false)
  const i = await client.images.generate({ model: 'gpt-image-1', prompt: 'a fox', quality: 'low' })
  assert.equal(i.usage.output_tokens, 272)
  const file = () => toFile(Buffer.alloc(64000), 'speech.wav')
  const t = await client.audio.transcriptions.create({ model: 'gpt-4o-transcribe', file: await file() })
  assert.ok(t.text && t.usage.type === 'tokens' && t.usage.input_token_details.audio_tokens === 20)
  const w = await client.audio.transcriptions.create({ model: 'whisper-1', file: await file() })
  assert.deepEqual(w.usage, { type: 'duration', seconds: 2 })
})
await test('openai files and batches', async () => {
  const line = (i, model = 'gpt-4o-mini') => JSON.stringify({ custom_id: 'r' + i, method: 'POST', url: '/v1/chat/completions', body: { model, messages: ask } })
  const file = await client.files.create({ purpose: 'batch', file: await toFile(Buffer.from([line(0), line(1), line(2, 'no-such-model')].join('\n')), 'in.jsonl') })
  assert.equal((await client.files.retrieve(file.id)).filename, 'in.jsonl')
  let b = await client.batches.create({ input_file_id: file.id, endpoint: '/v1/chat/completions', completion_window: '24h' })
  for (let i = 0; i < 100 && b.status !== 'completed'; i++) { await new Promise(f => setTimeout(f, 50)); b = await client.batches.retrieve(b.id) }
  assert.equal(b.status, 'completed')
  assert.deepEqual(b.request_counts, { total: 3, completed: 2, failed: 1 })
  const rows = (await (await client.files.content(b.output_file_id)).text()).trim().split('\n').map(JSON.parse)
  assert.deepEqual(rows.map(r => r.custom_id).sort(), ['r0', 'r1'])
  assert.ok(rows.every(r => r.response.status_code === 200 && r.response.body.usage.total_tokens > 0))
  const bad = JSON.parse((await (await client.files.content(b.error_file_id)).text()).trim())
  assert.equal(bad.response.status_code, 404)
  assert.equal((await client.files.delete(file.id)).deleted, true)
})
await test('openai fine-tuning job', async () => {
  const file = await client.files.create({ purpose: 'fine-tune', file: await toFile(Buffer.alloc(4000, 'x'), 'train.jsonl') })
  let j = await client.fineTuning.jobs.create({ model: 'gpt-4o-mini', training_file: file.id, method: { type: 'supervised', supervised: { hyperparameters: { n_epochs: 2 } } } })
  for (let i = 0; i < 100 && j.status !== 'succeeded'; i++) { await new Promise(f => setTimeout(f, 50)); j = await client.fineTuning.jobs.retrieve(j.id) }
  assert.equal(j.trained_tokens, 2000)
  assert.ok(j.fine_tuned_model.startsWith('ft:gpt-4o-mini'))
})
await test('openai errors have their classes', async () => {
  const e = await thrown(() => client.chat.completions.create({ model: 'no-such-model', messages: ask }))
  assert.ok(e instanceof OpenAI.NotFoundError && e.code === 'model_not_found' && e.type === 'invalid_request_error')
  const bad = await thrown(() => client.chat.completions.create({ model: 'gpt-4o', messages: [] }))
  assert.ok(bad instanceof OpenAI.BadRequestError && bad.param === 'messages')
  const rate = await thrown(() => client.chat.completions.create({ model: 'gpt-4o', messages: ask }, h({ 'x-sandbox-fault': '429:3' })))
  assert.ok(rate instanceof OpenAI.RateLimitError && rate.headers.get('retry-after') === '3')
  const key = await thrown(() => new OpenAI({ apiKey: 'sk-invalid', maxRetries: 0 }).models.list())
  assert.ok(key instanceof OpenAI.AuthenticationError)
})
await test('openai retries and comes through', async () => {
  const r = await client.chat.completions.create({ model: 'flaky-openai', messages: ask }, { maxRetries: 2 })
  assert.ok(r.choices[0].message.content)
})
await test('openai, an error in mid-stream is thrown', async () => {
  const e = await thrown(async () => { for await (const _ of await client.chat.completions.create({ model: 'gpt-4o', messages: ask, stream: true }, h({ 'x-sandbox-fault': 'error-mid:3' }))); })
  assert.ok(e instanceof OpenAI.APIError, String(e))
})
await test('openai, a client that leaves early', async () => {
  const s = await client.chat.completions.create({ model: 'gpt-4o', messages: ask, stream: true }, h({ 'x-sandbox-tokens': '200', 'x-sandbox-gap-ms': '5' }))
  let n = 0
  for await (const _ of s) if (++n === 5) break
  assert.equal(n, 5)
})
done()
