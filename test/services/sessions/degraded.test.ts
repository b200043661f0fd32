/** A full disk, a read-only folder, a clock that jumps, a second instance, a database from the future. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, rmSync, statfsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import Database from 'better-sqlite3'
import type { ServiceError } from '../../../protocol/errors.ts'
import { openScriptedRig } from '../../crash/rig.ts'
import { atEnd, checkLeaks, eventually, startModule, tempDir } from '../../harness.ts'
import { recorded } from './recorded.ts'

checkLeaks()

const canMount = (): boolean => {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return false
  try {
    execFileSync('mountpoint', ['-q', '/'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

test('degraded - a second instance on the same home is refused in words, the first goes on', { timeout: 60_000 }, async (t) => {
  const rig = await openScriptedRig(t)
  const second = startModule(t, 'services/sessions/main.ts', rig.env)
  assert.equal((await second.exit).code, 1)
  assert.match(second.output(), /another|already|holds/i)
  assert.equal((await rig.ended(await rig.ask('{{label=a tokens=1}} go'))).state, 'answered')
})

test('degraded - a database from the future is refused with advice, and not touched', async (t) => {
  const rig = await openScriptedRig(t)
  await rig.ended(await rig.ask('{{label=a tokens=1}} go'))
  await rig.kill('sessions')
  const path = join(rig.home, 'db/sessions.db')
  const change = new Database(path)
  const before = change.pragma('user_version', { simple: true }) as number
  change.pragma('user_version = 9999')
  change.close()
  const child = await rig.start('sessions')
  assert.equal((await child.exit).code, 1)
  assert.match(child.output(), /newer|future/i)
  const back = new Database(path)
  assert.equal(back.pragma('user_version', { simple: true }), 9999)
  back.pragma(`user_version = ${before}`)
  back.close()
  await rig.start('sessions')
  assert.equal((await rig.ended(await rig.ask('{{label=b tokens=1}} go'))).state, 'answered')
})

test('degraded - a clock set back an hour changes no order, no wait and no watchdog', async (t) => {
  const rig = await openScriptedRig(t)
  await rig.ended(await rig.ask('{{label=a tokens=1}} go'))
  await rig.kill('sessions')
  // To a service that starts now, this is a clock that was set back: all it has written lies in the future.
  rig.change(
    'UPDATE turns SET created_at = created_at + 3600000, started_at = started_at + 3600000, ended_at = ended_at + 3600000',
  )
  rig.change('UPDATE sessions SET created_at = created_at + 3600000, last_active_at = last_active_at + 3600000')
  await rig.start('sessions')
  const turn = await rig.ended(await rig.ask('{{label=b tokens=2}} go'))
  assert.equal(turn.reply, rig.answerOf('b', 2))
  const [session] = await rig.sessions.list({})
  assert.equal((session?.idle_seconds ?? -1) >= 0, true)
  const rows = await recorded(rig, 'gw-default-c1', 4)
  assert.deepEqual(
    rows.map((row) => row.role),
    ['user', 'assistant', 'user', 'assistant'],
  )
})

test('degraded - something else in the place of a session folder fails the turn with the reason', async (t) => {
  const rig = await openScriptedRig(t)
  mkdirSync(join(rig.home, 'work/default'), { recursive: true })
  await writeFile(join(rig.home, 'work/default/c1'), 'a file')
  const turn = await rig.ended(await rig.ask('hello'))
  assert.equal(turn.state, 'failed')
  assert.match(turn.reply ?? '', /^\[ERROR\] Claude could not be started: .*EEXIST/)
  assert.equal((await rig.ended(await rig.ask('{{label=b tokens=1}} go', 'c2'))).state, 'answered')
})

test('degraded - an agent whose folder cannot be made fails the turn with the reason, and leaves nothing', async (t) => {
  const rig = await openScriptedRig(t)
  const agents = join(rig.home, 'agents')
  rmSync(agents, { recursive: true, force: true })
  await writeFile(agents, 'a file')
  const turn = await rig.ended(await rig.ask('hello'))
  assert.match(turn.reply ?? '', /^\[ERROR\] Claude could not be started: /)
  assert.deepEqual(rig.query('SELECT n FROM agents'), [])
  rmSync(agents)
  assert.equal((await rig.ended(await rig.ask('{{label=b tokens=1}} go'))).state, 'answered')
})

test('degraded - a home that cannot be written to is refused in words, and works again when it can', {
  timeout: 120_000,
  skip: canMount() ? false : 'needs a disk of its own, which only root can mount',
}, async (t) => {
  const disk = tempDir(t)
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64m', 'tmpfs', disk])
  atEnd(t, () => void execFileSync('umount', ['-l', disk]))
  const rig = await openScriptedRig(t, { GATEWAY_MIN_FREE_DISK_MB: '1' }, disk)
  await rig.ended(await rig.ask('{{label=a tokens=1}} go'))
  await rig.kill('sessions')
  execFileSync('mount', ['-o', 'bind', disk, disk])
  atEnd(t, () => void execFileSync('umount', ['-l', disk]))
  execFileSync('mount', ['-o', 'remount,bind,ro', disk])
  const child = await rig.start('sessions')
  assert.equal((await child.exit).code, 1)
  assert.match(child.output(), /cannot be written to/)
  execFileSync('mount', ['-o', 'remount,bind,rw', disk])
  await rig.start('sessions')
  assert.equal((await rig.ended(await rig.ask('{{label=b tokens=1}} go'))).state, 'answered')
})

test('degraded - a session base that cannot be written to fails new chats with the reason, the others go on', {
  timeout: 120_000,
  skip: canMount() ? false : 'needs a disk of its own, which only root can mount',
}, async (t) => {
  const rig = await openScriptedRig(t)
  const base = join(rig.home, 'work')
  assert.equal((await rig.ended(await rig.ask('{{label=a tokens=1}} go', 'c1'))).state, 'answered')
  execFileSync('mount', ['-o', 'bind', base, base])
  atEnd(t, () => void execFileSync('umount', ['-l', base]))
  execFileSync('mount', ['-o', 'remount,bind,ro', base])
  const turn = await rig.ended(await rig.ask('{{label=b tokens=1}} go', 'c2'))
  assert.equal(turn.state, 'failed')
  assert.match(turn.reply ?? '', /^\[ERROR\] Claude could not be started: .*could not be made/)
  assert.equal((await rig.ended(await rig.ask('{{label=c tokens=1}} go', 'c1'))).state, 'answered')
  execFileSync('mount', ['-o', 'remount,bind,rw', base])
  assert.equal((await rig.ended(await rig.ask('{{label=d tokens=1}} go', 'c2'))).state, 'answered')
})

test('degraded - a disk that fills up in mid-turn loses no end: it is written when there is room', {
  timeout: 120_000,
  skip: canMount() ? false : 'needs a small disk of its own, which only root can mount',
}, async (t) => {
  const disk = tempDir(t)
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=24m', 'tmpfs', disk])
  atEnd(t, () => void execFileSync('umount', ['-l', disk]))
  const rig = await openScriptedRig(t, { GATEWAY_MIN_FREE_DISK_MB: '1' }, disk)
  await rig.ended(await rig.ask('{{label=a tokens=1}} go'))
  const turnId = await rig.ask('{{label=words tokens=60 delay_ms=100}} go')
  await rig.follow(turnId, { until: (event) => event.type === 'text' })
  // The logs of the agent still have room while the database has none: it is the database's disk that is full.
  const { bavail, bsize } = statfsSync(disk)
  const ballast = join(disk, 'ballast')
  execFileSync('fallocate', ['-l', String(bavail * bsize - 64 * 1024), ballast])
  await assert.rejects(rig.ask('another'), (error: ServiceError) => error.code === 'low_disk')
  await eventually(async () => (await rig.sessions.status({})).running_turns === 1)
  execFileSync('rm', [ballast])
  const turn = await rig.ended(turnId)
  assert.equal(turn.state, 'answered')
  assert.equal((await rig.ended(await rig.ask('{{label=b tokens=1}} go'))).state, 'answered')
  const check = rig.query<{ integrity_check: string }>('PRAGMA integrity_check')
  assert.deepEqual(check, [{ integrity_check: 'ok' }])
})
