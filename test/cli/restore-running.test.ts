/** What ran when a backup was made: it is neither begun again by what is put back, nor taken for one's own beside the home it works for. */
import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { makeBackup } from '../../cli/backup/making.ts'
import { restore, restoreTo } from '../../cli/backup/restoring.ts'
import type { Settings } from '../../cli/settings.ts'
import { bootId } from '../../services/runtime/process.ts'
import { closeDatabase, openForReading } from '../../services/runtime/sqlite.ts'
import { startOf } from '../../services/sessions/agent/process.ts'
import { checkLeaks, eventually, startModule, tempDir } from '../harness.ts'
import { openHouse as openScheduler } from '../services/scheduler/house.ts'
import { root, surroundings } from './doctored.ts'
import { furnished, openOf } from './furnished.ts'
import { startSleeper } from './sleeper.ts'

checkLeaks()

const settingsOf = (settings: Settings, home: string): Settings => ({ ...settings, home, run_dir: path.join(home, 'run') })

test('restore - a command that ran when the backup was made is interrupted, and not started again', async (t) => {
  const house = await openScheduler(t)
  const settings = settingsOf(surroundings(t).settings, house.home)
  const [began, go] = [path.join(house.home, 'work.began'), path.join(house.home, 'work.go')]
  const job = await house.scheduler.create({
    name: 'long',
    cron_expression: '0 0 1 1 *',
    command: `echo once >> '${began}'; until [ -e '${go}' ]; do sleep 0.05; done`,
    job_type: 'shell',
  })
  const { run_id } = await house.scheduler.run({ job_id: job.id, wait_ms: 0 })
  await eventually(() => existsSync(began))
  const backup = await makeBackup(settings)
  await house.kill('scheduler')
  await assert.rejects(restore(settings, backup), /jobs or reports are still at work/)
  writeFileSync(go, '')
  const stateOf = (): string | undefined =>
    house.query<{ state: string }>('SELECT state FROM runs WHERE run_id = ?', run_id)[0]?.state
  await house.start('scheduler')
  // What it left on disk would tell how it ended.
  await eventually(() => stateOf() === 'ran' && readdirSync(path.join(house.home, 'cron')).length === 0)
  await house.kill('scheduler')

  await restore(settings, backup)
  assert.equal(stateOf(), 'running', 'as it was')
  await house.start('scheduler')
  await eventually(() => stateOf() === 'interrupted')
  assert.equal(readFileSync(began, 'utf8'), 'once\n')
})

test('restore - an agent that works for the home of the backup is not ended by one that is unpacked beside it', async (t) => {
  const settings = furnished(t)
  const pid = startSleeper(t, { ...process.env, SWITCHBOARD_AGENT: 'the-nonce' })
  const database = openOf(settings, 'sessions')
  const cwd = tempDir(t)
  database
    .prepare(
      `INSERT INTO sessions (bot_id, chat_id, cwd, slug, conversation_id, created_at, last_active_at)
       VALUES ('default', 'c', ?, 's', 'conversation', 0, 0)`,
    )
    .run(cwd)
  database
    .prepare(
      `INSERT INTO agents (bot_id, chat_id, conversation_id, nonce, boot_id, pid, pid_start, fingerprint, state, started_at)
       VALUES ('default', 'c', 'conversation', 'the-nonce', ?, ?, ?, 'f', 'live', 0)`,
    )
    .run(bootId(), pid, startOf(pid))
  database
    .prepare(
      `INSERT INTO turns (turn_id, bot_id, chat_id, origin, state, message, agent, start_offset, attempts, cancel_asked, created_at)
       VALUES ('turn', 'default', 'c', 'message', 'handing', 'hello', 1, 0, 1, 1, 0)`,
    )
    .run()
  closeDatabase(database)
  const folder = path.join(settings.home, 'beside')
  await restoreTo(await makeBackup(settings), folder, root)
  const sessions = startModule(t, 'services/sessions/main.ts', {
    SWITCHBOARD_HOME: folder,
    GATEWAY_SESSION_DIR: path.join(folder, 'chats'),
    CLAUDE_BIN: 'demo',
  })
  await eventually(() => sessions.messages.includes('ready') || sessions.process.exitCode !== null)
  await eventually(() => {
    const there = openForReading(path.join(folder, 'db', 'sessions.db'))
    try {
      return there.prepare("SELECT 1 FROM turns WHERE state = 'cancelled'").get() !== undefined
    } finally {
      there.close()
    }
  })
  assert.notEqual(startOf(pid), null, 'the agent lives')
})

test('restore - a report that was being made has failed, and is neither paid nor mailed a second time', async (t) => {
  const settings = furnished(t)
  const database = openOf(settings, 'reports')
  const insert = database.prepare(
    `INSERT INTO reports (report_id, lang, date, preview, wants_mail, force, state, run, created_at)
     VALUES (?, 'en', '2026-11-23', 0, 1, 0, ?, ?, 0)`,
  )
  insert.run('working', 'gather', 'working-gather-1')
  insert.run('waiting', 'gather', null)
  insert.run('mailing', 'send', null)
  closeDatabase(database)
  await restore(settings, await makeBackup(settings))
  const back = openForReading(path.join(settings.home, 'db', 'reports.db'))
  const rows = back.prepare('SELECT report_id, state, step, ended_at > 0 AS ended FROM reports ORDER BY rowid').all()
  back.close()
  assert.deepEqual(rows, [
    { report_id: 'working', state: 'failed', step: 'gather', ended: 1 },
    { report_id: 'waiting', state: 'gather', step: null, ended: null },
    { report_id: 'mailing', state: 'send', step: null, ended: null },
  ])
})

test('restore - the note of an import goes with the jobs that it tells of', async (t) => {
  const settings = furnished(t)
  const note = path.join(settings.home, 'imported.json')
  const without = await makeBackup(settings, Date.now() - 1_000)
  writeFileSync(note, '{"jobs":{"1":7}}')
  const within = await makeBackup(settings)
  writeFileSync(note, '{"jobs":{"1":7,"2":8}}')
  const replaced = await restore(settings, within)
  assert.equal(readFileSync(note, 'utf8'), '{"jobs":{"1":7}}')
  assert.equal(readFileSync(path.join(replaced, 'imported.json'), 'utf8'), '{"jobs":{"1":7,"2":8}}')
  const again = await restore(settings, without, Date.now() + 1)
  assert.ok(!existsSync(note), 'or every job would count as here already')
  assert.ok(existsSync(path.join(again, 'imported.json')))
})

test('restore - where it cannot be made ready nothing is changed, and nothing of it left', async (t) => {
  const settings = furnished(t)
  const database = openOf(settings, 'scheduler')
  database.exec('PRAGMA foreign_keys = OFF; DROP TABLE runs')
  closeDatabase(database)
  await assert.rejects(restore(settings, await makeBackup(settings)), /no such table: runs/)
  for (const name of ['restore.partial', 'restore.json', 'replaced']) assert.ok(!existsSync(path.join(settings.home, name)), name)
})
