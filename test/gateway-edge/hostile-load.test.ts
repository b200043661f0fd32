import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import net from 'node:net'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { openServer as openService } from '../../protocol/wire/server.ts'
import { createFakeSessions } from '../fakes/fake-sessions.ts'
import { freePort } from '../free-port.ts'
import { atEnd, checkLeaks, eventually, ready, type Scope, startModule, tempDir } from '../harness.ts'
import { test } from './each-adapter.ts'
import { type House, openHouse, openRaw, postOf, type Raw } from './house.ts'

checkLeaks()

/** What a process holds; descriptors only where the system tells. */
const holdings = (pid: number): { readonly mb: number; readonly descriptors: number } => {
  const kb = execFileSync('ps', ['-o', 'rss=', '-p', String(pid)], { encoding: 'utf8' })
  const folder = `/proc/${pid}/fd`
  return { mb: Number(kb) / 1_024, descriptors: existsSync(folder) ? readdirSync(folder).length : 0 }
}

/** What 8,000 streams may leave behind. */
const GROWTH_MB = 30

const p99 = (times: readonly number[]): number => [...times].sort((a, b) => a - b)[Math.floor(times.length * 0.99)] ?? 0

const open = (t: Scope): Promise<House> =>
  openHouse(t, {
    access: { max_connections: 2_000 },
    onTurn: (turn) => (turn.message === 'x' ? turn.end('ok') : undefined),
  })

test('hostile - 200 connections that come to no end are cut off, and others are served meanwhile', async (t) => {
  const house = await open(t)
  const { port } = house.edge
  const host = `Host: 127.0.0.1:${port}\r\n`
  const kinds: [text: string, drip: string][] = [
    ['', ''],
    ['GET / HTTP/1.1\r\n', 'X: y\r\n'],
    [`POST /api/gateway/send HTTP/1.1\r\n${host}Content-Length: 1000000\r\n\r\n{`, ''],
    [`POST /api/gateway/send HTTP/1.1\r\n${host}Content-Length: 1000000\r\n\r\n{`, ' '],
    [`POST /api/gateway/send HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\n\r\n`, '1\r\n \r\n'],
  ]
  const began = performance.now()
  const slow: Raw[] = []
  for (let count = 0; count < 200; count += 1) slow.push(openRaw(t, port, kinds[count % kinds.length]?.[0] ?? ''))
  let over = 0
  for (const connection of slow) void connection.over.then(() => (over += 1))
  const drips = setInterval(() => {
    for (const [index, { socket }] of slow.entries()) if (!socket.destroyed) socket.write(kinds[index % kinds.length]?.[1] ?? '')
  }, 1_000)
  const times: number[] = []
  try {
    while (over < 200 && performance.now() - began < 40_000) {
      const asked = performance.now()
      const [send, list] = await Promise.all([
        house.post('/api/gateway/send', { chat_id: '1', message: 'x' }),
        house.get('/api/gateway/sessions'),
      ])
      times.push(performance.now() - asked)
      assert.deepEqual([send.status, list.status], [200, 200])
      await sleep(20)
    }
  } finally {
    clearInterval(drips)
  }
  const seconds = (performance.now() - began) / 1_000
  t.diagnostic(
    `cut off after ${seconds.toFixed(1)} s; ${times.length} pairs of requests meanwhile, p99 ${p99(times).toFixed(1)} ms`,
  )
  assert.equal(over, 200, `cut off within ${seconds} s`)
  assert.ok(times.length > 100 && p99(times) < 500)
  for (const { text } of slow) assert.doesNotMatch(text(), /^HTTP\/1\.1 2/)
})

test('hostile - 14,000 streams that are begun and left leave nothing behind', async (t, adapter) => {
  const home = tempDir(t)
  const port = await freePort()
  const env = { SWITCHBOARD_HOME: home, GATEWAY_PORT: String(port), GATEWAY_ADAPTER: adapter, LOG_LEVEL: 'warn' }
  const edge = startModule(t, 'gateway-edge/main.ts', env)
  await ready(edge)
  const sessions = createFakeSessions()
  const server = await openService({
    run_dir: path.join(home, 'run'),
    service: 'sessions',
    instance: 'fake',
    handlers: sessions.handlers,
  })
  atEnd(t, () => server.close())
  const url = `http://127.0.0.1:${port}`
  const first = openRaw(t, port, postOf('/api/gateway/send-stream', { chat_id: '1', message: 'begin' }, port))
  await eventually(() => sessions.waiting === 1)
  const [turn] = sessions.turns
  turn?.text('some text')
  const request = `GET /api/gateway/turns/${turn?.turn_id}/events HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`

  /** Connects, waits for the first event or for no answer at all, and leaves without a word. */
  const visit = (patient: boolean): Promise<void> =>
    new Promise((resolve, reject) => {
      const socket = net.connect(port, '127.0.0.1')
      const leave = (): void => void socket.destroy()
      socket.on('error', reject)
      socket.on('close', () => resolve())
      socket.write(request, () => patient || leave())
      socket.on('data', (part) => {
        if (part.includes('some text')) leave()
      })
    })
  const visitAll = async (count: number): Promise<void> => {
    for (let done = 0; done < count; done += 100)
      await Promise.all(Array.from({ length: 100 }, (_none, index) => visit(index % 4 !== 0)))
  }
  const settled = (descriptors: number): Promise<unknown> =>
    eventually(() => sessions.waiting === 1 && holdings(edge.pid).descriptors <= descriptors, {
      every_ms: 100,
      timeout_ms: 30_000,
    })

  const empty = holdings(edge.pid)
  await visitAll(6_000)
  await settled(empty.descriptors)
  // How much of its garbage V8 keeps, and for how long, is its own affair; what leaks grows in each round.
  const grown: number[] = []
  while (grown.length < 3 && !grown.some((mb) => mb < GROWTH_MB)) {
    const warm = holdings(edge.pid)
    const began = performance.now()
    await visitAll(8_000)
    await settled(empty.descriptors)
    const growth = (): number => holdings(edge.pid).mb - warm.mb
    await eventually(() => growth() < GROWTH_MB, { every_ms: 250 }).catch(() => undefined)
    const after = holdings(edge.pid)
    grown.push(after.mb - warm.mb)
    t.diagnostic(
      `${(performance.now() - began).toFixed(0)} ms for 8,000; ${empty.mb.toFixed(0)}, ${warm.mb.toFixed(0)}, ${after.mb.toFixed(0)} MB in the beginning, before and after; ${empty.descriptors} and ${after.descriptors} descriptors`,
    )
  }
  assert.ok(Math.min(...grown) < GROWTH_MB, `grew by ${grown.map(Math.round).join(', ')} MB`)
  assert.equal((await fetch(`${url}/api/health`)).status, 200)
  turn?.end('some text')
  await eventually(() => first.text().includes('"done"'))
  await eventually(() => sessions.waiting === 0)
})
