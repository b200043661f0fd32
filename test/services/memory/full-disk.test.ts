/** Writes that fail as they do on a full disk: what can be read is still found, and what was to be written follows when there is room. */
import assert from 'node:assert/strict'
import path from 'node:path'
import { test } from 'node:test'
import { fillDisk, wasRefused } from '../../full-disk.ts'
import { checkLeaks, eventually, type Scope, tempDir } from '../../harness.ts'
import { openRig, playedOllama, type Rig } from './rig.ts'

checkLeaks()

const refused = ({ lines }: Rig): boolean => wasRefused(lines.map((line) => JSON.stringify(line)))

/** A folder with one memory, left by a life without a model. */
const furnished = async (t: Scope): Promise<{ folder: string; file: string }> => {
  const folder = tempDir(t)
  const rig = openRig(t, { folder, mode: 'off' })
  await rig.memory.create({ key: 'coffee', content: 'Likes dark roast coffee' })
  await rig.close()
  return { folder, file: path.join(folder, 'db', 'memory.db') }
}

test('full disk - memories are found and recalled though their use cannot be counted', async (t) => {
  const rig = openRig(t, { mode: 'off' })
  await rig.memory.create({ key: 'coffee', content: 'Likes dark roast coffee' })
  await rig.memory.set_recall({ enabled: true })
  const makeRoom = fillDisk(rig.file, 'UPDATE OF use_count ON memories')
  const text = 'which coffee shall I buy'
  assert.deepEqual(
    (await rig.memory.search({ q: text })).map(({ key }) => key),
    ['coffee'],
  )
  assert.equal((await rig.memory.recall({ bot_id: 'default', text })).memories.length, 1)
  assert.ok(refused(rig))
  makeRoom()
  await rig.memory.recall({ bot_id: 'default', text })
  assert.equal((await rig.memory.list({}))[0]?.use_count, 1)
})

test('full disk - a model that cannot be written down is not decided on, until it can', async (t) => {
  const { folder, file } = await furnished(t)
  const makeRoom = fillDisk(file, 'INSERT ON embedding_choices')
  // Nobody plays Ollama: the built-in model is decided on, when a look has failed.
  const rig = openRig(t, { folder, mode: 'auto' })
  await eventually(() => refused(rig))
  assert.equal((await rig.memory.status({})).embedding.model, null)
  assert.equal((await rig.memory.search({ q: 'coffee' })).length, 1)
  makeRoom()
  await eventually(async () => (await rig.memory.status({})).embedding.model !== null)
})

test('full disk - a search goes by words while the model of its vector cannot be written down', async (t) => {
  const { folder, file } = await furnished(t)
  const makeRoom = fillDisk(file, 'INSERT ON embedding_models')
  const rig = openRig(t, { folder, ollama: await playedOllama(t) })
  await eventually(async () => (await rig.memory.status({})).embedding.model !== null)
  assert.deepEqual((await rig.memory.search({ q: 'coffee' }))[0]?.ways, ['words'])
  assert.ok(refused(rig))
  makeRoom()
  await eventually(async () => (await rig.memory.search({ q: 'coffee' }))[0]?.ways.includes('meaning'))
})
