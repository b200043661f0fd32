/** What the owner can set of the MCP server; `.env.example` says what each is for. The names are the predecessor's. */
import { z } from 'zod'

/** Seconds, fractions allowed. */
const Seconds = z
  .string()
  .regex(/^(\d+\.?\d*|\.\d+)$/, 'must be a number of seconds')
  .transform(Number)
  .refine((value) => value > 0 && value <= 86_400, 'must be more than 0 and at most 86400 seconds')

/** In the password of a URL a `%` begins the code of a character. */
const isPasswordReadable = (url: string): boolean => {
  try {
    decodeURIComponent(new URL(url).password)
    return true
  } catch {
    return false
  }
}

const Url = z
  .url({ protocol: /^https?$/, error: 'must be a URL that begins with http:// or https://' })
  .transform((url) => url.replace(/\/+$/, ''))
  .refine(isPasswordReadable, 'has a % in its password that stands for itself: write it as %25')

const Secret = z.string().regex(/^[\x21-\x7e]+$/, 'may hold printable ASCII characters only, and no space')

export const Settings = z.object({
  MCB_API_BASE: Url.default('http://127.0.0.1:8000/api'),
  MCB_MCP_TIMEOUT: Seconds.default(30),
  MCB_GATEWAY_TIMEOUT: Seconds.default(960),
  MCB_BOT_ID: z.string().min(1).max(128).default('default'),
  MCB_TOKEN: Secret.optional(),
  GATEWAY_TOKEN: Secret.optional(),
  META_LOOP_BASE: Url.optional(),
})

/** What sessions gives to each agent, and nobody sets: which chat it answers, and the file that tells of its turn. */
const Place = z.object({ SWITCHBOARD_CHAT: z.string().optional(), SWITCHBOARD_TURN_FILE: z.string().optional() })

/** How the server is set, in the units of the code. */
export interface McpSettings {
  /** Of the HTTP API, without a slash at its end and without credentials. */
  readonly api_base: string
  readonly token: string | undefined
  readonly timeout_ms: number
  /** For what waits for Claude, or for a job. */
  readonly gateway_timeout_ms: number
  /** Whose jobs and memories are meant where a call names no bot. */
  readonly bot_id: string
  /** Where a meta-loop listens; without it there are no tools for one. */
  readonly meta_loop_base: string | undefined
  /** `<bot_id>/<chat_id>` of the chat whose agent started this server; undefined outside of chats. */
  readonly chat: string | undefined
  readonly turn_file: string | undefined
}

/**
 * The settings of an environment; an empty variable counts as absent. The API's URL may carry the token as its password, as
 * the Go bot's GATEWAY_URL does. Throws an Error with every fault, one a line, and never with a value.
 */
export const parseSettings = (environment: Readonly<Record<string, string | undefined>>): McpSettings => {
  const given = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== undefined && value !== ''))
  const parsed = Settings.extend(Place.shape).safeParse(given)
  if (!parsed.success) {
    const faults = parsed.error.issues.map((issue) => `  ${issue.path.join('.')}: ${issue.message}`)
    throw new Error(['Settings of the MCP server are wrong:', ...faults].join('\n'))
  }
  const env = parsed.data
  const base = new URL(env.MCB_API_BASE)
  const inUrl = base.password === '' ? undefined : decodeURIComponent(base.password)
  base.username = ''
  base.password = ''
  return Object.freeze({
    api_base: base.href.replace(/\/+$/, ''),
    token: env.MCB_TOKEN ?? inUrl ?? env.GATEWAY_TOKEN,
    timeout_ms: env.MCB_MCP_TIMEOUT * 1_000,
    gateway_timeout_ms: env.MCB_GATEWAY_TIMEOUT * 1_000,
    bot_id: env.MCB_BOT_ID,
    meta_loop_base: env.META_LOOP_BASE,
    chat: env.SWITCHBOARD_CHAT,
    turn_file: env.SWITCHBOARD_TURN_FILE,
  })
}
