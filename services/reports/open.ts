/** Puts the parts of the reports together and takes up what the last life left. */
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Publisher } from '../../protocol/method.ts'
import type { reports } from '../../protocol/reports.ts'
import { dropAged as dropAgedFiles } from '../runtime/aged.ts'
import type { Home } from '../runtime/home.ts'
import type { Log } from '../runtime/log.ts'
import { packageRoot } from '../runtime/package-root.ts'
import { closeDatabase, openDatabase } from '../runtime/sqlite.ts'
import { findClaude } from './claude/claude.ts'
import { Desk } from './desk.ts'
import { isMailFile } from './mail/files.ts'
import { isMailOrder } from './mail/mail-app.ts'
import { Mailer, RETRY_MS } from './mail/mailer.ts'
import type { Attachment } from './mail/message.ts'
import type { Way } from './mail/way.ts'
import { clearSteps } from './one-shot/leftovers.ts'
import { fileName } from './papers.ts'
import { Pipeline } from './pipeline.ts'
import type { At } from './points.ts'
import { folderIn, isReportFolder } from './presentation.ts'
import type { MailRow, ReportRow } from './rows.ts'
import { createReports } from './service.ts'
import type { Settings } from './settings.ts'
import { chooseWay, createWays, findEngines, missingOf } from './setup.ts'
import { openStore } from './store.ts'
import { Watchers } from './watchers.ts'

const DAY_MS = 86_400_000
const HOUR_MS = 3_600_000

export interface OpenReportsDeps {
  readonly env: Settings
  /** Our whole environment, of which programs get the allowed part. */
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly home: Pick<Home, 'db' | 'outbox' | 'reports'>
  readonly log: Log
  readonly publish: Publisher<typeof reports>
  readonly defer: (name: string, release: () => void | Promise<void>) => void
  readonly now?: () => number
  /** Hears of each named point; only crash tests listen. */
  readonly at?: At
  /** Other waits between attempts to mail, and other ways, for tests. */
  readonly retry_ms?: readonly number[]
  readonly ways?: Partial<Record<Way['name'], Way>>
}

/** Handlers that may be called, with the way to begin and to finish. Releases are given to `defer`. */
export const openReports = async (deps: OpenReportsDeps) => {
  const { env: settings, environment, home, log, publish, defer, now = Date.now, at = () => undefined } = deps
  const migrations_dir = join(packageRoot(import.meta.url), 'services/reports/migrations')
  const db = openDatabase({ path: join(home.db, 'reports.db'), migrations_dir, synchronous: 'FULL', log })
  defer('database', () => closeDatabase(db))
  const store = openStore(db)
  const watchers = new Watchers()
  defer('watchers', () => watchers.close())

  const claude = findClaude(settings, environment)
  const { engines, version } = await findEngines(settings, environment, join(home.reports, 'cache'))
  const engine = engines[0]?.name ?? 'typst'
  const way = chooseWay(settings, process.platform)
  const folderOf = (report: ReportRow): string => folderIn(home.reports, report)
  const desk = new Desk({ store, settings, way })

  /** What was proofed, and nothing else. */
  const attachmentOf = ({ report_id, kind }: MailRow): Attachment | null => {
    const report = store.get(report_id)
    if (kind === 'alert' || report === undefined) return null
    const name = `${fileName(report)}.pdf`
    const path = join(folderOf(report), name)
    const bytes = existsSync(path) ? readFileSync(path) : Buffer.alloc(0)
    if (createHash('sha256').update(bytes).digest('hex') !== report.sha256)
      throw new Error(`${path} is not the PDF that was proofed, or is gone; order the report again`)
    return { name, path, bytes }
  }

  const onChange = (report: ReportRow): void => {
    const { report_id, lang, date, state, revision } = report
    publish.report_changed({ report_id, lang, date, state, revision })
    watchers.tell(report_id)
  }
  const pipeline: Pipeline = new Pipeline({
    ...{ store, desk, settings, claude, engines, folderOf, log, at, now, onChange },
    onMail: () => mailer.poke(),
  })
  const mailer: Mailer = new Mailer({
    store,
    ways: { ...createWays(settings, environment, home), ...deps.ways },
    ...{ log, at, now, attachmentOf },
    retry_ms: deps.retry_ms ?? RETRY_MS,
    onEnd: (mail) => pipeline.onMailEnd(mail),
  })
  defer('mailer', () => mailer.close())
  defer('pipeline', () => pipeline.close())
  mailer.recover()

  const dropAged = (): void => {
    const before = now() - settings.REPORT_KEEP_DAYS * DAY_MS
    try {
      for (const report of store.dropAged(before)) rmSync(folderOf(report), { recursive: true, force: true })
      // Folders that a crash left without a row, long behind the end of any row; mails as files have none of their own.
      dropAgedFiles(home.reports, isReportFolder, before - DAY_MS)
      dropAgedFiles(home.outbox, isMailFile, before)
      dropAgedFiles(home.reports, isMailOrder, before)
    } catch (error) {
      log.error({ err: error }, 'Old reports could not be removed; it is tried again in an hour')
    }
  }
  /** What was cancelled, or ended otherwise, and was not cleared before the last life was over. */
  const clearLeft = (): void => {
    try {
      for (const name of readdirSync(home.reports).filter(isReportFolder))
        clearSteps(join(home.reports, name), (report_id) => store.get(report_id)?.ended_at !== null)
    } catch (error) {
      log.error({ err: error }, 'What steps of reports left on disk could not be removed')
    }
  }
  const start = (): void => {
    clearLeft()
    const hourly = setInterval(dropAged, HOUR_MS)
    defer('clock', () => clearInterval(hourly))
    dropAged()
    pipeline.poke()
    mailer.start()
  }
  const setup = {
    ...{ engine, engine_version: version, mail: way, agent: claude === null ? ('demo' as const) : ('claude' as const) },
    missing: missingOf(settings, { claude, engine, way }),
  } as const
  const handlers = createReports({ store, pipeline, desk, watchers, settings, now, at, folderOf, setup })
  return { handlers, start, drain: () => mailer.drain() }
}
