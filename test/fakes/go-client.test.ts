import assert from 'node:assert/strict'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import { checkLeaks, eventually } from '../harness.ts'
import { openGoClient } from './go-client.ts'

checkLeaks()

type Handler = (request: IncomingMessage, response: ServerResponse) => void

/** A gateway whose stream behaves as given; `/send` answers `sent`. */
async function open(t: TestContext, stream: Handler) {
  const paths: string[] = []
  const server = createServer((request, response) => {
    paths.push(request.url ?? '')
    request.resume().on('end', () => {
      if (request.url === '/api/gateway/send') response.end(JSON.stringify({ response: 'sent' }))
      else stream(request, response)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const client = openGoClient({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, retry_scale: 0.001 })
  t.after(async () => {
    client.close()
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  return { paths, ask: () => client.ask({ chat_id: '1', message: 'hi' }) }
}

const data = (event: object) => `data: ${JSON.stringify(event)}\n\n`

/** A line of exactly so many bytes. */
function lineOf(bytes: number): string {
  const frame = `data: ${JSON.stringify({ type: 'text', content: '' })}`
  return `data: ${JSON.stringify({ type: 'text', content: 'x'.repeat(bytes - frame.length) })}`
}

test('go client - takes `done`, passes over what it does not know, and closes the socket at once', async (t) => {
  let closed = false
  const { ask, paths } = await open(t, (request, response) => {
    request.socket.on('close', () => {
      closed = true
    })
    response.write(
      ': keep-alive\n\nid: 7\ndata:{"type":"error","content":"no space"}\n\ndata: no json\n\ndata: {"type":7}\r\n\r\n',
    )
    response.write(`${data({ type: 'text', content: 'a' })}${data({ type: 'done', content: 'answer' })}`)
  })
  const got = await ask()
  assert.deepEqual(got, {
    answer: 'answer',
    via: 'stream',
    events: [
      { type: 'text', content: 'a' },
      { type: 'done', content: 'answer' },
    ],
    fell_back: false,
    reason: null,
    requests: 1,
  })
  await eventually(() => closed)
  assert.deepEqual(paths, ['/api/gateway/send-stream'])
})

test('go client - takes a clean end without `done` as the answer when there was text, else sends again', async (t) => {
  const withText = await open(
    t,
    (_, response) => void response.end(data({ type: 'text', content: 'a' }) + data({ type: 'text', content: 'b' })),
  )
  assert.equal((await withText.ask()).answer, 'ab')
  const without = await open(t, (_, response) => void response.end(data({ type: 'thinking', content: 'a' })))
  const got = await without.ask()
  assert.deepEqual([got.answer, got.via, got.fell_back], ['sent', 'send', true])
})

test('go client - takes a line of 65,535 bytes and fails at one more', async (t) => {
  const fits = await open(t, (_, response) => void response.end(`${lineOf(65_535)}\n\n`))
  assert.equal((await fits.ask()).via, 'stream')
  const long = await open(t, (_, response) => void response.end(`${lineOf(65_536)}\n\n`))
  const got = await long.ask()
  assert.deepEqual([got.via, got.reason], ['send', 'bufio.Scanner: token too long'])
})

test('go client - sends again after an error event, another status and a broken stream', async (t) => {
  const failures: Handler[] = [
    (_, response) => void response.end(data({ type: 'error', content: 'busy' })),
    (_, response) => void response.writeHead(503).end('later'),
    (_, response) => void response.write(data({ type: 'text', content: 'half' }), () => response.destroy()),
  ]
  for (const failure of failures) {
    const { ask, paths } = await open(t, failure)
    const got = await ask()
    assert.deepEqual([got.answer, got.via, got.fell_back], ['sent', 'send', true])
    assert.deepEqual(paths, ['/api/gateway/send-stream', '/api/gateway/send'])
  }
})

test('go client - repeats a request whose connection was reset, five times at most', async (t) => {
  let left = 2
  const { ask, paths } = await open(t, (request, response) => {
    if (left > 0) request.socket.destroy()
    else response.end(data({ type: 'done', content: 'at last' }))
    left -= 1
  })
  assert.equal((await ask()).answer, 'at last')
  assert.equal(paths.length, 3)
  left = 100
  const got = await ask()
  assert.equal(got.via, 'send')
  assert.equal(got.requests, 7, 'six times the stream, once `/send`')
})
