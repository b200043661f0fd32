/** `switchboard report`: the morning paper now, and `switchboard report schedule`: every morning. */
import { homedir } from 'node:os'
import { join } from 'node:path'
import { createClient } from '../protocol/client.ts'
import { isOpenState, type Report, ReportLang } from '../protocol/reports.ts'
import { readArguments, UsageError } from './arguments.ts'
import type { Command, Context } from './command.ts'
import { withLink } from './links.ts'
import { JOBS, jobOf } from './report-jobs.ts'

const WAIT_MS = 20_000

interface Wish {
  readonly lang: ReportLang
  readonly date: string | undefined
  readonly preview: boolean
  readonly send: boolean
  readonly force: boolean
}

const toWish = (args: readonly string[]): Wish => {
  const flag = { type: 'boolean', default: false } as const
  const said = { type: 'string' } as const
  const { values } = readArguments(args, { lang: said, date: said, preview: flag, 'no-send': flag, force: flag })
  const lang = ReportLang.safeParse(values.lang)
  if (!lang.success) throw new UsageError('--lang must be cn or en')
  return { lang: lang.data, date: values.date, preview: values.preview, send: !values['no-send'], force: values.force }
}

/** What it has come to, in lines for a person, beyond its progress. */
const lastLines = ({ state, step, reason, notes }: Report): string[] =>
  state === 'done' ? notes : [`${state} in the step ${step ?? state}: ${reason ?? 'no reason is known'}`, ...notes]

/** Follows a report to its end. Stopping the command does not stop the report. */
const make = async ({ settings, print }: Context, wish: Wish): Promise<number> =>
  await withLink(settings, 'reports', async (link) => {
    const reports = createClient('reports', link)
    let report = await reports.create(wish)
    let told = 0
    for (;;) {
      for (const { text } of report.progress.slice(told)) print(text)
      told = report.progress.length
      if (!isOpenState(report.state)) break
      report = await reports.get({ report_id: report.report_id, after_revision: report.revision, wait_ms: WAIT_MS })
    }
    for (const line of lastLines(report)) print(line)
    if (report.file !== null) print(`PDF: ${report.file}`)
    return report.state === 'done' ? 0 : 1
  })

/** Makes the two jobs, or leaves them as they are where they are there. */
const schedule = async ({ settings, print }: Context): Promise<number> =>
  await withLink(settings, 'scheduler', async (link) => {
    const scheduler = createClient('scheduler', link)
    const known = await scheduler.list({ bot_id: 'default' })
    const other = join(homedir(), '.switchboard') === settings.home ? null : settings.home
    for (const job of JOBS) {
      const there = known.find(({ name }) => name === job.name)
      if (there !== undefined) {
        print(`${job.name}: there already (job ${there.id}${there.enabled === 1 ? '' : ', disabled'}), left as it is`)
        continue
      }
      const { id, next_runs } = await scheduler.create(jobOf(job, settings.root, other))
      print(`${job.name}: job ${id}, every day at 9:00 ${job.timezone}; next ${next_runs[0]?.local ?? 'unknown'}`)
    }
    print('Change or delete them like any job: GET /api/cron, or the panel.')
    return 0
  })

export const report: Command = {
  summary: 'Make and mail the morning paper; `report schedule` does it every morning',
  usage: '--lang cn|en [--preview] [--date YYYY-MM-DD] [--no-send] [--force] | schedule',
  run: async (context) => {
    const [first, ...rest] = context.args
    if (first !== 'schedule') return await make(context, toWish(context.args))
    readArguments(rest, {})
    return await schedule(context)
  },
}
