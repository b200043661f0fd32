/** The client that comes back by Last-Event-ID, against a server that breaks off wherever it hurts. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import { atEnd, checkLeaks } from '../harness.ts'
import { nothingHeard, openResumingClient, TurnGone } from './resuming-client.ts'

checkLeaks()

interface Seen {
  readonly call: string
  readonly key: string | undefined
  readonly after: string | undefined
}

type Answer = (response: ServerResponse) => void

const serve = async (t: TestContext, answers: readonly Answer[]): Promise<{ url: string; seen: Seen[] }> => {
  const seen: Seen[] = []
  const server = createServer((request: IncomingMessage, response) => {
    const { 'idempotency-key': key, 'last-event-id': after } = request.headers
    seen.push({ call: `${request.method} ${request.url}`, key: key as string | undefined, after: after as string | undefined })
    request.resume()
    ;(answers[seen.length - 1] as Answer)(response)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  atEnd(t, async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen }
}

const TURN = 'data: {"type":"turn","turn_id":"t1"}\n\n'
const text = (id: number, content: string): string => `id: ${id}\ndata: ${JSON.stringify({ type: 'text', content })}\n\n`
const done = (content: string): string => `id: 9\ndata: ${JSON.stringify({ type: 'done', content })}\n\n`

const breakBehind =
  (body: string): Answer =>
  (response) => {
    response.writeHead(200).write(body)
    setTimeout(() => response.destroy(), 20)
  }
const status =
  (code: number): Answer =>
  (response) =>
    void response.writeHead(code).end()

const ask = async (t: TestContext, url: string, patience_ms = 5_000) => {
  const client = openResumingClient({ url, retry_ms: 5, patience_ms })
  atEnd(t, () => client.close())
  const heard = nothingHeard()
  const failure = await client.ask({ chat_id: 'c', message: 'm', idempotency_key: 'k' }, heard).then(
    () => null,
    (error: unknown) => error as Error,
  )
  return { heard, failure }
}

test('resuming client - sends until it knows its turn, then comes back behind the last whole event', async (t) => {
  const { url, seen } = await serve(t, [
    status(503),
    breakBehind(''),
    breakBehind(`${TURN}: waiting\n\n${text(1, 'a')}${text(2, 'b')}id: 3\ndata: {"type":"te`),
    status(503),
    (response) => response.writeHead(200).end(`${TURN}${text(3, 'c')}${done('abc')}`),
  ])
  const { heard, failure } = await ask(t, url)
  assert.equal(failure, null)
  assert.deepEqual([heard.text, heard.answer, heard.turn_ids], ['abc', 'abc', ['t1']])
  const send = { call: 'POST /api/gateway/send-stream', key: 'k', after: undefined }
  const follow = { call: 'GET /api/gateway/turns/t1/events', key: undefined, after: '2' }
  assert.deepEqual(seen, [send, send, send, follow, follow])
})

test('resuming client - a turn that was promised and is not there is an end, not a reason to send again', async (t) => {
  const { url, seen } = await serve(t, [breakBehind(TURN), status(404)])
  const { failure } = await ask(t, url)
  assert.ok(failure instanceof TurnGone)
  assert.equal(seen.length, 2)
})

test('resuming client - loses patience with a stream that never ends', async (t) => {
  const { url } = await serve(t, [(response) => void response.writeHead(200).write(TURN)])
  const { heard, failure } = await ask(t, url, 200)
  assert.match(failure?.message ?? '', /no end within 200 ms/)
  assert.equal(heard.answer, null)
})
