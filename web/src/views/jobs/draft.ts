/** What a person has written into the form of a job: texts as they stand in the fields, until they are sent. */
import type { Job } from '../../../../protocol/scheduler.ts'
import type { Input } from '../../connection/methods.ts'

export interface JobDraft {
  readonly name: string
  readonly command: string
  readonly job_type: string
  readonly cron_expression: string
  readonly timezone: string
  readonly enabled: boolean
  readonly bot_id: string
  readonly misfire: string
  readonly misfire_limit: string
  readonly overlap: string
  readonly timeout_s: string
  readonly retries: string
  readonly jitter_s: string
  readonly disable_after: string
  readonly spend_limit_usd: string
  readonly cwd: string
  readonly chat_id: string
  readonly delivery: string
  readonly telegram_chat: string
  readonly bot_token: string
  readonly url: string
}

export const EMPTY_DRAFT: JobDraft = {
  name: '',
  command: '',
  job_type: 'shell',
  cron_expression: '0 9 * * 1-5',
  timezone: '',
  enabled: true,
  bot_id: 'default',
  misfire: 'once',
  misfire_limit: '10',
  overlap: 'skip',
  timeout_s: '',
  retries: '0',
  jitter_s: '0',
  disable_after: '10',
  spend_limit_usd: '',
  cwd: '',
  chat_id: '',
  delivery: 'none',
  telegram_chat: '',
  bot_token: '',
  url: '',
}

export const draftOf = (job: Job): JobDraft => ({
  name: job.name,
  command: job.command,
  job_type: job.job_type,
  cron_expression: job.cron_expression,
  timezone: job.timezone ?? '',
  enabled: job.enabled === 1,
  bot_id: job.bot_id,
  misfire: job.misfire,
  misfire_limit: String(job.misfire_limit),
  overlap: job.overlap,
  timeout_s: String(job.timeout_s),
  retries: String(job.retries),
  jitter_s: String(job.jitter_s),
  disable_after: String(job.disable_after),
  spend_limit_usd: job.spend_limit_usd === null ? '' : String(job.spend_limit_usd),
  cwd: job.cwd ?? '',
  chat_id: job.chat_id ?? '',
  delivery: job.delivery.kind,
  telegram_chat: job.delivery.chat_id ?? '',
  bot_token: '',
  url: job.delivery.url ?? '',
})

type Fields = Omit<Input<'scheduler.update'>, 'job_id'>

const toNumber = (text: string): number | undefined => (text.trim() === '' ? undefined : Number(text))
const toText = (text: string): string | undefined => (text.trim() === '' ? undefined : text.trim())

const delivery = (draft: JobDraft): Fields['delivery'] => {
  if (draft.delivery === 'telegram') {
    const token = toText(draft.bot_token)
    return { kind: 'telegram', chat_id: draft.telegram_chat.trim(), ...(token === undefined ? {} : { bot_token: token }) }
  }
  return draft.delivery === 'webhook' ? { kind: 'webhook', url: draft.url.trim() } : { kind: 'none' }
}

/** All that the service checks; what is wrong in it the service says, field by field. */
const fields = (draft: JobDraft): Fields => ({
  name: draft.name.trim(),
  command: draft.command,
  job_type: draft.job_type as NonNullable<Fields['job_type']>,
  cron_expression: draft.cron_expression.trim(),
  timezone: draft.timezone.trim(),
  enabled: draft.enabled,
  misfire: draft.misfire as NonNullable<Fields['misfire']>,
  misfire_limit: toNumber(draft.misfire_limit),
  overlap: draft.overlap as NonNullable<Fields['overlap']>,
  timeout_s: toNumber(draft.timeout_s),
  retries: toNumber(draft.retries),
  jitter_s: toNumber(draft.jitter_s),
  disable_after: toNumber(draft.disable_after),
  spend_limit_usd: toNumber(draft.spend_limit_usd),
  cwd: toText(draft.cwd),
  chat_id: toText(draft.chat_id),
  delivery: delivery(draft),
})

export const toCreate = (draft: JobDraft): Input<'scheduler.create'> => {
  const { enabled, ...given } = fields(draft)
  return { ...given, enabled: draft.enabled, bot_id: draft.bot_id.trim() } as Input<'scheduler.create'>
}

/** What was emptied goes back to what a new job has. */
const CLEARABLE = [
  'cwd',
  'chat_id',
  'spend_limit_usd',
  'timeout_s',
  'misfire_limit',
  'retries',
  'jitter_s',
  'disable_after',
] as const

/** Only what was changed since `job` was put into the form, so that what somebody else changes meanwhile stays. */
export const toUpdate = (draft: JobDraft, job: Job): Input<'scheduler.update'> => {
  const before = draftOf(job)
  const isChanged = (name: keyof JobDraft): boolean => draft[name] !== before[name]
  const changed = Object.entries(fields(draft)).filter(([name]) => name !== 'delivery' && isChanged(name as keyof JobDraft))
  const isOtherDelivery = (['delivery', 'telegram_chat', 'bot_token', 'url'] as const).some(isChanged)
  const cleared = CLEARABLE.filter((name) => isChanged(name) && draft[name].trim() === '')
  const fresh = (name: (typeof CLEARABLE)[number]) => (EMPTY_DRAFT[name] === '' ? null : Number(EMPTY_DRAFT[name]))
  return {
    ...Object.fromEntries(changed),
    ...Object.fromEntries(cleared.map((name) => [name, fresh(name)])),
    ...(isOtherDelivery ? { delivery: delivery(draft) } : {}),
    job_id: job.id,
    bot_id: job.bot_id,
  }
}
