/** What the owner can set of the reports; `.env.example` says what each is for. Times in seconds. */
import { z } from 'zod'
import { BaseEnv, envInteger } from '../runtime/env.ts'

const ADDRESS = /^[^\s@<>(),;:"[\]\\]+@[^\s@<>(),;:"[\]\\]+$/

/** Addresses with commas between them, in lower case, each once. */
const EnvAddresses = z
  .string()
  .default('')
  .transform((text) => [
    ...new Set(
      text
        .toLowerCase()
        .split(/[,;\s]+/)
        .filter(Boolean),
    ),
  ])
  .refine((addresses) => addresses.every((address) => ADDRESS.test(address)), 'must be e-mail addresses with commas between them')

/** Never said back: it may hold a password. */
const SmtpUrl = z
  .string()
  .refine((text) => URL.canParse(text) && /^smtps?:$/.test(new URL(text).protocol), 'must be like smtp://user:password@host:587')
  .optional()

export const Settings = BaseEnv.extend({
  CLAUDE_BIN: z.string().optional(),
  CLAUDE_MODEL: z.string().optional(),
  AGENT_ENV_PASS: z.string().default(''),
  REPORT_SENDER: z.string().regex(ADDRESS, 'must be an e-mail address').optional(),
  REPORT_TO_PRIMARY: EnvAddresses,
  REPORT_TO_SECONDARY: EnvAddresses,
  REPORT_CC: EnvAddresses,
  REPORT_MAIL: z.enum(['auto', 'smtp', 'mail-app', 'files']).default('auto'),
  SMTP_URL: SmtpUrl,
  REPORT_ENGINE: z.enum(['auto', 'xelatex', 'typst']).default('auto'),
  REPORT_HOLDINGS: z.string().max(500).default(''),
  REPORT_CITY: z.string().max(100).default(''),
  REPORT_TIMEOUT: envInteger(30, 7_200).default(900),
  REPORT_KEEP_DAYS: envInteger(1, 36_500).default(365),
})

export type Settings = z.output<typeof Settings>
