/** Who may open a WebSocket, what its frames may be, and how it ends. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { WebSocket } from 'ws'
import { checkLeaks, eventually, type Scope } from '../harness.ts'
import { test } from './each-adapter.ts'
import { openHouse, openRaw, type Raw } from './house.ts'
import { connect } from './live-client.ts'

checkLeaks()

const UPGRADE = {
  Upgrade: 'websocket',
  Connection: 'Upgrade',
  'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
  'Sec-WebSocket-Version': '13',
}

const ask = (t: Scope, port: number, headers: Record<string, string>, target = 'GET /ws'): Raw => {
  const all = { Host: `127.0.0.1:${port}`, ...headers }
  const head = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`)
  return openRaw(t, port, `${target} HTTP/1.1\r\n${head.join('')}\r\n`)
}

const statusOf = async (raw: Raw): Promise<number> => {
  await eventually(() => raw.text().includes('\r\n\r\n'))
  return Number(raw.text().slice(9, 12))
}

/** A frame of a client, its mask all zeros. */
const frame = (first: number, payload: Buffer, length = payload.length): Buffer =>
  Buffer.concat([
    Buffer.from(
      length < 126
        ? [first, 0x80 | length]
        : [first, 0xff, 0, 0, 0, 0, ...[24, 16, 8, 0].map((shift) => Math.floor(length / 2 ** shift) & 0xff)],
    ),
    Buffer.alloc(4),
    payload,
  ])

test('live door - what the guard refuses is refused in plain HTTP, before anything is upgraded', async (t) => {
  const house = await openHouse(t, { access: { token: 'a-token-of-sixteen' } })
  const { port } = house.edge
  const right = { authorization: 'Bearer a-token-of-sixteen' }
  const refusals: readonly [Record<string, string>, number][] = [
    [{ ...right, Host: 'evil.example' }, 403],
    [{ ...right, Host: `evil.example:${port}` }, 403],
    [{ ...right, Origin: 'http://evil.example' }, 403],
    [{ ...right, Origin: 'null' }, 403],
    [{}, 401],
    [{ authorization: 'Bearer wrong-token-of-16' }, 401],
  ]
  for (const [headers, status] of refusals) {
    const raw = ask(t, port, { ...UPGRADE, ...headers })
    assert.equal(await statusOf(raw), status, JSON.stringify(headers))
    await raw.over
    assert.match(raw.text(), /\r\nconnection: close\r\n/i)
    assert.match(raw.text(), /\r\n\r\n\{"detail":".*"\}$/)
  }
  assert.equal(house.edge.live.connections, 0)
  for (const headers of [{ Origin: `http://127.0.0.1:${port}` }, {}] as Record<string, string>[])
    assert.equal(await statusOf(ask(t, port, { ...UPGRADE, ...right, ...headers })), 101)
  assert.equal(await (await connect(t, port, right)).call('ping'), 'pong')
  const cookie = await fetch(`${house.url}/api/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"token":"a-token-of-sixteen"}',
  })
  const login = (cookie.headers.get('set-cookie') ?? '').split(';')[0] ?? ''
  assert.equal(await (await connect(t, port, { cookie: login })).call('ping'), 'pong')
})

test('live door - without a token, what came through a proxy is refused', async (t) => {
  const house = await openHouse(t)
  const raw = ask(t, house.edge.port, { ...UPGRADE, 'X-Forwarded-For': '1.2.3.4' })
  assert.equal(await statusOf(raw), 403)
})

test('live door - what does not ask as it should is told what is spoken here', async (t) => {
  const house = await openHouse(t)
  const { port } = house.edge
  const without = (name: string) => Object.fromEntries(Object.entries(UPGRADE).filter(([key]) => key !== name))
  for (const [headers, target, status] of [
    [{}, 'GET /ws', 426],
    [without('Upgrade'), 'GET /ws', 426],
    [without('Connection'), 'GET /ws', 426],
    [without('Sec-WebSocket-Key'), 'GET /ws', 426],
    [{ ...UPGRADE, 'Sec-WebSocket-Key': 'short' }, 'GET /ws', 426],
    [{ ...UPGRADE, 'Sec-WebSocket-Version': '8' }, 'GET /ws', 426],
    [{ ...UPGRADE, Upgrade: 'h2c' }, 'GET /ws', 426],
    [UPGRADE, 'GET /ws/', 404],
    [UPGRADE, 'GET /nope', 404],
    [UPGRADE, 'GET /api/health', 200],
    [{ ...UPGRADE, 'Content-Length': '0' }, 'POST /ws', 404],
  ] as const) {
    const raw = ask(t, port, headers, target)
    assert.equal(await statusOf(raw), status, `${target} ${JSON.stringify(headers)}`)
    assert.equal(/\r\nupgrade: websocket\r\n/i.test(raw.text()), status === 426)
  }
  const both = ask(t, port, { ...UPGRADE, host: `127.0.0.1:${port}` })
  assert.equal(await statusOf(both), 400, 'two Hosts')
})

test('live door - a request that asks for a protocol nobody speaks is answered, with its body, and the connection goes on', async (t) => {
  const house = await openHouse(t, { onTurn: (turn) => turn.end(turn.message) })
  const { port } = house.edge
  const body = '{"chat_id":"1","message":"x"}'
  const upgrade = { Upgrade: 'h2c', Connection: 'Upgrade, HTTP2-Settings', 'Content-Type': 'application/json' }
  const raw = ask(t, port, { ...upgrade, 'Content-Length': '0' }, 'GET /api/health')
  await eventually(() => raw.text().endsWith('{"status":"ok"}'))
  for (const [header, coded] of [
    [`Content-Length: ${body.length}`, body],
    ['Transfer-Encoding: chunked', `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`],
  ]) {
    const before = raw.text().length
    raw.socket.write(
      `POST /api/gateway/send HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nUpgrade: h2c\r\nConnection: Upgrade\r\nContent-Type: application/json\r\n${header}\r\n\r\n${coded}`,
    )
    await eventually(() => raw.text().slice(before).includes('{"response":"x","session_key":"1"}'))
    await eventually(() => /\}$|\r\n0\r\n\r\n$/.test(raw.text()))
  }
})

test('live door - there is a bound to how many are open', async (t) => {
  const house = await openHouse(t, { live: { max_sockets: 2 } })
  const first = await connect(t, house.edge.port)
  await connect(t, house.edge.port)
  const raw = ask(t, house.edge.port, UPGRADE)
  assert.equal(await statusOf(raw), 503)
  first.socket.terminate()
  await eventually(() => house.edge.live.connections === 1)
  assert.equal(await (await connect(t, house.edge.port)).call('ping'), 'pong')
})

test('live door - no subprotocol and no compression is agreed on', async (t) => {
  const house = await openHouse(t)
  const socket = new WebSocket(`ws://127.0.0.1:${house.edge.port}/ws`, { perMessageDeflate: true })
  t.after(() => socket.terminate())
  await once(socket, 'open')
  assert.deepEqual([socket.protocol, socket.extensions], ['', ''])
  const offered = ask(t, house.edge.port, { ...UPGRADE, 'Sec-WebSocket-Protocol': 'a, b' })
  assert.equal(await statusOf(offered), 101)
  assert.doesNotMatch(offered.text(), /sec-websocket-protocol/i)
})

test('live door - binary frames are refused', async (t) => {
  const house = await openHouse(t)
  const client = await connect(t, house.edge.port)
  client.socket.send(Buffer.from('{"jsonrpc":"2.0","id":1,"method":"ping"}'))
  assert.deepEqual(await client.closed, { code: 1003, reason: 'Messages are texts' })
  assert.deepEqual(client.came, [])
  await eventually(() => house.edge.live.connections === 0)
})

test('live door - a message may have 32 MiB and no more', async (t) => {
  const house = await openHouse(t)
  const client = await connect(t, house.edge.port)
  const message = (bytes: number): string => {
    const text = '{"jsonrpc":"2.0","id":1,"method":"sessions.send","params":{"chat_id":"1","message":""}}'
    return text.replace('"message":""', `"message":"${'x'.repeat(bytes - text.length)}"`)
  }
  const [answer] = await client.say(message(20_000_000))
  assert.equal((answer as { result: { attached: boolean } }).result.attached, false)
  assert.equal(house.sessions.turns[0]?.message.length, 20_000_000 - 87)
  client.socket.send(message(32 * 1_048_576 + 1))
  await client.closed
  assert.equal(house.sessions.turns.length, 1)
  await eventually(() => house.edge.live.connections === 0)
  assert.equal((await house.get('/api/health')).status, 200)
})

test('live door - broken frames end the connection and nothing else', async (t) => {
  const house = await openHouse(t)
  const ping = '{"jsonrpc":"2.0","id":1,"method":"ping"}'
  const broken: Readonly<Record<string, Buffer>> = {
    'bits that mean nothing': frame(0xf1, Buffer.from(ping)),
    'an opcode that means nothing': frame(0x83, Buffer.from(ping)),
    'not UTF-8': frame(0x81, Buffer.from([0xff, 0xfe])),
    'a continuation of nothing': frame(0x80, Buffer.from(ping)),
    'a ping in pieces': frame(0x09, Buffer.from('x')),
    'a length of four gigabytes': frame(0x81, Buffer.alloc(10), 0xffff_ffff),
    'a close with half a code': frame(0x88, Buffer.from([3])),
    'text of HTTP': Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n'),
  }
  for (const [name, bytes] of Object.entries(broken)) {
    const raw = ask(t, house.edge.port, UPGRADE)
    assert.equal(await statusOf(raw), 101)
    await eventually(() => house.edge.live.connections === 1)
    raw.socket.write(bytes)
    await raw.over
    await eventually(() => house.edge.live.connections === 0).catch(() => assert.fail(name))
    assert.doesNotMatch(raw.text(), /pong/, name)
  }
  // One server refuses a frame without a mask, the other takes its first bytes for one: neither understands it.
  const bare = ask(t, house.edge.port, UPGRADE)
  await statusOf(bare)
  bare.socket.write(Buffer.concat([Buffer.from([0x81, ping.length]), Buffer.from(ping)]))
  const split = ask(t, house.edge.port, UPGRADE)
  await statusOf(split)
  const half = Math.floor(ping.length / 2)
  split.socket.write(frame(0x01, Buffer.from(ping.slice(0, half))))
  split.socket.write(frame(0x89, Buffer.from('between')))
  for (const byte of frame(0x80, Buffer.from(ping.slice(half)))) split.socket.write(Buffer.from([byte]))
  await eventually(() => split.text().includes('"result":"pong"') && split.text().includes('between'))
  assert.doesNotMatch(bare.text(), /pong/)
})

test('live door - a client of which nothing is heard is cut off, one that answers pings is not', async (t) => {
  const house = await openHouse(t, { live: { idle_s: 8 } })
  const silent = ask(t, house.edge.port, UPGRADE)
  assert.equal(await statusOf(silent), 101)
  const client = await connect(t, house.edge.port)
  let pings = 0
  client.socket.on('ping', () => {
    pings += 1
  })
  await eventually(() => house.edge.live.connections === 1, { timeout_ms: 25_000 })
  await silent.over
  assert.ok(pings > 0)
  assert.equal(await client.call('ping'), 'pong')
})

test('live door - the edge that closes answers what runs, says 1001, and lets nobody in', async (t) => {
  const house = await openHouse(t)
  const client = await connect(t, house.edge.port)
  const others = await Promise.all(Array.from({ length: 3 }, () => connect(t, house.edge.port)))
  const { turn_id } = await client.call('sessions.send', { chat_id: '1', message: 'x', follow: true })
  await eventually(() => house.sessions.waiting === 1)
  const last = client.call('sessions.turn', { turn_id })
  await eventually(() => house.sessions.calls.turn === 1)
  await house.edge.drain()
  assert.equal((await last).turn_id, turn_id)
  for (const { closed } of [client, ...others]) assert.equal((await closed).code, 1001)
  assert.equal(house.edge.live.connections, 0)
  assert.equal(house.edge.followed, 0)
  await assert.rejects(connect(t, house.edge.port))
})
