import assert from 'node:assert/strict'
import { mkdirSync, readdirSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { checkLeaks, eventually } from '../../harness.ts'
import { openRig } from './rig.ts'

checkLeaks()

const DAY_MS = 86_400_000

test('reports - old ones go with their folders and the mails that lie as files; nothing else in these folders does', async (t) => {
  const env = { REPORT_KEEP_DAYS: '100', REPORT_SENDER: 'me@example.org', REPORT_TO_SECONDARY: 'you@example.org' }
  const first = await openRig(t, { env })
  const { report_id } = await first.ask.create({ lang: 'en' })
  const report = await first.ended(report_id)
  assert.equal(report.state, 'done')
  const { home } = first
  assert.equal(readdirSync(join(home, 'outbox')).length, 1)
  // Of a crash between the row and the folder; and what somebody else put there.
  mkdirSync(join(home, 'reports', '2020-01-01-cn-0123abcd'))
  utimesSync(join(home, 'reports', '2020-01-01-cn-0123abcd'), 1, 1)
  for (const folder of ['reports', 'outbox']) {
    writeFileSync(join(home, folder, 'my own.txt'), '')
    utimesSync(join(home, folder, 'my own.txt'), 1, 1)
  }
  await first.close()

  const second = await openRig(t, { env, home, now: () => Date.now() + 99 * DAY_MS })
  await eventually(() => !readdirSync(join(home, 'reports')).includes('2020-01-01-cn-0123abcd'))
  assert.equal((await second.ask.get({ report_id })).state, 'done')
  assert.equal(readdirSync(join(home, 'outbox')).length, 2)
  await second.close()

  const third = await openRig(t, { env, home, now: () => Date.now() + 102 * DAY_MS })
  await assert.rejects(async () => await third.ask.get({ report_id }), { code: 'not_found' })
  assert.deepEqual(
    readdirSync(join(home, 'reports')).filter((name) => name !== 'cache'),
    ['my own.txt'],
  )
  assert.deepEqual(readdirSync(join(home, 'outbox')), ['my own.txt'])
})
