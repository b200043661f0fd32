/** Many agents speak at once and many clients watch each of them. */
import type { Bench } from './bench.ts'
import { openHouse } from './house.ts'
import { cpuMs } from './processor.ts'
import { startProgram } from './program.ts'
import type { WatchPlan, WatchReport } from './programs/watchers-main.ts'
import { atLeast, atMost, toRow } from './row.ts'
import { ask } from './stream.ts'

const AGENTS = 40
const WATCHERS = 12
/** Of these by WebSocket; the others by server-sent events. */
const SOCKETS = 6
const TOKENS = 1_000
/** A timer is late by about one: so an agent writes 50 tokens a second. */
const EACH_MS = 19
/**
 * Agents that begin in the same millisecond are copies of one another to the end: V8 tidies up in all 40 at once (10 ms each, some
 * seconds after the beginning), and for half a second nobody else has a processor. People do not press a key all at once.
 */
const APART_MS = 50
/** Agents that get too little of the processors write slower, and what is told late is told of a smaller load: then nothing was shown. */
const RATE = 49
/** Said before anything is measured, so that no program is compiled meanwhile. */
const WARM_UP_TOKENS = 100
const SERVICES = ['edge', 'sessions'] as const

export const fanout: Bench = {
  summary: `${AGENTS} agents that write 50 tokens/s for 20 s, each watched by ${WATCHERS} clients`,
  run: async ({ rounds, scope }) => {
    const house = await openHouse(scope)
    for (let agent = 0; agent < AGENTS; agent += 1) await ask(house.port, `fan${agent}`, 'hello')
    const plan: WatchPlan = {
      port: house.port,
      chats: AGENTS,
      watchers: WATCHERS,
      sockets: SOCKETS,
      tokens: TOKENS,
      delay_ms: EACH_MS,
      first_ms: 3_000,
      apart_ms: APART_MS,
    }
    const watch = async (plan: WatchPlan): Promise<WatchReport> =>
      await startProgram(scope, 'watchers', [JSON.stringify(plan)]).next<WatchReport>()
    await watch({ ...plan, tokens: WARM_UP_TOKENS })
    const services = await Promise.all(SERVICES.map((service) => house.pidOf(service)))
    const watched = { edge: services.slice(0, 1), sessions: services.slice(1), 'the agents': house.agents() }
    const used = (): number[] => Object.values(watched).map((pids) => pids.reduce((sum, pid) => sum + cpuMs(pid), 0))
    const found: (WatchReport & { cpu: readonly number[] })[] = []
    for (let round = 0; round < rounds; round += 1) {
      const before = used()
      const report = await watch(plan)
      const seconds = TOKENS / report.rate
      const cpu_ms = [...used().map((ms, index) => ms - (before[index] ?? 0)), report.cpu_ms]
      found.push({ ...report, cpu: cpu_ms.map((ms) => ms / seconds / 10) })
    }
    const n = found.reduce((sum, { expected }) => sum + expected, 0)
    const each = (of: (report: (typeof found)[number]) => number): number[] => found.map(of)
    const all = (of: (report: (typeof found)[number]) => number): number => found.reduce((sum, report) => sum + of(report), 0)
    const early = all((report) => report.early)
    return [
      toRow({
        what: 'fan-out: tokens lost',
        unit: '',
        rounds: each(({ lost }) => lost),
        value: all(({ lost }) => lost),
        n,
        goal: atMost(0),
        note: `${AGENTS} agents, ${WATCHERS - SOCKETS} clients by SSE and ${SOCKETS} by WebSocket each`,
      }),
      toRow({
        what: 'fan-out: tokens doubled',
        unit: '',
        rounds: each(({ doubled }) => doubled),
        value: all(({ doubled }) => doubled),
        n,
        goal: atMost(0),
      }),
      toRow({
        what: "fan-out: from the agent's write to the client, p99",
        unit: 'ms',
        rounds: each(({ p99_ms }) => p99_ms),
        n,
        goal: atMost(50),
        note: early > 0 ? `${early} tokens came before their client` : '',
      }),
      toRow({ what: "fan-out: from the agent's write to the client, p50", unit: 'ms', rounds: each(({ p50_ms }) => p50_ms), n }),
      toRow({
        what: "fan-out: from the agent's write to the client, longest",
        unit: 'ms',
        rounds: each(({ max_ms }) => max_ms),
        n,
      }),
      toRow({
        what: 'fan-out: written by one agent',
        unit: 'tokens/s',
        rounds: each(({ rate }) => rate),
        n: n / WATCHERS,
        goal: atLeast(RATE),
      }),
      ...[...Object.keys(watched), 'the clients'].map((who, index) =>
        toRow({ what: `fan-out: processor, ${who}`, unit: '%', rounds: each(({ cpu }) => cpu[index] ?? Number.NaN), n: rounds }),
      ),
    ]
  },
}
