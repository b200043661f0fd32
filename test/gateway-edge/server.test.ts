import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Exchange, Server } from '../../gateway-edge/server/server.ts'
import { freePort } from '../free-port.ts'
import { checkLeaks, deferred, eventually, type Scope } from '../harness.ts'
import { ADAPTERS, adapterOf, test } from './each-adapter.ts'
import { openRaw } from './house.ts'

checkLeaks()

type Act = (exchange: Exchange) => void | Promise<void>

const OK = { 'content-type': 'text/plain' }

const open = async (
  t: Scope,
  act: Act,
  port = 0,
): Promise<{ server: Server; faults: unknown[]; ask: (head: string) => ReturnType<typeof openRaw> }> => {
  const faults: unknown[] = []
  const server = await ADAPTERS[adapterOf(t)]({
    host: '127.0.0.1',
    port,
    handle: (exchange) => void Promise.resolve(act(exchange)).catch((error: unknown) => faults.push(error)),
    onFault: (error) => faults.push(error),
  })
  t.after(() => server.close())
  return { server, faults, ask: (head) => openRaw(t, server.port, `${head}\r\nHost: x\r\n\r\n`) }
}

test('server - gives path, query and method as they were sent', async (t) => {
  const { ask } = await open(t, (exchange) => {
    const { method, path, query } = exchange
    exchange.reply(200, OK, JSON.stringify({ method, path, query, host: exchange.header('host'), none: exchange.header('none') }))
  })
  const raw = ask('PUT /a%2Fb/../c/?x=1%20&y HTTP/1.1')
  await eventually(() => raw.text().endsWith('}'))
  assert.ok(raw.text().endsWith('{"method":"PUT","path":"/a%2Fb/../c/","query":"x=1%20&y","host":"x","none":""}'), raw.text())
})

test('server - answers 500 to what a handler throws, and goes on', async (t) => {
  const { ask, faults } = await open(t, () => {
    throw new Error('on purpose')
  })
  for (let count = 1; count < 3; count += 1) {
    const raw = ask('GET / HTTP/1.1')
    await eventually(() => raw.text().endsWith('}'))
    assert.match(raw.text(), /^HTTP\/1\.1 500 Internal Server Error\r\n.*\{"detail":"Internal Server Error"\}$/s)
    assert.equal(faults.length, count)
  }
})

test('server - after the first await the request is gone, and asking for it is an error', async (t) => {
  const { ask, faults } = await open(t, async (exchange) => {
    await sleep(1)
    try {
      exchange.header('host')
    } finally {
      exchange.reply(200, OK, 'late')
    }
  })
  const raw = ask('GET / HTTP/1.1')
  await eventually(() => raw.text().endsWith('late'))
  assert.equal(faults.length, 1)
})

test('server - what is written in one tick goes out in one piece, with the head', async (t) => {
  const { ask } = await open(t, async (exchange) => {
    exchange.open(200, OK, 'a')
    exchange.write('b')
    await exchange.writable()
    exchange.write('')
    exchange.write('cd')
    exchange.end('e')
    exchange.write('never')
    exchange.end('never')
  })
  const raw = ask('GET / HTTP/1.1')
  await eventually(() => raw.text().endsWith('0\r\n\r\n'))
  assert.ok(raw.text().endsWith('\r\n\r\n2\r\nab\r\n3\r\ncde\r\n0\r\n\r\n'), raw.text())
})

test('server - a severed body is not complete, and all that follows does nothing', async (t) => {
  let gone = false
  const { ask, faults } = await open(t, async (exchange) => {
    exchange.gone.addEventListener('abort', () => {
      gone = true
    })
    exchange.open(200, OK, 'part')
    await exchange.writable()
    exchange.sever()
    exchange.write('more')
    exchange.end('end')
    exchange.reply(200, OK, 'reply')
    exchange.sever()
    await exchange.writable()
  })
  const raw = ask('GET / HTTP/1.1')
  await raw.over
  assert.ok(raw.text().endsWith('part\r\n') || raw.text().endsWith('part'), raw.text())
  assert.ok(gone)
  assert.deepEqual(faults, [])
})

test('server - a client that goes away is noticed, also while its body is read', async (t) => {
  let noticed = 0
  const begun = deferred()
  const { server, faults } = await open(t, async (exchange) => {
    exchange.gone.addEventListener('abort', () => {
      noticed += 1
    })
    const body = exchange.body(100)
    begun.resolve()
    await body
  })
  const raw = openRaw(t, server.port, 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc')
  await begun.promise
  raw.socket.destroy()
  await eventually(() => noticed === 1 && faults.length === 1)
  assert.equal((faults[0] as { code: string }).code, 'cancelled')
})

test('server - reads bodies of both kinds, up to the limit and not beyond', async (t) => {
  const { server } = await open(t, async (exchange) => {
    const told = await exchange.body(10).then(
      (body) => Buffer.from(body).toString(),
      (error: { code: string }) => error.code,
    )
    exchange.reply(200, OK, `<${told}>`)
  })
  const post = async (head: string, body: string): Promise<string> => {
    const raw = openRaw(t, server.port, `POST / HTTP/1.1\r\nHost: x\r\n${head}\r\n\r\n${body}`)
    await eventually(() => raw.text().endsWith('>'))
    return raw.text().slice(raw.text().lastIndexOf('<'))
  }
  assert.equal(await post('Content-Length: 10', '0123456789'), '<0123456789>')
  assert.equal(await post('Content-Length: 0', ''), '<>')
  assert.equal(await post('X: y', ''), '<>')
  assert.equal(await post('Content-Length: 11', '0123456789A'), '<too_large>')
  assert.equal(await post('Transfer-Encoding: chunked', '3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n'), '<abcde>')
  assert.equal(await post('Transfer-Encoding: chunked', 'b\r\n0123456789A\r\n0\r\n\r\n'), '<too_large>')
})

test('server - one connection serves one request after another', async (t) => {
  const { server } = await open(t, async (exchange) => {
    await sleep(1)
    exchange.reply(200, OK, `[${exchange.path}]`)
  })
  const raw = openRaw(t, server.port, '')
  for (const path of ['/1', '/2', '/3']) {
    raw.socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`)
    await eventually(() => raw.text().endsWith(`[${path}]`))
  }
})

test('server - stopped it takes no new connections and serves those it has; a taken port is refused', async (t) => {
  const { server } = await open(t, (exchange) => exchange.reply(200, OK, 'done'), await freePort())
  const options = { host: '127.0.0.1', port: server.port, handle: () => undefined, onFault: () => undefined }
  const openServer = ADAPTERS[adapterOf(t)]
  await assert.rejects(openServer(options), { code: 'conflict' })
  const held = openRaw(t, server.port, 'GET / HTTP/1.1\r\nHost: x\r\n\r\n')
  await eventually(() => held.text().endsWith('done'))
  server.stop()
  const late = openRaw(t, server.port, 'GET / HTTP/1.1\r\nHost: x\r\n\r\n')
  assert.equal(await late.over, 'reset')
  held.socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
  await eventually(() => held.text().split('done').length === 3)
  server.close()
  await held.over
  const again = await openServer(options)
  again.close()
})

test('server - HEAD has the length of the body and no body, and 204 has neither', async (t) => {
  const { ask } = await open(t, (exchange) => exchange.reply(exchange.path === '/204' ? 204 : 200, OK, '12345'))
  const head = ask('HEAD / HTTP/1.1')
  await eventually(() => head.text().endsWith('\r\n\r\n'))
  assert.match(head.text(), /^HTTP\/1\.1 200 OK\r\n/)
  assert.match(head.text(), /\r\ncontent-length: 5\r\n/i)
  const empty = ask('GET /204 HTTP/1.1')
  await eventually(() => empty.text().endsWith('\r\n\r\n'))
  assert.match(empty.text(), /^HTTP\/1\.1 204 No Content\r\n/)
  assert.doesNotMatch(empty.text(), /content-length|transfer-encoding/i)
})

test('server - answers carry the headers that were given, Date and the length, and nothing of the server itself', async (t) => {
  const { ask } = await open(t, (exchange) => exchange.reply(200, OK, 'x'))
  const raw = ask('GET / HTTP/1.1')
  await eventually(() => raw.text().endsWith('x'))
  const names = raw.text().split('\r\n\r\n')[0]?.split('\r\n').slice(1) ?? []
  assert.deepEqual(names.map((line) => line.split(':')[0]?.toLowerCase()).sort(), ['content-length', 'content-type', 'date'])
})

test('server - of several headers of a name the first is given, and what is not ASCII at its ends is white space', async (t) => {
  const { server } = await open(t, (exchange) => exchange.reply(200, OK, `<${exchange.header('x-a')}>`))
  const raw = openRaw(t, server.port, 'GET / HTTP/1.1\r\nHost: x\r\nX-A: é über é\r\nx-a: second\r\n\r\n')
  await eventually(() => raw.text().endsWith('>'))
  assert.ok(raw.text().endsWith('<ber>'), raw.text())
})

test('server - two of what may stand once, two lengths, unknown methods and huge heads never reach a handler', async (t) => {
  const reached: string[] = []
  const { server } = await open(t, (exchange) => {
    reached.push(exchange.path)
    exchange.reply(200, OK, '')
  })
  const cases: readonly [string, number][] = [
    ['GET /1 HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n', 400],
    ['GET /2 HTTP/1.1\r\nHost: x\r\nAuthorization: a\r\nauthorization: b\r\n\r\n', 400],
    ['POST /3 HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc', 400],
    ['POST /4 HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd', 400],
    ['POST /5 HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', 400],
    ['POST /6 HTTP/1.1\r\nHost: x\r\nContent-Length: -3\r\n\r\nabc', 400],
    ['BREW /7 HTTP/1.1\r\nHost: x\r\n\r\n', 400],
    ['get /8 HTTP/1.1\r\nHost: x\r\n\r\n', 400],
    ['GET /grüße HTTP/1.1\r\nHost: x\r\n\r\n', 400],
    ['GET /9 HTTP/1.0\r\nHost: x\r\n\r\n', 505],
    ['GET http://x/10 HTTP/1.1\r\nHost: x\r\n\r\n', 505],
    [`GET /11 HTTP/1.1\r\nHost: x\r\nX: ${'y'.repeat(40_000)}\r\n\r\n`, 431],
    [`GET /12${'y'.repeat(40_000)} HTTP/1.1\r\nHost: x\r\n\r\n`, 431],
  ]
  for (const [request, status] of cases) {
    const raw = openRaw(t, server.port, request)
    await eventually(() => raw.text().includes('\r\n\r\n'))
    assert.equal(Number(raw.text().slice(9, 12)), status, request.slice(0, 60))
  }
  assert.deepEqual(reached, [])
})

test('server - one connection too many is closed without a word, and room is made by one that goes', async (t) => {
  const server = await ADAPTERS[adapterOf(t)]({
    host: '127.0.0.1',
    port: 0,
    handle: (exchange) => exchange.reply(200, OK, 'done'),
    onFault: () => undefined,
    max_connections: 2,
  })
  t.after(() => server.close())
  const request = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'
  const [first, second] = [openRaw(t, server.port, request), openRaw(t, server.port, request)]
  await eventually(() => first.text().endsWith('done') && second.text().endsWith('done'))
  const third = openRaw(t, server.port, request)
  await third.over
  assert.equal(third.text(), '')
  first.socket.destroy()
  await eventually(async () => {
    const raw = openRaw(t, server.port, request)
    await Promise.race([raw.over, eventually(() => raw.text() !== '')])
    raw.socket.destroy()
    return raw.text().endsWith('done')
  })
})

test('server - who does not come to the end of a request is cut off; who is kept waiting is not', async (t) => {
  const { server, faults } = await open(t, async (exchange) => {
    if (exchange.method === 'POST') await exchange.body(100)
    else await sleep(13_000)
    exchange.reply(200, OK, 'done')
  })
  const waiting = openRaw(t, server.port, 'GET / HTTP/1.1\r\nHost: x\r\n\r\n')
  const began = performance.now()
  const cut = [
    openRaw(t, server.port, ''),
    openRaw(t, server.port, 'GET / HTTP/1.1\r\nHo'),
    openRaw(t, server.port, 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc'),
  ]
  await Promise.all(cut.map(({ over }) => over))
  assert.ok(performance.now() - began < 20_000)
  await eventually(() => faults.length === 1)
  await eventually(() => waiting.text().endsWith('done'), { timeout_ms: 30_000 })
})

test('server - of a client that goes away before it has taken the end, the exchange says so', async (t) => {
  let taken: boolean | undefined
  const { server } = await open(t, async (exchange) => {
    exchange.open(200, OK, 'begin')
    await exchange.writable()
    exchange.end('x'.repeat(20_000_000))
    await exchange.writable()
    taken = !exchange.gone.aborted
  })
  const gone = openRaw(t, server.port, '')
  gone.socket.pause()
  gone.socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
  await sleep(300)
  assert.equal(taken, undefined, 'it waits for the client')
  gone.socket.destroy()
  await eventually(() => taken === false)
  taken = undefined
  const whole = openRaw(t, server.port, 'GET / HTTP/1.1\r\nHost: x\r\n\r\n')
  await eventually(() => taken === true)
  await eventually(() => whole.text().endsWith('0\r\n\r\n'))
})
