import assert from 'node:assert/strict'
import path from 'node:path'
import { test } from 'node:test'
import { createClient } from '../../../protocol/client.ts'
import { toVector } from '../../../protocol/memory.ts'
import { openSubscriber } from '../../../protocol/wire/bus.ts'
import { openLink } from '../../../protocol/wire/link.ts'
import type { OllamaFake } from '../../fakes/ollama.ts'
import { type Child, checkLeaks, eventually, ready, type Scope, startModule, tempDir } from '../../harness.ts'
import { playedOllama } from './rig.ts'

checkLeaks()

const start = async (t: Scope, home: string, ollama: OllamaFake): Promise<Child> => {
  const child = startModule(t, 'services/memory/main.ts', {
    SWITCHBOARD_HOME: home,
    LOG_LEVEL: 'warn',
    OLLAMA_BASE_URL: ollama.url,
  })
  await ready(child)
  return child
}

const clientOf = (t: Scope, home: string) => {
  const link = openLink({ run_dir: path.join(home, 'run'), service: 'memory' })
  t.after(() => link.close())
  return createClient('memory', link.call)
}

test('memory - answers over the wire as the contract says, vectors included', async (t) => {
  const home = tempDir(t)
  const ollama = await playedOllama(t)
  await start(t, home, ollama)
  const memory = clientOf(t, home)
  const { id } = await memory.create({ key: 'k', content: 'nul \0 你好 😀' })
  assert.equal((await memory.get({ memory_id: id })).content, 'nul \0 你好 😀')
  await assert.rejects(memory.create({ key: 'k', content: 'again' }), { code: 'conflict' })
  await assert.rejects(memory.get({ memory_id: id, bot_id: 'other' }), { code: 'not_found' })
  assert.equal((await memory.search({ q: '你好' }))[0]?.id, id)
  const { vectors, dimensions } = await memory.embed({ texts: Array(64).fill('some text'), kind: 'document' })
  assert.equal(vectors.length, 64)
  const first = toVector(vectors[0] ?? new Uint8Array())
  assert.equal(first.length, dimensions)
  assert.ok(Math.abs(Math.hypot(...first) - 1) < 1e-4)
})

test('memory - tells of each change', async (t) => {
  const home = tempDir(t)
  await start(t, home, await playedOllama(t))
  const memory = clientOf(t, home)
  const told: unknown[] = []
  const subscriber = openSubscriber({
    run_dir: path.join(home, 'run'),
    service: 'memory',
    on: (_topic, payload) => told.push(payload),
  })
  t.after(() => subscriber.close())
  // A subscriber hears nothing of what was said before it was there.
  await eventually(async () => {
    await memory.put({ key: 'k', content: 'c' })
    return told.length > 0
  })
})

test('memory - ends on a signal with status 0, with a model that hangs, and keeps what it had', async (t) => {
  const home = tempDir(t)
  const ollama = await playedOllama(t)
  const first = await start(t, home, ollama)
  const memory = clientOf(t, home)
  await eventually(async () => (await memory.status({})).embedding.answering)
  ollama.behaviour = 'hang'
  await memory.create({ key: 'kept', content: 'before the end' })
  await eventually(() => ollama.calls.some(({ input }) => input[0]?.includes('before the end')))
  first.process.kill('SIGTERM')
  assert.deepEqual(await first.exit, { code: 0, signal: null })
  ollama.behaviour = 'ok'
  await start(t, home, ollama)
  assert.equal((await memory.list({}))[0]?.key, 'kept')
  await eventually(async () => (await memory.status({})).pending === 0, { timeout_ms: 30_000 })
})
