import assert from 'node:assert/strict'
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import { join } from 'node:path'
import { test as plainTest } from 'node:test'
import { Buckets } from '../../gateway-edge/http/buckets.ts'
import { fieldsOf } from '../../gateway-edge/http/input.ts'
import { openLoginFile } from '../../gateway-edge/http/login-file.ts'
import { Logins } from '../../gateway-edge/http/logins.ts'
import { createRefusals } from '../../gateway-edge/http/refusals.ts'
import { sourceOf, toSource } from '../../gateway-edge/http/source.ts'
import { createAuthorise } from '../../gateway-edge/http/speakers.ts'
import { rowOf, table } from '../../protocol/contract.ts'
import { createLog } from '../../services/runtime/log.ts'
import { checkLeaks, eventually, tempDir } from '../harness.ts'
import { test } from './each-adapter.ts'
import { openHouse, openRaw, postOf } from './house.ts'
import { askPlainly, bearer, forwardedFor } from './plain-request.ts'

checkLeaks()

const TOKEN = 'correct-horse-battery-staple'
const JSON_TYPE = { 'content-type': 'application/json' }

test('limits - an address has so many requests a second, and this machine has no bound', async (t) => {
  const house = await openHouse(t, { access: { token: TOKEN, rate_limit: 5 } })
  const { port } = house.edge
  const from = async (address: string, path = '/health', headers = bearer(TOKEN)): Promise<number> =>
    (await askPlainly({ port, path, headers: { ...headers, ...forwardedFor(address) } })).status
  const began = performance.now()
  const statuses = await Promise.all(Array.from({ length: 40 }, () => from('203.0.113.1')))
  const passed = statuses.filter((status) => status === 200).length
  const most = 10 + Math.ceil((performance.now() - began) / 200)
  assert.ok(passed >= 10 && passed <= most, `${passed} passed, at most ${most}`)
  assert.equal(statuses.filter((status) => status === 429).length, 40 - passed)
  // One that is let in spends the token that had come meanwhile.
  const refused = await eventually(
    async () => {
      const answer = await askPlainly({ port, path: '/health', headers: forwardedFor('203.0.113.1') })
      return answer.status === 429 ? answer : null
    },
    { every_ms: 0 },
  )
  assert.equal(refused.headers['retry-after'], '1')
  assert.match(refused.text, /^\{"detail":"Too many requests/)
  assert.equal(await from('203.0.113.2'), 200, 'another address')
  await eventually(async () => (await from('203.0.113.1')) === 200, { every_ms: 250 })
  for (let count = 0; count < 3; count += 1) {
    const local = Array.from({ length: 20 }, () => askPlainly({ port, path: '/health', headers: bearer(TOKEN) }))
    assert.ok((await Promise.all(local)).every(({ status }) => status === 200))
  }
  const strangers = await Promise.all(Array.from({ length: 60 }, () => from('203.0.113.9', '/nope', {})))
  assert.deepEqual([...new Set(strangers)].sort(), [401, 429], 'who has no token is counted as well')
})

test('limits - so many requests are answered at one time; whoever watches still learns that we live', async (t) => {
  const house = await openHouse(t, { access: { max_connections: 3 } })
  const { port } = house.edge
  const streams = ['1', '2', '3'].map((chat_id) =>
    openRaw(t, port, postOf('/api/gateway/send-stream', { chat_id, message: 'x' }, port)),
  )
  await eventually(() => house.sessions.waiting === 3)
  const answer = await house.get('/api/gateway/sessions')
  assert.equal(answer.status, 503)
  assert.deepEqual(answer.json, { detail: 'Too many requests are being answered; try again' })
  assert.equal((await house.get('/api/health')).status, 200)
  streams[0]?.socket.destroy()
  await eventually(async () => (await house.get('/api/gateway/sessions')).status === 200)
})

test('limits - a body may be as large as the owner says', async (t) => {
  const house = await openHouse(t, { onTurn: (turn) => turn.end('ok'), access: { max_body_bytes: 1_000 } })
  const send = async (length: number): Promise<number> => {
    const empty = JSON.stringify({ chat_id: '1', message: '' })
    return (await house.post('/api/gateway/send', { chat_id: '1', message: 'x'.repeat(length - empty.length) })).status
  }
  assert.equal(await send(1_000), 200)
  assert.equal(await send(1_001), 413)
})

test('limits - under other names and over HTTPS only where the owner says so', async (t) => {
  const house = await openHouse(t, {
    access: { token: TOKEN, allowed_hosts: ['box.example.org', 'bare', 'other:444', '[2001:db8::1]'] },
  })
  const { port } = house.edge
  const ask = async (headers: Record<string, string>): Promise<number> =>
    (await askPlainly({ port, path: '/healthz', headers })).status
  for (const host of [
    'box.example.org',
    'BOX.example.org',
    `box.example.org:${port}`,
    'bare',
    'other:444',
    '[2001:db8::1]',
    `[2001:db8::1]:${port}`,
    `localhost:${port}`,
  ])
    assert.equal(await ask({ host }), 200, host)
  for (const host of [
    'example.org',
    'x.box.example.org',
    'box.example.org:1',
    'box.example.org.',
    'other',
    `other:${port}`,
    'other:444:1',
  ])
    assert.equal(await ask({ host }), 403, host)
  for (const origin of ['https://box.example.org', 'http://bare', `http://bare:${port}`, 'https://other:444'])
    assert.equal(await ask({ origin }), 200, origin)
  for (const origin of [
    'https://box.example.org.evil',
    'ftp://bare',
    'https://other',
    `https://localhost:${port}`,
    'null',
    'http://',
  ])
    assert.equal(await ask({ origin }), 403, origin)
  const away = { host: 'box.example.org', 'x-forwarded-proto': 'https', ...bearer(TOKEN) }
  const redirect = await askPlainly({ port, path: '/health/?a=b', headers: away })
  assert.equal(redirect.headers.location, 'https://box.example.org/health?a=b')
})

test('limits - bound to every address, each of our own numbers is a Host, and nobody else’s', async (t) => {
  const house = await openHouse(t, { host: '0.0.0.0', access: { token: TOKEN } })
  const { port } = house.edge
  const ours = Object.values(os.networkInterfaces()).flatMap((list) => list ?? [])
  for (const { address, family } of ours) {
    const name = family === 'IPv6' ? `[${address}]` : address
    const headers = { host: `${name}:${port}`, origin: `http://${name}:${port}`, ...bearer(TOKEN) }
    assert.equal((await askPlainly({ port, path: '/health', headers })).status, 200, name)
    assert.equal(
      (await askPlainly({ port, path: '/health', headers: { ...headers, host: name } })).status,
      403,
      'without the port',
    )
  }
  const outward = ours.find(({ family, internal }) => family === 'IPv4' && !internal)
  if (outward !== undefined) {
    const answer = await askPlainly({
      port,
      address: outward.address,
      path: '/health',
      headers: { host: `${outward.address}:${port}` },
    })
    assert.equal(answer.status, 401)
  }
  for (const name of ['203.0.113.1', '[2001:db8::1]', 'evil.example']) {
    assert.equal((await askPlainly({ port, path: '/healthz', headers: { host: `${name}:${port}` } })).status, 403, name)
    assert.equal((await askPlainly({ port, path: '/healthz', headers: { origin: `http://${name}:${port}` } })).status, 403, name)
  }
})

test('limits - what a page of another site loads is refused, a link that somebody follows is not', async (t) => {
  const house = await openHouse(t, { onTurn: (turn) => turn.end('') })
  const { port } = house.edge
  const ask = async (method: string, headers: Record<string, string>): Promise<number> =>
    (
      await askPlainly({
        port,
        method,
        path: method === 'GET' ? '/health' : '/api/gateway/send',
        headers: { ...JSON_TYPE, ...headers },
        ...(method === 'GET' ? {} : { body: '{"chat_id":"1","message":"x"}' }),
      })
    ).status
  const cross = { 'sec-fetch-site': 'cross-site' }
  const ours = { origin: `http://127.0.0.1:${port}` }
  assert.equal(await ask('POST', cross), 403)
  assert.equal(await ask('POST', { ...cross, ...ours }), 403)
  assert.equal(await ask('OPTIONS', cross), 403)
  assert.equal(await ask('GET', { ...cross, 'sec-fetch-mode': 'no-cors' }), 403)
  assert.equal(await ask('GET', { ...cross, origin: 'http://evil.example' }), 403)
  assert.equal(await ask('GET', { ...cross, 'sec-fetch-mode': 'navigate' }), 200)
  assert.equal(await ask('GET', cross), 200)
  for (const site of ['same-origin', 'same-site', 'none'])
    assert.equal(await ask('POST', { 'sec-fetch-site': site, ...ours }), 200, site)
})

test('limits - chats and users that are not on the lists may not speak, on any path', async (t) => {
  const access = { chats: ['1', 'anna/2', '-100'], users: ['7', '8'] }
  const house = await openHouse(t, { onTurn: (turn) => turn.end('ok'), access })
  const send = async (body: Record<string, unknown>): Promise<number> =>
    (await house.post('/api/gateway/send', { message: 'x', user_id: '7', ...body })).status
  assert.equal(await send({ chat_id: '1' }), 200)
  assert.equal(await send({ chat_id: '1', bot_id: 'other' }), 200, 'of whatever bot')
  assert.equal(await send({ chat_id: '-100', user_id: '8' }), 200)
  assert.equal(await send({ chat_id: '2', bot_id: 'anna' }), 200)
  const sent = house.sessions.turns.length
  for (const body of [
    { chat_id: '2' },
    { chat_id: '2', bot_id: 'berta' },
    { chat_id: '3' },
    { chat_id: '11' },
    { chat_id: '1', user_id: '9' },
    { chat_id: '1', user_id: null },
    { chat_id: '1', user_id: undefined },
    { chat_id: '1', user_id: 7 },
    { chat_id: '1', user_id: '', username: '7' },
  ])
    assert.equal(await send(body), 403, JSON.stringify(body))
  assert.equal(house.sessions.turns.length, sent)
  const refused = await house.post('/api/gateway/send-stream', { chat_id: '3', message: 'x', user_id: '7' })
  assert.equal(refused.status, 403)
  assert.deepEqual(refused.json, { detail: 'This chat is not among those that may speak here (GATEWAY_ALLOWED_CHATS)' })
  assert.equal(
    (await house.post('/api/gateway/send?user_id=7', { chat_id: '1', message: 'x' })).status,
    200,
    'wherever it stands',
  )
  for (const verb of ['stop', 'interrupt']) {
    assert.equal((await house.post(`/api/gateway/${verb}`, { chat_id: '1' })).status, 200, `${verb} needs no user`)
    assert.equal((await house.post(`/api/gateway/${verb}`, { chat_id: '3' })).status, 403)
  }
  assert.equal((await house.post('/api/gateway/sessions/2/reset?bot_id=anna')).status, 200)
  assert.equal((await house.post('/api/gateway/sessions/2/reset')).status, 403)
  assert.equal((await house.post('/api/gateway/sessions/%32/reset')).status, 403, 'as it is meant, not as it is spelled')
  const job = { name: 'x', cron_expression: '0 9 * * *', command: 'x', job_type: 'claude' }
  assert.equal((await house.post('/api/cron', job)).status, 403, 'a job that names no chat would speak in one of its own')
  assert.equal((await house.post('/api/cron', { ...job, chat_id: '3' })).status, 403)
  assert.equal((await house.post('/api/cron', { ...job, chat_id: '2', bot_id: 'anna' })).status, 201)
  assert.equal((await house.get('/api/gateway/sessions')).status, 200, 'reading is free')
  assert.equal((await house.post('/api/gateway/send', { message: 'x', user_id: '7' })).status, 422, 'no chat at all is a fault')
})

plainTest('limits - a method that takes a chat needs it, or leaving it out would get around the list', () => {
  // Reading is free: in a list of all chats a chat is a filter.
  const reads = (row: (typeof table)[number]): boolean => (row.http ?? []).every(({ route }) => route.startsWith('GET '))
  const about = table.filter((row) => fieldsOf(row).has('chat_id') && !reads(row))
  assert.ok(about.length >= 4)
  // A job has a chat from the beginning; what is changed of it later keeps it, or names one.
  const jobs = ['scheduler.create', 'scheduler.update']
  for (const row of about) assert.ok(fieldsOf(row).get('chat_id')?.required || jobs.includes(row.name), row.name)
})

plainTest('limits - a bucket holds its burst, fills again, and forgets who was silent for longest', () => {
  let now = 0
  const buckets = new Buckets({ per_second: 2, burst: 3, now: () => now })
  const taken = (): number[] => [1, 2, 3, 4].map(() => buckets.take('a'))
  assert.deepEqual(taken(), [0, 0, 0, 1])
  assert.equal(buckets.wait('b'), 0)
  now = 499
  assert.equal(buckets.take('a'), 1)
  now = 500
  assert.deepEqual(taken(), [0, 1, 1, 1])
  now = 1_000_000
  assert.deepEqual(taken(), [0, 0, 0, 1], 'never more than the burst')
  for (let name = 0; name < 20_000; name += 1) buckets.take(`n${name}`)
  assert.equal(buckets.size, 10_000)
  assert.deepEqual(taken(), [0, 0, 0, 1])
  const slow = new Buckets({ per_second: 1 / 6, burst: 1, now: () => now })
  assert.equal(slow.take('a'), 0)
  assert.equal(slow.take('a'), 6)
})

plainTest('limits - a login ends after seven days, and the thousand and first ends the first', () => {
  let now = 0
  const logins = new Logins(() => now)
  const begin = (): string => logins.begin(false).split(';')[0] ?? ''
  const first = begin()
  now = 7 * 24 * 3_600_000 - 1
  assert.ok(logins.knows(first))
  now += 1
  assert.ok(!logins.knows(first))
  assert.equal(logins.size, 0)
  const second = begin()
  for (let count = 0; count < 999; count += 1) begin()
  assert.ok(logins.knows(second))
  begin()
  assert.ok(!logins.knows(second))
  assert.equal(logins.size, 1_000)
  assert.ok(!logins.knows(`switchboard_session=${'x; switchboard_session='.repeat(1_000)}`))
})

plainTest('limits - a login outlives the edge, for the same token only, and not its end', (t) => {
  const file = join(tempDir(t), 'logins.json')
  const log = createLog({ service: 'test', level: 'silent' })
  const open = (token = 'a token', now = 0) => new Logins(() => now, openLoginFile(file, token, log))
  const first = open()
  const [cookie = '', other = ''] = [first, first].map((logins) => logins.begin(false).split(';')[0] ?? '')
  assert.equal(statSync(file).mode & 0o777, 0o600)
  const [, id = ''] = cookie.split('=')
  assert.ok(!readFileSync(file, 'utf8').includes(id), 'nobody can log in with what is kept')
  assert.ok(open().knows(cookie))
  assert.ok(!open('another token').knows(cookie))
  assert.ok(!open('a token', 7 * 24 * 3_600_000).knows(cookie))
  open().end(cookie, false)
  assert.deepEqual([open().knows(cookie), open().knows(other)], [false, true])
  writeFileSync(file, '{"token":')
  assert.ok(!open().knows(other), 'what cannot be read logs everybody out')
})

plainTest('limits - addresses have one name however they are spelled, and a network of one subscriber one', () => {
  const cases: Record<string, string> = {
    '127.0.0.1': '127.0.0.1',
    '::ffff:127.0.0.1': '127.0.0.1',
    '0000:0000:0000:0000:0000:ffff:7f00:0001': '127.0.0.1',
    '0000:0000:0000:0000:0000:0000:0000:0001': '::1',
    '::1': '::1',
    '2001:db8:1:2:3:4:5:6': '2001:db8:1:2::/64',
    '2001:0db8:0001:0002:0000:0000:0000:0009': '2001:db8:1:2::/64',
    '2001:db8::9': '2001:db8:0:0::/64',
    'fe80::1%eth0': 'fe80:0:0:0::/64',
    '': '',
  }
  for (const [address, source] of Object.entries(cases)) assert.equal(toSource(address), source, address)
})

plainTest('limits - only a proxy on this machine is believed, and of what it says the last word', () => {
  const visitor = (remote: string, headers: Record<string, string> = {}) =>
    sourceOf({ method: 'GET', path: '/', remote, header: (name) => headers[name] ?? '' })
  assert.deepEqual(visitor('127.0.0.1'), { name: '127.0.0.1', local: true })
  assert.deepEqual(visitor('::ffff:127.0.0.1'), { name: '127.0.0.1', local: true })
  assert.deepEqual(visitor('203.0.113.5', forwardedFor('127.0.0.1')), { name: '203.0.113.5', local: false })
  assert.deepEqual(visitor('127.0.0.1', forwardedFor('127.0.0.1')), { name: '127.0.0.1', local: false })
  assert.deepEqual(visitor('127.0.0.1', forwardedFor('1.1.1.1, 2001:db8::1')), { name: '2001:db8:0:0::/64', local: false })
  for (const headers of [forwardedFor('unknown'), { forwarded: 'for=1.1.1.1' }, { 'x-forwarded-proto': 'https' }] as Record<
    string,
    string
  >[])
    assert.deepEqual(visitor('::1', headers), { name: 'a proxy that does not say for whom', local: false })
})

plainTest('limits - refusals have ten lines of the log in ten seconds, and a count', () => {
  let now = 0
  const lines: object[] = []
  const write = (fields: object): void => void lines.push(fields)
  const refusals = createRefusals({ debug: write, info: write, warn: write, error: write }, () => now)
  const worth = (count: number): number => Array.from({ length: count }, () => refusals.isWorthALine()).filter(Boolean).length
  assert.equal(worth(1_000), 10)
  assert.deepEqual(lines, [])
  now = 10_000
  assert.equal(worth(5), 5)
  assert.deepEqual(lines, [{ refused: 990 }])
  now = 20_000
  assert.equal(worth(1), 1)
  assert.equal(lines.length, 1)
})

plainTest('limits - a job keeps a chat that may speak: taking its chat away would give it one of its own', () => {
  const authorise = createAuthorise({ chats: ['1'], users: undefined })
  const row = rowOf('scheduler.update') ?? assert.fail('there is no such method')
  assert.throws(() => authorise(row, { job_id: 1, chat_id: null }), /must keep a chat_id/)
  authorise(row, { job_id: 1, name: 'x' })
})

plainTest('limits - a changed job is of the bot that it is of: an entry for one bot counts where the call names that bot', () => {
  const authorise = createAuthorise({ chats: ['1', 'default/2', 'anna/3'], users: undefined })
  const row = rowOf('scheduler.update') ?? assert.fail('there is no such method')
  for (const bot_id of [undefined, null]) {
    authorise(row, { job_id: 1, bot_id, chat_id: '1' })
    // The job may be of another bot, which would then speak in a chat that is not its own.
    for (const chat_id of ['2', '3']) assert.throws(() => authorise(row, { job_id: 1, bot_id, chat_id }), /name the bot_id/)
  }
  authorise(row, { job_id: 1, bot_id: 'default', chat_id: '2' })
  authorise(row, { job_id: 1, bot_id: 'anna', chat_id: '3' })
  assert.throws(() => authorise(row, { job_id: 1, bot_id: 'anna', chat_id: '2' }), /not among those/)
  const create = rowOf('scheduler.create') ?? assert.fail('there is no such method')
  authorise(create, { chat_id: '2' })
  assert.throws(() => authorise(create, { chat_id: '3' }), /not among those/)
})
