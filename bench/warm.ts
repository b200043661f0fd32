/** A turn with a warm agent: what we add to the time until the agent's first words. */
import type { Bench } from './bench.ts'
import { openHandFed } from './hand-fed.ts'
import { openHouse } from './house.ts'
import { openRest } from './rest.ts'
import { atMost, toRow } from './row.ts'
import { interleave, median, quantile } from './statistics.ts'
import { ask } from './stream.ts'

const TURNS = 100
/** Of each round, from rest. */
const RESTED = 25
const MESSAGE = '{{tokens=3 label=hello}}'

export const warm: Bench = {
  summary: 'First words of a warm agent through the edge, against the same agent fed by hand',
  run: async ({ rounds, scope }) => {
    const house = await openHouse(scope)
    const hand = (await openHandFed(scope, house.env)).spawn()
    const atRest = await openRest(house, [hand.process.pid ?? 0])
    // Turn after turn: what ours leaves behind does not slow the agent that is fed by hand (0.3 ms beside it, 0.5 ms from rest).
    const measure = async (count: number, before: () => Promise<void> = async () => undefined) => {
      const { ours, hand: byHand } = await interleave(count, {
        ours: () => before().then(() => ask(house.port, 'warm', MESSAGE)),
        hand: () => before().then(() => hand.ask(MESSAGE)),
      })
      return {
        ours: ours.map(({ first_ms }) => first_ms),
        end: ours.map(({ end_ms }) => end_ms),
        hand: byHand.map(({ first_ms }) => first_ms),
      }
    }
    await measure(TURNS / 2)
    const found: Awaited<ReturnType<typeof measure>>[] = []
    const rested: Awaited<ReturnType<typeof measure>>[] = []
    for (let round = 0; round < rounds; round += 1) {
      found.push(await measure(TURNS))
      rested.push(await measure(RESTED, atRest))
    }
    const n = TURNS * rounds
    const ours = found.flatMap((round) => round.ours)
    const byHand = found.flatMap((round) => round.hand)
    // By hand the median is taken off both: what the agent itself takes now and then stays with us.
    const added = (share: number): number[] => found.map((round) => quantile(round.ours, share) - median(round.hand))
    return [
      toRow({
        what: 'warm, first token: ours on top of the agent, p50',
        unit: 'ms',
        rounds: added(0.5),
        value: median(ours) - median(byHand),
        n,
        goal: atMost(5),
      }),
      toRow({
        what: 'warm, first token: ours on top of the agent, p99',
        unit: 'ms',
        rounds: added(0.99),
        value: quantile(ours, 0.99) - median(byHand),
        n,
        goal: atMost(25),
      }),
      toRow({
        what: 'warm, first token from rest: ours on top of the agent, p50',
        unit: 'ms',
        rounds: rested.map((round) => median(round.ours) - median(round.hand)),
        n: RESTED * rounds,
      }),
      toRow({ what: 'warm, first token through the edge, p50', unit: 'ms', rounds: found.map((round) => median(round.ours)), n }),
      toRow({ what: 'warm, whole turn through the edge, p50', unit: 'ms', rounds: found.map((round) => median(round.end)), n }),
      toRow({
        what: 'warm, first token fed by hand, p50',
        unit: 'ms',
        rounds: found.map((round) => median(round.hand)),
        n,
        note: 'yardstick',
      }),
      toRow({
        what: 'warm, first token fed by hand, p99',
        unit: 'ms',
        rounds: found.map((round) => quantile(round.hand, 0.99)),
        value: quantile(byHand, 0.99),
        n,
        note: 'yardstick',
      }),
    ]
  },
}
