import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { pino } from 'pino'
import { openLink } from '../../../../protocol/wire/link.ts'
import { isLinux, readProc } from '../../../../services/runtime/process.ts'
import { writeDump } from '../../../../services/runtime/watch/dump.ts'
import { openPm2, type Pm2, type Pm2App } from '../../../../services/runtime/watch/pm2.ts'
import { Watchdog } from '../../../../services/runtime/watch/watchdog.ts'
import { atEnd, type Child, checkLeaks, eventually, type Scope, startModule, tempDir } from '../../../harness.ts'

checkLeaks()

/** A service and who watches it; PM2 is a stand-in that starts the next life itself. */
const openRig = async (t: Scope, { patience_ms = 2_400, isListed = true }: { patience_ms?: number; isListed?: boolean } = {}) => {
  const home = tempDir(t)
  const lives: Child[] = []
  const begin = (): void => void lives.push(startModule(t, 'test/fakes/tiny-service.ts', { SWITCHBOARD_HOME: home }))
  begin()
  const killed: number[] = []
  const pm2: Pm2 = {
    isThere: true,
    list: async () => {
      const app: Pm2App = { id: 7, name: 'history', pid: lives.at(-1)?.pid ?? 0, status: 'online', restarts: 0, started_at: 0 }
      return isListed ? [app] : []
    },
    kill: async (id) => {
      killed.push(id)
      lives.at(-1)?.process.kill('SIGKILL')
      begin()
    },
  }
  const link = openLink({ run_dir: join(home, 'run'), service: 'history' })
  const lines: string[] = []
  const told: string[] = []
  const ups: string[] = []
  const folders = { logs: join(home, 'logs'), dumps: join(home, 'dumps') }
  const watchdog = new Watchdog({
    ...{ names: ['history'], ping: (_, patience) => link.ping(patience), patience_ms, pm2, folders, every_ms: 50, ping_ms: 300 },
    log: pino({ level: 'debug' }, { write: (line: string) => void lines.push(line) }),
    onHang: (_, message) => void told.push(message),
    onUp: (name) => void ups.push(name),
  })
  atEnd(t, async () => {
    await watchdog.close()
    await link.close()
    // One that is stopped hears nothing but this.
    for (const life of lives) life.process.kill('SIGKILL')
  })
  await eventually(() => lives[0]?.messages.includes('ready'), { timeout_ms: 30_000 })
  mkdirSync(folders.logs, { recursive: true })
  writeFileSync(join(folders.logs, 'history.log'), 'first line\nits last words\n')
  watchdog.start()
  await eventually(() => watchdog.read()[0]?.state === 'up')
  return { watchdog, lives, killed, lines, told, ups, dumps: folders.dumps, state: () => watchdog.read()[0] }
}

test('watchdog - a service that was put to sleep is ended after its patience, with a dump, and comes back', async (t) => {
  const { lives, killed, told, ups, dumps, state } = await openRig(t)
  const [first] = lives
  assert.deepEqual(ups, ['history'])
  first?.process.kill('SIGSTOP')
  await eventually(() => killed.length > 0)
  assert.deepEqual(killed, [7])
  await eventually(() => state()?.state === 'up' && state()?.pong?.pid === lives[1]?.pid)
  assert.equal(lives.length, 2, 'once')
  assert.equal(state()?.hangs, false)
  assert.deepEqual(ups, ['history', 'history'])
  const [file = ''] = readdirSync(dumps)
  const dump = readFileSync(join(dumps, file), 'utf8')
  assert.match(told[0] ?? '', /^history is there and has not answered for \d+\.\d s: it is ended and started anew\. .*dumps/)
  assert.match(dump, /has not answered for/)
  assert.match(dump, /"instance": "[0-9a-f-]{36}"/)
  assert.match(dump, /its last words/)
  if (isLinux) assert.match(dump, /State:\tT \(stopped\)[\s\S]*state T wchan/)
  assert.equal(statSync(join(dumps, file)).mode & 0o777, 0o600)
})

test('watchdog - what hangs is ended also where there is no room for a dump', async (t) => {
  const { lives, killed, told, dumps } = await openRig(t)
  writeFileSync(dumps, 'no folder can be made here')
  lives[0]?.process.kill('SIGSTOP')
  await eventually(() => killed.length > 0)
  assert.match(told[0] ?? '', /it is ended and started anew\. What it was doing could not be written down$/)
})

test('watchdog - who is down is left to PM2, and who works is left alone', async (t) => {
  const { lives, killed, lines, state } = await openRig(t, { patience_ms: 900 })
  lives[0]?.process.kill('SIGKILL')
  await eventually(() => state()?.state === 'down')
  await eventually(() => (state()?.for_ms ?? 0) > 1_800)
  assert.deepEqual(killed, [])
  assert.ok(lines.some((line) => line.includes('A process is not there')))
})

test('watchdog - without PM2 nobody is ended, and it is said what was seen', async (t) => {
  const { lives, told, dumps, killed } = await openRig(t, { isListed: false })
  lives[0]?.process.kill('SIGSTOP')
  await eventually(() => told.length > 0)
  assert.match(told[0] ?? '', /it is not under PM2, so it is left alone/)
  assert.deepEqual([killed.length, readdirSync(dumps).length], [0, 1])
})

test('watchdog - after a sleep of its own it blames nobody', async (t) => {
  const { killed, state } = await openRig(t, { patience_ms: 1_000 })
  // This process stands still for longer than the patience, as when the machine sleeps.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 3_500)
  const until = performance.now() + 1_200
  await eventually(() => performance.now() > until)
  await eventually(() => state()?.state === 'up')
  assert.deepEqual(killed, [])
})

test('watchdog - switched off it looks and ends nobody', async (t) => {
  const { lives, killed, state } = await openRig(t, { patience_ms: 0 })
  lives[0]?.process.kill('SIGSTOP')
  await eventually(() => state()?.state === 'silent' && (state()?.for_ms ?? 0) > 500)
  assert.deepEqual(killed, [])
})

test('dump - a process that has gone leaves what is known, and old dumps go', (t) => {
  const folder = tempDir(t)
  const order = { folder: join(folder, 'dumps'), logs: folder, name: 'edge', pid: 2 ** 22 - 1, reason: 'why', pong: null }
  assert.equal(readProc(order.pid, 'status'), null)
  const files = Array.from({ length: 25 }, (_, index) => writeDump({ ...order, now: Date.UTC(2026, 0, 1, 0, index) }))
  assert.match(readFileSync(files.at(-1) ?? '', 'utf8'), /it never answered/)
  assert.equal(readdirSync(order.folder).length, 20)
  assert.ok(!existsSync(files[0] ?? '') && existsSync(files[5] ?? ''))
})

test('pm2 - where no daemon runs nothing is asked, and none is started', async (t) => {
  const home = tempDir(t)
  const pm2 = openPm2({ home, environment: { PATH: '/nowhere' } })
  assert.equal(pm2.isThere, false)
  assert.deepEqual(await pm2.list(), [])
  writeFileSync(join(home, 'pm2.pid'), String(2 ** 22 - 1))
  assert.equal(pm2.isThere, false)
  assert.deepEqual(readdirSync(home), ['pm2.pid'])
})
