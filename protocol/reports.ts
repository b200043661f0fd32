/** Reports: the morning paper. Claude gathers the news, it is typeset and mailed; each step is a row that outlives a crash. */
import { z } from 'zod'
import { method, service, topic } from './method.ts'

/** A report's id: a UUID that the service makes. */
export const ReportId = z.uuid().meta({ description: 'names a report', examples: ['3f0c7a52-9b1d-4c8e-a6f4-5d2e8b7c9a10'] })

/** `cn`: the Chinese edition (dated in Asia/Shanghai); `en`: the English one (America/Los_Angeles). */
export const ReportLang = z
  .enum(['cn', 'en'])
  .describe('the edition: cn (Chinese, Asia/Shanghai) or en (English, America/Los_Angeles)')
export type ReportLang = z.output<typeof ReportLang>

/**
 * The steps of a report, in order, and its ends. *done*: the PDF is there, and the mail (where one was wanted) is sent.
 * *doubtful*: the mail was being handed over when the service died; it is not sent again by itself.
 */
export const ReportState = z
  .enum(['gather', 'write', 'typeset', 'proof', 'send', 'done', 'failed', 'doubtful', 'cancelled'])
  .meta({ title: 'ReportState' })
export type ReportState = z.output<typeof ReportState>

/** The states in which a report is still being worked at. */
export const OPEN_STATES = ['gather', 'write', 'typeset', 'proof', 'send'] as const satisfies readonly ReportState[]

/** Whether a report may still change by itself. */
export const isOpenState = (state: ReportState): boolean => (OPEN_STATES as readonly ReportState[]).includes(state)

/** How mail leaves: an SMTP server, Mail.app on macOS, or files in `<home>/outbox`. */
export const MailWay = z.enum(['smtp', 'mail-app', 'files'])
export type MailWay = z.output<typeof MailWay>

/** What typesets: XeLaTeX where it is installed, else the built-in Typst. */
export const ReportEngine = z.enum(['xelatex', 'typst'])
export type ReportEngine = z.output<typeof ReportEngine>

/** The mail of a report. Moments are milliseconds since 1970. */
export const ReportMail = z
  .object({
    state: z
      .enum(['waiting', 'handing', 'sent', 'failed', 'doubtful'])
      .describe('waiting: nothing has left; handing: its end is on the way; doubtful: nobody knows whether it arrived'),
    way: MailWay,
    subject: z.string(),
    to: z.array(z.string()),
    cc: z.array(z.string()),
    message_id: z.string(),
    file: z.string().nullable().describe('files: where it lies'),
    attempts: z.number().int(),
    next_at: z.number().int().nullable().describe('when it is tried again'),
    sent_at: z.number().int().nullable(),
    reason: z.string().nullable().describe('why it is not sent'),
  })
  .meta({ title: 'ReportMail' })
export type ReportMail = z.output<typeof ReportMail>

/** A report as lists show it. Moments are milliseconds since 1970. */
export const ReportSummary = z
  .object({
    report_id: ReportId,
    lang: ReportLang,
    date: z.string().describe('the day it is about, YYYY-MM-DD'),
    preview: z.boolean().describe('mailed to REPORT_CC only'),
    example: z.boolean().describe('no news: the demo agent is in use, and the report says so'),
    state: ReportState,
    step: z.string().nullable().describe('failed, cancelled: in which step'),
    reason: z.string().nullable().describe('why it ended other than done, and what to do'),
    notes: z.array(z.string()).describe('what somebody should know of a report that is done'),
    engine: ReportEngine.nullable(),
    pages: z.number().int().nullable(),
    bytes: z.number().int().nullable().describe('of the PDF; null while there is none'),
    cost_usd: z.number().nullable(),
    created_at: z.number().int().describe('milliseconds since 1970, as all moments here'),
    ended_at: z.number().int().nullable(),
    revision: z.number().int().describe('rises with every change'),
    mail: ReportMail.nullable().describe('null: none was wanted, or it has not come to that yet'),
  })
  .meta({ title: 'ReportSummary' })
export type ReportSummary = z.output<typeof ReportSummary>

/** A step forward, in words. */
export const ReportProgress = z.object({ at: z.number().int(), state: ReportState, text: z.string() })
export type ReportProgress = z.output<typeof ReportProgress>

export const Report = ReportSummary.extend({
  progress: z.array(ReportProgress).describe('what happened, oldest first'),
  text: z.string().nullable().describe('the whole report as plain text; null until it is written'),
  file: z.string().nullable().describe('where the PDF lies on this machine; null while there is none'),
}).meta({ title: 'Report' })
export type Report = z.output<typeof Report>

const Day = z
  .string()
  .regex(/^\d{4}-\d{2}-\d{2}$/, 'must be a day such as 2026-11-23')
  .refine((day) => !Number.isNaN(Date.parse(`${day}T00:00:00Z`)), 'is no day of the calendar')
  .meta({ examples: ['2026-11-23'] })

/** Bytes that travel as such over the wire and are the answer of a route of the shape `file`. */
const Bytes = z.custom<Uint8Array>((value) => value instanceof Uint8Array, 'must be bytes')
Bytes._zod.toJSONSchema = () => ({ type: 'string', contentEncoding: 'base64' })

export const reports = service({
  summary: 'The morning paper in Chinese and English: gathered by Claude, typeset, mailed once',
  methods: {
    create: method({
      summary:
        "Make the report of a day and mail it; attaches to the one of that day that is being made. 409 where the day's mail has gone out",
      input: z.object({
        lang: ReportLang,
        date: Day.nullish().describe("absent: today, on the edition's own clocks"),
        preview: z.boolean().default(false).describe('mail it to REPORT_CC only, marked as a preview'),
        send: z.boolean().default(true).describe('false: make the PDF and mail nothing'),
        force: z.boolean().default(false).describe('mail it also to those who have had the report of that day'),
      }),
      output: Report,
      errors: ['conflict', 'low_disk'],
      http: [{ route: 'POST /api/reports', status: 201 }],
      ws: true,
      mcp: 'create_report',
      timeout_ms: 10_000,
      idempotent: true,
    }),
    list: method({
      summary: 'The reports, newest first',
      input: z.object({
        lang: ReportLang.nullish(),
        limit: z.number().int().min(1).max(200).default(30),
        before: z.number().int().nullish().describe('created before this moment, milliseconds since 1970'),
      }),
      output: z.array(ReportSummary),
      http: [{ route: 'GET /api/reports' }],
      ws: true,
      mcp: 'list_reports',
      timeout_ms: 5_000,
      idempotent: true,
    }),
    status: method({
      summary: 'What typesets and what mails, and what is missing',
      input: z.object({}),
      output: z.object({
        engine: ReportEngine,
        engine_version: z.string().nullable(),
        mail: MailWay,
        agent: z.enum(['claude', 'demo']),
        recipients: z.object({ cn: z.number().int(), en: z.number().int(), preview: z.number().int() }),
        missing: z.array(z.string()).describe('what is not set up, and what to do; the report stays on disk meanwhile'),
        open: z.number().int().describe('reports that are being made'),
      }),
      http: [{ route: 'GET /api/reports/status' }],
      ws: true,
      timeout_ms: 5_000,
      idempotent: true,
    }),
    get: method({
      summary: 'One report with its progress and its text; waits for news where asked to',
      input: z.object({
        report_id: ReportId,
        after_revision: z.number().int().nullish().describe('wait until it has changed beyond this revision'),
        wait_ms: z.number().int().min(0).max(30_000).default(0),
      }),
      output: Report,
      errors: ['not_found'],
      http: [{ route: 'GET /api/reports/{report_id}' }],
      ws: true,
      mcp: 'get_report',
      timeout_ms: 45_000,
      idempotent: true,
    }),
    pdf: method({
      summary: 'The PDF of a report',
      input: z.object({ report_id: ReportId }),
      output: z.object({ content_type: z.literal('application/pdf'), name: z.string(), bytes: Bytes }),
      errors: ['not_found', 'conflict', 'gone'],
      http: [{ route: 'GET /api/reports/{report_id}/pdf', shape: 'file' }],
      timeout_ms: 10_000,
      idempotent: true,
    }),
    send: method({
      summary: 'Mail a report that is made: one that was not sent, whose mail failed, or is in doubt (with force)',
      input: z.object({
        report_id: ReportId,
        force: z.boolean().default(false).describe('also to those who have had, or may have had, the report of that day'),
      }),
      output: Report,
      errors: ['not_found', 'conflict'],
      http: [{ route: 'POST /api/reports/{report_id}/send' }],
      ws: true,
      mcp: 'send_report',
      timeout_ms: 10_000,
    }),
    cancel: method({
      summary: 'Stop making a report; what is being handed to a mail server is not called back',
      input: z.object({ report_id: ReportId }),
      output: z.object({ cancelled: z.boolean() }),
      errors: ['not_found'],
      http: [{ route: 'POST /api/reports/{report_id}/cancel' }],
      ws: true,
      mcp: 'cancel_report',
      timeout_ms: 10_000,
      idempotent: true,
    }),
  },
  topics: {
    report_changed: topic({
      summary: 'A report has come a step further, or has ended',
      payload: z.object({
        report_id: ReportId,
        lang: ReportLang,
        date: z.string(),
        state: ReportState,
        revision: z.number().int(),
      }),
    }),
  },
})
