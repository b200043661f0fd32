/** What the Go bot asks between two messages, while tasks run: its one update loop stands still until it is answered. */
import { Agent, request } from 'node:http'
import type { Bench } from './bench.ts'
import { openHouse } from './house.ts'
import { atMost, toRow } from './row.ts'
import { interleave, quantile } from './statistics.ts'

/** Tasks under way, and tasks that have ended, of the chat that is asked for. */
const RUNNING = 8
const ENDED = 200
const ASKED = 100
const TOKEN = '1:bench'

type Ask = (method: 'GET' | 'POST', path: string, body?: object) => Promise<unknown>

const openAsk = (port: number): { ask: Ask; close: () => void } => {
  const agent = new Agent({ keepAlive: true })
  const ask: Ask = (method, path, body) =>
    new Promise((resolve, reject) => {
      const sent = request(
        { agent, port, method, path, host: '127.0.0.1', headers: { 'content-type': 'application/json' } },
        (response) => {
          let text = ''
          response.setEncoding('utf8').on('data', (part: string) => {
            text += part
          })
          response.on('end', () => {
            if (response.statusCode === 200 || response.statusCode === 201) resolve(JSON.parse(text))
            else reject(new Error(`${method} ${path} answered ${response.statusCode}: ${text}`))
          })
        },
      )
      sent.on('error', reject)
      sent.end(body === undefined ? undefined : JSON.stringify(body))
    })
  return { ask, close: () => agent.destroy() }
}

const timed = async (what: () => Promise<unknown>): Promise<number[]> => {
  const times: number[] = []
  for (let n = 0; n < ASKED; n += 1) {
    const began = performance.now()
    await what()
    times.push(performance.now() - began)
  }
  return times
}

export const tasks: Bench = {
  summary: 'What the Go bot polls and commands while background tasks run',
  run: async ({ rounds, scope }) => {
    const house = await openHouse(scope, {
      ...{ CLAUDE_BIN: 'demo', AGENT_ENV_PASS: 'DEMO_AGENT_SCRIPT', DEMO_AGENT_SCRIPT: '1' },
      // Nobody listens there: results wait in the outbox, as they do when Telegram is away.
      ...{ GATEWAY_MAX_BACKGROUND_TASKS: String(RUNNING), TELEGRAM_API_BASE: 'http://127.0.0.1:9' },
    })
    const { ask, close } = openAsk(house.port)
    scope.after(close)
    const start = (chat: string, project: string, message: string) =>
      ask('POST', '/api/gateway/send-background', { chat_id: chat, message, bot_token: TOKEN, project_id: project })
    for (let n = 0; n < ENDED; n += 1) await start('1', `p${n % 20}`, '{{label=done tokens=1}} go')
    for (let n = 0; n < RUNNING; n += 1) await start(`busy${n}`, 'long', '{{label=long tokens=100000 delay_ms=20}} go')
    let started = 0
    const found = await interleave(rounds, {
      background: () => timed(() => ask('GET', '/api/gateway/background-status/1')),
      harness: () => timed(() => ask('GET', '/api/gateway/harness-status/1')),
      queue: () => timed(() => ask('GET', '/api/gateway/queue-status/1')),
      start: () =>
        timed(() => {
          started += 1
          return start(`new${started}`, '', '{{label=new tokens=1}} go')
        }),
    })
    const row = (what: string, times: readonly (readonly number[])[]) =>
      toRow({ what, unit: 'ms', rounds: times.map((round) => quantile(round, 0.99)), n: ASKED * rounds, goal: atMost(50) })
    return [
      row('background-status, p99', found.background),
      row('harness-status, p99', found.harness),
      row('queue-status, p99', found.queue),
      row('send-background, p99', found.start),
    ]
  },
}
