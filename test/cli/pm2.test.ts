/** What PM2 is started with, and what becomes of a service that a command has taken out of it. */
import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import path from 'node:path'
import { test } from 'node:test'
import { withoutSessions } from '../../cli/import/moving.ts'
import { type App, openPm2, type Pm2 } from '../../cli/pm2.ts'
import { SERVICES } from '../../cli/settings.ts'
import { up } from '../../cli/up.ts'
import { atEnd, checkLeaks, eventually, type Scope, tempDir } from '../harness.ts'
import { app, surroundings } from './doctored.ts'

checkLeaks()

/** A folder in which this is the program `pm2`. */
const rootOf = (t: Scope, program: string): string => {
  const root = tempDir(t)
  const folder = path.join(root, 'node_modules/pm2/bin')
  mkdirSync(folder, { recursive: true })
  writeFileSync(path.join(folder, 'pm2'), program)
  return root
}

test('pm2 - it leads a process group of its own, so that Ctrl-C is for the command that has started it', async (t) => {
  const program = `const group = require('node:child_process').execFileSync('ps', ['-o', 'pgid=', '-p', String(process.pid)])
    console.log(Number(group) === process.pid)`
  const root = rootOf(t, program)
  const { output } = await openPm2({ home: path.join(root, 'pm2'), root, env: process.env, extra: {} }).startOrRestart()
  assert.equal(output.trim(), 'true')
})

test('pm2 - neither it nor a service inherits the marks of an agent, a job or a report that calls the command, nor what npm has set', async (t) => {
  const root = rootOf(t, 'console.log(JSON.stringify(process.env))')
  const marks = ['AGENT', 'CHAT', 'TURN_FILE', 'RUN', 'REPORT'].map((name) => `SWITCHBOARD_${name}`)
  const others = ['npm_config_loglevel', 'npm_lifecycle_event', 'name', 'status', 'watch', 'PM2_USAGE', 'NODE_APP_INSTANCE']
  const kept = {
    PATH: process.env.PATH,
    SWITCHBOARD_HOME: '/h',
    SWITCHBOARD_REPORTS: 'no mark',
    https_proxy: 'http://p',
    A_B: '1',
  }
  const env = { ...Object.fromEntries([...marks, ...others].map((name) => [name, 'x'])), ...kept }
  const { output } = await openPm2({ home: path.join(root, 'pm2'), root, env, extra: { EDGE_MAX_MEMORY: '1M' } }).startOrRestart()
  const given = JSON.parse(output) as Record<string, string>
  for (const name of [...marks, ...others]) assert.equal(given[name], undefined, name)
  for (const [name, value] of Object.entries(kept)) assert.equal(given[name], value, name)
  assert.equal(given.EDGE_MAX_MEMORY, '1M')
})

/** A PM2 that looks after these, in which what is started is online at once. */
const pm2Of = (names: readonly string[]) => {
  let apps: App[] = names.map((name, id) => app(name, { id }))
  const started: (string | undefined)[] = []
  const pm2 = {
    list: async () => apps,
    remove: async (ids: readonly number[]) => {
      apps = apps.filter(({ id }) => !ids.includes(id))
      return { code: 0, output: '' }
    },
    startOrRestart: async (name?: string) => {
      started.push(name)
      apps = SERVICES.map((service, id) => app(service, { id }))
      return { code: 0, output: '' }
    },
  }
  return { pm2: pm2 as unknown as Pm2, started }
}

test('import - Ctrl-C while sessions is away: it is started again before the command ends', async (t) => {
  const { settings } = surroundings(t)
  const { pm2, started } = pm2Of(SERVICES)
  const before = process.listenerCount('SIGINT')
  const work = withoutSessions({ settings, pm2 }, async (stopped) => {
    assert.ok(!(await pm2.list()).some(({ name }) => name === 'sessions'))
    process.kill(process.pid, 'SIGINT')
    await eventually(() => stopped.aborted)
    stopped.throwIfAborted()
  })
  await assert.rejects(work, /broken off; sessions runs again/)
  assert.deepEqual(started, ['sessions'])
  assert.equal(process.listenerCount('SIGINT'), before)
})

test('up - a service that PM2 does not list is started, though all that it lists run and the edge answers', async (t) => {
  const health = {
    status: 'ok',
    active_sessions: 0,
    agent: { kind: 'demo', version: null, problem: null },
    services: Object.fromEntries(SERVICES.filter((name) => name !== 'edge').map((name) => [name, 'up'])),
  }
  const server = createServer((_, response) => response.end(JSON.stringify(health)))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  atEnd(t, () => {
    server.closeAllConnections()
    server.close()
  })
  const address = server.address()
  const { settings } = surroundings(t)
  const url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`
  const { pm2, started } = pm2Of(SERVICES.filter((name) => name !== 'sessions'))
  const lines: string[] = []
  const context = { args: [], settings: { ...settings, url }, pm2, print: (line: string) => void lines.push(line) }
  assert.equal(await up.run(context), 0, lines.join('\n'))
  assert.deepEqual(started, [undefined])
  assert.equal(await up.run(context), 0)
  assert.deepEqual(started, [undefined], 'now it is already running')
})
