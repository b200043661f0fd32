import assert from 'node:assert/strict'
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { nameOf } from '../../../cli/backup/shelf.ts'
import { type BackupRun, newestBackupAt, startDailyBackup } from '../../../services/runtime/daily-backup.ts'
import { openHome } from '../../../services/runtime/home.ts'
import { createLog } from '../../../services/runtime/log.ts'
import { atEnd, checkLeaks, eventually, type Scope, tempDir } from '../../harness.ts'

checkLeaks()

const HOUR_MS = 3_600_000

const begin = (t: Scope, run: (home: string) => Promise<BackupRun>, every_hours = 24) => {
  const home = openHome(path.join(tempDir(t), 'home'))
  let now = Date.UTC(2026, 10, 23)
  let looks = 0
  const daily = startDailyBackup({
    home,
    every_hours,
    log: createLog({ service: 'test', level: 'silent' }),
    environment: {},
    run,
    now: () => {
      looks += 1
      return now
    },
    first_look_ms: 1,
    look_ms: 1,
  })
  atEnd(t, () => daily.stop())
  return {
    home,
    daily,
    pass: (hours: number) => (now += hours * HOUR_MS),
    at: () => now,
    /** Until it has looked once more than now. */
    looked: async () => {
      const before = looks
      await eventually(() => looks > before + 1)
    },
  }
}

const putBackup = (folder: string, name: string, manifest = '{}'): void => {
  mkdirSync(path.join(folder, name))
  writeFileSync(path.join(folder, name, 'manifest.json'), manifest)
}

/** One whose backups are made: a folder each. */
const beginMaking = (t: Scope) => {
  let runs = 0
  const house = begin(t, async () => {
    runs += 1
    putBackup(house.home.backups, nameOf(house.at()))
    return { code: 0, output: '' }
  })
  return { ...house, runs: () => runs }
}

test('daily backup - made when the newest is a day old, once, and again the day after; never before', async (t) => {
  const house = beginMaking(t)
  await eventually(() => house.runs() === 1)
  await house.looked()
  house.pass(23)
  await house.looked()
  assert.equal(house.runs(), 1)
  house.pass(1)
  await eventually(() => house.runs() === 2)
  house.pass(24 * 30)
  await eventually(() => house.runs() === 3)
  await house.looked()
  assert.equal(house.runs(), 3, 'a month of sleep is made up for once')
})

test('daily backup - one that a wrong clock has dated a year ahead holds up none', async (t) => {
  const house = beginMaking(t)
  putBackup(house.home.backups, nameOf(house.at() + 365 * 24 * HOUR_MS))
  await eventually(() => house.runs() === 1)
  await house.looked()
  assert.equal(house.runs(), 1)
})

test('daily backup - one that fails is tried again, and one that throws ends nothing', async (t) => {
  let runs = 0
  begin(t, async () => {
    runs += 1
    if (runs === 1) throw new Error('no such program')
    return { code: 1, output: 'the disk is full' }
  })
  await eventually(() => runs >= 3)
})

test('daily backup - none where it is switched off, and none after stop', async (t) => {
  const counted = () => {
    const counter = { runs: 0 }
    const run = async (): Promise<BackupRun> => {
      counter.runs += 1
      return { code: 1, output: '' }
    }
    return { counter, run }
  }
  const [off, stopped, on] = [counted(), counted(), counted()]
  begin(t, off.run, 0)
  const house = begin(t, stopped.run)
  await eventually(() => stopped.counter.runs > 0)
  house.daily.stop()
  const before = stopped.counter.runs
  begin(t, on.run)
  await eventually(() => on.counter.runs > 5)
  assert.equal(off.counter.runs, 0)
  assert.equal(stopped.counter.runs, before)
})

test('daily backup - the newest is told by its name; half made ones, damaged ones and strangers do not count', (t) => {
  const folder = tempDir(t)
  assert.equal(newestBackupAt(path.join(folder, 'none'), Date.now()), 0)
  const moment = Date.UTC(2026, 10, 23, 2, 15, 0, 123)
  for (const name of [nameOf(moment - 1), nameOf(moment), `${nameOf(moment + 1)}.partial`, 'my own', '2099'])
    putBackup(folder, name)
  putBackup(folder, nameOf(moment + 2), '{"format"')
  mkdirSync(path.join(folder, nameOf(moment + 3)))
  assert.equal(readdirSync(folder).length, 7)
  assert.equal(newestBackupAt(folder, moment + 9), moment, 'one that cannot be read does not count')
  assert.equal(newestBackupAt(folder, moment - 1), moment - 1, 'what is of the future does not count')
})

test('daily backup - the command is really run: in an empty home it says that there is nothing, and that is logged', async (t) => {
  const home = openHome(path.join(tempDir(t), 'home'))
  const lines: string[] = []
  const log = createLog({ service: 'test', level: 'info', destination: { write: (line) => void lines.push(line) } })
  const daily = startDailyBackup({ home, every_hours: 24, log, environment: process.env, first_look_ms: 1 })
  atEnd(t, () => daily.stop())
  await eventually(() => lines.some((line) => line.includes('nothing to back up')), { timeout_ms: 60_000 })
})
