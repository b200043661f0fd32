/** An edge on a real port, over the real wire, with sessions in memory and the real history behind it. */
import { randomUUID } from 'node:crypto'
import net from 'node:net'
import { pino } from 'pino'
import { type Edge, type EdgeOptions, openEdge } from '../../gateway-edge/edge.ts'
import { createClient } from '../../protocol/client.ts'
import { clientsOf, contract, SERVICE_NAMES, type ServiceName } from '../../protocol/contract.ts'
import { ServiceError } from '../../protocol/errors.ts'
import { history } from '../../protocol/history.ts'
import type { Publisher } from '../../protocol/method.ts'
import { sessions as sessionsSpec } from '../../protocol/sessions.ts'
import type { AnyHandlers } from '../../protocol/wire/admission.ts'
import { type BusPublisher, openPublisher, openSubscriber } from '../../protocol/wire/bus.ts'
import { openLink, type WireLink } from '../../protocol/wire/link.ts'
import type { WireLog } from '../../protocol/wire/log.ts'
import { openServer } from '../../protocol/wire/server.ts'
import { openHistory } from '../../services/history/open.ts'
import { createFakeSessions, type FakeSessions, type FakeTurn } from '../fakes/fake-sessions.ts'
import { minimalHandlers } from '../fakes/minimal-service.ts'
import { type Scope, tempDir } from '../harness.ts'
import { ADAPTERS, adapterOf } from './each-adapter.ts'

export interface House {
  readonly edge: Edge
  readonly url: string
  readonly sessions: FakeSessions
  /** Tells the hints of a service; those of sessions only while it runs. */
  readonly publish: { readonly sessions: Publisher<typeof sessionsSpec>; readonly history: Publisher<typeof history> }
  /** What was logged, as JSON lines. */
  readonly lines: string[]
  /** Ends the sessions server as a killed process would; its state stays. */
  killSessions(): Promise<void>
  startSessions(): Promise<void>
  get(path: string, headers?: Record<string, string>): Promise<Answer>
  post(path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>
}

export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  readonly json: unknown
}

export type HouseOptions = Partial<
  Pick<EdgeOptions, 'give_up_ms' | 'keep_alive_ms' | 'wait_ms' | 'port' | 'host' | 'access' | 'openServer' | 'live' | 'panel'>
> & {
  readonly onTurn?: (turn: FakeTurn) => void
  readonly without?: readonly ('sessions' | 'history')[]
  /** What a service answers in place of the least that its contract allows. */
  readonly answers?: Partial<Record<ServiceName, Readonly<Record<string, () => Promise<unknown>>>>>
}

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

export const openHouse = async (
  t: Scope,
  { onTurn, without = [], answers = {}, ...options }: HouseOptions = {},
): Promise<House> => {
  const run_dir = tempDir(t)
  const sessions = createFakeSessions(onTurn)
  const listen: EdgeOptions['listen'] = (wanted) => openSubscriber({ run_dir, ...wanted })
  let sessionsBus: BusPublisher<typeof sessionsSpec> | undefined
  let closeSessions: () => Promise<void> = async () => undefined
  const startSessions = async (): Promise<void> => {
    const server = await openServer({ run_dir, service: 'sessions', instance: randomUUID(), handlers: sessions.handlers })
    sessionsBus = await openPublisher({ run_dir, service: 'sessions', spec: sessionsSpec })
    closeSessions = async () => {
      await sessionsBus?.close()
      // Nothing is answered any more, as when the process is killed: what waits is aborted first.
      void server.drain(0)
      await server.close()
    }
  }
  if (!without.includes('sessions')) await startSessions()
  t.after(() => closeSessions())

  const historyBus = await openPublisher({ run_dir, service: 'history', spec: history })
  t.after(() => historyBus.close())
  if (!without.includes('history')) {
    const releases: (() => void | Promise<void>)[] = []
    // No model answers here: what is found is found by words.
    const embed = (): Promise<never> => Promise.reject(new ServiceError('unavailable'))
    const opened = openHistory({
      ...{ folder: run_dir, embed, log: pino({ level: 'silent' }), publish: { message_recorded: () => undefined } },
      defer: (_, release) => releases.unshift(release),
    })
    const server = await openServer({ run_dir, service: 'history', instance: randomUUID(), handlers: opened.handlers })
    opened.start()
    t.after(async () => {
      await server.close()
      for (const release of releases) await release()
    })
  }

  for (const service of SERVICE_NAMES.filter((name) => name !== 'sessions' && name !== 'history')) {
    const handlers = { ...minimalHandlers(contract[service]), ...answers[service] } as unknown as AnyHandlers
    const server = await openServer({ run_dir, service, instance: randomUUID(), handlers })
    t.after(() => server.close())
  }
  const links = new Map(SERVICE_NAMES.map((service) => [service, openLink({ run_dir, service })]))
  const linkOf = (service: ServiceName): WireLink => links.get(service) as WireLink
  const lines: string[] = []
  const write = (fields: object, text: string): void => void lines.push(JSON.stringify({ ...fields, text }))
  const log: WireLog = { debug: write, info: write, warn: write, error: write }
  const edge = await openEdge({
    host: '127.0.0.1',
    port: 0,
    openServer: ADAPTERS[adapterOf(t)],
    clients: clientsOf((service) => createClient(service, linkOf(service).call)),
    isUp: (service, patience_ms) =>
      linkOf(service)
        .ping(patience_ms)
        .then(
          () => true,
          () => false,
        ),
    listen,
    log,
    instance: randomUUID(),
    ...options,
  })
  t.after(async () => {
    await edge.drain()
    edge.close()
    await Promise.all([...links.values()].map((link) => link.close()))
  })

  const url = `http://127.0.0.1:${edge.port}`
  const request = async (target: string, init: RequestInit): Promise<Answer> => {
    const response = await fetch(url + target, { redirect: 'manual', ...init })
    const text = await response.text()
    return { status: response.status, headers: response.headers, text, json: parse(text) }
  }
  return {
    edge,
    url,
    sessions,
    publish: {
      sessions: {
        turn_changed: (payload) => sessionsBus?.publish.turn_changed(payload),
        task_changed: (payload) => sessionsBus?.publish.task_changed(payload),
        approval_changed: (payload) => sessionsBus?.publish.approval_changed(payload),
      },
      history: historyBus.publish,
    },
    lines,
    killSessions: async () => {
      await closeSessions()
      closeSessions = async () => undefined
    },
    startSessions,
    get: (target, headers = {}) => request(target, { headers }),
    post: (target, body, headers = {}) =>
      request(target, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        ...(body === undefined
          ? {}
          : { body: typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body) }),
      }),
  }
}

export interface Raw {
  readonly socket: net.Socket
  /** All bytes so far. */
  readonly text: () => string
  /** Resolves when the connection is over, with how: `end` in words, or `reset`. */
  readonly over: Promise<'end' | 'reset'>
}

/** A connection on which a test writes by hand. */
export const openRaw = (t: Scope, port: number, request: string): Raw => {
  const socket = net.connect(port, '127.0.0.1')
  const parts: Buffer[] = []
  socket.on('data', (part) => parts.push(part))
  const over = new Promise<'end' | 'reset'>((resolve) => {
    socket.on('error', () => resolve('reset'))
    socket.on('end', () => resolve('end'))
    socket.on('close', () => resolve('end'))
  })
  socket.write(request)
  t.after(() => void socket.destroy())
  return { socket, text: () => Buffer.concat(parts).toString('utf8'), over }
}

export const postOf = (target: string, body: unknown, port: number): string => {
  const text = JSON.stringify(body)
  return `POST ${target} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`
}

export interface GoResult {
  /** What the user is shown, or undefined where the client would send the message again. */
  readonly answer: string | undefined
  readonly error: string | undefined
  /** Every line of the body. */
  readonly lines: string[]
}

const LINE_MAX_BYTES = 65_535

/**
 * Reads a stream as the Go client does: lines of at most 65,535 bytes, only those that begin with `data: `; `text` is
 * appended, `done` decides and closes, `error` or a broken body is an error, a clean end without `done` makes what was
 * appended the answer.
 */
export const readAsGo = async (
  url: string,
  body: unknown,
  onText: (text: string) => void = () => undefined,
): Promise<GoResult> => {
  const controller = new AbortController()
  const response = await fetch(`${url}/api/gateway/send-stream`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
    signal: controller.signal,
  })
  if (response.status !== 200) return { answer: undefined, error: await response.text(), lines: [] }
  const lines: string[] = []
  let appended = ''
  let rest: Buffer = Buffer.alloc(0)
  try {
    for await (const part of response.body as unknown as AsyncIterable<Uint8Array>) {
      rest = Buffer.concat([rest, part])
      for (let newline = rest.indexOf(10); newline >= 0; newline = rest.indexOf(10)) {
        if (newline > LINE_MAX_BYTES) return { answer: undefined, error: 'token too long', lines }
        const line = rest.subarray(0, newline).toString('utf8')
        rest = rest.subarray(newline + 1)
        lines.push(line)
        if (!line.startsWith('data: ')) continue
        const { type, content } = JSON.parse(line.slice(6)) as { type: string; content: string }
        if (type === 'text') {
          appended += content
          onText(appended)
        }
        if (type === 'error') return { answer: undefined, error: content, lines }
        if (type === 'done') return { answer: content, error: undefined, lines }
      }
    }
  } catch (error) {
    return { answer: undefined, error: `broken: ${String(error)}`, lines }
  } finally {
    controller.abort()
  }
  return appended === '' ? { answer: undefined, error: 'empty', lines } : { answer: appended, error: undefined, lines }
}
