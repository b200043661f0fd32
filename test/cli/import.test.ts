/** Moving in: what the predecessor's files mean here, that nothing of them is changed, and that nothing is taken twice. */
import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, realpathSync, rmSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { parseEnv } from 'node:util'
import { CronTime } from 'cron'
import fc from 'fast-check'
import { convert } from '../../cli/import/cron-dialect.ts'
import { importJobs, type NewJob, type SchedulerDoor, toJob } from '../../cli/import/jobs.ts'
import { importMemories } from '../../cli/import/memories.ts'
import { importMessages, sessionIdOf, toRecord } from '../../cli/import/messages.ts'
import { toMoment } from '../../cli/import/moments.ts'
import { openSessionRows } from '../../cli/import/sessions/store.ts'
import { importSettings, settingLine } from '../../cli/import/settings-file.ts'
import { findSource } from '../../cli/import/source.ts'
import { openPredecessor } from '../../cli/import/store.ts'
import type { HistoryRecord } from '../../protocol/history.ts'
import { atEnd, checkLeaks, type Scope, tempDir } from '../harness.ts'
import { root, surroundings } from './doctored.ts'
import { furnish, type OldHouse, openOldHouse, SCHEMA_VERSIONS, type SchemaVersion } from './predecessor.ts'

checkLeaks()

const oldHouse = (t: Scope, version: SchemaVersion = 8): OldHouse => {
  const house = openOldHouse(realpathSync(tempDir(t)), version)
  atEnd(t, () => house.close())
  return house
}

const opened = (t: Scope, file: string) => {
  const old = openPredecessor(file)
  atEnd(t, () => old.close())
  return old
}

for (const version of SCHEMA_VERSIONS) {
  test(`import - schema ${version}: every row is read, from a copy, while the predecessor has the file open`, async (t) => {
    const house = oldHouse(t, version)
    furnish(house)
    const before = house.sums()
    const old = opened(t, house.file)
    assert.deepEqual(
      old.versions,
      Array.from({ length: version }, (_, index) => index + 1),
    )
    const records: HistoryRecord[] = []
    const messages = await importMessages(old, async (given) => records.push(...given) && given.length)
    assert.deepEqual([messages.found, messages.taken, messages.refused], [3, 3, []])
    assert.deepEqual(
      records.map(({ session_id, bot_id, role, content, created_at }) => [session_id, bot_id, role, content, created_at]),
      [
        ['gw-default-7', 'default', 'user', 'Hello', Date.UTC(2026, 0, 31, 8, 15)],
        ['gw-default-7', 'default', 'assistant', 'Hi there', Date.UTC(2026, 0, 31, 8, 15, 9)],
        ['gw-default-7', 'default', 'user', '', Date.UTC(2026, 0, 31, 8, 16)],
      ],
    )
    assert.equal(new Set(records.map(({ record_id }) => record_id)).size, 3)
    const lines: string[] = []
    const memories = await importMemories(old, async (text) => {
      lines.push(...text.split('\n'))
      return { created: 2, kept: 0, problems: [] }
    })
    assert.equal(memories.taken, 2)
    assert.deepEqual(
      lines.map((line) => JSON.parse(line) as unknown),
      [
        {
          key: 'coffee',
          content: 'dark roast',
          category: 'taste',
          bot_id: 'default',
          created_at: '2026-01-31T08:15:00.000Z',
          updated_at: (JSON.parse(lines[0] ?? '') as { updated_at: string }).updated_at,
        },
        {
          key: 'tea',
          content: 'green',
          category: 'general',
          bot_id: 'default',
          created_at: '2026-01-31T08:15:00.000Z',
          updated_at: (JSON.parse(lines[1] ?? '') as { updated_at: string }).updated_at,
        },
      ],
    )
    assert.deepEqual(house.sums(), before)
  })
}

test('import - what is no database of the predecessor is refused by name', (t) => {
  const folder = tempDir(t)
  const file = path.join(folder, 'mini-claude-bot.db')
  writeFileSync(file, 'no database at all, just words. '.repeat(50))
  assert.throws(() => openPredecessor(file), /mini-claude-bot\.db cannot be read/)
  const { settings } = surroundings(t)
  const rows = openSessionRows(settings.home, root)
  rows.close()
  assert.throws(() => openPredecessor(path.join(settings.home, 'db/sessions.db')), /none of mini-claude-bot/)
})

test('import - a damaged database is refused with advice', (t) => {
  const house = oldHouse(t)
  for (let n = 0; n < 40; n += 1) house.insert('chat_messages', { session_id: 's', role: 'user', content: 'x'.repeat(5_000) })
  house.close()
  const bytes = readFileSync(house.file)
  bytes.fill(0xa5, Math.floor(bytes.length / 2), Math.floor(bytes.length / 2) + 8_192)
  writeFileSync(house.file, bytes)
  assert.throws(() => openPredecessor(house.file), /cannot be read/)
})

test('import - moments in all their shapes', () => {
  const moment = Date.UTC(2026, 0, 31, 8, 15)
  for (const text of [
    '2026-01-31 08:15:00',
    '2026-01-31T08:15:00',
    '2026-01-31T08:15:00Z',
    '2026-01-31T09:15:00+01:00',
    '2026-01-31 08:15:00.000000+00:00',
  ])
    assert.equal(toMoment(text), moment, text)
  assert.equal(toMoment(moment / 1_000), moment)
  for (const nothing of [null, '', 'yesterday', Number.NaN, -5, {}]) assert.equal(toMoment(nothing), null)
})

test('import - a row that is no message is refused by its number, and so is one that no call could carry', () => {
  const row = {
    id: 5,
    session_id: 's',
    role: 'user',
    content: 'x',
    created_at: null,
    telegram_chat_id: 2 ** 60,
    user_id: 7,
    username: null,
  }
  const good = toRecord(row)
  assert.ok(typeof good !== 'string')
  assert.deepEqual(
    [good.created_at, good.telegram_chat_id, good.user_id, good.bot_id, good.source],
    [0, null, '7', 'default', 'telegram'],
  )
  const bad = [
    { ...row, role: 'system' },
    { ...row, session_id: null },
    { ...row, content: null },
    { ...row, content: 'x'.repeat(33 * 1_048_576) },
  ]
  for (const each of bad) assert.match(String(toRecord(each)), /^message 5: /)
})

test('import - only a name that is certain is changed', () => {
  assert.equal(sessionIdOf('gw-7', 'default', 7), 'gw-default-7')
  assert.equal(sessionIdOf('gw--100', 'hero_bot', -100), 'gw-hero_bot--100')
  assert.equal(sessionIdOf('gw-default-7', 'default', 7), 'gw-default-7')
  assert.equal(sessionIdOf('gw-7', 'default', null), 'gw-7')
  assert.equal(sessionIdOf('cli-notes', 'default', 7), 'cli-notes')
})

test('import - weekdays count from Monday there and from Sunday here', () => {
  const said: Readonly<Record<string, string>> = {
    '0 9 * * 0': '0 9 * * mon',
    '0 9 * * 6': '0 9 * * sun',
    '0 9 * * 1-5': '0 9 * * tue,wed,thu,fri,sat',
    '0 9 * * 0,2-4': '0 9 * * mon,wed,thu,fri',
    '0 9 * * */2': '0 9 * * mon,wed,fri,sun',
    '0 9 * * 0-6': '0 9 * * *',
    '0 9 1 * *': '0 9 1 * *',
    '*/5 * * * *': '*/5 * * * *',
  }
  for (const [given, expression] of Object.entries(said))
    assert.equal((convert(given) as { expression: string }).expression, expression, given)
  assert.deepEqual(convert('0 9 * * MON-FRI'), { expression: '0 9 * * mon,tue,wed,thu,fri', isChanged: false })
  for (const bad of [
    '0 9 * * 7',
    '0 9 * * 5-1',
    '0 9 * *',
    '0 0 9 * * 1',
    '0 9 last * *',
    '0 9 1 * 0',
    '0 9 * * foo',
    '0 9 * * 1/0',
    '',
  ])
    assert.ok('problem' in convert(bad), bad)
})

test('import - any weekday field fires on the same days as it did', () => {
  const names = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun']
  const day = fc.integer({ min: 0, max: 6 })
  const range = fc.tuple(day, day, fc.boolean()).map(([a, b, named]) => {
    const [first, last] = [Math.min(a, b), Math.max(a, b)]
    const days = Array.from({ length: last - first + 1 }, (_, index) => first + index)
    return { text: named ? `${names[first]}-${names[last]}` : `${first}-${last}`, days }
  })
  const single = day.map((one) => ({ text: String(one), days: [one] }))
  fc.assert(
    fc.property(fc.array(fc.oneof(single, range), { minLength: 1, maxLength: 4 }), (parts) => {
      const converted = convert(`0 9 * * ${parts.map(({ text }) => text).join(',')}`)
      assert.ok('expression' in converted)
      const time = new CronTime(converted.expression, 'UTC')
      const meant = new Set(parts.flatMap(({ days }) => days))
      // 5 January 2026 is a Monday.
      let at = new Date(Date.UTC(2026, 0, 5))
      const fired = new Set<number>()
      for (let count = 0; count < meant.size; count += 1) {
        at = time.getNextDateFrom(at, 'UTC').toJSDate()
        fired.add((at.getUTCDay() + 6) % 7)
      }
      assert.deepEqual([...fired].sort(), [...meant].sort())
    }),
    { numRuns: 150 },
  )
})

test('import - jobs: converted ones are listed for review, bad ones with their reason, disabled ones stay disabled', () => {
  const row = {
    id: 2,
    name: 'paper',
    cron_expression: '0 9 * * 0',
    command: 'echo',
    job_type: 'shell',
    enabled: 1,
    timezone: 'Asia/Shanghai',
    bot_id: 'b',
  }
  const made = toJob(row, '/srv/bot')
  assert.ok('job' in made)
  assert.deepEqual(
    [made.job.cron_expression, made.job.timezone, made.job.bot_id, made.job.cwd, made.job.enabled],
    ['0 9 * * mon', 'Asia/Shanghai', 'b', '/srv/bot', true],
  )
  assert.match(made.review.join('\n'), /counted weekdays from Monday/)
  const asleep = toJob({ ...row, cron_expression: '*/5 * * * *', enabled: 0 }, undefined)
  assert.ok('job' in asleep)
  assert.deepEqual([asleep.job.enabled, asleep.review], [false, []])
  const push = toJob({ ...row, cron_expression: '*/5 * * * *', command: 'python ~/mini-claude-bot/push.py' }, undefined)
  assert.ok('job' in push)
  assert.match(push.review.join('\n'), /its command names mini-claude-bot/)
  const faults = { cron_expression: '61 * * * *', job_type: 'python', timezone: 'Mars/Olympus', command: '', bot_id: '../x' }
  for (const [name, value] of Object.entries(faults)) assert.ok('problem' in toJob({ ...row, [name]: value }, undefined), name)
  assert.match((toJob({ ...row, cron_expression: '0 0 31 2 *' }, undefined) as { problem: string }).problem, /never comes due/)
})

const schedulerDoor = () => {
  const jobs: (NewJob & { id: number; bot_id: string })[] = []
  const door: SchedulerDoor = {
    list: async () => jobs,
    create: async (job) => jobs.push({ bot_id: 'default', ...job, id: jobs.length + 1 }),
  }
  return { jobs, door }
}

test('import - jobs are taken once: by the note, by what is there where the note was lost, also after a change of theirs', async (t) => {
  const house = oldHouse(t)
  furnish(house)
  const old = opened(t, house.file)
  const { home } = surroundings(t).settings
  const { jobs, door } = schedulerDoor()
  const first = await importJobs(old, { home, door })
  assert.deepEqual([first.found, first.taken, first.known, first.refused.length], [3, 2, 0, 1])
  const again = await importJobs(old, { home, door })
  assert.deepEqual([again.taken, again.known], [0, 2])
  const [job] = jobs
  assert.ok(job)
  job.command = 'changed by its owner'
  assert.deepEqual((await importJobs(old, { home, door })).taken, 0)
  rmSync(path.join(home, 'imported.json'))
  job.command = 'echo paper'
  assert.deepEqual((await importJobs(old, { home, door })).taken, 0)
  assert.equal(jobs.length, 2)
})

test('import - the folder, the file, the checkout and a file named in .env are all found', (t) => {
  const house = oldHouse(t)
  const home = tempDir(t)
  for (const given of [house.folder, path.join(house.folder, 'data'), house.file])
    assert.equal(findSource(given, home).database, house.file)
  const other = tempDir(t)
  assert.throws(() => findSource(other, home), /There is no mini-claude-bot\.db/)
  mkdirSync(path.join(other, 'backend'))
  writeFileSync(path.join(other, 'backend', '.env'), `DATABASE_PATH=${house.file}\nGATEWAY_SESSION_DIR=~/my-chats\n`)
  const source = findSource(other, home)
  assert.equal(source.database, house.file)
  assert.equal(source.sessions_dir, path.join(home, 'my-chats'))
  assert.equal(findSource(other, home, { sessions: '/srv/chats' }).sessions_dir, '/srv/chats')
  assert.equal(findSource(house.folder, home).archives_dir, path.join(home, '.claude-gateway-archives'))
})

test('import - settings: known ones are written into .env and hold there, others are named, no value is told', (t) => {
  const house = oldHouse(t)
  const { home } = surroundings(t).settings
  writeFileSync(
    path.join(house.folder, '.env'),
    'GATEWAY_MAX_CLAUDE_PROCESSES=16\nGATEWAY_CLAUDE_TIMEOUT=600\nGATEWAY_TOKEN="planted secret#1 here"\nDATABASE_PATH=./x.db\nFOO_SECRET=planted\nLOG_LEVEL=debug\n',
  )
  writeFileSync(path.join(home, '.env'), 'LOG_LEVEL=warn')
  const source = findSource(house.folder, home)
  const dry = importSettings(source, { home, root }, true)
  assert.equal(readFileSync(path.join(home, '.env'), 'utf8'), 'LOG_LEVEL=warn')
  const tally = importSettings(source, { home, root }, false)
  assert.deepEqual([tally.found, tally.taken, tally.known, tally.refused.length], [6, 2, 2, 2])
  assert.doesNotMatch(JSON.stringify([dry, tally]), /planted/)
  const written = readFileSync(path.join(home, '.env'), 'utf8')
  assert.match(written, /^LOG_LEVEL=warn\n# From .*\nGATEWAY_MAX_CLAUDE_PROCESSES=16\nGATEWAY_TOKEN='planted secret#1 here'\n$/)
  assert.equal(statSync(path.join(home, '.env')).mode & 0o077, 0)
  assert.equal(importSettings(source, { home, root }, false).taken, 0)
})

/** More than one line; or both quotes that take everything as it is, and something that double quotes do not. */
const isUnwritable = (value: string): boolean =>
  /[\r\n]/.test(value) || (value.includes("'") && value.includes('`') && /["\\]/.test(value))

test('import - settings: what is written is read as it was, whatever it holds; what cannot be written is refused', () => {
  const letters = fc.constantFrom('a', '=', ' ', '#', '"', "'", '`', '\\', 'n', '$', '{', '}', '\t', 'é', '日')
  const values = fc.array(fc.oneof(fc.string({ unit: letters }), fc.string()), { maxLength: 6 })
  fc.assert(
    fc.property(values, (given) => {
      const written = new Map<string, string>()
      const lines: string[] = []
      for (const [index, value] of given.entries()) {
        const line = settingLine(`N${index}`, value)
        if (line === null) assert.ok(isUnwritable(value), JSON.stringify(value))
        else {
          lines.push(line)
          written.set(`N${index}`, value)
        }
      }
      assert.deepEqual({ ...parseEnv(`${lines.join('\n')}\nLAST=1\n`) }, { ...Object.fromEntries(written), LAST: '1' })
    }),
    { numRuns: 500 },
  )
})
