/** The two jobs that make the morning papers: each at nine o'clock on the clocks of its readers. */
import { join } from 'node:path'
import type { ReportLang } from '../protocol/reports.ts'
import { shellWord } from './shell-word.ts'

export interface PaperJob {
  readonly name: string
  readonly lang: ReportLang
  readonly timezone: string
}

export const JOBS: readonly PaperJob[] = [
  { name: 'Morning paper (Chinese)', lang: 'cn', timezone: 'Asia/Shanghai' },
  { name: 'Morning paper (English)', lang: 'en', timezone: 'America/Los_Angeles' },
]

/** Claude may take two steps of fifteen minutes, and each a second try. */
const TIMEOUT_S = 7_200

/**
 * What the scheduler is asked for. The command finds the service by the socket in its home: it needs no port and no token.
 * @param home where it is not the usual one
 */
export const jobOf = ({ name, lang, timezone }: PaperJob, root: string, home: string | null) => ({
  name,
  cron_expression: '0 9 * * *',
  timezone,
  job_type: 'shell' as const,
  command: [
    ...(home === null ? [] : [`SWITCHBOARD_HOME=${shellWord(home)}`]),
    shellWord(process.execPath),
    shellWord(join(root, 'cli', 'switchboard.mjs')),
    `report --lang ${lang}`,
  ].join(' '),
  // A machine that slept at nine makes the paper when it wakes.
  misfire: 'once' as const,
  overlap: 'skip' as const,
  timeout_s: TIMEOUT_S,
})
