/** The reports: one handler for each method of the contract. */
import { randomUUID } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ServiceError } from '../../protocol/errors.ts'
import type { Handlers } from '../../protocol/method.ts'
import type { MailWay, ReportEngine, reports } from '../../protocol/reports.ts'
import { dayAt } from './day.ts'
import type { Desk } from './desk.ts'
import { recipientsOf } from './mail/recipients.ts'
import { fileName } from './papers.ts'
import type { Pipeline } from './pipeline.ts'
import type { At } from './points.ts'
import { toReport, toSummary } from './presentation.ts'
import type { ReportRow } from './rows.ts'
import type { Settings } from './settings.ts'
import type { Store } from './store.ts'
import type { Watchers } from './watchers.ts'

export interface ReportsDeps {
  readonly store: Store
  readonly pipeline: Pipeline
  readonly desk: Desk
  readonly watchers: Watchers
  readonly settings: Settings
  readonly now: () => number
  readonly at: At
  readonly folderOf: (report: ReportRow) => string
  readonly setup: {
    readonly engine: ReportEngine
    readonly engine_version: string | null
    readonly mail: MailWay
    readonly agent: 'claude' | 'demo'
    readonly missing: readonly string[]
  }
}

/** Composes the service. What a handler answers is committed to disk before it answers. */
export const createReports = (deps: ReportsDeps): Handlers<typeof reports> => {
  const { store, pipeline, desk, watchers, settings, now, at, folderOf, setup } = deps

  const rowOf = (report_id: string): ReportRow => {
    const report = store.get(report_id)
    if (report === undefined) throw new ServiceError('not_found', 'Report not found')
    return report
  }
  const shown = (report: ReportRow) =>
    toReport(report, store.mailOf(report.report_id), store.progress(report.report_id), folderOf(report))

  /** An example goes where somebody looks at it: to readers of a mail only where the demo agent was asked for by name. */
  const isExample = (preview: boolean): boolean =>
    setup.agent === 'demo' && (settings.CLAUDE_BIN === 'demo' || setup.mail === 'files' || preview)

  return {
    create: async ({ lang, date, preview, send, force }) => {
      const created_at = now()
      const day = { lang, date: date ?? dayAt(lang, created_at), preview: preview ? 1 : 0 } as const
      const { report, isNew } = store.atomically(() => {
        const open = store.openOf(day)
        // Whoever wants it mailed gets that, also where the one before wanted only the PDF.
        const wider = { wants_mail: send ? 1 : (open?.wants_mail ?? 0), force: force ? 1 : (open?.force ?? 0) } as const
        if (open !== undefined) return { report: store.change(open.report_id, open.state, wider) ?? open, isNew: false }
        const example = isExample(preview) ? 1 : 0
        const flags = { wants_mail: send ? 1 : 0, force: force ? 1 : 0, example } as const
        const row = store.add({ report_id: randomUUID(), ...day, ...flags, created_at })
        const readers: object & { note?: string } = send ? desk.readers(row) : {}
        // Before Claude is asked and paid, not after. Whoever is missing altogether gets the PDF on disk, and is told so.
        if (readers.note?.includes('--force')) throw new ServiceError('conflict', `Nothing was made. ${readers.note}`)
        store.addProgress(row.report_id, { at: created_at, state: 'gather', text: 'Ordered' })
        return { report: row, isNew: true }
      })
      if (isNew) at('ordered')
      pipeline.poke()
      return shown(report)
    },

    list: async ({ lang, before, limit }) =>
      store.list(lang ?? null, before ?? null, limit).map((report) => toSummary(report, store.mailOf(report.report_id))),

    status: async () => {
      const count = (lang: 'cn' | 'en', preview: boolean): number => {
        const { to, cc } = recipientsOf(settings, lang, preview)
        return to.length + cc.length
      }
      const { engine, engine_version, mail, agent, missing } = setup
      const recipients = { cn: count('cn', false), en: count('en', false), preview: count('cn', true) }
      return { engine, engine_version, mail, agent, recipients, missing: [...missing], open: store.open().length }
    },

    get: async ({ report_id, after_revision, wait_ms }, { signal }) => {
      const report = rowOf(report_id)
      if (after_revision != null && report.revision <= after_revision && report.ended_at === null)
        await watchers.changed(report_id, wait_ms, signal)
      return shown(rowOf(report_id))
    },

    pdf: async ({ report_id }) => {
      const report = rowOf(report_id)
      if (report.sha256 === null) throw new ServiceError('conflict', 'It has no PDF yet')
      const file = join(folderOf(report), `${fileName(report)}.pdf`)
      if (!existsSync(file)) throw new ServiceError('gone', 'Its PDF is not on disk any more')
      return { content_type: 'application/pdf', name: `${fileName(report)}.pdf`, bytes: readFileSync(file) }
    },

    send: async ({ report_id, force }) => {
      pipeline.resend(rowOf(report_id), force)
      return shown(rowOf(report_id))
    },

    cancel: async ({ report_id }) => {
      const report = rowOf(report_id)
      return { cancelled: report.ended_at === null && pipeline.cancel(report) }
    },
  }
}
