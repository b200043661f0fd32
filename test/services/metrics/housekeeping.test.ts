import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readdirSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { nameOf } from '../../../cli/backup/shelf.ts'
import { HousekeepingEnv, startHousekeeping } from '../../../services/metrics/housekeeping.ts'
import { openHome } from '../../../services/runtime/home.ts'
import { createLog } from '../../../services/runtime/log.ts'
import { writeDump } from '../../../services/runtime/watch/dump.ts'
import { atEnd, checkLeaks, eventually, type Scope, tempDir } from '../../harness.ts'

checkLeaks()

const DAY_MS = 86_400_000

const furnish = (t: Scope) => {
  const home = openHome(path.join(tempDir(t), 'home'))
  const pm2_home = path.join(home.root, 'pm2')
  mkdirSync(pm2_home)
  const lines: string[] = []
  const log = createLog({ service: 'test', level: 'info', destination: { write: (line) => void lines.push(line) } })
  const begin = (now: number) => {
    const env = HousekeepingEnv.parse({ LOG_MAX_MB: '1' })
    const keeping = startHousekeeping({ env, home, pm2_home, log, now: () => now, every_ms: 20 })
    atEnd(t, () => keeping.stop())
  }
  return { home, pm2_home, lines, begin }
}

test('housekeeping - logs, dumps and what restores replaced go by size and age, while it runs; nothing else does', async (t) => {
  const { home, pm2_home, begin } = furnish(t)
  const now = Date.now()
  const aged = (file: string, days: number) => utimesSync(file, (now - days * DAY_MS) / 1_000, (now - days * DAY_MS) / 1_000)
  for (const [n, days] of [100, 80].entries()) {
    const folder = path.join(home.root, 'replaced', nameOf(now - days * DAY_MS))
    mkdirSync(path.join(folder, 'db'), { recursive: true })
    aged(folder, days)
    const dump = writeDump({
      ...{ folder: path.join(home.root, 'dumps'), logs: home.logs, name: 'memory', pid: process.pid, reason: `${n}` },
      ...{ pong: null, now: now - days * DAY_MS },
    })
    aged(dump, days)
  }
  mkdirSync(path.join(home.root, 'replaced', 'my own'))
  aged(path.join(home.root, 'replaced', 'my own'), 500)
  begin(now)
  assert.deepEqual(readdirSync(path.join(home.root, 'replaced')).sort(), [nameOf(now - 80 * DAY_MS), 'my own'].sort())
  assert.equal(readdirSync(path.join(home.root, 'dumps')).length, 1)

  for (const file of [path.join(home.logs, 'edge.log'), path.join(pm2_home, 'pm2.log')]) {
    writeFileSync(file, 'x'.repeat(1_100_000))
    await eventually(() => statSync(file).size === 0)
    assert.equal(statSync(`${file}.1`).size, 1_100_000)
  }
})

test('housekeeping - what cannot be done is told and does not keep the rest', (t) => {
  const { home, begin, lines } = furnish(t)
  writeFileSync(path.join(home.root, 'dumps'), 'a file where a folder should be')
  const replaced = path.join(home.root, 'replaced', nameOf(0))
  mkdirSync(replaced, { recursive: true })
  utimesSync(replaced, 1, 1)
  begin(Date.now())
  assert.ok(lines.some((line) => line.includes('ENOTDIR') && line.includes('tried again')))
  assert.ok(!existsSync(replaced))
})
