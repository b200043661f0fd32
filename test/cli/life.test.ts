/** The whole house under PM2: from `up` to `down`, and what happens when something of it is killed on the way. */
import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { test } from 'node:test'
import { SERVICES } from '../../cli/settings.ts'
import { isAlive } from '../../services/runtime/process.ts'
import { eventually } from '../harness.ts'
import { type House, openHouse } from './house.ts'

const START_MS = 30_000

const refuses = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port })
    socket.once('connect', () => {
      socket.destroy()
      resolve(false)
    })
    socket.once('error', () => resolve(true))
  })

const start = async (house: House): Promise<string> => {
  const { code, output } = await house.run(['up'])
  assert.equal(code, 0, output)
  return output
}

/** Words `label t0 … t<n-1>`, as the scripted agent says them. */
const tokens = (label: string, count: number): string =>
  [label, ...Array.from({ length: count }, (_, index) => `t${index}`)].join(' ')

/** The messages of a chat, as soon as there are so many. */
const keptIn = (house: House, chat: string, count: number) =>
  eventually(async () => {
    const messages = await house.history(chat)
    return messages.length >= count ? messages : null
  })

test('life - up says where it listens and what answers, the curl line works, status shows all, down leaves nothing', async (t) => {
  const house = await openHouse(t)
  const output = await start(house)
  assert.match(output, new RegExp(`Listening on ${house.url}`))
  assert.match(output, /the built-in demo agent/)
  assert.match(output, /npm stop/)

  const [, address = '', body = ''] = /curl -s (\S+) -H 'Content-Type: application\/json' -d '([^']+)'/.exec(output) ?? []
  const response = await fetch(address, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body })
  assert.equal(response.status, 200)
  assert.notEqual(((await response.json()) as { response: string }).response, '')

  const apps = house.jlist()
  assert.deepEqual(apps.map(({ name }) => name).sort(), [...SERVICES].sort())
  for (const { name, pm2_env } of apps) {
    assert.equal(pm2_env.namespace, 'switchboard', name)
    assert.equal(pm2_env.status, 'online', name)
    assert.equal(pm2_env.exec_mode, 'fork_mode', name)
    assert.equal(pm2_env.restart_time, 0, name)
    assert.ok(pm2_env.kill_timeout >= 12_000, name)
    const limit_mb =
      new Map([
        ['sessions', 400],
        ['history', 500],
        ['memory', 600],
      ]).get(name) ?? 300
    assert.equal(pm2_env.max_memory_restart, limit_mb * 1_048_576, name)
  }

  const status = await house.run(['status'])
  assert.equal(status.code, 0, status.output)
  for (const name of SERVICES) assert.match(status.output, new RegExp(`^${name} +online +\\d+ `, 'm'))

  const again = await house.run(['up'])
  assert.equal(again.code, 0)
  assert.match(again.output, /already running/)
  assert.deepEqual(
    house.jlist().map(({ pid }) => pid),
    apps.map(({ pid }) => pid),
  )

  const logs = await house.run(['logs', 'history', '--nostream'])
  assert.equal(logs.code, 0)
  assert.match(logs.output, /Ready/)

  const daemon = house.pm2Pid()
  const down = await house.run(['down'])
  assert.equal(down.code, 0, down.output)
  assert.match(down.output, /has stopped/)
  for (const pid of [daemon, ...apps.map((app) => app.pid)]) assert.ok(!isAlive(pid), `process ${pid} is gone`)
  assert.ok(await refuses(house.port))
  await eventually(() => house.agents().length === 0, { timeout_ms: 5_000 })
})

test('life - a service killed in mid-answer is restarted by PM2, and the answer arrives once and whole', async (t) => {
  const house = await openHouse(t)
  await start(house)
  for (const name of ['sessions', 'history']) {
    const before = house.listed(name)
    const answer = house.send(`{{tokens=150 delay_ms=20 label=${name}}} go`, name)
    await eventually(() => house.journal().length > 0 && house.journal().at(-1)?.text.includes(name))
    process.kill(before.pid, 'SIGKILL')
    assert.equal(await answer, tokens(name, 150))
    const after = await eventually(() => {
      const app = house.listed(name)
      return app.pm2_env.status === 'online' && app.pid !== before.pid ? app : null
    })
    assert.equal(after.pm2_env.restart_time, 1)
    const kept = await keptIn(house, name, 2)
    assert.deepEqual(
      kept.map(({ role }) => role),
      ['user', 'assistant'],
    )
    assert.equal(kept[1]?.content, tokens(name, 150))
  }
  assert.equal(house.journal().length, 2)
  assert.equal(house.listed('edge').pm2_env.restart_time, 0)
})

test('life - a service that outgrows its limit is restarted by PM2, and nothing is lost', async (t) => {
  const house = await openHouse(t)
  await start(house)
  const resting = house.listed('sessions').monit.memory
  const limit = `${Math.ceil(resting / 1_048_576) + 20}M`
  const restarted = await house.run(['restart', 'sessions'], { SESSIONS_MAX_MEMORY: limit })
  assert.equal(restarted.code, 0, restarted.output)
  const before = house.listed('sessions')
  assert.equal(before.pm2_env.max_memory_restart, Number.parseInt(limit, 10) * 1_048_576)

  // Slow enough to be in the middle whenever PM2 decides; the large ones beside it make the service grow.
  const slow = house.send('{{tokens=300 delay_ms=20 label=slow}} go', 'slow')
  const sizes = Array.from({ length: 12 }, (_, index) => 400_000 + index)
  const large = await Promise.all(sizes.map((size, index) => house.send(`{{size=${size}}} go`, `large-${index}`)))
  const after = await eventually(
    () => {
      const app = house.listed('sessions')
      return app.pid !== before.pid && app.pm2_env.status === 'online' ? app : null
    },
    { timeout_ms: START_MS, every_ms: 250 },
  )
  assert.ok(after.pm2_env.restart_time > before.pm2_env.restart_time)
  assert.match(house.pm2Log(), /exceeds --max-memory-restart value/)

  assert.equal(await slow, tokens('slow', 300))
  assert.deepEqual(
    large.map((answer) => answer.length),
    sizes,
  )
  const prompts = house.journal().map(({ uuid }) => uuid)
  assert.equal(prompts.length, sizes.length + 1)
  assert.equal(new Set(prompts).size, prompts.length)
  for (const [index, size] of sizes.entries()) {
    const kept = await keptIn(house, `large-${index}`, 2)
    assert.deepEqual(
      kept.map(({ role, content }) => [role, role === 'assistant' ? content.length : 0]),
      [
        ['user', 0],
        ['assistant', size],
      ],
    )
  }
})

test('life - down in mid-answer lets the agent finish; after the next up the answer is in history', async (t) => {
  const house = await openHouse(t)
  await start(house)
  const cut = house.send('{{tokens=200 delay_ms=30 label=late}} go').catch(() => 'cut')
  await eventually(() => house.journal().length === 1)
  const down = await house.run(['down'])
  assert.equal(down.code, 0, down.output)
  assert.ok(await refuses(house.port))
  await cut
  await eventually(() => house.agents().length === 0, { timeout_ms: 15_000 })
  await start(house)
  const kept = await keptIn(house, '1', 2)
  assert.deepEqual(
    kept.map(({ role }) => role),
    ['user', 'assistant'],
  )
  assert.equal(kept[1]?.content, tokens('late', 200))
  assert.equal(house.journal().length, 1)
})

test("life - when PM2's daemon is killed the services leave by themselves, and up begins anew with all that was kept", async (t) => {
  const house = await openHouse(t)
  await start(house)
  await house.send('{{say="first"}} go')
  const pids = house.jlist().map(({ pid }) => pid)
  process.kill(house.pm2Pid(), 'SIGKILL')
  await eventually(() => !pids.some(isAlive), { timeout_ms: 15_000 })
  assert.equal((await house.run(['status'])).code, 1)
  await start(house)
  assert.equal(await house.send('{{say="second"}} go'), 'second')
  const kept = await keptIn(house, '1', 4)
  assert.deepEqual(
    kept.filter(({ role }) => role === 'assistant').map(({ content }) => content),
    ['first', 'second'],
  )
})
