/** Structured logs: one JSON object a line on standard output, which PM2 keeps. Secrets are taken out on the way. */
import { pino } from 'pino'

export type Log = pino.Logger

const REDACTED = '[redacted]'

/** Fields whose values are secret by their name. `input_tokens` and its kind are not: the name must end there. */
const SECRET_FIELD = /(^|_)(token|secret|password|passwd|authorization|cookie|api_?key)$/i

/** Deeper fields are left out: a log line is no dump. */
const MAX_DEPTH = 6

const clean = (value: unknown, depth: number): unknown => {
  if (typeof value !== 'object' || value === null || value instanceof Error || value instanceof Date) return value
  if (depth === MAX_DEPTH) return '[deeper]'
  if (Array.isArray(value)) return value.map((item) => clean(item, depth + 1))
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [
      key,
      SECRET_FIELD.test(key.replaceAll('-', '_')) ? REDACTED : clean(item, depth + 1),
    ]),
  )
}

export interface LogOptions {
  readonly service: string
  readonly level: string
  /** In every line. */
  readonly fields?: Readonly<Record<string, unknown>>
  /** Texts that must not appear in any line, wherever they come from (an error's message, a URL). */
  readonly secrets?: readonly string[]
  /** Where the lines go; standard output where absent. */
  readonly destination?: pino.DestinationStream
}

/** Shorter texts would be found by chance. */
const MIN_SECRET_LENGTH = 6

/** A pino logger that writes each line at once, so that the last words of a process are never lost. */
export const createLog = ({ service, level, fields = {}, secrets = [], destination }: LogOptions): Log => {
  const hidden = secrets
    .filter((secret) => secret.length >= MIN_SECRET_LENGTH)
    .map((secret) => JSON.stringify(secret).slice(1, -1))
  return pino(
    {
      level,
      base: { service, pid: process.pid, ...fields },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }), log: (object) => clean(object, 0) as Record<string, unknown> },
      hooks: { streamWrite: (line) => hidden.reduce((text, secret) => text.replaceAll(secret, REDACTED), line) },
    },
    destination ?? pino.destination({ fd: 1, sync: true }),
  )
}

/** Which settings are secret by their name; a URL may hold a password. */
const SECRET_SETTING = /(TOKEN|SECRET|PASSWORD|KEY|SMTP_URL)$/

/** The values among settings that must not appear in a log. */
export const secretsOf = (settings: Readonly<Record<string, unknown>>): string[] =>
  Object.entries(settings).flatMap(([name, value]) => (SECRET_SETTING.test(name) && typeof value === 'string' ? [value] : []))
