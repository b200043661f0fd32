/**
 * The reports killed at every named point between the order and the mail. What was asked and mailed is counted by the program that was asked
 * and by the server that was given the mail, never by our rows alone.
 */
import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync, renameSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import Database from 'better-sqlite3'
import { createClient } from '../../../protocol/client.ts'
import { isOpenState, type Report } from '../../../protocol/reports.ts'
import { openLink } from '../../../protocol/wire/link.ts'
import { POINTS, type Point } from '../../../services/reports/points.ts'
import { bootId } from '../../../services/runtime/process.ts'
import { claudeScript } from '../../fakes/report-claude.ts'
import { atEnd, type Child, checkLeaks, eventually, type Scope, startModule, tempDir } from '../../harness.ts'
import { openMailServer } from './mail-server.ts'

checkLeaks()

const openHouse = async (t: Scope, way: 'smtp' | 'files') => {
  const home = tempDir(t)
  const server = await openMailServer(t)
  const journal = join(home, 'journal')
  const armFile = join(home, 'arm')
  const env: Record<string, string> = {
    SWITCHBOARD_HOME: home,
    ARM_FILE: armFile,
    CLAUDE_BIN: claudeScript(home),
    REPORT_CLAUDE_JOURNAL: journal,
    AGENT_ENV_PASS: 'REPORT_CLAUDE_JOURNAL',
    REPORT_ENGINE: 'typst',
    REPORT_MAIL: way,
    SMTP_URL: server.url,
    REPORT_SENDER: 'paper@example.org',
    REPORT_TO_PRIMARY: 'reader@example.org',
    REPORT_CC: 'owner@example.org',
  }
  let child: Child | undefined
  const start = async (): Promise<void> => {
    const started = startModule(t, 'test/services/reports/reports-main.ts', env)
    child = started
    // One that is armed may be gone before it was ready.
    await eventually(() => started.messages.includes('ready') || started.process.signalCode !== null, { timeout_ms: 30_000 })
  }
  await start()
  const link = openLink({ run_dir: join(home, 'run'), service: 'reports' })
  atEnd(t, () => link.close())
  const reports = createClient('reports', link.call)
  return {
    home,
    server,
    reports,
    start,
    /** Ends it as PM2 would. */
    async stop() {
      child?.process.kill('SIGTERM')
      assert.deepEqual(await child?.exit, { code: 0, signal: null })
    },
    arm: (point: Point) => writeFileSync(armFile, point),
    async died() {
      await eventually(() => child?.process.signalCode != null || child?.process.exitCode != null, { timeout_ms: 20_000 }).catch(
        () => assert.fail(`it did not pass ${readFileSync(armFile, 'utf8')}: ${child?.output()}`),
      )
      assert.ok(
        !existsSync(armFile),
        `it ended before it passed ${existsSync(armFile) ? readFileSync(armFile, 'utf8') : ''}: ${child?.output()}`,
      )
    },
    asked: () => (existsSync(journal) ? readFileSync(journal, 'utf8').trim().split('\n') : []),
    paper: () => server.taken.filter(({ mail }) => mail.subject?.includes('每日智能报告')),
    alerts: () => server.taken.filter(({ mail }) => mail.subject?.includes('needs you')),
    ended: async (report_id: string): Promise<Report> =>
      await eventually(
        async () => {
          const report = await reports.get({ report_id, wait_ms: 500 })
          return isOpenState(report.state) ? undefined : report
        },
        { timeout_ms: 60_000 },
      ),
  }
}

/** The moments at which it is known what has left; behind the other two it is not. */
const KNOWN = POINTS.filter((point) => point !== 'mail_handing' && point !== 'mail_taken')

test('crash - killed at every step, one after another: Claude is asked once for each, and one mail arrives', async (t) => {
  const house = await openHouse(t, 'smtp')
  const [first, ...others] = KNOWN
  house.arm(first as Point)
  const ordered = house.reports.create({ lang: 'cn', date: '2026-11-23' }, { timeout_ms: 30_000 })
  for (const point of others) {
    await house.died()
    house.arm(point)
    await house.start()
  }
  await house.died()
  await house.start()
  const { report_id } = await ordered
  const report = await house.ended(report_id)
  assert.deepEqual([report.state, report.reason, report.mail?.state], ['done', null, 'sent'])
  assert.deepEqual(house.asked(), ['gather', 'write'])
  assert.equal(report.cost_usd, 0.02)
  assert.equal(house.paper().length, 1)
  assert.deepEqual(house.paper()[0]?.to, ['reader@example.org', 'owner@example.org'])
  assert.equal(house.alerts().length, 0)
  await assert.rejects(house.reports.create({ lang: 'cn', date: '2026-11-23' }), /everybody already/)
})

for (const [point, arrived] of [
  ['mail_handing', 0],
  ['mail_taken', 1],
] as const) {
  test(`crash - killed at ${point}: nothing is sent twice, and the owner is told with the Message-ID`, async (t) => {
    const house = await openHouse(t, 'smtp')
    house.arm(point)
    const { report_id } = await house.reports.create({ lang: 'cn', date: '2026-11-23' })
    await house.died()
    await house.start()
    const report = await house.ended(report_id)
    assert.deepEqual([report.state, report.step, report.mail?.state], ['doubtful', 'send', 'doubtful'])
    assert.equal(house.paper().length, arrived)
    const [alert] = await eventually(() => (house.alerts().length > 0 ? house.alerts() : undefined))
    assert.deepEqual(alert?.to, ['owner@example.org'])
    const message_id = report.mail?.message_id ?? 'none'
    assert.ok(alert?.mail.text?.includes(message_id))
    await assert.rejects(house.reports.create({ lang: 'cn', date: '2026-11-23' }), /everybody already/)
    await assert.rejects(house.reports.send({ report_id }), /look first/)
    assert.equal(house.paper().length, arrived)
    // The owner looked: it is not there.
    await house.reports.send({ report_id, force: true })
    assert.equal((await house.ended(report_id)).state, 'done')
    assert.equal(house.paper().length, arrived + 1)
    assert.deepEqual(new Set(house.paper().map(({ mail }) => mail.messageId)), new Set([message_id]))
    assert.equal(house.alerts().length, 1)
  })
}

test('crash - with files, killed at every step of the mail: one file', async (t) => {
  const house = await openHouse(t, 'files')
  house.arm('mail_noted')
  const { report_id } = await house.reports.create({ lang: 'cn', date: '2026-11-23' })
  for (const point of ['mail_streamed', 'mail_handing', 'mail_taken', 'ended'] as const) {
    await house.died()
    house.arm(point)
    await house.start()
  }
  await house.died()
  await house.start()
  assert.equal((await house.ended(report_id)).state, 'done')
  assert.equal(readdirSync(join(house.home, 'outbox')).filter((name) => name.endsWith('.eml')).length, 1)
})

test('crash - a signal in the middle of a question ends the service with 0, and the answer is taken up', async (t) => {
  const house = await openHouse(t, 'files')
  const { report_id } = await house.reports.create({ lang: 'en', date: '2026-11-23' })
  await eventually(() => house.asked().length === 1)
  await house.stop()
  await house.start()
  assert.equal((await house.ended(report_id)).state, 'done')
  assert.deepEqual(house.asked(), ['gather', 'write'])
})

test('reports - a paper that was set before the machine was started anew is set again: nobody knows what the disk has kept', async (t) => {
  const house = await openHouse(t, 'smtp')
  house.arm('typeset')
  const { report_id } = await house.reports.create({ lang: 'cn', date: '2026-03-01' })
  await house.died()
  // As the next life of the machine finds it: the run is of another one, and what it left is torn.
  const db = new Database(join(house.home, 'db/reports.db'))
  const { run } = db.prepare<[string], { run: string }>('SELECT run FROM reports WHERE report_id = ?').get(report_id) ?? {
    run: '',
  }
  const other = run.replace(bootId().slice(0, 8), 'deadbeef')
  assert.notEqual(other, run)
  db.prepare('UPDATE reports SET run = ? WHERE report_id = ?').run(other, report_id)
  db.close()
  const all = readdirSync(join(house.home, 'reports'), { recursive: true, encoding: 'utf8' })
  const folder = join(house.home, 'reports', all.find((name) => name.endsWith(run)) ?? assert.fail('no folder of the run'))
  for (const name of ['out', 'paper.pdf']) truncateSync(join(folder, name), 7)
  renameSync(folder, join(folder, '..', other))
  await house.start()
  const report = await house.ended(report_id)
  assert.equal(report.state, 'done', report.reason ?? '')
  assert.equal(house.paper().length, 1)
  await house.stop()
})
