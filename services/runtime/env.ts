/** The environment, read once at the start of a process: parsed by a schema, all faults told together, then frozen. */
import { readFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { parseEnv as parseDotEnv } from 'node:util'
import { z } from 'zod'
import { isLoginReadable } from './login-url.ts'
import { packageRoot } from './package-root.ts'

const expandTilde = (folder: string): string =>
  folder === '~' || folder.startsWith('~/') ? path.join(os.homedir(), folder.slice(1)) : folder

/** A folder; `~` stands for the user's own, and a relative one counts from the working directory. */
export const EnvFolder = z.string().transform((folder) => path.resolve(expandTilde(folder)))

/** A whole number within bounds. */
export const envInteger = (min: number, max: number) =>
  z
    .string()
    .regex(/^[+-]?\d+$/, `must be a whole number from ${min} to ${max}`)
    .transform(Number)
    .refine((value) => value >= min && value <= max, `must be a whole number from ${min} to ${max}`)

/** A number, fractions allowed, within bounds. */
export const envNumber = (min: number, max: number) =>
  z
    .string()
    .regex(/^[+-]?(\d+\.?\d*|\.\d+)$/, `must be a number from ${min} to ${max}`)
    .transform(Number)
    .refine((value) => value >= min && value <= max, `must be a number from ${min} to ${max}`)

const YES = ['1', 'true', 'yes', 'on']
const NO = ['0', 'false', 'no', 'off']

/** A switch. */
export const EnvFlag = z
  .string()
  .transform((text) => text.toLowerCase())
  .refine((text) => YES.includes(text) || NO.includes(text), 'must be on or off (or 1, true, yes; 0, false, no)')
  .transform((text) => YES.includes(text))

/** The address of a server, without a slash at its end. It may hold a name and a password. */
export const EnvUrl = z
  .url({ protocol: /^https?$/, error: 'must be a URL that begins with http:// or https://' })
  .transform((url) => url.replace(/\/+$/, ''))
  .refine(isLoginReadable, 'has a % in its user name or password that stands for itself: write it as %25')

/** What every process reads. */
export const BaseEnv = z.object({
  SWITCHBOARD_HOME: EnvFolder.default(path.join(os.homedir(), '.switchboard')),
  LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']).default('info'),
})
export type BaseEnv = z.output<typeof BaseEnv>

/** One variable that cannot be used. Never holds the value, which may be a secret. */
export interface EnvFault {
  readonly name: string
  readonly problem: string
}

/** All faults of the environment together. The message is made to be printed as it is. */
export class EnvError extends Error {
  override readonly name = 'EnvError'
  readonly faults: readonly EnvFault[]

  constructor(faults: readonly EnvFault[]) {
    const lines = faults.map(({ name, problem }) => `  ${name}: ${problem}`)
    const advice =
      'Correct them in the environment, in .env of the checkout or in .env of SWITCHBOARD_HOME; .env.example tells what each is for.'
    super([`${faults.length === 1 ? 'A setting is' : `${faults.length} settings are`} wrong:`, ...lines, advice].join('\n'))
    this.faults = faults
  }
}

type Values = Readonly<Record<string, string | undefined>>

export interface EnvSource {
  /** The process's environment where absent. */
  readonly environment?: Readonly<Record<string, string | undefined>>
  /** The folder of the checkout, whose `.env` is read. */
  readonly root?: string
}

const readDotEnv = (folder: string): Values => {
  const file = path.join(folder, '.env')
  try {
    return parseDotEnv(readFileSync(file, 'utf8')) as Values
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return {}
    throw new EnvError([{ name: file, problem: `cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown reason'})` }])
  }
}

/** `NAME=` means the same as no line at all, as `.env.example` has them. */
const withoutEmpty = (values: Values): Values =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined && value !== ''))

/** Zod repeats what was given in some messages; these are made from what was expected. */
const toProblem = (issue: z.core.$ZodIssue, given: boolean): string => {
  if (!given) return 'is needed and is not set'
  if (issue.code === 'invalid_value') return `must be one of ${issue.values.map(String).join(', ')}`
  return issue.message
}

/**
 * Every variable that is set: the environment wins over `.env` in SWITCHBOARD_HOME, which wins over `.env` in the
 * checkout. For the one reader that must pass variables on (agents get an allowed part of them).
 */
export const readEnvironment = (source: EnvSource = {}): Values => {
  const environment = withoutEmpty(source.environment ?? process.env)
  const checkout = withoutEmpty(readDotEnv(source.root ?? packageRoot(import.meta.url)))
  const home = BaseEnv.shape.SWITCHBOARD_HOME.parse(environment.SWITCHBOARD_HOME ?? checkout.SWITCHBOARD_HOME)
  return Object.freeze({ ...checkout, ...withoutEmpty(readDotEnv(home)), ...environment, SWITCHBOARD_HOME: home })
}

/**
 * The settings as the schema declares them, frozen. The environment wins over `.env` in SWITCHBOARD_HOME, which wins over
 * `.env` in the checkout. Throws one {@link EnvError} with every fault.
 */
export const parseEnv = <Shape extends z.ZodRawShape>(
  schema: z.ZodObject<Shape>,
  source: EnvSource = {},
): Readonly<z.output<z.ZodObject<Shape>>> => {
  const values = readEnvironment(source)
  const parsed = schema.safeParse(values)
  if (parsed.success) return Object.freeze(parsed.data)
  const faults = parsed.error.issues.map((issue) => {
    const name = String(issue.path[0] ?? 'settings')
    return { name, problem: toProblem(issue, Object.hasOwn(values, name)) }
  })
  throw new EnvError(faults)
}
