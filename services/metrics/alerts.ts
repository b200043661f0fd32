/** What is wrong at this moment. Raising what is raised and clearing what is not are no news. */
import type { Alert } from '../../protocol/metrics.ts'
import type { Log } from '../runtime/log.ts'
import type { MetricsStore } from './store.ts'

/** Kinds that our own watching raises; others raise theirs under names of their own. */
export type NewAlert = Pick<Alert, 'kind' | 'subject' | 'level' | 'message'>

export interface AlertsOptions {
  readonly store: Pick<MetricsStore, 'raise' | 'clear' | 'openAlerts'>
  readonly log: Log
  readonly onRaised: (alert: Alert) => void
  readonly onCleared: (alert: Alert) => void
  readonly now?: () => number
}

export class Alerts {
  readonly #options: AlertsOptions
  readonly #now: () => number

  constructor(options: AlertsOptions) {
    this.#options = options
    this.#now = options.now ?? Date.now
  }

  /** Those that are not over, the critical ones first. */
  get open(): Alert[] {
    return this.#options.store.openAlerts()
  }

  /** Says that something is wrong. One that is open already gets the new words, without telling anybody again. */
  raise(alert: NewAlert): void {
    const { store, log, onRaised } = this.#options
    const made = this.#write(alert, () => store.raise(alert, this.#now()))
    if (made === undefined) return
    const { kind, subject, level, message } = made
    if (level === 'critical') log.error({ alert: kind, subject }, message)
    else log.warn({ alert: kind, subject }, message)
    onRaised(made)
  }

  /** Says that it is over. */
  clear(kind: string, subject: string): void {
    const { store, log, onCleared } = this.#options
    const cleared = this.#write({ kind, subject }, () => store.clear(kind, subject, this.#now()))
    if (cleared === undefined) return
    log.info({ alert: kind, subject }, `Over: ${cleared.message}`)
    onCleared(cleared)
  }

  /** Whoever raises or clears has more to do, and does it again at the next look: what cannot be written now (the disk is full) is then. */
  #write({ kind, subject, message }: Pick<Alert, 'kind' | 'subject'> & Partial<Alert>, write: () => Alert | undefined) {
    try {
      return write()
    } catch (error) {
      this.#options.log.error({ err: error, alert: kind, subject, message }, 'An alert, or its end, could not be written down')
      return undefined
    }
  }

  /** Raises it or says that it is over, as things are. */
  set(isWrong: boolean, alert: NewAlert): void {
    if (isWrong) this.raise(alert)
    else this.clear(alert.kind, alert.subject)
  }

  /** Says that those of a kind are over whose subject is none of these. */
  clearOthers(kind: string, subjects: ReadonlySet<string>): void {
    for (const alert of this.open) if (alert.kind === kind && !subjects.has(alert.subject)) this.clear(kind, alert.subject)
  }
}
