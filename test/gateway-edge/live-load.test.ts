/** Many messages, many connections. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { WebSocket } from 'ws'
import { checkLeaks, eventually } from '../harness.ts'
import { test } from './each-adapter.ts'
import { openHouse } from './house.ts'
import { type Answer, connect } from './live-client.ts'

/** The runner starts no file with `--expose-gc`; without a collection a heap says little. */
setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

checkLeaks()

/** Open descriptors of this process; on systems that do not show them, none. */
const descriptors = (): number => {
  try {
    return readdirSync('/proc/self/fd').length
  } catch {
    return 0
  }
}

test('live load - a flood of calls is answered, each once, what is too much with busy', async (t) => {
  const house = await openHouse(t, { onTurn: (turn) => turn.end('') })
  const client = await connect(t, house.edge.port)
  for (let id = 0; id < 20_000; id += 1)
    client.socket.send(`{"jsonrpc":"2.0","id":${id},"method":"${id % 2 === 0 ? 'ping' : 'history.list_sessions'}"}`)
  await eventually(() => client.came.length === 20_000, { timeout_ms: 30_000 })
  const answers = client.came as Answer[]
  assert.equal(new Set(answers.map(({ id }) => id)).size, 20_000)
  for (const { id, result, error } of answers) {
    if (Number(id) % 2 === 0) assert.equal(result, 'pong')
    else assert.ok(Array.isArray(result) || error?.data?.code === 'busy')
  }
  assert.equal((await house.get('/api/health')).status, 200)
})

test('live load - a client that asks and asks and reads nothing is cut off; nobody else notices', async (t) => {
  const house = await openHouse(t)
  const other = await connect(t, house.edge.port)
  const client = await connect(t, house.edge.port)
  const name = 'x'.repeat(200)
  const batch = JSON.stringify(Array.from({ length: 100 }, () => ({ jsonrpc: '2.0', id: name, method: 'nope' })))
  client.socket.pause()
  const before = process.memoryUsage().external + process.memoryUsage().arrayBuffers
  let sent = 0
  while (house.edge.live.connections === 2 && sent < 20_000) {
    client.socket.send(batch)
    sent += 1
    if (sent % 50 === 0) await eventually(() => client.socket.bufferedAmount < 1_000_000 || house.edge.live.connections === 1)
  }
  await eventually(() => house.edge.live.connections === 1, { timeout_ms: 30_000 })
  assert.equal(await other.call('ping'), 'pong')
  client.socket.terminate()
  const grown = process.memoryUsage().external + process.memoryUsage().arrayBuffers - before
  assert.ok(grown < 300_000_000, `${grown} bytes are held`)
})

test('live load - a thousand connections come and go, some without a word, and leave nothing', async (t) => {
  const house = await openHouse(t)
  const first = await connect(t, house.edge.port)
  const { turn_id } = await first.call('sessions.send', { chat_id: '1', message: 'x' })
  const round = async (): Promise<void> => {
    const sockets = Array.from({ length: 50 }, () => new WebSocket(`ws://127.0.0.1:${house.edge.port}/ws`))
    await Promise.all(sockets.map((socket) => once(socket, 'open')))
    for (const [index, socket] of sockets.entries()) {
      socket.on('error', () => undefined)
      socket.send(`{"jsonrpc":"2.0","id":1,"method":"turns.follow","params":{"turn_id":"${turn_id}"}}`)
      if (index % 2 === 0) socket.terminate()
      else socket.close()
    }
    await Promise.all(sockets.map((socket) => (socket.readyState === socket.CLOSED ? undefined : once(socket, 'close'))))
  }
  await round()
  await eventually(() => house.edge.live.connections === 1)
  const heap = (): number => {
    collectGarbage()
    return process.memoryUsage().heapUsed
  }
  const [openBefore, heapBefore] = [descriptors(), heap()]
  for (let count = 0; count < 20; count += 1) await round()
  await eventually(() => house.edge.live.connections === 1 && house.edge.followed === 0 && house.sessions.waiting === 0)
  await eventually(() => descriptors() <= openBefore + 2)
  const grown = heap() - heapBefore
  assert.ok(grown < 30_000_000, `the heap has grown by ${grown} bytes`)
  assert.equal(await first.call('ping'), 'pong')
})
