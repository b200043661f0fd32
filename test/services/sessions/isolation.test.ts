/** Whatever the order in which answers come: no answer reaches another chat. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openScriptedRig, textOf } from '../../crash/rig.ts'
import { checkLeaks } from '../../harness.ts'
import fc from '../../property.ts'
import { recorded } from './recorded.ts'

checkLeaks()

const CHATS = 50

test('isolation - 50 chats that end in any order get their own answers, in the stream, in the reply and in history', {
  timeout: 180_000,
}, async (t) => {
  const rig = await openScriptedRig(t, { GATEWAY_MAX_WARM_AGENTS: String(CHATS) })
  let round = 0
  const pauses = fc.array(fc.integer({ min: 0, max: 40 }), { minLength: CHATS, maxLength: CHATS })
  await fc.assert(
    fc.asyncProperty(pauses, async (delays) => {
      round += 1
      const answers = await Promise.all(
        delays.map(async (delay, index) => {
          const label = `secret-${round}-${index}`
          const turnId = await rig.ask(`{{label=${label} tokens=5 delay_ms=${delay}}} go`, `chat${index}`)
          const events = await rig.follow(turnId)
          return { label, text: textOf(events), turn: await rig.sessions.turn({ turn_id: turnId }) }
        }),
      )
      for (const [index, { label, text, turn }] of answers.entries()) {
        assert.equal(text, rig.answerOf(label, 5))
        assert.equal(turn.reply, text)
        assert.equal(turn.chat_id, `chat${index}`)
      }
    }),
    { numRuns: 4 },
  )
  for (let index = 0; index < CHATS; index += 1) {
    const rows = await recorded(rig, `gw-default-chat${index}`, 2 * round)
    assert.equal(rows.length, 2 * round)
    for (const row of rows) assert.match(row.content, new RegExp(`secret-\\d+-${index}\\b`), `chat${index}`)
  }
})
