import assert from 'node:assert/strict'
import { OWN_ROUTES, type OwnSpec } from '../../gateway-edge/http/own-routes.ts'
import { table } from '../../protocol/contract.ts'
import { checkLeaks } from '../harness.ts'
import { test } from './each-adapter.ts'
import { type House, type HouseOptions, openHouse } from './house.ts'
import { askPlainly, basic, bearer, forwardedFor, type PlainAnswer } from './plain-request.ts'

checkLeaks()

const TOKEN = 'correct-horse-battery-staple'
const WRONG = 'correct-horse-battery-stable'
const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']

const own = Object.entries<OwnSpec>(OWN_ROUTES)
const isOpen = (method: string, path: string): boolean =>
  own.some(([route, spec]) => spec.public === true && [route, route.replace(/^GET /, 'HEAD ')].includes(`${method} ${path}`))

const PARAMS: Readonly<Record<string, string>> = {
  chat_id: '1',
  session_id: 'gw-default-1',
  turn_id: '8e5bb8c9-7e8b-4d9e-9a51-7d3f0a3f4d11',
}

/** Every path of the contract and of the edge, and some that are neither. */
const PATHS = [
  ...new Set(
    [...own.map(([route]) => route), ...table.flatMap((row) => (row.http ?? []).map(({ route }) => route))].map((route) =>
      route.slice(route.indexOf(' ') + 1).replace(/\{(\w+)\}/g, (_all, name: string) => PARAMS[name] ?? 'x'),
    ),
  ),
  '/',
  '/nope',
  '/api/health/',
  '/API/HEALTH',
  '/api/health?x',
  '/%61pi/gateway/sessions',
  '//api/health',
  '/api/health/../gateway/sessions',
]

const OPTIONS: HouseOptions = { onTurn: (turn) => turn.end('answer') }

const openGuarded = (t: Parameters<typeof openHouse>[0], more: HouseOptions['access'] = {}): Promise<House> =>
  openHouse(t, { ...OPTIONS, access: { token: TOKEN, ...more } })

let strangers = 0
/** Nobody's failures count against the next one. */
const stranger = (): Record<string, string> => {
  strangers += 1
  return forwardedFor(`203.0.${strangers >> 8}.${strangers & 255}`)
}

const ask = (house: House, method: string, path: string, headers: Record<string, string> = {}): Promise<PlainAnswer> =>
  askPlainly({
    port: house.edge.port,
    method,
    path,
    headers: { 'content-type': 'application/json', ...headers },
    ...(['GET', 'HEAD'].includes(method) ? {} : { body: '{"chat_id":"1","message":"x"}' }),
  })

const login = async (house: House, headers: Record<string, string> = {}, token: unknown = TOKEN): Promise<PlainAnswer> =>
  askPlainly({
    port: house.edge.port,
    method: 'POST',
    path: '/api/login',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ token }),
  })

const cookieOf = (answer: PlainAnswer): string => (answer.headers['set-cookie']?.[0] ?? '').split(';')[0] ?? ''

const FAKE_COOKIE = `switchboard_session=${'A'.repeat(43)}`

test('access - without the token, or with a wrong one, no path answers by any method but those that are for everybody', async (t) => {
  const house = await openGuarded(t)
  const shown: Record<string, Record<string, string>> = {
    nothing: {},
    'a wrong token': bearer(WRONG),
    'the beginning of the token': bearer(TOKEN.slice(0, -1)),
    'more than the token': bearer(`${TOKEN}x`),
    'a wrong password': basic(WRONG),
    'the token as the user': basic('', TOKEN),
    'another scheme': { authorization: `Digest ${TOKEN}` },
    'no scheme': { authorization: TOKEN },
    'a cookie nobody gave out': { cookie: FAKE_COOKIE },
    'the token as a cookie': { cookie: `switchboard_session=${TOKEN}` },
  }
  for (const [what, headers] of Object.entries(shown)) {
    for (const path of PATHS) {
      for (const method of METHODS) {
        const answer = await ask(house, method, path, { ...headers, ...stranger() })
        const where = `${what}: ${method} ${path} ${answer.text}`
        if (isOpen(method, path.replace('?x', '')) && path !== '/api/login') {
          // There is no route for HEAD.
          assert.equal(answer.status, method === 'HEAD' ? 405 : 200, where)
        } else {
          assert.equal(answer.status, 401, where)
          assert.equal(answer.headers['www-authenticate'], 'Bearer realm="switchboard"', where)
          assert.equal(answer.headers['set-cookie'], undefined, where)
          if (method !== 'HEAD') assert.equal(typeof JSON.parse(answer.text).detail, 'string', where)
        }
      }
    }
  }
  assert.equal(house.sessions.turns.length, 0)
  assert.deepEqual(Object.keys(house.sessions.calls), ['status'], 'no service was asked anything but how it is, for /readyz')
})

test('access - with the token, as it may be shown, every path answers as it does where none is set', async (t) => {
  const house = await openGuarded(t)
  const plain = await openHouse(t, OPTIONS)
  const cookie = cookieOf(await login(house))
  const ways = {
    bearer: bearer(TOKEN),
    'lower case': { authorization: `bearer ${TOKEN}` },
    basic: basic(TOKEN),
    cookie: { cookie },
  }
  for (const path of PATHS) {
    if (path === '/api/login' || path === '/api/logout') continue
    for (const method of METHODS) {
      const expected = await ask(plain, method, path)
      for (const [way, headers] of Object.entries(ways)) {
        const { status } = await ask(house, method, path, headers)
        assert.equal(status, expected.status, `${way}: ${method} ${path}`)
      }
    }
  }
})

test('access - a URL with the token as its password is enough for a client such as the Go bot', async (t) => {
  const house = await openGuarded(t)
  const answer = await askPlainly({
    port: house.edge.port,
    method: 'POST',
    path: '/api/gateway/send',
    headers: { 'content-type': 'application/json', 'user-agent': 'Go-http-client/1.1', ...basic(TOKEN) },
    body: '{"chat_id":"1","message":"x"}',
  })
  assert.deepEqual(JSON.parse(answer.text), { response: 'answer', session_key: '1' })
  assert.equal((await ask(house, 'GET', '/health', basic(TOKEN, ''))).status, 200, 'no user name')
  assert.equal((await ask(house, 'GET', '/health', basic(`x:${TOKEN}`))).status, 401, 'a colon belongs to the password')
})

test('access - a login is a random cookie for seven days and never the token', async (t) => {
  const house = await openGuarded(t)
  const [first, second] = [await login(house), await login(house)]
  assert.equal(first.status, 200)
  const [setCookie = ''] = first.headers['set-cookie'] ?? []
  assert.match(setCookie, /^switchboard_session=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict; Max-Age=604800$/)
  assert.notEqual(cookieOf(first), cookieOf(second))
  const secure = await login(house, { ...forwardedFor('203.0.113.1'), 'x-forwarded-proto': 'https' })
  assert.match(secure.headers['set-cookie']?.[0] ?? '', /; Max-Age=604800; Secure$/)

  const among = `theme=dark; switchboard_session=stale; ${cookieOf(first)}; x=y`
  assert.equal((await ask(house, 'GET', '/health', { cookie: among })).status, 200)
  const out = await ask(house, 'POST', '/api/logout', { cookie: among })
  assert.equal(out.status, 200)
  assert.match(out.headers['set-cookie']?.[0] ?? '', /^switchboard_session=; Path=\/; HttpOnly; SameSite=Strict; Max-Age=0$/)
  assert.equal((await ask(house, 'GET', '/health', { cookie: among })).status, 401, 'this login has ended')
  assert.equal((await ask(house, 'GET', '/health', { cookie: cookieOf(second) })).status, 200, 'the other one has not')
})

test('access - what is no token logs nobody in, and is not repeated', async (t) => {
  const house = await openGuarded(t)
  for (const token of ['', WRONG, null, 5, [TOKEN], { token: TOKEN }, 'x'.repeat(100_000)]) {
    const answer = await login(house, stranger(), token)
    assert.equal(answer.status, 401, JSON.stringify(token).slice(0, 50))
    assert.equal(answer.headers['set-cookie'], undefined)
    assert.equal(answer.text, '{"detail":"This token is wrong"}')
  }
  for (const [body, type, status] of [
    [`{"token":"${TOKEN}`, 'application/json', 422],
    [`"${TOKEN}"`, 'application/json', 422],
    [`token=${TOKEN}`, 'application/x-www-form-urlencoded', 415],
    [`{"token":"${TOKEN}"}`, 'text/plain', 415],
    ['', 'application/json', 422],
  ] as const) {
    const headers = { 'content-type': type, ...stranger() }
    const answer = await askPlainly({ port: house.edge.port, method: 'POST', path: '/api/login', headers, body })
    assert.equal(answer.status, status, body)
    assert.equal(answer.headers['set-cookie'], undefined)
  }
  assert.equal((await ask(house, 'POST', `/api/login?token=${TOKEN}`, stranger())).status, 401, 'not by the URL')
})

test('access - where no token is set there is nothing to log in to', async (t) => {
  const house = await openHouse(t)
  const answer = await login(house)
  assert.equal(answer.status, 404)
  assert.match(answer.text, /No token is set here/)
  assert.equal(answer.headers['set-cookie'], undefined)
})

test('access - after ten wrong tokens an address has to wait, right or wrong; others and logins do not', async (t) => {
  const house = await openGuarded(t)
  const cookie = cookieOf(await login(house))
  const here = forwardedFor('198.51.100.7')
  for (let count = 0; count < 30; count += 1) {
    assert.equal((await ask(house, 'GET', '/health', here)).status, 401, 'showing nothing is no try')
    assert.equal((await ask(house, 'GET', '/health', { ...here, cookie: FAKE_COOKIE })).status, 401, 'nor is an old cookie')
  }
  const tries = [
    () => ask(house, 'GET', '/health', { ...here, ...bearer(WRONG) }),
    () => ask(house, 'POST', '/nope', { ...here, ...basic(WRONG) }),
    () => login(house, here, WRONG),
  ]
  for (let count = 0; count < 10; count += 1) assert.equal((await tries[count % 3]?.())?.status, 401, `try ${count}`)
  for (const attempt of [...tries, () => ask(house, 'GET', '/health', { ...here, ...bearer(TOKEN) }), () => login(house, here)]) {
    const answer = await attempt()
    assert.equal(answer.status, 429)
    assert.match(answer.headers['retry-after'] ?? '', /^[1-6]$/)
    assert.match(answer.text, /^\{"detail":"Too many wrong tokens/)
    assert.equal(answer.headers['set-cookie'], undefined)
  }
  assert.equal((await ask(house, 'GET', '/health', { ...here, cookie })).status, 200)
  assert.equal((await ask(house, 'GET', '/healthz', here)).status, 200)
  assert.equal((await ask(house, 'GET', '/health', { ...forwardedFor('198.51.100.8'), ...bearer(TOKEN) })).status, 200)
  const spoofed = forwardedFor('192.0.2.1, 198.51.100.7')
  assert.equal((await ask(house, 'GET', '/health', { ...spoofed, ...bearer(TOKEN) })).status, 429, 'the last entry is the proxy')
})

test('access - on this machine nobody is locked out by a neighbour', async (t) => {
  const house = await openGuarded(t)
  const statuses = []
  for (let count = 0; count < 12; count += 1) statuses.push((await ask(house, 'GET', '/health', bearer(WRONG))).status)
  assert.deepEqual(statuses, [...Array(10).fill(401), 429, 429])
  assert.equal((await ask(house, 'GET', '/health', bearer(TOKEN))).status, 200)
})

test('access - the token is in no line of the log and in no answer, whatever is done with it', async (t) => {
  const house = await openGuarded(t)
  const answers = [
    await login(house),
    await login(house, stranger(), `${TOKEN}x`),
    await ask(house, 'GET', `/api/gateway/sessions?token=${TOKEN}`),
    await ask(house, 'GET', `/${TOKEN}`, bearer(TOKEN)),
    await ask(house, 'GET', '/health', { ...bearer(TOKEN), host: TOKEN }),
    await ask(house, 'GET', '/health', { ...bearer(TOKEN), origin: `http://${TOKEN}` }),
    await ask(house, 'GET', '/health', basic(`${TOKEN}x`, TOKEN)),
    await ask(house, TOKEN, '/health', bearer(TOKEN)).catch((error: Error) => ({ headers: {}, text: error.name })),
    await ask(house, 'POST', '/api/gateway/send', bearer(TOKEN)),
    await ask(house, 'GET', '/openapi.json', bearer(TOKEN)),
    await ask(house, 'GET', '/docs', bearer(TOKEN)),
    await ask(house, 'GET', '/health', bearer(TOKEN)),
  ]
  await house.killSessions()
  answers.push(await ask(house, 'GET', '/readyz', bearer(TOKEN)))
  for (const { headers, text } of answers) assert.ok(!JSON.stringify([headers, text]).includes(TOKEN), text)
  assert.ok(house.lines.length > 10)
  const id = cookieOf(answers[0] as PlainAnswer).split('=')[1] ?? ''
  const encoded = Buffer.from(`x:${TOKEN}`).toString('base64')
  for (const secret of [TOKEN, id, encoded]) assert.ok(!house.lines.some((line) => line.includes(secret)), 'in the log')
})
