/** A dashboard that answers as a test says, and a push to it with a clock of its own. */
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'
import { Payload } from '../../../../protocol/dashboard.ts'
import { Budget } from '../../../../services/metrics/dashboard/budget.ts'
import { DashboardPush, type PushOptions } from '../../../../services/metrics/dashboard/push.ts'
import { createLog } from '../../../../services/runtime/log.ts'
import { atEnd, tempDir } from '../../../harness.ts'
import { measured } from './measured.ts'

export const SECRET = 'a-secret-of-the-owner'
export const START = Date.UTC(2026, 10, 1)
export const MINUTE_MS = 60_000

export interface Answer {
  readonly status: number
  readonly body?: string
  readonly headers?: Record<string, string>
  readonly after?: Promise<void>
}
export const OK: Answer = { status: 200, body: '{"ok":true}' }

/** A dashboard that answers as the test says; `reset` cuts the connection after the request has come. */
export const openDashboard = async (t: TestContext) => {
  const got: { authorization: string | undefined; payload: Payload; path: string | undefined }[] = []
  const close = async (): Promise<void> => {
    server.closeAllConnections()
    if (server.listening) await new Promise((resolve) => server.close(resolve))
  }
  const dashboard = { url: '', got, answer: OK as Answer | 'reset', close }
  const textOf = async (request: IncomingMessage): Promise<string> => {
    let text = ''
    for await (const piece of request) text += piece
    return text
  }
  const server = createServer(async (request, response) => {
    const { authorization } = request.headers
    got.push({ authorization, payload: Payload.parse(JSON.parse(await textOf(request))), path: request.url })
    const { answer } = dashboard
    if (answer === 'reset') return void response.socket?.resetAndDestroy()
    await answer.after
    response.writeHead(answer.status, { 'content-type': 'application/json', ...answer.headers }).end(answer.body ?? '')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  atEnd(t, close)
  dashboard.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/push`
  return dashboard
}

export const quiet = createLog({ service: 'test', level: 'silent' })

/** A push with a clock of its own. */
export const openPush = (
  t: TestContext,
  url: string | undefined,
  more: Partial<PushOptions> & { limit?: number; folder?: string } = {},
) => {
  const folder = more.folder ?? tempDir(t)
  const state = { now: START, cpu: 10 }
  const push = new DashboardPush({
    ...{ url, secret: SECRET, title: 'Switchboard', show: [], folder, log: quiet, random: () => 0.5 },
    budget: new Budget(folder, more.limit ?? 8_640),
    now: () => state.now,
    current: async () => ({ ...measured(), system: { ...measured().system, cpu_usage_percent: state.cpu } }),
    ...more,
  })
  atEnd(t, () => push.close())
  return { push, state, folder }
}
