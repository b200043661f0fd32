/** What callers say of a job, checked as a whole before any of it is stored. */
import { statSync } from 'node:fs'
import { homedir } from 'node:os'
import { isAbsolute } from 'node:path'
import { ServiceError } from '../../protocol/errors.ts'
import type { DeliveryChoice } from '../../protocol/scheduler.ts'
import type { InputIssue } from '../../protocol/validate.ts'
import { type Schedule, ScheduleError, scheduleOf } from '../runtime/cron/schedule.ts'
import type { JobFields } from './rows.ts'
import { webhookFault } from './webhook.ts'

/** What is given of a job; null and absent are the same, but for what can be taken back. */
export type GivenFields = {
  readonly [K in Exclude<keyof JobFields, 'enabled' | 'delivery_kind' | 'delivery_to' | 'delivery_token_id'>]?:
    | JobFields[K]
    | null
    | undefined
} & { readonly enabled?: boolean | null | undefined; readonly delivery?: DeliveryChoice | null | undefined }

/** What holds where nothing was given: missed once is made up for once, and a broken job does not fail for ever. */
export const DEFAULTS: Omit<JobFields, 'name' | 'cron_expression' | 'command'> = {
  timezone: null,
  job_type: 'shell',
  enabled: 1,
  misfire: 'once',
  misfire_limit: 10,
  overlap: 'skip',
  timeout_s: null,
  retries: 0,
  jitter_s: 0,
  disable_after: 10,
  spend_limit_usd: null,
  delivery_kind: 'none',
  delivery_to: null,
  delivery_token_id: null,
  cwd: null,
  chat_id: null,
}

/** Linux takes 131,072 bytes as one argument of a program, which a command is. */
const MAX_COMMAND_BYTES = 120_000

/** `invalid_input` about one field, as the schema itself would say it. */
const refuse = (path: readonly string[], message: string, cause?: unknown): ServiceError => {
  const issues: InputIssue[] = [{ path, code: 'custom', message }]
  return new ServiceError('invalid_input', `${path.join('.')}: ${message}`, { data: { issues }, cause })
}

/** The schedule of an expression that comes due at least once. Throws `invalid_input` with the reason and an example. */
export const checkedSchedule = (cron_expression: string, timezone: string | null | undefined, now: number): Schedule => {
  try {
    const schedule = scheduleOf(cron_expression, timezone ?? null)
    if (schedule.next(now) === null)
      throw new ScheduleError(
        'cron_expression',
        'never comes due: there is no such day; for example "0 9 1 * *" is every first of a month',
      )
    return schedule
  } catch (error) {
    if (error instanceof ScheduleError) throw refuse([error.field], error.message, error)
    throw error
  }
}

const checkedFolder = (folder: string): string => {
  const full = folder === '~' || folder.startsWith('~/') ? `${homedir()}${folder.slice(1)}` : folder
  if (!isAbsolute(full)) throw refuse(['cwd'], 'must be an absolute folder, for example "/srv/reports" or "~/reports"')
  if (!statSync(full, { throwIfNoEntry: false })?.isDirectory()) throw refuse(['cwd'], 'is not a folder that is there')
  return full
}

export interface FieldRules {
  readonly shell: boolean
  readonly allowPrivate: boolean
  readonly now: number
}

/** Fields that may be taken back: null means that, where for all others it means nothing, as with the predecessor. */
const CLEARABLE: ReadonlySet<string> = new Set(['chat_id', 'cwd', 'spend_limit_usd', 'timeout_s'])

/** Whether a field of a change says anything. */
export const isSaid = ([name, value]: readonly [string, unknown]): boolean =>
  value !== undefined && (value !== null || CLEARABLE.has(name))

/**
 * The fields of a job: what is given over what was. The token of a delivery is not among them: it is handed to sessions
 * when all the rest is in order. Throws `invalid_input`, or `forbidden` for a shell job where those are switched off.
 */
export const toFields = (given: GivenFields, before: Partial<JobFields>, rules: FieldRules): JobFields => {
  const { enabled, delivery, timezone, cwd, ...rest } = given
  const said = Object.fromEntries(Object.entries(rest).filter((entry) => isSaid(entry)))
  const fields = {
    ...DEFAULTS,
    ...before,
    ...said,
    ...(enabled === null || enabled === undefined ? {} : { enabled: enabled ? 1 : 0 }),
    ...(timezone === null || timezone === undefined ? {} : { timezone: timezone.trim() === '' ? null : timezone.trim() }),
    ...(cwd === undefined ? {} : { cwd: cwd === null ? null : checkedFolder(cwd) }),
    ...deliveryFields(delivery, before, rules),
  } as JobFields
  if (fields.job_type === 'shell' && !rules.shell)
    throw new ServiceError('forbidden', 'Shell jobs are switched off on this machine (CRON_SHELL=off); make it a claude job')
  if (/\0/.test(fields.command)) throw refuse(['command'], 'may not hold a NUL character')
  if (fields.command.trim() === '') throw refuse(['command'], 'may not be empty')
  // One of before that is too long can still be disabled.
  const isNew = fields.command !== before.command || fields.job_type !== before.job_type
  const bytes = Buffer.byteLength(fields.command)
  if (isNew && fields.job_type === 'shell' && bytes > MAX_COMMAND_BYTES)
    throw refuse(
      ['command'],
      `has ${bytes} bytes, a shell command may have at most ${MAX_COMMAND_BYTES}; write it into a file and run that`,
    )
  checkedSchedule(fields.cron_expression, fields.timezone, rules.now)
  return fields
}

const deliveryFields = (
  delivery: DeliveryChoice | null | undefined,
  before: Partial<JobFields>,
  rules: FieldRules,
): Partial<JobFields> => {
  if (delivery === null || delivery === undefined) return {}
  if (delivery.kind === 'none') return { delivery_kind: 'none', delivery_to: null, delivery_token_id: null }
  if (delivery.kind === 'webhook') {
    const fault = webhookFault(delivery.url, rules.allowPrivate)
    if (fault !== null) throw refuse(['delivery', 'url'], fault)
    return { delivery_kind: 'webhook', delivery_to: delivery.url, delivery_token_id: null }
  }
  if (delivery.bot_token === undefined && !before.delivery_token_id)
    throw refuse(['delivery', 'bot_token'], 'is needed the first time; it is kept and never shown')
  return { delivery_kind: 'telegram', delivery_to: delivery.chat_id }
}
