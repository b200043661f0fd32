/** Whatever an agent writes: nothing of ours throws, what is kept is bounded, and a turn ends exactly once. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { TurnEvent } from '../../protocol/sessions.ts'
import { comparePositions, parseEventId } from '../../services/sessions/agent/event-id.ts'
import { MAX_TEXT_CHARS, TurnFold } from '../../services/sessions/agent/fold.ts'
import { LineCutter, MAX_LINE_BYTES } from '../../services/sessions/agent/log.ts'
import { OwnTurns } from '../../services/sessions/agent/own-turns.ts'
import { parseLine } from '../../services/sessions/agent/stream-json.ts'
import { openScriptedRig } from '../crash/rig.ts'
import { checkLeaks, tempDir } from '../harness.ts'
import fc from '../property.ts'
import { root } from '../source-tree.ts'
import { line, STARTED, UUID } from './babble.ts'
import { FACTOR, looked, SEED } from './runs.ts'

checkLeaks()

/** The longest line that the Go client reads. */
const GO_LINE_BYTES = 65_535

interface Folded {
  readonly events: TurnEvent[]
  readonly ends: number
}

/** Everything that reads an agent's lines, over bytes that come in pieces of `size`. */
const foldAll = (bytes: Buffer, size: number): Folded => {
  const cutter = new LineCutter(0)
  const fold = new TurnFold(7, UUID)
  const own = new OwnTurns()
  const events: TurnEvent[] = []
  let ends = 0
  for (let from = 0; from < bytes.length; from += size) {
    for (const read of cutter.push(bytes.subarray(from, from + size))) {
      const json = parseLine(read)
      const before = fold.result
      events.push(...fold.push(read, json))
      if (json !== null) own.push(read, json, fold.isOurs)
      if (before === null && fold.result !== null) {
        ends += 1
        for (const [name, said] of Object.entries(fold.result))
          if (typeof said === 'number')
            assert.ok(said >= 0 && (!name.endsWith('_tokens') || Number.isSafeInteger(said)), `${name} ${said}`)
      } else assert.equal(fold.result, before, 'what the end was does not change')
    }
  }
  return { events, ends }
}

test('agent output - lines of any shape, cut anywhere, give the same orderly events and one end at most', () => {
  let ended = 0
  let told = 0
  fc.assert(
    fc.property(fc.boolean(), fc.array(line, { maxLength: 15 }), fc.integer({ min: 1, max: 500 }), (isOurs, lines, pieces) => {
      const bytes = Buffer.from([...(isOurs ? [STARTED] : []), ...lines, ''].join('\n'))
      const { events, ends } = foldAll(bytes, bytes.length)
      assert.deepEqual(foldAll(bytes, Math.ceil(bytes.length / pieces)), { events, ends })
      assert.ok(ends <= 1)
      ended += ends
      told += events.length
      for (const [index, event] of events.entries()) {
        const next = events[index + 1]
        if (next !== undefined) assert.ok(comparePositions(parseEventId(event.id), parseEventId(next.id)) < 0)
        const size = Buffer.byteLength(`data: ${JSON.stringify(event)}`)
        assert.ok(size <= GO_LINE_BYTES, `${event.type} of ${size} bytes`)
      }
    }),
    looked(400),
  )
  assert.ok(ended > 10 && told > 100, `${ended} ends, ${told} events`)
})

/** What memory has grown by, in MB, after collecting what is not needed. */
const heldAfter = (work: () => unknown): number => {
  const before = process.memoryUsage()
  const kept = work()
  const after = process.memoryUsage()
  assert.ok(kept !== null)
  return (after.external + after.arrayBuffers - before.external - before.arrayBuffers) / 1_048_576
}

test('agent output - a line without an end is held up to the bound and no further, and the next one is read', () => {
  const cutter = new LineCutter(0)
  const piece = Buffer.alloc(1_048_576, 'x')
  const held = heldAfter(() => {
    for (let mb = 0; mb < 200; mb += 1) assert.deepEqual([...cutter.push(piece)], [])
    return cutter
  })
  assert.ok(held < (2 * 2 * MAX_LINE_BYTES) / 1_048_576, `${Math.round(held)} MB`)
  const found = [...cutter.push(Buffer.from('\n{}\n'))]
  assert.deepEqual(
    found.map(({ text }) => text),
    [null, '{}'],
  )
})

test('agent output - text without an end is remembered up to the bound', () => {
  const fold = new TurnFold(7, UUID)
  let offset = 0
  const push = (json: object): number => fold.push({ offset: ++offset, next: offset + 1, text: JSON.stringify(json) }).length
  const start = { type: 'stream_event', event: { type: 'content_block_start', content_block: { type: 'text' } } }
  push({ type: 'command_lifecycle', command_uuid: UUID, state: 'started' })
  push(start)
  const delta = {
    type: 'stream_event',
    event: { type: 'content_block_delta', delta: { type: 'text_delta', text: 'x'.repeat(500_000) } },
  }
  for (let times = 0; times < 40; times += 1) assert.ok(push(delta) > 0)
  assert.equal(fold.text.length, MAX_TEXT_CHARS)
})

const CHATS = 3
const MESSAGES = 2

test('agent output - with agents that talk nonsense each turn ends once, and the service lives', async (t) => {
  const folder = tempDir(t)
  const turns = CHATS * MESSAGES * FACTOR
  const lines = fc.sample(line, { seed: SEED, numRuns: 25 * (turns + 1) })
  const [program, babble] = [join(folder, 'agent'), join(folder, 'babble.json')]
  writeFileSync(program, `#!/bin/sh\nexec '${process.execPath}' '${join(root, 'dist/test/security/babbling-agent.js')}' "$@"\n`, {
    mode: 0o700,
  })
  writeFileSync(babble, JSON.stringify(lines))
  const rig = await openScriptedRig(t, {
    ...{ CLAUDE_BIN: program, BABBLE_FILE: babble, AGENT_ENV_PASS: 'BABBLE_FILE', IS_SANDBOX: '1' },
    // So that what it asks for is read, too.
    CLAUDE_PERMISSION_MODE: 'ask',
    CLAUDE_CONFIG_DIR: join(folder, 'claude'),
  })
  const pid = rig.service('sessions').pid
  const ids = await Promise.all(Array.from({ length: turns }, (_, at) => rig.ask(`message ${at}`, `c${at % CHATS}`)))
  for (const id of ids) {
    const events = await rig.follow(id)
    assert.equal(events.filter(({ type }) => type === 'end').length, 1)
    assert.equal(events.at(-1)?.type, 'end')
    assert.equal(new Set(events.map((event) => event.id)).size, events.length)
    const { state, ended_at } = await rig.sessions.turn({ turn_id: id })
    assert.ok(ended_at !== null && ['answered', 'failed', 'interrupted'].includes(state), state)
  }
  assert.equal(rig.service('sessions').pid, pid)
  assert.equal(rig.service('sessions').process.exitCode, null)
  assert.doesNotMatch(rig.service('sessions').output(), /"level":"(error|fatal)"/)
})
