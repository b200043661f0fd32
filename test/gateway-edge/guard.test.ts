import assert from 'node:assert/strict'
import os from 'node:os'
import { test as plainTest } from 'node:test'
import { createGuard } from '../../gateway-edge/http/guard.ts'
import type { Visitor } from '../../gateway-edge/http/source.ts'
import { checkLeaks, eventually, type Scope } from '../harness.ts'
import { test } from './each-adapter.ts'
import { type House, openHouse, openRaw } from './house.ts'

checkLeaks()

const BODY = '{"chat_id":"1","message":"x"}'

/** Sends headers that fetch would not let through; gives back the status and the body. */
const ask = async (
  t: Scope,
  house: House,
  headers: Record<string, string>,
  target = 'GET /health',
  body = '',
): Promise<[number, string]> => {
  const all = { host: `127.0.0.1:${house.edge.port}`, 'content-length': String(body.length), ...headers }
  const head = Object.entries(all)
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('')
  const raw = openRaw(t, house.edge.port, `${target} HTTP/1.1\r\n${head}\r\n${body}`)
  await eventually(() => /\r\n\r\n.*\}(\r\n0\r\n\r\n)?$/s.test(raw.text()))
  return [Number(raw.text().slice(9, 12)), raw.text().split('\r\n\r\n')[1] ?? '']
}

test('guard - only our own names with our own port are a Host', async (t) => {
  const house = await openHouse(t)
  const { port } = house.edge
  for (const host of [`127.0.0.1:${port}`, `localhost:${port}`, `LOCALHOST:${port}`, `[::1]:${port}`]) {
    assert.equal((await ask(t, house, { host }))[0], 200, host)
    assert.equal((await ask(t, house, { host }, 'GET /api/health'))[0], 200, host)
  }
  for (const host of [
    'evil.example',
    `evil.example:${port}`,
    '127.0.0.1',
    `127.0.0.1:${port + 1}`,
    `localhost.evil.example:${port}`,
    `127.0.0.1:${port}@evil`,
    '',
  ]) {
    for (const target of ['GET /health', 'GET /api/health', 'GET /nope']) {
      const [status, text] = await ask(t, house, { host }, target)
      assert.equal(status, 403, `${host} ${target}`)
      assert.match(text, /^\{"detail":"This Host/)
    }
  }
})

plainTest('guard - on port 80 our addresses are a Host with and without it, as clients leave it out', (t) => {
  const entry = { address: '192.0.2.7', family: 'IPv4', internal: false } as os.NetworkInterfaceInfo
  const six = { address: '2001:db8::80', family: 'IPv6', internal: false } as os.NetworkInterfaceInfo
  t.mock.method(os, 'networkInterfaces', () => ({ eth0: [entry, six] }))
  const admits = (port: number, host: string, origin = ''): boolean => {
    const headers: Readonly<Record<string, string>> = { host, origin }
    const visitor = { method: 'GET', path: '/health', header: (name: string) => headers[name] ?? '', address: '192.0.2.9' }
    return createGuard({ port, host: '0.0.0.0', token: 'a-token-of-some-length' }).admits(visitor as unknown as Visitor)
  }
  for (const name of ['192.0.2.7', '[2001:db8::80]', '127.0.0.1']) {
    for (const host of [name, `${name}:80`]) assert.ok(admits(80, host, `http://${host}`), host)
    assert.ok(!admits(80, `${name}:81`), name)
    assert.ok(!admits(8000, name), name)
    assert.ok(admits(8000, `${name}:8000`), name)
  }
  assert.ok(!admits(80, '192.0.2.8'))
})

test('guard - a page of another origin is refused, one of ours is not', async (t) => {
  const house = await openHouse(t, { onTurn: (turn) => turn.end('') })
  const { port } = house.edge
  for (const origin of [`http://127.0.0.1:${port}`, `http://localhost:${port}`]) {
    assert.equal((await ask(t, house, { origin }, 'POST /api/gateway/send', BODY))[0], 200, origin)
  }
  const sent = house.sessions.turns.length
  for (const origin of [
    'http://evil.example',
    'null',
    `https://127.0.0.1:${port}`,
    'http://localhost',
    `http://localhost:${port}.evil.example`,
  ]) {
    assert.equal((await ask(t, house, { origin }, 'POST /api/gateway/send', BODY))[0], 403, origin)
    assert.equal((await ask(t, house, { origin }, 'OPTIONS /api/gateway/send'))[0], 403, origin)
  }
  assert.equal(house.sessions.turns.length, sent)
})

test('guard - whatever came through a proxy is refused', async (t) => {
  const house = await openHouse(t)
  for (const name of ['forwarded', 'X-Forwarded-For', 'x-forwarded-host', 'x-forwarded-proto']) {
    assert.equal((await ask(t, house, { [name]: 'x' }))[0], 403, name)
    assert.equal((await ask(t, house, { [name]: 'x' }, 'GET /api/health'))[0], 403, name)
  }
})

test('bodies - must be JSON by their type, where there is one', async (t) => {
  const house = await openHouse(t, { onTurn: (turn) => turn.end('') })
  const send = async (type: string, body = BODY): Promise<number> =>
    (await ask(t, house, { 'content-type': type }, 'POST /api/gateway/send', body))[0]
  for (const type of ['', 'application/json', 'Application/JSON; charset=latin-1', 'application/vnd.api+json', 'text/json']) {
    assert.equal(await send(type), 200, type)
  }
  assert.equal((await ask(t, house, {}, 'POST /api/gateway/send', BODY))[0], 200, 'no content type')
  for (const type of [
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/jsonp',
    'json',
  ]) {
    assert.equal(await send(type), 415, type)
  }
  const sent = house.sessions.turns.length
  assert.equal(await send('text/plain', ''), 422, 'an empty body is a missing one, not a wrong one')
  assert.equal(house.sessions.turns.length, sent)
})

test('bodies - larger than 32 MiB are refused, said beforehand or not', async (t) => {
  const house = await openHouse(t)
  const { port } = house.edge
  const told = openRaw(t, port, `POST /api/gateway/send HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nContent-Length: 33554433\r\n\r\n{`)
  await eventually(() => told.text().endsWith('}'))
  assert.match(told.text(), /^HTTP\/1\.1 413 .*"detail":"The body is larger than 33554432 bytes"/s)
  const untold = openRaw(
    t,
    port,
    `POST /api/gateway/send HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nTransfer-Encoding: chunked\r\n\r\n`,
  )
  const megabyte = Buffer.concat([Buffer.from('100000\r\n'), Buffer.alloc(1_048_576, 0x20), Buffer.from('\r\n')])
  for (let sent = 0; sent < 33; sent += 1) untold.socket.write(megabyte)
  await eventually(() => untold.text().endsWith('}'))
  assert.match(untold.text(), /^HTTP\/1\.1 413 /)
  assert.equal((await house.get('/api/health')).status, 200)
})

test('bodies - what is held of them at one time is bounded; how many are sent slowly is not', async (t) => {
  const house = await openHouse(t, { onTurn: (turn) => turn.end(''), access: { max_body_bytes: 1_000_000 } })
  const { port } = house.edge
  const begun = `POST /api/gateway/send HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nContent-Length: 1000000\r\n\r\n`
  for (let count = 0; count < 200; count += 1) openRaw(t, port, `${begun}{`)
  const full = Array.from({ length: 4 }, () => openRaw(t, port, `${begun}${' '.repeat(999_000)}`))
  const post = async (length: number): Promise<number> => (await house.post('/api/gateway/send', BODY.padEnd(length))).status
  await eventually(async () => (await post(10_000)) === 503)
  assert.equal(await post(100), 200, 'what is small still fits')
  full[0]?.socket.destroy()
  await eventually(async () => (await post(10_000)) === 200)
})

test('guard - the path that is asked for often is guarded as all others', async (t) => {
  const house = await openHouse(t)
  const { port } = house.edge
  const refused: readonly (readonly [Record<string, string>, number])[] = [
    [{ host: 'evil.example' }, 403],
    [{ host: `evil.example:${port}` }, 403],
    [{ origin: 'http://evil.example' }, 403],
    [{ origin: 'null' }, 403],
    [{ 'sec-fetch-site': 'cross-site' }, 200],
    [{ 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors' }, 403],
    [{ 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' }, 200],
    [{ forwarded: 'for=1.2.3.4' }, 403],
    [{ 'x-forwarded-for': '127.0.0.1' }, 403],
    [{ 'x-real-ip': '127.0.0.1' }, 403],
    [{ 'user-agent': 'curl/8', accept: '*/*' }, 200],
  ]
  for (const [headers, status] of refused) {
    for (const target of ['GET /health', 'GET /api/health', 'GET /healthz', 'GET /api/health?x'])
      assert.equal((await ask(t, house, headers, target))[0], status, `${target} ${JSON.stringify(headers)}`)
  }
})
