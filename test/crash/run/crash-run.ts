/** One run: a house, its chats, the kills, and the count. */
import { setTimeout as sleep } from 'node:timers/promises'
import { runChats } from './chats.ts'
import { Gate } from './gate.ts'
import { type House, type HouseOptions, openHouse } from './house.ts'
import { carryOutKills } from './killer.ts'
import { type Hit, linesOf } from './orders.ts'
import { makePlan, type Plan, type PlanOptions } from './plan.ts'
import { readHistory } from './read-history.ts'
import { type Evidence, type Run, type Tally, type Told, takeTally } from './tally.ts'

export interface CrashRunOptions extends PlanOptions, HouseOptions {
  /** The folder of the run stays. */
  readonly keep: boolean
  readonly print: (line: string) => void
  /** How long a client waits for an answer. */
  readonly patience_ms?: number
  /** How long history may take to have it all once every client has its answer, and agents to leave when told to. */
  readonly settle_ms?: number
}

export interface CrashRun {
  readonly plan: Plan
  readonly hits: readonly Hit[]
  readonly tally: Tally
  readonly took_ms: number
}

const PATIENCE_MS = 120_000
/** Agents leave within a second; the CLI's background tools have 5 s more. */
const SETTLE_MS = 15_000

type Known = Omit<Evidence, 'history' | 'runs' | 'orphans'>

const gather = async (house: House, rest: Known, settle_ms: number): Promise<Evidence> => {
  const isWhole = (history: Map<string, Told[]>): boolean =>
    rest.plan.chats.every(({ id, turns }) => (history.get(id)?.length ?? 0) >= 2 * turns.length)
  const until = performance.now() + settle_ms
  let history = await readHistory(house.url, rest.plan)
  while (!isWhole(history) && performance.now() < until) {
    await sleep(100)
    history = await readHistory(house.url, rest.plan)
  }
  return { ...rest, history, runs: linesOf<Run>(house.files.journal), orphans: await house.down(settle_ms) }
}

export const crashRun = async (options: CrashRunOptions): Promise<CrashRun> => {
  const began = performance.now()
  const plan = makePlan(options)
  const house = await openHouse(options)
  if (options.keep) options.print(`kept in ${house.files.home}`)
  const onSignal = (): void => void house.close(options.keep).finally(() => process.exit(130))
  process.once('SIGINT', onSignal).once('SIGTERM', onSignal)
  const say = (what: string): void => options.print(`${what} after ${((performance.now() - began) / 1_000).toFixed(1)} s`)
  try {
    await house.start()
    say('up')
    const gate = new Gate()
    const chats = runChats(plan, gate, house.url, options.patience_ms ?? PATIENCE_MS)
    const hits = await carryOutKills({ house, plan, gate, chats, print: options.print })
    say('the last kill fell')
    const outcomes = await chats.outcomes
    say('every client is done')
    const tally = takeTally(await gather(house, { plan, hits, outcomes }, options.settle_ms ?? SETTLE_MS))
    say('down')
    return { plan, hits, tally, took_ms: performance.now() - began }
  } finally {
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal)
    await house.close(options.keep)
  }
}
