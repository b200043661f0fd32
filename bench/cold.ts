/** The first turn of a chat, whose agent has to be started: what we add to starting it by hand. */
import type { Bench } from './bench.ts'
import { openHandFed } from './hand-fed.ts'
import { openHouse } from './house.ts'
import { openRest } from './rest.ts'
import { atMost, toRow } from './row.ts'
import { interleave, median, quantile } from './statistics.ts'
import { ask, post } from './stream.ts'

const STARTS = 8
const MESSAGE = '{{tokens=3 label=hello}}'

export const cold: Bench = {
  summary: 'First words of a chat whose agent must be started, against the same start by hand',
  run: async ({ rounds, scope }) => {
    const house = await openHouse(scope)
    const kit = await openHandFed(scope, house.env)
    const atRest = await openRest(house)
    let chat = 0
    const throughUs = async (): Promise<number> => {
      await atRest()
      chat += 1
      const { first_ms } = await ask(house.port, `cold${chat}`, MESSAGE)
      // Its agent leaves before the next one is measured.
      await post(house.port, '/api/gateway/stop', { chat_id: `cold${chat}` })
      return first_ms
    }
    const byHand = async (): Promise<number> => {
      await atRest()
      const began = performance.now()
      const agent = kit.spawn()
      const asked = performance.now()
      const { first_ms } = await agent.ask(MESSAGE)
      await agent.close()
      return asked - began + first_ms
    }
    const measure = (count: number) => interleave(count, { ours: throughUs, hand: byHand })
    await measure(3)
    const found: Awaited<ReturnType<typeof measure>>[] = []
    for (let round = 0; round < rounds; round += 1) found.push(await measure(STARTS))
    const n = STARTS * rounds
    const added = found.map((round) => median(round.ours) - median(round.hand))
    return [
      toRow({
        what: 'cold, first token: ours on top of spawning by hand, p50',
        unit: 'ms',
        rounds: added,
        value: median(found.flatMap(({ ours }) => ours)) - median(found.flatMap(({ hand }) => hand)),
        n,
        goal: atMost(15),
      }),
      toRow({ what: 'cold, first token through the edge, p50', unit: 'ms', rounds: found.map(({ ours }) => median(ours)), n }),
      toRow({
        what: 'cold, first token through the edge, p90',
        unit: 'ms',
        rounds: found.map(({ ours }) => quantile(ours, 0.9)),
        n,
      }),
      toRow({
        what: 'cold, first token by hand, p50',
        unit: 'ms',
        rounds: found.map(({ hand }) => median(hand)),
        n,
        note: 'yardstick',
      }),
    ]
  },
}
