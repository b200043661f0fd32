/** Strangers, hostile names and hostile frames against a whole Switchboard: sent away, and nothing is changed by them. */
import assert from 'node:assert/strict'
import { randomInt } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { test } from 'node:test'
import { Dealer } from 'zeromq'
import { socketAddress } from '../../protocol/wire/address.ts'
import { decodeFrame, type Frame, pack } from '../../protocol/wire/frames.ts'
import { connect } from '../gateway-edge/live-client.ts'
import { askPlainly, bearer } from '../gateway-edge/plain-request.ts'
import { atEnd, checkLeaks } from '../harness.ts'
import fc from '../property.ts'
import { fileScope } from '../web/house.ts'
import { everyDoor, METHODS } from './doors.ts'
import { excesses, HELLO, honestQuestion, message, UNFORESEEN } from './frames.ts'
import { HOSTILE } from './ids.ts'
import { callsOf, isRefused, paramsOf, places } from './places.ts'
import { isLong, looked } from './runs.ts'
import { almost, shownBy, strangersOf } from './strangers.ts'
import { openWhole, PROCESSES, type ProcessName, type Whole } from './whole.ts'

const TOKEN = 'a-token-for-the-whole-house+0123456789'

/** A message of the largest size is held twice while it is read. */
const GROWTH_MB = 200

const scope = fileScope()
checkLeaks()

let opened: Promise<Whole> | undefined
/** Shared by all tests of this file; what one of them leaves behind is no business of the next. */
const theWhole = (): Promise<Whole> => (opened ??= openWhole(scope, TOKEN))

/** Requests under way at one time. */
const AT_ONCE = 8

const forEach = async <T>(items: readonly T[], visit: (item: T, index: number) => Promise<void>): Promise<void> => {
  const queue = items.entries()
  const work = async (): Promise<void> => {
    for (const [index, item] of queue) await visit(item, index)
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
}

test('doors - every stranger is sent away from every door, over both servers, and nothing changes', async () => {
  const whole = await theWhole()
  const before = whole.snapshot()
  const secrets = [TOKEN, almost(TOKEN)].flatMap((secret) => [secret, encodeURIComponent(secret), btoa(`x:${secret}`)])
  const doors = everyDoor()
  const tries = whole.gates.flatMap((gate, at) =>
    strangersOf(gate, TOKEN).flatMap((stranger, who) =>
      doors
        // The short look tries each stranger at every fourth of the doors of a gate, at others of the next gate.
        .filter((door, index) => stranger.refused(gate, door) !== null && (isLong || (who + index + at) % 4 === 0))
        .map((door) => ({ gate, stranger, door })),
    ),
  )
  assert.ok(tries.length > doors.length * 10, `${tries.length} tries`)
  await forEach(tries, async ({ gate, stranger, door }) => {
    const { method, path } = door
    const body = stranger.body ?? door.body
    const headers = { 'content-type': 'application/json', ...shownBy(stranger, gate, door), ...stranger.headers }
    const request = { port: gate.port, method, path, headers, ...(method === 'GET' || body === undefined ? {} : { body }) }
    const answer = await askPlainly(request)
    const where = `${stranger.who} at ${door.route} of ${gate.name}: ${answer.status} ${answer.text}`
    assert.ok(stranger.refused(gate, door)?.includes(answer.status), where)
    assert.equal(answer.headers['access-control-allow-origin'], undefined, where)
    assert.equal(answer.headers['set-cookie'], undefined, where)
    const shown = JSON.stringify([answer.headers, answer.text])
    for (const secret of secrets) assert.ok(!shown.includes(secret), where)
  })
  assert.deepEqual(whole.snapshot(), before)
  for (const gate of whole.gates)
    for (const line of gate.lines()) for (const secret of secrets) assert.ok(!line.includes(secret), line)
})

test('doors - no door opens to another method, and none of them is a crash', async () => {
  const whole = await theWhole()
  const before = whole.snapshot()
  const doors = everyDoor()
  const known = new Set(doors.map(({ method, path }) => `${method} ${path.split('?')[0]}`))
  const tries = whole.gates.flatMap((gate) => doors.flatMap((door) => METHODS.map((method) => ({ gate, door, method }))))
  await forEach(tries, async ({ gate, door, method }) => {
    const [path = ''] = door.path.split('?')
    if (known.has(`${method} ${path}`)) return
    const headers: Record<string, string> = gate.token === undefined ? {} : bearer(gate.token)
    const answer = await askPlainly({ port: gate.port, method, path, headers })
    // The panel's files have a head; beside it there is nothing that answers by a method it does not name.
    const statuses = door.kind === 'panel' && method === 'HEAD' ? [200] : [404, 405]
    assert.ok(statuses.includes(answer.status), `${method} ${path} at ${gate.name}: ${answer.status} ${answer.text}`)
  })
  assert.deepEqual(whole.snapshot(), before)
})

/** An agent or a process answers these: the short look begins fewer of them. */
const BEGINS_WORK = new Set(['sessions.send', 'sessions.start_task', 'sessions.send_background', 'scheduler.run'])

/** Answers to what the contract takes for a name: done, or refused by whoever knows better. */
const ORDERLY = [200, 201, 402, 403, 404, 409, 410, 422]

test('ids - hostile names end in an answer wherever a route takes a name, and lead nowhere', async () => {
  const whole = await theWhole()
  const [before, pids, outside] = [whole.snapshot(), await whole.pids(), readdirSync(tmpdir()).length]
  const open = whole.gates.filter(({ token }) => token === undefined)
  const tries = places().flatMap((place, at) =>
    HOSTILE.flatMap((value, index) =>
      open
        // The short look gives each place every tenth of the values, at one gate, and each value to some places.
        .filter((_, gate) => isLong || ((at + index) % 10 === 0 && (at + gate) % open.length === 0))
        .flatMap((gate) => callsOf(place, value).map((call) => ({ gate, place, value, call })))
        .filter(({ call }) => isLong || call.refused || !BEGINS_WORK.has(place.row.name) || index % 3 === 0),
    ),
  )
  const ask = async ({ gate, place, value, call }: (typeof tries)[number]): Promise<void> => {
    const { method, path, body } = call
    const headers = { 'content-type': 'application/json' }
    const request = { port: gate.port, method, path, headers, ...(body === undefined ? {} : { body }) }
    const answer = await askPlainly(request)
    const where = `${call.route} ${place.field}=${JSON.stringify(value).slice(0, 100)} at ${gate.name}: ${answer.status} ${answer.text}`
    assert.match(answer.headers['content-type'] ?? '', /^(application\/json|text\/event-stream|application\/pdf)/, where)
    assert.ok((call.refused ? [422] : ORDERLY).includes(answer.status), where)
    if (!call.refused) return
    const { detail } = JSON.parse(answer.text) as { detail: { loc: string[] }[] }
    assert.equal(detail[0]?.loc[1], place.field, where)
  }
  await forEach(
    tries.filter(({ call }) => call.refused),
    ask,
  )
  assert.deepEqual(whole.snapshot(), before, 'what was refused has changed nothing')
  await forEach(
    tries.filter(({ call }) => !call.refused),
    ask,
  )
  const after = whole.snapshot()
  assert.deepEqual(Object.keys(after.tables), Object.keys(before.tables))
  for (const path of after.paths.filter((each) => !before.paths.includes(each)))
    assert.match(path, /^(agents|backups|cron|demo|outbox|reports|work)(\/[\w@.-]+)*$/, 'a path that nobody foresaw')
  assert.ok(!existsSync('/tmp/x'))
  assert.ok(readdirSync(tmpdir()).length <= outside + 5)
  assert.deepEqual(await whole.pids(), pids)
})

test('ids - over a WebSocket hostile names end in an answer, too', async (t) => {
  const whole = await theWhole()
  const before = whole.snapshot()
  for (const gate of whole.gates.filter(({ token }) => token === undefined)) {
    const client = await connect(t, gate.port)
    const tries = places()
      .filter(({ row }) => row.ws === true && !BEGINS_WORK.has(row.name))
      .flatMap((place, at) => HOSTILE.filter((_, index) => isLong || (at + index) % 15 === 0).map((value) => ({ place, value })))
      .filter(({ place, value }) => isRefused(place, value, false))
    await forEach(tries, async ({ place, value }) => {
      const { error } = await client.ask(place.row.name, paramsOf(place, value))
      assert.equal(error?.data?.code, 'invalid_input', `${place.row.name} ${place.field}=${JSON.stringify(value).slice(0, 100)}`)
    })
    assert.ok(tries.length > 100, `${tries.length} tries`)
    assert.equal(await client.call('ping'), 'pong')
  }
  assert.deepEqual(whole.snapshot(), before)
})

test('ids - a tool that is given a hostile name asks for nothing else than it says', async () => {
  const whole = await theWhole()
  const before = whole.snapshot()
  const [gate] = whole.gates.filter(({ token }) => token === undefined)
  const ask = async (method: string, params: object): Promise<Record<string, unknown>> => {
    const headers = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' }
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params })
    const { status, text } = await askPlainly({ port: gate?.port ?? 0, method: 'POST', path: '/mcp', headers, body })
    assert.equal(status, 200, text)
    return JSON.parse(/^data: (\{.*)$/m.exec(text)?.[1] ?? text) as Record<string, unknown>
  }
  const listed = (await ask('tools/list', {})).result as { tools: { name: string; inputSchema: { properties?: object } }[] }
  const takes = new Map(listed.tools.map(({ name, inputSchema }) => [name, inputSchema.properties ?? {}]))
  const tries = places()
    .filter(({ row, field }) => !BEGINS_WORK.has(row.name) && Object.hasOwn(takes.get(row.mcp ?? '') ?? {}, field))
    .flatMap((place, at) =>
      HOSTILE.filter((_, index) => isLong || index === 0 || (at + index) % 40 === 0).map((value) => ({ place, value })),
    )
    .filter(({ place, value }) => isRefused(place, value, true))
  assert.ok(tries.length > 50, `${tries.length} tries`)
  await forEach(tries, async ({ place, value }) => {
    const answer = await ask('tools/call', { name: place.row.mcp, arguments: paramsOf(place, value) })
    const { isError } = (answer.result ?? {}) as { isError?: boolean }
    const where = `${place.row.mcp} ${place.field}=${JSON.stringify(value).slice(0, 100)}: ${JSON.stringify(answer).slice(0, 300)}`
    assert.ok(isError === true || answer.error !== undefined, where)
    assert.doesNotMatch(where, /HTTP (404|405|5)/, 'another question was asked')
  })
  assert.deepEqual(whole.snapshot(), before)
})

/** Resident memory in MB, where the system tells it. */
const memoryOf = (pid: number): number => {
  const file = `/proc/${pid}/status`
  return existsSync(file) ? Number(/VmRSS:\s+(\d+)/.exec(readFileSync(file, 'utf8'))?.[1]) / 1_024 : 0
}

/** Takes all answers to what was sent so far: the pong to a last ping comes behind them. */
const answersOf = async (dealer: Dealer, onFrame: (frame: Frame) => void = () => undefined): Promise<void> => {
  const last = randomInt(2 ** 40, 2 ** 47)
  await dealer.send(pack(['ping', last]))
  for (;;) {
    for (const bytes of await dealer.receive()) {
      const frame = decodeFrame(bytes)
      assert.ok(frame !== undefined, 'an answer that is no frame')
      if (frame[0] === 'pong' && frame[1] === last) return
      onFrame(frame)
    }
  }
}

test('frames - whatever a service is sent, it answers the next honest question, is the same process, and has not grown', async (t) => {
  const whole = await theWhole()
  const before = Object.entries(await whole.pongs()).map(([name, pong]) => ({ name, ...pong, mb: memoryOf(pong.pid) }))
  for (const name of PROCESSES) {
    const dealer = new Dealer({ linger: 0, receiveTimeout: 20_000 })
    atEnd(t, () => dealer.close())
    dealer.connect(socketAddress(whole.run_dir, name))
    await dealer.send(HELLO)
    let id = 0
    let answered = 0
    await fc.assert(
      fc.asyncProperty(fc.array(message(name), { maxLength: 4 }), async (messages) => {
        for (const pieces of messages)
          await dealer.send(pieces.map((piece) => (typeof piece === 'function' ? piece(++id) : piece)))
      }),
      looked(30),
    )

    await answersOf(dealer, (frame) => {
      assert.ok(frame[0] !== 'fail' || !UNFORESEEN.includes(frame[2]), JSON.stringify(frame))
      if (frame[0] === 'fail' || frame[0] === 'reply') answered += 1
    })
    // The short look sends what is huge to one of them: they share the code that reads it.
    if (isLong || name === 'history') for (const excess of excesses()) await dealer.send(excess)
    await answersOf(dealer)
    if (name === 'edge') continue
    assert.ok(answered > 20, `${name} has answered ${answered} calls`)
    const client = whole.clients[name] as unknown as Readonly<Record<string, (input: object) => Promise<unknown>>>
    await client[honestQuestion(name)]?.({})
  }
  const after = await whole.pongs()
  for (const { name, pid, calls, mb } of before) {
    const now = after[name as ProcessName]
    assert.equal(now.pid, pid, `${name} is another process`)
    assert.ok(name === 'edge' || now.calls > calls, `${name} has begun no call`)
    const grown = memoryOf(pid) - mb
    assert.ok(grown < GROWTH_MB, `${name} has grown by ${Math.round(grown)} MB`)
  }
})
