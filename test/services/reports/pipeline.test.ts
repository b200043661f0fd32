/** What a disk that cannot be read does to a report in the middle of its way. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import Database from 'better-sqlite3'
import { pino } from 'pino'
import { Desk } from '../../../services/reports/desk.ts'
import { Pipeline } from '../../../services/reports/pipeline.ts'
import { Settings } from '../../../services/reports/settings.ts'
import { openStore } from '../../../services/reports/store.ts'
import { packageRoot } from '../../../services/runtime/package-root.ts'
import { closeDatabase, openDatabase } from '../../../services/runtime/sqlite.ts'
import { atEnd, checkLeaks, eventually, tempDir } from '../../harness.ts'

checkLeaks()

test('pipeline - reads that fail between two steps and behind the last one do not end the service, and the report comes to its end', async (t) => {
  const home = tempDir(t)
  const lines: string[] = []
  const log = pino({ level: 'info' }, { write: (line) => void lines.push(line) })
  const migrations_dir = join(packageRoot(import.meta.url), 'services/reports/migrations')
  const db = openDatabase({ path: join(home, 'reports.db'), migrations_dir, synchronous: 'FULL', log })
  atEnd(t, () => closeDatabase(db))
  const opened = openStore(db)
  let toFail = 0
  let failed = 0
  const reading = <R>(read: () => R): R => {
    if (toFail === 0) return read()
    toFail -= 1
    failed += 1
    throw new Database.SqliteError('disk I/O error', 'SQLITE_IOERR_READ')
  }
  const store = {
    ...opened,
    get: (report_id: string) => {
      const row = reading(() => opened.get(report_id))
      if (row?.ended_at !== null) toFail = 2
      return row
    },
    open: () => reading(() => opened.open()),
  }
  const settings = Settings.parse({ CLAUDE_BIN: 'demo', SWITCHBOARD_HOME: home })
  const pipeline = new Pipeline({
    ...{ store, settings, log, claude: null, engines: [], now: Date.now },
    desk: new Desk({ store, settings, way: 'files' }),
    folderOf: () => home,
    onChange: () => undefined,
    onMail: () => undefined,
    at: () => undefined,
  })
  atEnd(t, () => pipeline.close())
  const report = { report_id: 'r1', lang: 'en', date: '2026-11-23', preview: 0, wants_mail: 0, force: 0, example: 1 } as const
  opened.add({ ...report, created_at: 0 })
  // The first step is written down, what became of it cannot be read.
  const { atomically } = store
  store.atomically = (work) => {
    store.atomically = atomically
    toFail = 2
    return atomically(work)
  }
  pipeline.poke()
  // There is no typesetter: that is its end.
  const ended = await eventually(() => (opened.get('r1')?.ended_at === null ? undefined : opened.get('r1')))
  assert.deepEqual([ended?.state, ended?.step], ['failed', 'typeset'])
  await eventually(() => failed === 6)
  assert.ok(lines.some((line) => line.includes('Which report comes next could not be read')))
})
