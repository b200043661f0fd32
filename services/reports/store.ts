/** The only SQL of the reports. */
import type { Database, Statement } from 'better-sqlite3'
import type { ReportLang, ReportState } from '../../protocol/reports.ts'
import type { MailChange, MailRow, NewMail, ProgressRow, ReportChange, ReportRow, ThreadRow } from './rows.ts'

/** Whose mail of which day is meant. */
export interface Day {
  readonly lang: ReportLang
  readonly date: string
  readonly preview: 0 | 1
}

export type NewReport = Pick<
  ReportRow,
  'report_id' | 'lang' | 'date' | 'preview' | 'wants_mail' | 'force' | 'example' | 'created_at'
>

/** The verbs in which the service speaks to its database. All of them run to their end before they return. */
export interface Store {
  /** Runs the work in one transaction. */
  atomically<T>(work: () => T): T
  add(report: NewReport): ReportRow
  get(report_id: string): ReportRow | undefined
  list(lang: ReportLang | null, before: number | null, limit: number): ReportRow[]
  /** Those that have not ended, oldest first. */
  open(): ReportRow[]
  openOf(day: Day): ReportRow | undefined
  /** Changes what is given of a report that is in the state `from`; undefined when it is not in that state any more. */
  change(report_id: string, from: ReportState, change: ReportChange): ReportRow | undefined
  addProgress(report_id: string, row: ProgressRow): void
  progress(report_id: string): ProgressRow[]
  addMail(mail: NewMail, created_at: number): MailRow
  mail(mail_id: number): MailRow | undefined
  /** The newest mail with the report itself. */
  mailOf(report_id: string): MailRow | undefined
  hasAlert(report_id: string): boolean
  /** Mails that wait, and those that were being handed over. */
  openMails(): MailRow[]
  /** Changes a mail that is in one of the states `from`; false when it is not. */
  changeMail(mail_id: number, from: readonly MailRow['state'][], change: MailChange): boolean
  /** The addresses among these that have, or may have, the mail of that day. */
  takers(day: Day, addresses: readonly string[]): string[]
  /** Writes down that these get it. @param force also where they have had it already */
  take(day: Day, addresses: readonly string[], mail_id: number, force: boolean): void
  /** The mail never left: its recipients have had nothing. */
  release(mail_id: number): void
  /** Forgets what ended before a moment; gives back what it was. Who has had which report stays known for as long. */
  dropAged(before: number): ReportRow[]
  thread(name: string): ThreadRow | undefined
  keepThread(row: ThreadRow): void
}

const parsed = <T>(text: unknown): T => JSON.parse(String(text)) as T

const toMail = (row: Record<string, unknown>): MailRow => {
  const { to_list, cc_list, reply_to, ...rest } = row
  return { ...rest, to: parsed(to_list), cc: parsed(cc_list), reply_to: parsed(reply_to) } as unknown as MailRow
}

const OPEN = "state IN ('waiting', 'handing')"

/** Prepares the statements of an open, migrated database. */
export const openStore = (db: Database): Store => {
  const add = db.prepare<[NewReport], ReportRow>(`
    INSERT INTO reports (report_id, lang, date, preview, wants_mail, force, example, state, created_at)
    VALUES (@report_id, @lang, @date, @preview, @wants_mail, @force, @example, 'gather', @created_at) RETURNING *`)
  const get = db.prepare<[string], ReportRow>('SELECT * FROM reports WHERE report_id = ?')
  const list = db.prepare(`
    SELECT * FROM reports WHERE (@lang IS NULL OR lang = @lang) AND (@before IS NULL OR created_at < @before)
    ORDER BY created_at DESC, report_id LIMIT @limit`)
  const open = db.prepare<[], ReportRow>('SELECT * FROM reports WHERE ended_at IS NULL ORDER BY created_at, report_id')
  const openOf = db.prepare<[Day], ReportRow>(`
    SELECT * FROM reports WHERE ended_at IS NULL AND lang = @lang AND date = @date AND preview = @preview
    ORDER BY created_at DESC LIMIT 1`)
  const addProgress = db.prepare('INSERT INTO report_progress (report_id, at, state, text) VALUES (?, ?, ?, ?)')
  const progress = db.prepare<[string], ProgressRow>(
    'SELECT at, state, text FROM report_progress WHERE report_id = ? ORDER BY id',
  )
  const addMail = db.prepare(`
    INSERT INTO mails (report_id, kind, state, way, message_id, sender, to_list, cc_list, subject, body, reply_to, created_at)
    VALUES (@report_id, @kind, 'waiting', @way, @message_id, @sender, @to_list, @cc_list, @subject, @body, @reply_to, @created_at)
    RETURNING *`)
  const mail = db.prepare('SELECT * FROM mails WHERE mail_id = ?')
  const mailOf = db.prepare("SELECT * FROM mails WHERE report_id = ? AND kind = 'report' ORDER BY mail_id DESC LIMIT 1")
  const alert = db.prepare("SELECT 1 FROM mails WHERE report_id = ? AND kind = 'alert'")
  const openMails = db.prepare(`SELECT * FROM mails WHERE ${OPEN} ORDER BY mail_id`)
  const taker = db.prepare('SELECT 1 FROM mail_recipients WHERE lang = ? AND date = ? AND preview = ? AND address = ?')
  const take = db.prepare(`
    INSERT INTO mail_recipients (lang, date, preview, address, round, mail_id)
    SELECT @lang, @date, @preview, @address, CASE WHEN @force = 1 THEN coalesce(max(round), -1) + 1 ELSE 0 END, @mail_id
    FROM mail_recipients WHERE lang = @lang AND date = @date AND preview = @preview AND address = @address`)
  const release = db.prepare('DELETE FROM mail_recipients WHERE mail_id = ?')
  const dropAged = db.prepare<[number], ReportRow>('DELETE FROM reports WHERE ended_at < ? RETURNING *')
  const thread = db.prepare('SELECT * FROM threads WHERE name = ?')
  const keepThread = db.prepare(`
    INSERT INTO threads (name, week, subject, message_ids) VALUES (@name, @week, @subject, @message_ids)
    ON CONFLICT (name) DO UPDATE SET week = excluded.week, subject = excluded.subject, message_ids = excluded.message_ids`)

  /** Statements that change some columns, by the columns. */
  const changes = new Map<string, Statement>()
  const changing = (table: 'reports' | 'mails', columns: readonly string[]): Statement => {
    const key = `${table} ${columns.join(' ')}`
    const known = changes.get(key)
    if (known !== undefined) return known
    const set = columns.map((column) => `${column} = @${column}`)
    const made = db.prepare(
      table === 'reports'
        ? `UPDATE reports SET ${[...set, 'revision = revision + 1'].join(', ')}
           WHERE report_id = @by_report_id AND state = @by_state RETURNING *`
        : `UPDATE mails SET ${set.join(', ')} WHERE mail_id = @by_mail_id`,
    )
    changes.set(key, made)
    return made
  }

  return {
    atomically: (work) => db.transaction(work).immediate(),
    add: (report) => add.get(report) as ReportRow,
    get: (report_id) => get.get(report_id),
    list: (lang, before, limit) => list.all({ lang, before, limit }) as ReportRow[],
    open: () => open.all(),
    openOf: (day) => openOf.get(day),
    change: (report_id, from, change) =>
      changing('reports', Object.keys(change)).get({ ...change, by_report_id: report_id, by_state: from }) as
        | ReportRow
        | undefined,
    addProgress: (report_id, { at, state, text }) => void addProgress.run(report_id, at, state, text),
    progress: (report_id) => progress.all(report_id),
    addMail: ({ to, cc, reply_to, ...rest }, created_at) => {
      const lists = { to_list: JSON.stringify(to), cc_list: JSON.stringify(cc), reply_to: JSON.stringify(reply_to) }
      return toMail(addMail.get({ ...rest, ...lists, created_at }) as Record<string, unknown>)
    },
    mail: (mail_id) => {
      const row = mail.get(mail_id) as Record<string, unknown> | undefined
      return row === undefined ? undefined : toMail(row)
    },
    mailOf: (report_id) => {
      const row = mailOf.get(report_id) as Record<string, unknown> | undefined
      return row === undefined ? undefined : toMail(row)
    },
    hasAlert: (report_id) => alert.get(report_id) !== undefined,
    openMails: () => (openMails.all() as Record<string, unknown>[]).map(toMail),
    changeMail: (mail_id, from, change) => {
      const row = mail.get(mail_id) as { state: MailRow['state'] } | undefined
      if (row === undefined || !from.includes(row.state)) return false
      return changing('mails', Object.keys(change)).run({ ...change, by_mail_id: mail_id }).changes === 1
    },
    takers: ({ lang, date, preview }, addresses) =>
      addresses.filter((address) => taker.get(lang, date, preview, address) !== undefined),
    take: (day, addresses, mail_id, force) => {
      for (const address of addresses) take.run({ ...day, address, mail_id, force: force ? 1 : 0 })
    },
    release: (mail_id) => void release.run(mail_id),
    dropAged: (before) => dropAged.all(before),
    thread: (name) => {
      const row = thread.get(name) as (Omit<ThreadRow, 'message_ids'> & { message_ids: string }) | undefined
      return row === undefined ? undefined : { ...row, message_ids: parsed<string[]>(row.message_ids) }
    },
    keepThread: (row) => void keepThread.run({ ...row, message_ids: JSON.stringify(row.message_ids) }),
  }
}
