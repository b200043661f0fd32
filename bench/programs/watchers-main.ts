/**
 * Sends one message to each of many chats and watches every turn with many clients: `watchers-main.js PLAN`, the plan as JSON.
 * One process apart from all others, so that the clients' work is not taken for ours.
 */
import { followLive } from '../live-stream.ts'
import { openStream, type StreamEvent } from '../stream.ts'

export interface WatchPlan {
  readonly port: number
  readonly chats: number
  /** Clients of one turn, the one that sends it among them. */
  readonly watchers: number
  /** How many of them do it by WebSocket, the others by server-sent events. */
  readonly sockets: number
  readonly tokens: number
  readonly delay_ms: number
  /** Before the first token: until then every client is there. */
  readonly first_ms: number
  /** How much later each agent begins than the one before. */
  readonly apart_ms: number
}

export interface WatchReport {
  /** Tokens that the agents wrote, times those who watched. */
  readonly expected: number
  readonly lost: number
  readonly doubled: number
  /** From the agent's write to the client, in milliseconds. */
  readonly p50_ms: number
  readonly p99_ms: number
  readonly max_ms: number
  /** Processor time of the clients, in milliseconds. */
  readonly cpu_ms: number
  /** Tokens that one agent wrote in a second. */
  readonly rate: number
  /** Tokens that came before their client watched: they count as lost or not, and not for the time. */
  readonly early: number
}

const plan = JSON.parse(process.argv[2] ?? '') as WatchPlan
const TOKEN = / ?t(\d+)@(\d+)/g
const nowUs = (): number => Number(process.hrtime.bigint() / 1_000n)

/** In milliseconds, the first `told` of them. Made beforehand: a list that grows to half a million stops the clients for 100 ms and more. */
const taken = new Float64Array(plan.chats * plan.watchers * plan.tokens)
let told = 0
const ends: number[] = []
const starts: number[] = []
let lost = 0
let doubled = 0
let early = 0

/** Hears the events of one client and settles the account of it at the end. */
const openWatcher = (): { hear: (event: StreamEvent) => void; settle: () => void } => {
  const since = nowUs()
  const seen = new Uint8Array(plan.tokens)
  return {
    hear: ({ type, content = '' }) => {
      if (type !== 'text') return
      const now = nowUs()
      for (const [, number, written] of content.matchAll(TOKEN)) {
        const token = Number(number)
        if (seen[token] === 1) doubled += 1
        seen[token] = 1
        if (Number(written) < since) early += 1
        else {
          taken[told] = (now - Number(written)) / 1_000
          told += 1
        }
        if (token === 0) starts.push(Number(written))
        if (token === plan.tokens - 1) ends.push(Number(written))
      }
    },
    settle: () => {
      lost += seen.reduce((missing, there) => missing - there, plan.tokens)
    },
  }
}

const watchTurn = async (chat: number): Promise<void> => {
  const message = `{{tokens=${plan.tokens} delay_ms=${plan.delay_ms} first_ms=${plan.first_ms + chat * plan.apart_ms} stamp}}`
  const others: Promise<void>[] = []
  const watch = (turn_id: string): void => {
    for (let client = 1; client < plan.watchers; client += 1) {
      const { hear, settle } = openWatcher()
      const ended =
        client <= plan.sockets
          ? followLive(plan.port, turn_id, hear)
          : openStream(plan.port, `/api/gateway/turns/${turn_id}/events`, null, hear).ended
      others.push(ended.finally(settle))
    }
  }
  const { hear, settle } = openWatcher()
  await openStream(plan.port, '/api/gateway/send-stream', { chat_id: `fan${chat}`, message }, (event) => {
    if (event.type === 'turn' && event.turn_id !== undefined) watch(event.turn_id)
    hear(event)
  }).ended.finally(settle)
  await Promise.all(others)
}

await Promise.all(Array.from({ length: plan.chats }, (_, chat) => watchTurn(chat)))
const { user, system } = process.cpuUsage()
const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length
const times = taken.slice(0, told).sort()
const at = (share: number): number => times[Math.ceil(share * told) - 1] ?? Number.NaN
const report: WatchReport = {
  expected: plan.chats * plan.watchers * plan.tokens,
  lost,
  doubled,
  early,
  cpu_ms: (user + system) / 1_000,
  p50_ms: at(0.5),
  p99_ms: at(0.99),
  max_ms: at(1),
  rate: ((plan.tokens - 1) * 1e6) / (mean(ends) - mean(starts)),
}
process.send?.(report, () => process.exit(0))
