import assert from 'node:assert/strict'
import type { Exchange } from '../../gateway-edge/server/server.ts'
import { checkLeaks, eventually } from '../harness.ts'
import { ADAPTERS, adapterOf, test } from './each-adapter.ts'
import { openRaw } from './house.ts'

checkLeaks()

const OK = { 'content-type': 'text/plain' }

/** Resolves when the connection is over. uWebSockets.js leaves it open behind the answer to HEAD. */
const isAnswered = async (raw: ReturnType<typeof openRaw>, method: string): Promise<void> => {
  let over = false
  void raw.over.then(() => {
    over = true
  })
  await eventually(() => over || (method === 'HEAD' && raw.text().endsWith('\r\n\r\n')))
}

test('server - however a handler answers before it returns, the request ends and the next one is served', async (t) => {
  const fail = (): never => {
    throw new Error('on purpose')
  }
  const acts: Record<string, [act: (exchange: Exchange) => void, end: RegExp]> = {
    reply: [(exchange) => exchange.reply(200, OK, 'whole'), /\r\n\r\nwhole$/],
    none: [(exchange) => exchange.reply(204, {}, ''), /^HTTP\/1\.1 204 .*\r\n\r\n$/s],
    stream: [
      (exchange) => {
        exchange.open(200, OK, 'a')
        exchange.write('b')
        exchange.end('c')
      },
      /abc\r\n0\r\n\r\n$/,
    ],
    sever: [(exchange) => exchange.sever(), /^$/],
    late: [(exchange) => void setTimeout(() => exchange.reply(200, OK, 'late'), 1), /late$/],
    'replies and throws': [
      (exchange) => {
        exchange.reply(200, OK, 'whole')
        fail()
      },
      /\r\n\r\nwhole$/,
    ],
    'begins and throws': [
      (exchange) => {
        exchange.open(200, OK, 'half')
        fail()
      },
      /^(?!.*0\r\n\r\n$)/s,
    ],
    'begins and replies': [
      (exchange) => {
        exchange.open(200, OK, 'half')
        exchange.reply(200, OK, 'whole')
      },
      /^(?!.*0\r\n\r\n$)/s,
    ],
  }
  const server = await ADAPTERS[adapterOf(t)]({
    host: '127.0.0.1',
    port: 0,
    handle: (exchange) => acts[decodeURIComponent(exchange.path.slice(1))]?.[0](exchange),
    onFault: (error) => assert.match(String(error), /on purpose/),
  })
  t.after(() => server.close())
  for (const [name, [, end]] of Object.entries(acts)) {
    for (const method of ['GET', 'HEAD', 'POST']) {
      const raw = openRaw(
        t,
        server.port,
        `${method} /${encodeURIComponent(name)} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`,
      )
      await isAnswered(raw, method)
      if (method !== 'HEAD') assert.match(raw.text(), end, `${method} ${name}`)
    }
  }
})

test('server - a path that is asked for often is handled as all others', async (t) => {
  const seen = async (often: readonly string[]): Promise<string[]> => {
    const server = await ADAPTERS[adapterOf(t)]({
      host: '127.0.0.1',
      port: 0,
      often,
      handle: (exchange) => {
        const { method, path, query, remote } = exchange
        exchange.reply(200, OK, JSON.stringify([method, path, query, remote, exchange.header('x-mark'), exchange.header('none')]))
      },
      onFault: (error) => assert.fail(String(error)),
    })
    t.after(() => server.close())
    const answers: string[] = []
    for (const [method = '', path, header = ''] of [
      ['GET', '/often'],
      ['GET', '/often?a=1&b'],
      ['GET', '/often', 'X-Mark: 1\r\nx-mark: 2\r\n'],
      ['GET', '/often', 'Origin: a\r\nOrigin: b\r\n'],
      ['GET', '/often/'],
      ['GET', '//often'],
      ['GET', '/oft%65n'],
      ['GET', '/OFTEN'],
      ['get', '/often'],
      ['POST', '/often', 'Content-Length: 0\r\n'],
      ['HEAD', '/often'],
      ['OPTIONS', '/often'],
    ]) {
      const raw = openRaw(t, server.port, `${method} ${path} HTTP/1.1\r\nHost: x\r\n${header}Connection: close\r\n\r\n`)
      await isAnswered(raw, method)
      answers.push(raw.text().replace(/^date: .*\r\n/im, ''))
    }
    return answers
  }
  assert.deepEqual(await seen(['/often']), await seen([]))
})
