/** A running Switchboard with the panel: the real services as processes, and the demo agent, which obeys scripts in messages. */
import { join } from 'node:path'
import { after } from 'node:test'
import type { Page } from 'playwright-core'
import { sweep } from '../crash/rig.ts'
import { freePort } from '../free-port.ts'
import { atEnd, type Child, eventually, type Scope, startModule, tempDir } from '../harness.ts'

const MODULES = {
  history: 'services/history/main.ts',
  memory: 'services/memory/main.ts',
  sessions: 'services/sessions/main.ts',
  scheduler: 'services/scheduler/main.ts',
  metrics: 'services/metrics/main.ts',
  reports: 'services/reports/main.ts',
  edge: 'gateway-edge/main.ts',
} as const
export type ServiceName = keyof typeof MODULES

export interface PanelHouse {
  readonly url: string
  readonly home: string
  /** Starts it (again); resolves when it is ready. */
  start(name: ServiceName): Promise<void>
  /** SIGKILL; resolves when it is gone. */
  kill(name: ServiceName): Promise<void>
  signal(name: ServiceName, signal: NodeJS.Signals): void
  /** A call over HTTP that must succeed. */
  post(path: string, body: object, method?: 'POST' | 'PUT'): Promise<unknown>
  get(path: string): Promise<unknown>
  /** What all processes have written so far, in all their lives. */
  output(): string
}

export interface PanelHouseOptions {
  readonly env?: Readonly<Record<string, string>>
  readonly token?: string
}

/**
 * A scope for what all tests of a file share. To be made at the top of the file, before `checkLeaks()`: within a test the runner's `after`
 * means that test.
 */
export const fileScope = (): Scope => {
  const undos: (() => unknown)[] = []
  after(async () => {
    for (let undo = undos.pop(); undo !== undefined; undo = undos.pop()) await undo()
  })
  return { after: (undo) => void undos.push(undo as () => unknown) }
}

/** Opens a house of its own. `DEMO_AGENT_SCRIPT` is on: `{{tokens=50 delay_ms=20}}` in a message says what is answered. */
export const openPanelHouse = async (t: Scope, { env = {}, token }: PanelHouseOptions = {}): Promise<PanelHouse> => {
  const home = tempDir(t)
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const environment: Record<string, string> = {
    SWITCHBOARD_HOME: home,
    GATEWAY_PORT: String(port),
    GATEWAY_SESSION_DIR: join(home, 'work'),
    GATEWAY_MAX_CLAUDE_PROCESSES: '8',
    CLAUDE_CONFIG_DIR: join(home, 'claude'),
    CLAUDE_BIN: 'demo',
    AGENT_ENV_PASS: 'DEMO_AGENT_SCRIPT',
    DEMO_AGENT_SCRIPT: '1',
    METRICS_SAMPLE_SECONDS: '1',
    OLLAMA_HOST: 'http://127.0.0.1:9',
    TELEGRAM_API_BASE: 'http://127.0.0.1:9',
    ...(token === undefined ? {} : { GATEWAY_TOKEN: token }),
    ...env,
  }
  const running = new Map<ServiceName, Child>()
  const started: Child[] = []
  atEnd(t, () => sweep(home))
  const start: PanelHouse['start'] = async (name) => {
    const child = startModule(t, MODULES[name], environment)
    running.set(name, child)
    started.push(child)
    await eventually(() => child.messages.includes('ready') || child.process.exitCode !== null, { timeout_ms: 30_000 })
    if (!child.messages.includes('ready')) throw new Error(`${name} did not start: ${child.output()}${child.errors()}`)
  }
  await Promise.all((Object.keys(MODULES) as ServiceName[]).map(start))
  const headers = { 'content-type': 'application/json', ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) }
  const ask = async (path: string, init: RequestInit): Promise<unknown> => {
    const response = await fetch(url + path, { ...init, headers })
    const text = await response.text()
    if (!response.ok) throw new Error(`${init.method ?? 'GET'} ${path}: ${response.status} ${text}`)
    return JSON.parse(text)
  }
  return {
    url,
    home,
    start,
    kill: async (name) => {
      running.get(name)?.process.kill('SIGKILL')
      await running.get(name)?.exit
    },
    signal: (name, signal) => void running.get(name)?.process.kill(signal),
    post: (path, body, method = 'POST') => ask(path, { method, body: JSON.stringify(body) }),
    get: (path) => ask(path, {}),
    output: () => started.map((child) => child.output() + child.errors()).join(''),
  }
}

/** Goes to a place of the panel (`#/jobs`) and waits until the connection is live. */
export const visit = async (page: Page, house: Pick<PanelHouse, 'url'>, place = '#/overview'): Promise<void> => {
  await page.goto(`${house.url}/${place}`)
  await page.locator('nav-bar').waitFor()
}

/** Answers the calls of a method in the place of the edge (`{ result }`, `{ error }`); those for which it gives nothing reach the edge. */
export const answerInstead = (
  page: Page,
  method: string,
  answer: (params: Readonly<Record<string, unknown>>) => object | undefined,
): Promise<void> =>
  page.routeWebSocket(/\/ws$/, (client) => {
    const server = client.connectToServer()
    client.onMessage((message) => {
      const call = JSON.parse(String(message)) as { id: number; method: string; params: Readonly<Record<string, unknown>> }
      const given = call.method === method ? answer(call.params) : undefined
      if (given === undefined) server.send(message)
      else client.send(JSON.stringify({ jsonrpc: '2.0', id: call.id, ...given }))
    })
  })
