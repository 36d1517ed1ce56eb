// SPDX-License-Identifier: Apache-2.0
// The SDKs' websocket clients, unmodified: OpenAIRealtimeWS and ResponsesWS of openai (over the ws package), live of @google/genai.
import OpenAI from 'openai'
import { OpenAIRealtimeWS } from 'openai/realtime/ws'
import { ResponsesWS } from 'openai/resources/responses/ws'
import { GoogleGenAI, Modality } from '@google/genai'
import { test, done, assert } from './sdk/t.mjs'

const client = new OpenAI({ maxRetries: 0 })
// Collects events until one of a type; rejects on an error event or an early close.
function session(props, headers = {}) {
  const rt = new OpenAIRealtimeWS({ ...props, options: { headers } }, client)
  const seen = [], waiting = []
  const look = () => { for (const w of [...waiting]) { const e = seen.slice(w.from).find(w.of); if (e) { waiting.splice(waiting.indexOf(w), 1); w.yes(e) } } }
  rt.on('event', e => { seen.push(e); look() })
  rt.on('error', e => waiting.splice(0).forEach(w => w.no(e)))
  rt.socket.on('close', (code, why) => waiting.splice(0).forEach(w => w.no(new Error(`closed ${code} ${why}`))))
  const until = (type, from = seen.length) => new Promise((yes, no) => { waiting.push({ of: e => e.type === type, from, yes, no }); look() })
  return { rt, seen, until }
}
const say = (text) => ({ type: 'conversation.item.create', item: { type: 'message', role: 'user', content: [{ type: 'input_text', text }] } })
const speech = (seconds) => ({ type: 'input_audio_buffer.append', audio: Buffer.alloc(48000 * seconds).toString('base64') })

await test('openai realtime: three responses of one session, the later ones from the cache', async () => {
  const s = session({ model: 'gpt-realtime' }, { 'x-sandbox-tokens': '9' })
  assert.equal((await s.until('session.created', 0)).session.model, 'gpt-realtime')
  const usages = []
  for (const modality of ['text', 'audio', 'audio']) {
    s.rt.send(say('Tell me what a token costs, please. '.repeat(30)))
    const done = s.until('response.done')
    s.rt.send({ type: 'response.create', response: { output_modalities: [modality] } })
    usages.push((await done).response.usage)
  }
  assert.equal(usages[0].output_tokens, 9)
  assert.equal(usages[1].output_token_details.audio_tokens, 27)
  assert.ok(usages[2].input_token_details.cached_tokens > 0)
  s.rt.close()
})
await test('openai realtime: speech in, transcribed, answered unasked', async () => {
  const s = session({ model: 'gpt-realtime' }, { 'x-sandbox-vad': '1' })
  await s.until('session.created', 0)
  s.rt.send({ type: 'session.update', session: { type: 'realtime', audio: { input: { transcription: { model: 'gpt-4o-transcribe' } } } } })
  await s.until('session.updated')
  const done = s.until('response.done'), heard = s.until('conversation.item.input_audio_transcription.completed')
  s.rt.send(speech(5)); s.rt.send({ type: 'input_audio_buffer.commit' })
  assert.equal((await heard).usage.input_token_details.audio_tokens, 50)
  assert.equal((await done).response.usage.input_token_details.audio_tokens, 50)
  s.rt.close()
})
await test('openai realtime: an error event is thrown, the session goes on', async () => {
  const s = session({ model: 'gpt-realtime-mini' })
  await s.until('session.created', 0)
  const bad = s.until('never')
  s.rt.send({ type: 'response.create', event_id: 'mine', response: { temperature: 'hot' } })
  await assert.rejects(bad, /temperature/)
  const done = s.until('response.done')
  s.rt.send({ type: 'response.create' })
  assert.ok((await done).response.usage.total_tokens > 0)
  s.rt.close()
})
for (const transcriber of ['gpt-4o-transcribe', 'whisper-1'])
  await test(`openai transcription session: ${transcriber}`, async () => {
    const { WebSocket } = await import('ws')
    const ws = new WebSocket(process.env.OPENAI_BASE_URL.replace('http', 'ws') + '/realtime?intent=transcription', { headers: { authorization: 'Bearer ' + process.env.OPENAI_API_KEY } })
    const heard = new Promise((yes, no) => { ws.on('error', no); ws.on('close', c => no(new Error('closed ' + c))); ws.on('message', m => { const e = JSON.parse(m); if (e.type.endsWith('transcription.completed')) yes(e) }) })
    await new Promise(f => ws.on('open', f))
    ws.send(JSON.stringify({ type: 'session.update', session: { type: 'transcription', audio: { input: { transcription: { model: transcriber } } } } }))
    ws.send(JSON.stringify(speech(3))); ws.send(JSON.stringify({ type: 'input_audio_buffer.commit' }))
    const e = await heard
    assert.ok(transcriber === 'whisper-1' ? e.usage.seconds === 3 : e.usage.input_tokens === 30)
    ws.close()
  })
await test('openai responses over a websocket, two turns', async () => {
  const ws = new ResponsesWS(client)
  const done = (from) => new Promise((yes, no) => { ws.on('error', no); ws.on('response.completed', e => yes(e.response)) })
  let next = done()
  ws.send({ type: 'response.create', model: 'gpt-4.1-mini', input: 'Hello there' })
  const a = await next
  assert.ok(a.usage.output_tokens > 0)
  next = done()
  ws.send({ type: 'response.create', model: 'gpt-4.1-mini', previous_response_id: a.id, input: 'And again' })
  const b = await next
  assert.ok(b.id !== a.id && b.usage.input_tokens > a.usage.input_tokens)
  ws.close()
})
await test('gemini live, two turns', async () => {
  const ai = new GoogleGenAI({ apiKey: process.env.GEMINI_API_KEY, httpOptions: { baseUrl: process.env.GOOGLE_GEMINI_BASE_URL } })
  let turn
  const live = await ai.live.connect({ model: 'gemini-live-2.5-flash', config: { responseModalities: [Modality.TEXT] },
    callbacks: { onmessage: m => { if (m.serverContent?.turnComplete) turn?.(m) }, onerror: e => { throw e }, onclose: () => {} } })
  for (const text of ['Hello', 'And again']) {
    const over = new Promise(f => { turn = f })
    live.sendClientContent({ turns: text, turnComplete: true })
    assert.ok((await over).usageMetadata.totalTokenCount > 0)
  }
  live.close()
})
done()
