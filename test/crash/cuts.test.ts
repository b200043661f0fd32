/** Streams that are cut, by the client or by the death of the edge: whoever comes back gets the same turn, and all of it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort } from '../free-port.ts'
import { checkLeaks, eventually, ready, startModule } from '../harness.ts'
import { openScriptedRig } from './rig.ts'

checkLeaks()

const STREAMS = 100
const TOKENS = 200

interface Seen {
  text: string
  lastId: string
  turnId: string
  done: boolean
}

/** Reads a stream until it ends, breaks, or `enough` says so; tells what was seen. */
const read = async (response: Response, seen: Seen, enough: (seen: Seen) => boolean = () => false): Promise<void> => {
  let rest = ''
  for await (const part of response.body as unknown as AsyncIterable<Uint8Array>) {
    const blocks = (rest + Buffer.from(part).toString()).split('\n\n')
    rest = blocks.pop() ?? ''
    for (const block of blocks) {
      const id = /^id: (.*)$/m.exec(block)?.[1]
      const data = /^data: (.*)$/m.exec(block)?.[1]
      if (data === undefined) continue
      const event = JSON.parse(data) as { type: string; content?: string; turn_id?: string }
      if (event.type === 'turn') seen.turnId = event.turn_id ?? ''
      if (event.type === 'text') seen.text += event.content
      if (event.type === 'done') seen.done = true
      if (id !== undefined) seen.lastId = id
      if (enough(seen)) return
    }
  }
}

/** Tries until the edge is there again. */
const again = async <T>(ask: () => Promise<T>): Promise<T> => {
  for (let tries = 0; ; tries += 1) {
    try {
      return await ask()
    } catch (error) {
      if (tries === 300) throw error
      await sleep(100)
    }
  }
}

test('cuts - of 100 streams half are cut by the client, all by the death of the edge: no event is lost or doubled, no prompt runs twice', {
  timeout: 240_000,
}, async (t) => {
  const rig = await openScriptedRig(t, { GATEWAY_MAX_CLAUDE_PROCESSES: '100' })
  const port = await freePort()
  const env = { ...rig.env, GATEWAY_PORT: String(port) }
  const startEdge = async () => {
    const child = startModule(t, 'gateway-edge/main.ts', env)
    await ready(child)
    return child
  }
  let edge = await startEdge()
  const url = `http://127.0.0.1:${port}/api/gateway`
  const post = (path: string, body: object, signal: AbortSignal | null = null) =>
    fetch(url + path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body), signal })

  let returned = 0
  const ask = async (index: number): Promise<void> => {
    const message = `{{label=chat${index} tokens=${TOKENS} delay_ms=60}} go`
    const expected = rig.answerOf(`chat${index}`, TOKENS)
    const body = { chat_id: `chat${index}`, message, user_id: 'u' }
    const seen: Seen = { text: '', lastId: '', turnId: '', done: false }
    const controller = new AbortController()
    const cutsItself = index % 4 < 2
    try {
      await read(await post('/send-stream', body, controller.signal), seen, () => cutsItself && seen.text.length > 20)
      if (!seen.done) controller.abort()
    } catch (error) {
      assert.ok(error instanceof Error, 'the edge died under it')
    }
    if (index % 2 === 0) {
      while (!seen.done) {
        const resumed = () => fetch(`${url}/turns/${seen.turnId}/events`, { headers: { 'last-event-id': seen.lastId } })
        await again(async () => await read(await resumed(), seen))
      }
      assert.equal(seen.text, expected, 'every word once, in order')
    } else if (seen.done) {
      // A hundred agents took longer to start than it to answer: there is nothing to come back for.
      assert.equal(seen.text, expected, 'every word once, in order')
    } else {
      returned += 1
      // As the Go client: the same message to /send, a moment later.
      await sleep(100 + 10 * index)
      const answer = await again(async () => (await (await post('/send', body)).json()) as { response: string })
      assert.equal(answer.response, expected)
    }
    assert.equal(rig.runs(message), 1, `chat${index}`)
  }

  const all = Promise.all(Array.from({ length: STREAMS }, (_, index) => ask(index)))
  const first = Array.from({ length: STREAMS }, (_, index) => `{{label=chat${index} tokens=${TOKENS} delay_ms=60}} go`)
  await eventually(() => first.every((message) => rig.runs(message) === 1), { timeout_ms: 90_000, every_ms: 100 })
  edge.process.kill('SIGKILL')
  await edge.exit
  edge = await startEdge()
  await all
  assert.ok(returned >= STREAMS / 4, `${returned} sent their message again`)
})
