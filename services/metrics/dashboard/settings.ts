/** What the owner can set of the public dashboard; `.env.example` says what each is for. */
import { z } from 'zod'
import { EnvUrl, envInteger } from '../../runtime/env.ts'

/** What is not public unless the owner says so. */
export const SHOWABLE = ['job_names', 'memory_categories'] as const
export type Showable = (typeof SHOWABLE)[number]

const isShowable = (word: string): word is Showable => (SHOWABLE as readonly string[]).includes(word)

const Show = z
  .string()
  .transform((text) =>
    text
      .split(',')
      .map((word) => word.trim())
      .filter((word) => word !== ''),
  )
  .refine((words) => words.every(isShowable), `must be made of ${SHOWABLE.join(' and ')}, with commas between them`)
  .transform((words) => words.filter(isShowable))

/** A secret travels in every push: over the network only where nobody else can read it. */
const PushUrl = EnvUrl.refine((text) => {
  const { protocol, hostname } = new URL(text)
  return protocol === 'https:' || ['localhost', '127.0.0.1', '[::1]'].includes(hostname)
}, 'must begin with https:// (http:// only for this machine itself)').refine((text) => {
  const { username, password } = new URL(text)
  return username === '' && password === ''
}, 'may not hold a user name or a password; METRICS_SECRET is what is shown')

export const DashboardEnv = z.object({
  DASHBOARD_PUSH_URL: PushUrl.optional(),
  METRICS_SECRET: z.string().min(16, 'must have at least 16 characters').optional(),
  DASHBOARD_WRITES_PER_MONTH: envInteger(0, 10_000_000).default(8_640),
  DASHBOARD_SHOW: Show.optional(),
  DASHBOARD_TITLE: z.string().min(1).max(40).default('Switchboard'),
})
export type DashboardEnv = z.output<typeof DashboardEnv>
