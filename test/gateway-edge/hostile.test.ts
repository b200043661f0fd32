import assert from 'node:assert/strict'
import { existsSync, readdirSync } from 'node:fs'
import { fieldsOf } from '../../gateway-edge/http/input.ts'
import { type Row, table } from '../../protocol/contract.ts'
import { FAKE_TASK } from '../fakes/fake-tasks.ts'
import { atEnd, checkLeaks, eventually, type Scope, tempDir } from '../harness.ts'
import { test } from './each-adapter.ts'
import { type House, openHouse, openRaw } from './house.ts'
import { askPlainly, type PlainAnswer } from './plain-request.ts'

checkLeaks()

/** Ids that are none: ways out of a folder, other machines' folders, options, controls, what other systems read as something else. */
const CRAFTED = [
  '..',
  '.',
  '../x',
  '/tmp/x',
  'a/b',
  'a\\b',
  '..\\x',
  '.hidden',
  'a..b',
  'end.',
  ' ',
  'a b',
  'a\nb',
  'a\u0000b',
  '\u202etxt',
  'ａ',
  'é',
  '%2e%2e',
  '$(id)',
  '`id`',
  ';id',
  '*',
  '~',
  'x'.repeat(129),
  '',
]

/** Ids that no place takes for a chat may still be whole texts elsewhere: those methods only look something up. */
const isStrict = (row: Row, field: string): boolean => !row.input.safeParse({ ...VALID, [field]: '../x' }).success

const VALID: Readonly<Record<string, unknown>> = {
  chat_id: '1',
  bot_id: 'default',
  message: 'x',
  session_id: 'gw-default-1',
  turn_id: '8e5bb8c9-7e8b-4d9e-9a51-7d3f0a3f4d11',
  role: 'user',
  content: 'x',
  action: 'away',
  task_id: FAKE_TASK,
  run_id: '8e5bb8c9-7e8b-4d9e-9a51-7d3f0a3f4d11',
  delivery_id: 'x',
  approval_id: '1-2048',
  decision: 'allow',
  lang: 'cn',
  report_id: '8e5bb8c9-7e8b-4d9e-9a51-7d3f0a3f4d11',
  q: 'x',
  name: 'x',
  cron_expression: '0 9 * * *',
  command: 'x',
  key: 'x',
  lines: '',
  job_id: 1,
  memory_id: 1,
}

const ID_FIELDS = ['chat_id', 'bot_id', 'turn_id', 'after', 'session_id']

interface Call {
  readonly method: string
  readonly path: string
  readonly body?: Record<string, unknown>
}

/** A request with one field set to a value, at each place where the route takes it. */
const placesOf = (row: Row, route: string, field: string, value: string): Call[] => {
  const gap = route.indexOf(' ')
  const [method, pattern] = [route.slice(0, gap), route.slice(gap + 1)]
  const fields = [...fieldsOf(row).keys()]
  const inPath = (name: string): boolean => pattern.includes(`{${name}}`)
  const path = (values: Readonly<Record<string, unknown>>): string =>
    pattern.replace(/\{(\w+)\}/g, (_all, name: string) => encodeURIComponent(String(values[name])))
  const rest = Object.fromEntries(
    fields.filter((name) => !inPath(name) && VALID[name] !== undefined).map((name) => [name, VALID[name]]),
  )
  const query = (values: Record<string, unknown>): string => {
    const text = new URLSearchParams(
      Object.entries(values).map(([name, one]): [string, string] => [name, String(one)]),
    ).toString()
    return text === '' ? '' : `?${text}`
  }
  if (inPath(field)) {
    // Nothing, or dots alone, is another path.
    if (['', '.', '..'].includes(value)) return []
    const target = path({ ...VALID, [field]: value })
    return [method === 'GET' ? { method, path: target + query(rest) } : { method, path: target, body: rest }]
  }
  const base = path(VALID)
  const inQuery = { method, path: base + query({ ...(method === 'GET' ? rest : {}), [field]: value }) }
  if (method === 'GET') return [inQuery]
  const { [field]: _left, ...others } = rest
  return [
    { method, path: base, body: { ...rest, [field]: value } },
    ...(fieldsOf(row).get(field)?.required === true ? [] : [{ ...inQuery, body: others }]),
  ]
}

const open = (t: Scope): Promise<House> => openHouse(t, { onTurn: (turn) => turn.end('ok') })

const ask = (house: House, { method, path, body }: Call, headers: Record<string, string> = {}): Promise<PlainAnswer> =>
  askPlainly({
    port: house.edge.port,
    method,
    path,
    headers: { 'content-type': 'application/json', ...headers },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })

const isAlive = async (house: House): Promise<void> => {
  assert.equal((await house.get('/api/health')).text, '{"status":"ok"}')
  assert.equal((await house.post('/api/gateway/send', { chat_id: '1', message: 'x' })).status, 200)
}

const raw = async (t: Scope, house: House, text: string | Buffer): Promise<string> => {
  const connection = openRaw(t, house.edge.port, '')
  connection.socket.write(text)
  let over = false
  void connection.over.then(() => {
    over = true
  })
  await eventually(() => over || /\r\n\r\n.*\}$/s.test(connection.text()), { timeout_ms: 20_000 })
  connection.socket.destroy()
  return connection.text()
}

test('hostile - crafted ids are refused in every place that takes one, for each method', async (t) => {
  // Other tests make folders in the common one meanwhile.
  const tmp = tempDir(t)
  const { TMPDIR } = process.env
  process.env.TMPDIR = tmp
  atEnd(t, () => {
    if (TMPDIR === undefined) delete process.env.TMPDIR
    else process.env.TMPDIR = TMPDIR
  })
  const house = await open(t)
  const before = readdirSync(tmp).sort()
  let asked = 0
  for (const row of table) {
    for (const { route } of row.http ?? []) {
      for (const field of ID_FIELDS.filter((one) => fieldsOf(row).has(one))) {
        for (const value of CRAFTED) {
          for (const call of placesOf(row, route, field, value)) {
            asked += 1
            const { status, text } = await ask(house, call)
            const where = `${route} ${field}=${JSON.stringify(value)} ${status} ${text}`
            const harmless = !isStrict(row, field)
            if (harmless) assert.ok([200, 201, 404, 422].includes(status), where)
            else {
              assert.equal(status, 422, where)
              const { detail } = JSON.parse(text) as { detail: { loc: string[]; msg: string }[] }
              assert.equal(detail[0]?.loc[1], field, where)
            }
          }
        }
      }
    }
  }
  assert.ok(asked > 300, `${asked} requests`)
  assert.equal(house.sessions.turns.length, 0)
  assert.ok(!existsSync('/tmp/x'))
  assert.deepEqual(readdirSync(tmp).sort(), before)
  for (const header of ['../x', 'a', '1.2', '-1.0.0', '1.2.3.4'])
    assert.equal(
      (
        await ask(
          house,
          { method: 'GET', path: `/api/gateway/turns/${String(VALID.turn_id)}/events` },
          { 'last-event-id': header },
        )
      ).status,
      422,
      header,
    )
  const long = { method: 'POST', path: '/api/gateway/send', body: { chat_id: '1', message: 'x' } }
  assert.equal((await ask(house, long, { 'idempotency-key': 'k'.repeat(201) })).status, 422)
  await isAlive(house)
})

test('hostile - unknown fields are left out, wrong types are told field by field', async (t) => {
  const house = await open(t)
  const extra = { __proto__x: 1, constructor: { prototype: {} }, response: null, nested: [[[[{}]]]] }
  const text = JSON.stringify({ chat_id: '1', message: 'x', ...extra }).replace('__proto__x', '__proto__')
  const sent = await askPlainly({ port: house.edge.port, method: 'POST', path: '/api/gateway/send', body: text })
  assert.ok([200, 422].includes(sent.status), sent.text)
  assert.equal(({} as { prototype?: unknown }).prototype, undefined)
  for (const row of table) {
    for (const { route } of row.http ?? []) {
      if (!route.startsWith('POST')) continue
      const path = route.slice(5).replace(/\{(\w+)\}/g, (_all, name: string) => String(VALID[name]))
      for (const [field, { kind }] of fieldsOf(row)) {
        if (route.includes(`{${field}}`) || kind === 'other') continue
        for (const value of [{ a: 1 }, ['x'], kind === 'string' ? 5 : 'x', kind === 'boolean' ? 5 : true]) {
          const body = Object.fromEntries(Object.entries({ ...VALID, [field]: value }).filter(([one]) => fieldsOf(row).has(one)))
          const answer = await ask(house, { method: 'POST', path, body })
          const where = `${route} ${field}=${JSON.stringify(value)} ${answer.text}`
          assert.equal(answer.status, 422, where)
          assert.equal((JSON.parse(answer.text) as { detail: { loc: string[] }[] }).detail[0]?.loc[1], field, where)
        }
      }
      for (const body of [
        'null',
        '[]',
        '"x"',
        '5',
        'true',
        '{',
        '{"chat_id":"1",}',
        "{'chat_id':1}",
        '\u0000',
        'NaN',
        '[[[[[[[[[[',
      ]) {
        const answer = await askPlainly({ port: house.edge.port, method: 'POST', path, body })
        // A body of nothing is fine where nothing is needed.
        assert.ok(answer.status === 422 || (body === 'null' && answer.status === 200), `${route} ${body} ${answer.text}`)
      }
    }
  }
  await isAlive(house)
})

test('hostile - deep JSON, wrong UTF-8, halves of pairs and other encodings end in an answer', async (t) => {
  const house = await open(t)
  const { port } = house.edge
  const post = (body: string | Uint8Array, type = 'application/json'): Promise<PlainAnswer> =>
    askPlainly({ port, method: 'POST', path: '/api/gateway/send', headers: { 'content-type': type }, body })
  const deep = `{"chat_id":"1","message":${'['.repeat(2_000_000)}${']'.repeat(2_000_000)}}`
  assert.equal((await post(deep)).status, 422)
  for (const bytes of [
    [0xff, 0xfe],
    [0xc0, 0x80],
    [0xed, 0xa0, 0x80],
    [0xf4, 0x90, 0x80, 0x80],
    [0xe2, 0x82],
  ]) {
    const body = Buffer.concat([Buffer.from('{"chat_id":"1","message":"'), Buffer.from(bytes), Buffer.from('"}')])
    const answer = await post(body)
    assert.equal(answer.status, 422)
    assert.match(answer.text, /The body is not UTF-8/)
  }
  assert.equal((await post(Buffer.from('{"chat_id":"1","message":"x"}', 'utf16le'))).status, 422)
  assert.equal((await post('{"chat_id":"1","message":"\\ud800"}')).status, 200)
  assert.equal(house.sessions.turns.at(-1)?.message, '\ufffd')
  const bytes = await raw(
    t,
    house,
    Buffer.from(`GET /api/gateway/turns/\xff\xfe HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`, 'latin1'),
  )
  assert.match(bytes, /^HTTP\/1\.1 4\d\d /)
  await isAlive(house)
})

test('hostile - 20 MB are taken, 33 MB are not, said beforehand or not, however small the pieces', async (t) => {
  const house = await open(t)
  const { port } = house.edge
  const sized = (bytes: number): string => `{"chat_id":"1","message":"${'x'.repeat(bytes - 29)}"}`
  const post = (body: string): Promise<PlainAnswer> =>
    askPlainly({ port, method: 'POST', path: '/api/gateway/send', headers: { 'content-type': 'application/json' }, body })
  assert.equal((await post(sized(20_000_000))).status, 200)
  assert.equal(house.sessions.turns.at(-1)?.message.length, 20_000_000 - 29)
  const head = `POST /api/gateway/send HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n`
  assert.match(
    await raw(t, house, `${head}Content-Length: ${33 * 1_048_576}\r\n\r\n{`),
    /^HTTP\/1\.1 413 .*larger than 33554432 bytes/s,
  )
  const untold = openRaw(t, port, `${head}Transfer-Encoding: chunked\r\n\r\n`)
  const megabyte = Buffer.concat([Buffer.from('100000\r\n'), Buffer.alloc(1_048_576, 0x20), Buffer.from('\r\n')])
  for (let sent = 0; sent < 33; sent += 1) untold.socket.write(megabyte)
  await eventually(() => untold.text().endsWith('}'))
  assert.match(untold.text(), /^HTTP\/1\.1 413 /)
  untold.socket.destroy()

  const before = process.memoryUsage().rss
  const crumbs = openRaw(t, port, `${head}Transfer-Encoding: chunked\r\n\r\n`)
  const many = Buffer.from('1\r\n \r\n'.repeat(20_000))
  for (let sent = 0; sent < 25; sent += 1) {
    if (!crumbs.socket.write(many)) await new Promise((resolve) => crumbs.socket.once('drain', resolve))
  }
  crumbs.socket.write('1d\r\n{"chat_id":"1","message":"x"}\r\n0\r\n\r\n')
  await eventually(() => crumbs.text().includes('"session_key"'), { timeout_ms: 30_000 })
  assert.match(crumbs.text(), /^HTTP\/1\.1 200 /)
  const grown = (process.memoryUsage().rss - before) / 1_048_576
  assert.ok(grown < 150, `half a million pieces of one byte took ${Math.round(grown)} MB`)
  await isAlive(house)
})

test('hostile - two lengths, or two of what may stand once, are refused and nothing is run', async (t) => {
  const house = await open(t)
  const host = `Host: 127.0.0.1:${house.edge.port}\r\n`
  const json = '{"chat_id":"1","message":"smuggled"}'
  const chunked = `${json.length.toString(16)}\r\n${json}\r\n0\r\n\r\n`
  const post = 'POST /api/gateway/send HTTP/1.1\r\nContent-Type: application/json\r\n'
  for (const [what, text] of Object.entries({
    'CL and TE': `${post}${host}Content-Length: ${json.length}\r\nTransfer-Encoding: chunked\r\n\r\n${chunked}`,
    'TE and CL': `${post}${host}Transfer-Encoding: chunked\r\nContent-Length: ${json.length}\r\n\r\n${chunked}`,
    'two CL': `${post}${host}Content-Length: ${json.length}\r\nContent-Length: 5\r\n\r\n${json}`,
    'two equal CL': `${post}${host}Content-Length: ${json.length}\r\nContent-Length: ${json.length}\r\n\r\n${json}`,
    'a negative CL': `${post}${host}Content-Length: -1\r\n\r\n${json}`,
    'a hexadecimal CL': `${post}${host}Content-Length: 0x24\r\n\r\n${json}`,
    'a CL with a sign': `${post}${host}Content-Length: +${json.length}\r\n\r\n${json}`,
    'two CL in one': `${post}${host}Content-Length: ${json.length}, ${json.length}\r\n\r\n${json}`,
    'an unknown TE': `${post}${host}Transfer-Encoding: xchunked\r\n\r\n${chunked}`,
    'TE twice': `${post}${host}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n${chunked}`,
    'two hosts': `${post}${host}Host: evil.example\r\nContent-Length: ${json.length}\r\n\r\n${json}`,
    'two hosts, ours last': `${post}Host: evil.example\r\n${host}Content-Length: ${json.length}\r\n\r\n${json}`,
    'no host': `${post}Content-Length: ${json.length}\r\n\r\n${json}`,
    'two origins': `${post}${host}Origin: http://127.0.0.1:${house.edge.port}\r\nOrigin: http://evil.example\r\nContent-Length: ${json.length}\r\n\r\n${json}`,
    'two content types': `${post}${host}Content-Type: text/plain\r\nContent-Length: ${json.length}\r\n\r\n${json}`,
    'HTTP/1.0': `POST /api/gateway/send HTTP/1.0\r\n${host}Content-Length: ${json.length}\r\n\r\n${json}`,
    'an absolute target': `POST http://evil.example/api/gateway/send HTTP/1.1\r\n${host}Content-Length: ${json.length}\r\n\r\n${json}`,
    TLS: '\u0016\u0003\u0001\u0002\u0000\u0001\u0000\u0001\r\n\r\n',
    'huge headers': `${post}${host}X: ${'y'.repeat(100_000)}\r\nContent-Length: ${json.length}\r\n\r\n${json}`,
  })) {
    const answer = await raw(t, house, text)
    assert.match(answer, /^(HTTP\/1\.1 (400|403|413|431|501|505) |$)/, `${what}: ${answer}`)
    assert.deepEqual(
      house.sessions.turns.map(({ message }) => message),
      [],
      what,
    )
  }
  await isAlive(house)
})

test('hostile - what a web page can send is refused, under whatever name it has reached us', async (t) => {
  const house = await open(t)
  const { port } = house.edge
  const body = '{"chat_id":"1","message":"from a page"}'
  const page = { origin: 'http://evil.example', 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors' }
  for (const row of table) {
    for (const { route } of row.http ?? []) {
      const [method = '', pattern = ''] = route.split(' ')
      const path = pattern.replace(/\{(\w+)\}/g, (_all, field: string) => String(VALID[field]))
      const request = (headers: Record<string, string>): Promise<PlainAnswer> =>
        askPlainly({ port, method, path, headers, ...(method === 'GET' ? {} : { body }) })
      for (const [what, headers] of Object.entries({
        'a blob without a type': page,
        'plain text': { ...page, 'content-type': 'text/plain;charset=UTF-8' },
        'a form': { ...page, 'content-type': 'application/x-www-form-urlencoded' },
        'an upload': { ...page, 'content-type': 'multipart/form-data; boundary=x' },
        'a sandboxed frame': { ...page, origin: 'null' },
        'another port of this machine': { origin: 'http://localhost:3000', 'sec-fetch-site': 'same-site' },
        'a name pointed at us': { host: `rebound.evil.example:${port}`, origin: `http://rebound.evil.example:${port}` },
        'a name pointed at us, without an origin': { host: `rebound.evil.example:${port}` },
      })) {
        const answer = await request(headers as Record<string, string>)
        assert.equal(answer.status, 403, `${route} ${what}`)
        assert.equal(answer.headers['access-control-allow-origin'], undefined)
      }
      const preflight = { ...page, 'access-control-request-method': method, 'access-control-request-headers': 'content-type' }
      assert.equal((await askPlainly({ port, method: 'OPTIONS', path, headers: preflight })).status, 403)
    }
  }
  const old = { 'content-type': 'text/plain' }
  assert.equal((await askPlainly({ port, method: 'POST', path: '/api/gateway/send', headers: old, body })).status, 415)
  assert.equal(house.sessions.turns.length, 0)
  await isAlive(house)
})
