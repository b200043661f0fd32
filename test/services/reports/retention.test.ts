import assert from 'node:assert/strict'
import { chmodSync, existsSync, mkdirSync, readdirSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import Database from 'better-sqlite3'
import { processesOf } from '../../../services/reports/one-shot/processes.ts'
import { isLinux } from '../../../services/runtime/process.ts'
import { checkLeaks, eventually, tempDir } from '../../harness.ts'
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

test('reports - cancelled in the moment in which the service was killed: the next life ends the program and clears its folder', async (t) => {
  const home = tempDir(t)
  const program = join(home, 'claude')
  writeFileSync(program, '#!/bin/sh\nsleep 60\n')
  chmodSync(program, 0o755)
  const env = { CLAUDE_BIN: program }
  const first = await openRig(t, { env, home })
  const { report_id } = await first.ask.create({ lang: 'en', send: false })
  const other = await first.ask.create({ lang: 'cn', send: false })
  const stepsOf = (id: string): string[] =>
    readdirSync(join(home, 'reports'), { recursive: true, encoding: 'utf8' }).filter((name) => name.includes(`/${id}-`))
  const folderOf = (id: string): string => join(home, 'reports', stepsOf(id).find((name) => name.endsWith('/pid')) ?? '', '..')
  await eventually(() => [report_id, other.report_id].every((id) => existsSync(join(folderOf(id), 'pid'))))
  const [cancelled, kept] = [folderOf(report_id), folderOf(other.report_id)] as const
  const nonceOf = (folder: string): string => folder.slice(folder.lastIndexOf('/') + 1)
  await first.close()
  const db = new Database(join(home, 'db', 'reports.db'))
  db.prepare("UPDATE reports SET state = 'cancelled', run = NULL, ended_at = 1 WHERE report_id = ?").run(report_id)
  db.close()
  assert.ok(processesOf(nonceOf(cancelled), null).length > 0 || !isLinux, 'nobody has ended it')

  const second = await openRig(t, { env, home })
  await eventually(() => processesOf(nonceOf(cancelled), null).length === 0)
  assert.ok(!existsSync(cancelled))
  assert.ok(existsSync(kept), 'what is being made is let be')
  assert.ok(processesOf(nonceOf(kept), null).length > 0 || !isLinux)
  await second.ask.cancel({ report_id: other.report_id })
  await eventually(() => !existsSync(kept) && processesOf(nonceOf(kept), null).length === 0)
})
