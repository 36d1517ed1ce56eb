// SPDX-License-Identifier: Apache-2.0
// What else the openai SDK offers: every resource that the gateway may meet, once at least.
import OpenAI, { toFile } from 'openai'
import { test, done, assert, thrown } from './t.mjs'

const client = new OpenAI({ maxRetries: 0 })
const h = (headers) => ({ headers })
const ask = [{ role: 'user', content: 'What does a token cost?' }]
const all = async (page) => { const out = []; for await (const one of page) out.push(one); return out }
const events = async (stream) => { const out = []; for await (const e of await stream) out.push(e); return out }
const wav = () => toFile(Buffer.alloc(64000), 'speech.wav')

await test('openai stored chats', async () => {
  const r = await client.chat.completions.create({ model: 'gpt-4o-mini', messages: ask, store: true })
  assert.equal((await client.chat.completions.retrieve(r.id)).usage.total_tokens, r.usage.total_tokens)
  assert.ok((await all(client.chat.completions.list())).some(c => c.id === r.id))
  await all(client.chat.completions.messages.list(r.id))
  assert.equal((await client.chat.completions.delete(r.id)).deleted, true)
})
await test('openai chat of a compatible server: extra fields pass', async () => {
  const r = await client.chat.completions.create({ model: 'gpt-4o-mini', messages: ask, top_k: 4, mirostat: 2 }, h({ 'x-sandbox-tokens': '6' }))
  assert.equal(r.usage.completion_tokens, 6)
})
await test('openai responses: stored, items, counted, compacted, cancelled, deleted', async () => {
  const r = await client.responses.create({ model: 'gpt-4.1-mini', input: 'Hello', store: true })
  await all(client.responses.inputItems.list(r.id))
  const n = await client.responses.inputTokens.count({ model: 'gpt-4.1-mini', input: 'Hello' })
  assert.equal(n.input_tokens, r.usage.input_tokens)
  const c = await client.responses.compact({ model: 'gpt-4.1-mini', input: [{ role: 'user', content: 'long talk '.repeat(50) }] })
  assert.ok(c.object === 'response.compaction' && c.usage.total_tokens > 100)
  const b = await client.responses.create({ model: 'gpt-4.1-mini', input: 'Slow', background: true, store: true })
  assert.ok(['cancelled', 'completed'].includes((await client.responses.cancel(b.id)).status))
  await client.responses.delete(r.id)
  assert.equal((await thrown(() => client.responses.retrieve(r.id))).status, 404)
})
await test('openai legacy completions stream', async () => {
  const got = await events(client.completions.create({ model: 'gpt-3.5-turbo-instruct', prompt: 'Say', stream: true, max_tokens: 9 }))
  assert.ok(got.map(c => c.choices[0]?.text ?? '').join('').length > 0)
})
await test('openai models, deleted too', async () => {
  assert.equal((await client.models.delete('ft:gpt-4o-mini:x')).deleted, true)
})
await test('openai files', async () => {
  const f = await client.files.create({ purpose: 'user_data', file: await toFile(Buffer.from('hello'), 'h.txt') })
  assert.ok((await all(client.files.list())).some(o => o.id === f.id))
  assert.equal(await (await client.files.content(f.id)).text(), 'hello')
  assert.equal((await client.files.delete(f.id)).deleted, true)
})
await test('openai uploads in parts, joined and trained on', async () => {
  const parts = ['a'.repeat(2000), 'b'.repeat(2000)]
  const u = await client.uploads.create({ bytes: 4000, filename: 'train.jsonl', mime_type: 'application/jsonl', purpose: 'fine-tune' })
  const ids = []
  for (const p of parts) ids.push((await client.uploads.parts.create(u.id, { data: await toFile(Buffer.from(p), 'p') })).id)
  const whole = await client.uploads.complete(u.id, { part_ids: ids })
  assert.equal(whole.status, 'completed')
  assert.equal(await (await client.files.content(whole.file.id)).text(), parts.join(''))
  const gone = await client.uploads.create({ bytes: 1, filename: 'x', mime_type: 'text/plain', purpose: 'user_data' })
  assert.equal((await client.uploads.cancel(gone.id)).status, 'cancelled')
  let j = await client.fineTuning.jobs.create({ model: 'gpt-4o-mini', training_file: whole.file.id, method: { type: 'supervised', supervised: { hyperparameters: { n_epochs: 1 } } } })
  assert.equal((await client.fineTuning.jobs.pause(j.id)).status, 'paused')
  await new Promise(f => setTimeout(f, 1000)) // longer than a job takes
  assert.equal((await client.fineTuning.jobs.retrieve(j.id)).status, 'paused')
  assert.ok((await client.fineTuning.jobs.resume(j.id)).status !== 'paused')
  for (let i = 0; i < 400 && j.status !== 'succeeded'; i++) { await new Promise(f => setTimeout(f, 50)); j = await client.fineTuning.jobs.retrieve(j.id) }
  assert.equal(j.trained_tokens, 1000)
  assert.ok((await all(client.fineTuning.jobs.listEvents(j.id))).length > 2)
  await all(client.fineTuning.jobs.checkpoints.list(j.id))
  assert.ok((await all(client.fineTuning.jobs.list())).some(o => o.id === j.id))
  const other = await client.fineTuning.jobs.create({ model: 'gpt-4o-mini', training_file: whole.file.id })
  assert.equal((await client.fineTuning.jobs.cancel(other.id)).status, 'cancelled')
})
await test('openai batches: listed, cancelled', async () => {
  const line = JSON.stringify({ custom_id: 'r', method: 'POST', url: '/v1/embeddings', body: { model: 'text-embedding-3-small', input: 'x' } })
  const f = await client.files.create({ purpose: 'batch', file: await toFile(Buffer.from(line), 'in.jsonl') })
  const b = await client.batches.create({ input_file_id: f.id, endpoint: '/v1/embeddings', completion_window: '24h' })
  assert.ok((await all(client.batches.list())).some(o => o.id === b.id))
  assert.ok(['cancelling', 'cancelled'].includes((await client.batches.cancel(b.id)).status))
})
await test('openai speech: bytes and events', async () => {
  const sound = Buffer.from(await (await client.audio.speech.create({ model: 'tts-1', voice: 'alloy', input: 'Read this aloud, café.' })).arrayBuffer())
  assert.ok(sound.length > 100)
  const text = await (await client.audio.speech.create({ model: 'gpt-4o-mini-tts', voice: 'alloy', input: 'Read this aloud, please.', stream_format: 'sse' })).text()
  assert.ok(text.includes('speech.audio.done') && text.includes('"output_tokens"'))
})
await test('openai transcriptions and translations: whole, as text, as events', async () => {
  const t = await client.audio.transcriptions.create({ model: 'gpt-4o-mini-transcribe', file: await wav() })
  assert.ok(t.usage.output_tokens > 0)
  const s = await events(client.audio.transcriptions.create({ model: 'gpt-4o-mini-transcribe', file: await wav(), stream: true }))
  assert.ok(s.at(-1).type === 'transcript.text.done' && s.at(-1).usage.input_tokens === 20)
  const v = await client.audio.transcriptions.create({ model: 'whisper-1', file: await wav(), response_format: 'verbose_json' })
  assert.equal(v.duration, 2)
  assert.ok((await client.audio.translations.create({ model: 'whisper-1', file: await wav() })).text.length > 0)
})
await test('openai images: made, changed, varied, as events', async () => {
  const png = () => toFile(Buffer.alloc(500), 'a.png', { type: 'image/png' })
  const g = await events(client.images.generate({ model: 'gpt-image-1', prompt: 'a fox', quality: 'medium', stream: true, partial_images: 2 }))
  assert.deepEqual(g.map(e => e.type), ['image_generation.partial_image', 'image_generation.partial_image', 'image_generation.completed'])
  assert.equal(g.at(-1).usage.output_tokens, 1056)
  const e = await client.images.edit({ model: 'gpt-image-1', image: await png(), prompt: 'with a hat', quality: 'low' })
  assert.ok(e.usage.output_tokens === 272 && e.usage.input_tokens_details.image_tokens > 0)
  const es = await events(client.images.edit({ model: 'gpt-image-1', image: await png(), prompt: 'with a hat', quality: 'low', stream: true }))
  assert.equal(es.at(-1).type, 'image_edit.completed')
  assert.ok((await client.images.createVariation({ model: 'dall-e-2', image: await png() })).data.length === 1)
})
await test('openai moderations of many', async () => {
  assert.equal((await client.moderations.create({ model: 'omni-moderation-latest', input: ['a', 'b'] })).results.length, 2)
})
await test('openai vector stores, conversations, containers, videos pass', async () => {
  const v = await client.vectorStores.create({ name: 'docs' })
  assert.equal((await client.vectorStores.retrieve(v.id)).name, 'docs')
  assert.equal((await client.vectorStores.update(v.id, { name: 'more' })).name, 'more')
  await all(client.vectorStores.files.list(v.id))
  assert.ok((await all(client.vectorStores.list())).length > 0)
  assert.equal((await client.vectorStores.delete(v.id)).deleted, true)
  const c = await client.conversations.create({ metadata: { a: 'b' } })
  await all(client.conversations.items.list(c.id))
  await client.conversations.delete(c.id)
  await client.containers.create({ name: 'box' })
  const film = await client.videos.create({ model: 'sora-2', prompt: 'a fox', seconds: '4' })
  assert.equal(film.model, 'sora-2')
  assert.equal((await client.videos.retrieve(film.id)).seconds, '4')
  assert.ok((await (await client.videos.downloadContent(film.id)).text()).length > 0)
})
done()
