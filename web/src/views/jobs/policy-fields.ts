/** The part of a job's form that most people leave as it is: what happens when something goes wrong, and where results go. */
import { html, nothing, type TemplateResult } from 'lit'
import { choiceField, textField } from '../../components/form-field.ts'
import { common } from '../../i18n/phrases.ts'
import type { JobDraft } from './draft.ts'
import { jobWords } from './words.ts'

export interface PolicyForm {
  readonly draft: JobDraft
  readonly isNew: boolean
  readonly set: (change: Partial<JobDraft>) => void
  /** What is wrong with a field of the input, if anything. */
  readonly fault: (name: string) => string | undefined
}

type TextName = { [K in keyof JobDraft]: JobDraft[K] extends string ? K : never }[keyof JobDraft]

export const policyFields = ({ draft, isNew, set, fault }: PolicyForm): TemplateResult => {
  const text = jobWords()
  const form = text.form
  const typed = (
    name: TextName,
    label: string,
    more: { hint?: string; type?: 'number' | 'password' | 'url'; fault?: string } = {},
  ) => textField({ id: name, label, value: draft[name], fault: fault(name), input: (value) => set({ [name]: value }), ...more })
  const counted = (name: TextName, label: string, hint?: string) =>
    typed(name, label, { type: 'number', ...(hint === undefined ? {} : { hint }) })
  const chosen = (name: TextName, label: string, titles: Readonly<Record<string, string>>) =>
    choiceField({
      id: name,
      label,
      value: draft[name],
      fault: fault(name),
      options: Object.entries(titles).map(([value, title]) => ({ value, title })),
      change: (value) => set({ [name]: value }),
    })
  const isShell = draft.job_type === 'shell'
  return html`<div class="two">
      ${chosen('misfire', form.misfire, text.misfire)}
      ${draft.misfire === 'all' ? counted('misfire_limit', form.misfireLimit) : nothing}
      ${chosen('overlap', form.overlap, text.overlap)} ${counted('timeout_s', form.timeout)} ${counted('retries', form.retries)}
      ${counted('jitter_s', form.jitter)} ${counted('disable_after', form.disableAfter, form.disableHint)}
      ${
        isShell
          ? typed('cwd', form.cwd, { hint: form.cwdHint })
          : html`${counted('spend_limit_usd', form.spend, form.spendHint)} ${typed('chat_id', form.chat, { hint: form.chatHint })}`
      }
      ${isNew ? typed('bot_id', common().bot) : nothing}
    </div>
    <div class="two">
      ${chosen('delivery', form.delivery, text.delivery)}
      ${
        draft.delivery === 'telegram'
          ? html`${typed('telegram_chat', form.telegramChat)}
            ${typed('bot_token', form.token, { type: 'password', hint: isNew ? form.tokenHint : form.tokenKept })}`
          : draft.delivery === 'webhook'
            ? typed('url', form.url, { type: 'url' })
            : nothing
      }
    </div>`
}
