/** Reports in this process, on a real database and with real typesetters; the mail goes where a test wants it. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { pino } from 'pino'
import type { Handlers } from '../../../protocol/method.ts'
import { reports as contract, isOpenState, type Report, type reports } from '../../../protocol/reports.ts'
import { parseInput } from '../../../protocol/validate.ts'
import { type OpenReportsDeps, openReports } from '../../../services/reports/open.ts'
import { Settings } from '../../../services/reports/settings.ts'
import { atEnd, eventually, type Scope, tempDir } from '../../harness.ts'

type Asked = { readonly [M in keyof Handlers<typeof reports>]: (input: object) => ReturnType<Handlers<typeof reports>[M]> }

export interface Rig {
  readonly home: string
  /** Each method as over the wire: the input is judged by the contract, and defaults are filled in. */
  readonly ask: Asked
  readonly log: string[]
  /** Waits for the end of a report. */
  ended(report_id: string): Promise<Report>
  query<R>(sql: string): R[]
  /** Ends this life of the service, as a signal would. */
  close(): Promise<void>
}

export type RigOptions = Pick<OpenReportsDeps, 'retry_ms' | 'now' | 'ways' | 'at'> & {
  readonly home?: string
  readonly env?: Readonly<Record<string, string>>
}

export const openRig = async (t: Scope, { env = {}, home = tempDir(t), ...rest }: RigOptions = {}): Promise<Rig> => {
  const folders = { db: join(home, 'db'), outbox: join(home, 'outbox'), reports: join(home, 'reports') }
  for (const folder of Object.values(folders)) mkdirSync(folder, { recursive: true })
  const log: string[] = []
  const releases: (() => void | Promise<void>)[] = []
  const { PATH = '', HOME = '' } = process.env
  const settings = Settings.parse({ CLAUDE_BIN: 'demo', REPORT_ENGINE: 'typst', SWITCHBOARD_HOME: home, ...env })
  const opened = await openReports({
    env: settings,
    environment: { PATH, HOME, ...env },
    home: folders,
    log: pino({ level: 'info' }, { write: (line) => void log.push(line) }),
    publish: { report_changed: () => undefined },
    defer: (_, release) => releases.unshift(release),
    ...rest,
  })
  const close = async (): Promise<void> => {
    await opened.drain()
    for (let release = releases.shift(); release !== undefined; release = releases.shift()) await release()
  }
  atEnd(t, close)
  opened.start()
  const signal = new AbortController().signal
  const ask = Object.fromEntries(
    Object.entries(opened.handlers).map(([verb, handler]) => [
      verb,
      async (input: object) => {
        const spec = contract.methods[verb as keyof typeof contract.methods]
        return await (handler as (input: unknown, call: object) => Promise<unknown>)(parseInput(spec, input), {
          call_id: 'test',
          signal,
        })
      },
    ]),
  ) as unknown as Asked
  return {
    home,
    ask,
    log,
    close,
    ended: async (report_id) =>
      await eventually(
        async () => {
          const report = await ask.get({ report_id })
          return isOpenState(report.state) ? undefined : report
        },
        { timeout_ms: 60_000 },
      ),
    query: (sql) => {
      const db = new Database(join(folders.db, 'reports.db'), { readonly: true })
      try {
        return db.prepare(sql).all() as never[]
      } finally {
        db.close()
      }
    },
  }
}
