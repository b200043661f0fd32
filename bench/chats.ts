/** Many chats at once, each sending its next message as soon as its agent has answered at once. */
import type { Bench } from './bench.ts'
import { openHandFed } from './hand-fed.ts'
import { openHouse } from './house.ts'
import { cpuMs } from './processor.ts'
import { atLeast, toRow } from './row.ts'
import { interleave } from './statistics.ts'
import { ask } from './stream.ts'

const CHATS = 32
const ROUND_MS = 4_000
const MESSAGE = '{{tokens=3 label=hello}}'

/** Turns a second when each of the chats takes one turn after the other for a while. */
const measure = async (once: (chat: number) => Promise<unknown>): Promise<{ readonly turns: number; readonly rate: number }> => {
  const began = performance.now()
  let turns = 0
  const chat = async (_: unknown, number: number): Promise<void> => {
    for (; performance.now() - began < ROUND_MS; turns += 1) await once(number)
  }
  await Promise.all(Array.from({ length: CHATS }, chat))
  return { turns, rate: (turns * 1_000) / (performance.now() - began) }
}

export const chats: Bench = {
  summary: `${CHATS} chats at once, whose agents answer at once`,
  run: async ({ rounds, scope }) => {
    const house = await openHouse(scope)
    const kit = await openHandFed(scope, house.env)
    const agents = Array.from({ length: CHATS }, () => kit.spawn())
    const pids = {
      edge: await house.pidOf('edge'),
      sessions: await house.pidOf('sessions'),
      history: await house.pidOf('history'),
    }
    const cpu = { edge: 0, sessions: 0, history: 0 }
    const names = Object.keys(pids) as (keyof typeof pids)[]
    const throughUs = async () => {
      const before = names.map((name) => cpuMs(pids[name]))
      const found = await measure((chat) => ask(house.port, `chat${chat}`, MESSAGE))
      names.forEach((name, index) => {
        cpu[name] += (cpuMs(pids[name]) - (before[index] ?? 0)) / found.turns / rounds
      })
      return found
    }
    const byHand = () => measure((chat) => agents[chat]?.ask(MESSAGE) ?? Promise.reject(new Error('no such agent')))
    // Agents start one after the other: the machine has two processors.
    for (let chat = 0; chat < CHATS; chat += 1) await ask(house.port, `chat${chat}`, MESSAGE)
    await throughUs()
    await byHand()
    for (const name of names) cpu[name] = 0
    const { ours, hand } = await interleave(rounds, { ours: throughUs, hand: byHand })
    const total = (found: readonly { turns: number }[]): number => found.reduce((sum, { turns }) => sum + turns, 0)
    const shares = names.map((name) => `${name} ${cpu[name].toFixed(2)}`).join(', ')
    return [
      toRow({
        what: `${CHATS} chats at once through the edge`,
        unit: 'turns/s',
        rounds: ours.map(({ rate }) => rate),
        n: total(ours),
        goal: atLeast(200),
        note: `processor ms a turn: ${shares}`,
      }),
      toRow({
        what: `${CHATS} agents at once, fed by hand`,
        unit: 'turns/s',
        rounds: hand.map(({ rate }) => rate),
        n: total(hand),
        note: 'yardstick',
      }),
    ]
  },
}
