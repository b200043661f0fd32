import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Exchange, Server } from '../../gateway-edge/server/server.ts'
import { checkLeaks, eventually, type Scope } from '../harness.ts'
import { ADAPTERS, adapterOf, test } from './each-adapter.ts'
import { freePort, openRaw } from './house.ts'

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
  const { server, faults } = await open(t, async (exchange) => {
    exchange.gone.addEventListener('abort', () => {
      noticed += 1
    })
    await exchange.body(100)
  })
  const raw = openRaw(t, server.port, 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc')
  await sleep(50)
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
