/** Moving in: jobs come due when they did, each is taken once, and none is lost. */
import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { CronTime } from 'cron'
import { convert } from '../../cli/import/cron-dialect.ts'
import { importJobs, type NewJob, type SchedulerDoor, toJob } from '../../cli/import/jobs.ts'
import { checkLeaks } from '../harness.ts'
import fc from '../property.ts'
import { surroundings } from './doctored.ts'
import { furnish, oldHouse, opened } from './predecessor.ts'

checkLeaks()

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
  const jobs: (NewJob & { id: number; bot_id: string; timezone: string | null })[] = []
  const door: SchedulerDoor = {
    list: async () => [...jobs],
    create: async (job) => jobs.push({ bot_id: 'default', ...job, timezone: job.timezone ?? null, id: jobs.length + 1 }),
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

test('import - jobs that differ in nothing but their hour, or in nothing at all, are all taken, also by one that was broken off before', async (t) => {
  const house = oldHouse(t)
  const same = { name: 'water', command: 'echo water', bot_id: 'default' }
  for (const cron_expression of ['0 9 * * *', '0 21 * * *', '0 21 * * *'])
    house.insert('cron_jobs', { ...same, cron_expression, created_at: '2026-01-31 08:15:00' })
  const old = opened(t, house.file)
  const { home } = surroundings(t).settings
  const { jobs, door } = schedulerDoor()
  const breaksAfter = (most: number): SchedulerDoor => ({
    ...door,
    create: async (job) => {
      const id = await door.create(job)
      if (jobs.length === most) throw new Error('broken off before the note')
      return id
    },
  })
  await assert.rejects(importJobs(old, { home, door: breaksAfter(1) }), /broken off/)
  await assert.rejects(importJobs(old, { home, door: breaksAfter(2) }), /broken off/)
  assert.deepEqual([(await importJobs(old, { home, door })).taken, (await importJobs(old, { home, door })).taken], [1, 0])
  assert.deepEqual(
    jobs.map((job) => job.cron_expression),
    ['0 9 * * *', '0 21 * * *', '0 21 * * *'],
  )
})

test('import - a job that is added there later is taken, one that was changed there or deleted here is not taken again', async (t) => {
  const house = oldHouse(t)
  const job = { name: 'water', command: 'echo water', cron_expression: '0 9 * * *', created_at: '2026-01-31 08:15:00' }
  house.insert('cron_jobs', job)
  const { home } = surroundings(t).settings
  const { jobs, door } = schedulerDoor()
  await door.create({ ...job, cron_expression: '0 12 * * *' })
  const taken = async (): Promise<number> => (await importJobs(opened(t, house.file), { home, door })).taken
  assert.equal(await taken(), 1)
  house.insert('cron_jobs', { ...job, created_at: '2026-02-01 08:15:00' })
  assert.equal(await taken(), 1)
  house.run("UPDATE cron_jobs SET cron_expression = '0 10 * * *', command = 'echo more water'")
  assert.equal(await taken(), 0)
  jobs.length = 0
  assert.equal(await taken(), 0)
})
