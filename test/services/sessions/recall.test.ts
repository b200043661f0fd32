/** Recall on its whole way: the real memory service beside the real sessions; what the agent reads is in its journal. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { createClient } from '../../../protocol/client.ts'
import { openLink } from '../../../protocol/wire/link.ts'
import { openScriptedRig } from '../../crash/rig.ts'
import { atEnd, checkLeaks, eventually, ready, startModule } from '../../harness.ts'

checkLeaks()

const QUESTION = '{{label=one tokens=1}} When does the harbour office open?'

test('recall - the memories that fit stand before the prompt, the turn names them, and memory away holds nothing up', async (t) => {
  const rig = await openScriptedRig(t)
  const startMemory = async () => {
    const child = startModule(t, 'services/memory/main.ts', { ...rig.env, EMBEDDINGS: 'embedded' })
    await ready(child)
    return child
  }
  const service = await startMemory()
  const link = openLink({ run_dir: join(rig.home, 'run'), service: 'memory' })
  atEnd(t, () => link.close())
  const memory = createClient('memory', link.call)
  const row = { category: 'places', bot_id: 'default' }
  const office = await memory.create({ ...row, key: 'office', content: 'The harbour office opens at seven in the morning.' })
  await memory.create({ ...row, key: 'cats', content: 'Two cats sleep on the red sofa.' })
  await memory.create({ ...row, bot_id: 'other', key: 'office', content: 'The harbour office of the other bot opens at nine.' })
  await eventually(async () => (await memory.status({})).pending === 0, { timeout_ms: 60_000 })
  const ask = async (chat: string) => await rig.ended(await rig.ask(QUESTION, chat))
  const prompts = () =>
    readFileSync(join(rig.home, 'journal.jsonl'), 'utf8')
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as { text: string }).text)

  assert.deepEqual((await ask('before')).memories, [], 'off by default')
  await memory.set_recall({ bot_id: 'default', enabled: true })
  // What a bot said of being switched off is believed for a few seconds, and a prompt does not wait for a model that loads.
  const turn = await eventually(
    async () => {
      const asked = await ask('with')
      return asked.memories.length > 0 ? asked : null
    },
    { timeout_ms: 60_000 },
  )
  assert.deepEqual(turn.memories, [office.id], 'that one, and none of another bot')
  assert.match(prompts().at(-1) ?? '', /harbour office opens at seven/)
  assert.doesNotMatch(prompts().at(-1) ?? '', /cats|at nine/)

  service.process.kill('SIGKILL')
  await service.exit
  const without = await ask('without')
  assert.deepEqual([without.state, without.memories], ['answered', []])
})
