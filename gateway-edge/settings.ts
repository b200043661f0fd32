/** What the owner can set of the edge; `.env.example` says what each is for. */
import { isIP } from 'node:net'
import { z } from 'zod'
import { BaseEnv, envInteger } from '../services/runtime/env.ts'
import { WatchdogSettings } from '../services/runtime/watch/settings.ts'
import type { AccessOptions } from './edge.ts'
import { isLoopback } from './http/guard.ts'
import { isChatEntry } from './http/speakers.ts'
import { ADAPTERS } from './server/open.ts'

const MEGABYTE = 1_048_576

/** Shorter ones can be guessed. */
const TOKEN_MIN = 16

/** `a,b`, white space around them being nobody's. */
const envList = (isEntry: (entry: string) => boolean, problem: string) =>
  z
    .string()
    .transform((text) =>
      text
        .split(',')
        .map((entry) => entry.trim())
        .filter((entry) => entry !== ''),
    )
    .refine((entries) => entries.length > 0 && entries.every(isEntry), problem)

const isHostEntry = (entry: string): boolean => /^([a-z0-9]([a-z0-9._-]*[a-z0-9])?|\[[0-9a-f:.]+\])(:\d{1,5})?$/i.test(entry)

/** By its number: a name may lead to the other kind of loopback than the one people try. */
const toAddress = (host: string): string => (host === 'localhost' ? '127.0.0.1' : host.replace(/^\[(.*)\]$/, '$1'))

export const Settings = BaseEnv.extend({
  ...WatchdogSettings.shape,
  GATEWAY_HOST: z.string().default('127.0.0.1'),
  GATEWAY_PORT: envInteger(1, 65_535).default(8_000),
  GATEWAY_ADAPTER: z.enum(ADAPTERS).default('auto'),
  GATEWAY_TOKEN: z
    .string()
    .min(TOKEN_MIN, `must have at least ${TOKEN_MIN} characters, or it can be guessed; make one with: openssl rand -hex 32`)
    .max(1_000, 'must have at most 1,000 characters')
    .regex(/^[\x21-\x7e]*$/, 'may hold printable ASCII characters only, and no space')
    .optional(),
  GATEWAY_ALLOWED_HOSTS: envList(
    isHostEntry,
    'must be host names with commas between them, such as box.example.org,box:8000',
  ).optional(),
  GATEWAY_ALLOWED_CHATS: envList(isChatEntry, 'must be chat ids, or bot/chat, with commas between them').optional(),
  GATEWAY_ALLOWED_USERS: envList(() => true, 'must be user ids with commas between them').optional(),
  GATEWAY_MAX_CONNECTIONS: envInteger(10, 100_000).default(2_000),
  GATEWAY_RATE_LIMIT: envInteger(0, 1_000_000).default(200),
  GATEWAY_MAX_BODY_MB: envInteger(1, 512).default(32),
}).superRefine(({ GATEWAY_HOST: host, GATEWAY_TOKEN: token }, context) => {
  const problem =
    token === undefined && !isLoopback(host)
      ? 'must be 127.0.0.1, ::1 or localhost: without a token (GATEWAY_TOKEN) nobody else may be let in'
      : !isLoopback(host) && isIP(toAddress(host)) === 0
        ? 'must be an address of this machine, 0.0.0.0 or :: for all of them, or localhost'
        : undefined
  if (problem !== undefined) context.addIssue({ code: 'custom', path: ['GATEWAY_HOST'], message: problem })
})
export type Settings = z.output<typeof Settings>

/** What the settings mean for the edge. */
export const toEdgeOptions = (
  env: Readonly<Settings>,
): { readonly host: string; readonly port: number; readonly access: AccessOptions } => ({
  host: toAddress(env.GATEWAY_HOST),
  port: env.GATEWAY_PORT,
  access: {
    token: env.GATEWAY_TOKEN,
    allowed_hosts: env.GATEWAY_ALLOWED_HOSTS?.map((name) => name.toLowerCase()),
    chats: env.GATEWAY_ALLOWED_CHATS,
    users: env.GATEWAY_ALLOWED_USERS,
    max_connections: env.GATEWAY_MAX_CONNECTIONS,
    rate_limit: env.GATEWAY_RATE_LIMIT,
    max_body_bytes: env.GATEWAY_MAX_BODY_MB * MEGABYTE,
  },
})
