/** What sessions lets go of for its age or size, and what it keeps from being let go of. Done now and then, some at a time. */
import type { Log } from '../runtime/log.ts'
import type { Transcripts } from './agent/transcript.ts'
import { forgetArchives } from './harness/archive.ts'
import { LogRetention, type LogRetentionOptions } from './log-retention.ts'
import type { Settings } from './settings.ts'
import type { Store } from './store.ts'

const DAY_MS = 86_400_000
const MB = 1_048_576

export interface RetentionDeps {
  readonly env: Pick<Settings, 'AGENT_LOG_KEEP_DAYS' | 'AGENT_LOG_KEEP_MB' | 'ARCHIVE_KEEP_DAYS'>
  readonly store: Pick<Store, 'keptLogs' | 'logsGone' | 'sessions'>
  readonly folder: LogRetentionOptions['folder']
  /** Each forgets what ended before a moment, in milliseconds since 1970. */
  readonly deliveries: { forget(before: number): unknown }
  readonly approvals: { forget(before: number): unknown }
  /** The folder of finished harnesses. */
  readonly archives: string
  readonly transcripts: Pick<Transcripts, 'keepYoung'>
  readonly log: Log
}

export const createRetention = ({ env, store, folder, deliveries, approvals, archives, transcripts, log }: RetentionDeps) => {
  const keep_ms = env.AGENT_LOG_KEEP_DAYS * DAY_MS
  const agentLogs = new LogRetention({ store, folder, keep_ms, keep_bytes: env.AGENT_LOG_KEEP_MB * MB })

  /** What cannot be looked after today is no reason to answer nobody. */
  const calmly = (work: (now: number) => void) => (): void => {
    try {
      work(Date.now())
    } catch (error) {
      log.error({ err: error }, 'what ages could not be looked after; it is tried again later')
    }
  }
  return {
    logs: calmly((now) => agentLogs.forget(now)),
    rows: calmly((now) => {
      deliveries.forget(now - keep_ms)
      approvals.forget(now - keep_ms)
      forgetArchives(archives, now - env.ARCHIVE_KEEP_DAYS * DAY_MS)
    }),
    records: calmly((now) => {
      for (const { cwd, conversation_id } of store.sessions(null)) transcripts.keepYoung(cwd, conversation_id, now)
    }),
  }
}
