/**
 * `switchboard refresh-vercel-token`: says when the token of the Vercel command line expires, and before it does, has that
 * command line renew it and hands it to the dashboard's project.
 *
 * A token made in the account's settings and put into the project by hand needs none of this; one of the command line's own
 * lives for hours. It travels on standard input only, never as an argument.
 */
import { spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import { readArguments } from './arguments.ts'
import type { Command } from './command.ts'
import { formatSpan } from './table.ts'

/** With less left than this, the token is renewed. */
const SOON_MS = 2 * 3_600_000
const PATIENCE_MS = 120_000
const VARIABLE = 'VERCEL_API_TOKEN'
const TARGETS = ['production', 'development'] as const

export interface RefreshOptions {
  readonly args: readonly string[]
  readonly environment: Readonly<Record<string, string | undefined>>
  /** Where the dashboard's project is linked. */
  readonly folder: string
  readonly now: number
  print(line: string): void
}

/** What the Vercel command line keeps of its login; the moment is in seconds. */
const Login = z.object({ token: z.string().min(1), expiresAt: z.number().optional() })

/** Where it keeps that, by system. */
const placesOf = (environment: RefreshOptions['environment']): string[] => {
  const home = environment.HOME ?? homedir()
  const data = environment.XDG_DATA_HOME ?? join(home, '.local', 'share')
  return [join(home, 'Library', 'Application Support'), data].map((folder) => join(folder, 'com.vercel.cli', 'auth.json'))
}

const readLogin = (places: readonly string[]): z.output<typeof Login> | null => {
  const place = places.find((file) => existsSync(file))
  if (place === undefined) return null
  try {
    return Login.safeParse(JSON.parse(readFileSync(place, 'utf8'))).data ?? null
  } catch {
    return null
  }
}

/** How a run of `vercel` ended; `null`: there is no such program. */
type Ended = { readonly ok: boolean; readonly words: string } | null

const vercel = async ({ environment, folder }: RefreshOptions, args: readonly string[], input = ''): Promise<Ended> =>
  await new Promise((resolve) => {
    const child = spawn('vercel', args, { cwd: folder, env: environment, stdio: 'pipe' })
    // Not spawn's own limit: its timer outlives a program that is not there.
    const late = setTimeout(() => child.kill('SIGKILL'), PATIENCE_MS)
    const end = (ended: Ended): void => {
      clearTimeout(late)
      resolve(ended)
    }
    let words = ''
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (piece: string) => (words += piece))
    // One that does not read what it is given tells by its exit code.
    child.stdin.on('error', () => undefined)
    child.once('error', () => end(null))
    child.once('close', (code) => end({ ok: code === 0, words: words.trim().split('\n').at(-1)?.slice(0, 300) ?? '' }))
    child.stdin.end(input)
  })

const leftOf = ({ expiresAt }: z.output<typeof Login>, now: number): number | null =>
  expiresAt === undefined ? null : expiresAt * 1_000 - now

const wordsOf = (left_ms: number): string => (left_ms <= 0 ? 'has expired' : `expires in ${formatSpan(left_ms)}`)

const handOver = async (options: RefreshOptions, token: string): Promise<string | null> => {
  for (const target of TARGETS) {
    const ended = await vercel(options, ['env', 'add', VARIABLE, target, '--force'], token)
    if (ended?.ok !== true)
      return `The project did not take the token for ${target}: ${ended?.words.replaceAll(token, '[redacted]') ?? 'vercel is gone'}`
  }
  return null
}

/** Resolves with the exit code: 0 all is well or was renewed, 1 somebody has to do something, and was told what. */
export const refreshToken = async (options: RefreshOptions): Promise<number> => {
  const { environment, folder, now, print } = options
  const flag = { type: 'boolean' } as const
  const { values: said } = readArguments(options.args, { check: flag, force: flag, deploy: flag })
  const places = placesOf(environment)
  const before = readLogin(places)
  if (before === null) {
    print(`The Vercel command line is not logged in here (looked for ${places.join(' and ')}). Log in with: vercel login`)
    return 1
  }
  const left_ms = leftOf(before, now)
  if (left_ms === null) {
    print('The token of the Vercel command line has no moment at which it expires: nothing to do.')
    return 0
  }
  print(`The token of the Vercel command line ${wordsOf(left_ms)} (${new Date(now + left_ms).toISOString()}).`)
  if (left_ms > SOON_MS && said.force !== true) return 0
  if (said.check === true) return 1

  // Any call makes the command line renew what is about to expire.
  const asked = await vercel(options, ['whoami'])
  if (asked === null) {
    print('There is no vercel on the PATH, so it cannot be renewed here. Install it with: npm install -g vercel')
    return 1
  }
  const after = readLogin(places)
  const renewed_ms = after === null ? null : leftOf(after, now)
  if (
    !asked.ok ||
    after === null ||
    (renewed_ms !== null && renewed_ms <= Math.max(left_ms, 0) && after.token === before.token)
  ) {
    print('It could not be renewed. Log in anew with: vercel login')
    return 1
  }
  if (!existsSync(join(folder, '.vercel', 'project.json')) && environment.VERCEL_PROJECT_ID === undefined) {
    print(`It was renewed. ${folder} is linked to no Vercel project, so nobody was given it. Link it there with: vercel link`)
    return 1
  }
  const problem = await handOver(options, after.token)
  if (problem !== null) {
    print(`It was renewed. ${problem}`)
    return 1
  }
  print(
    `It was renewed${renewed_ms === null ? '' : `, ${wordsOf(renewed_ms)}`}, and is in the settings of the project as ${VARIABLE}.`,
  )
  const deploy = 'vercel deploy --prebuilt --prod'
  if (said.deploy !== true) {
    print(`The page takes it up with its next deployment: cd ${folder} && ${deploy}`)
    return 0
  }
  const deployed = await vercel(options, deploy.split(' ').slice(1))
  print(
    deployed?.ok === true ? 'The page was deployed with it.' : `The deployment failed: ${deployed?.words ?? 'vercel is gone'}`,
  )
  return deployed?.ok === true ? 0 : 1
}

export const refreshVercelToken: Command = {
  summary: 'Warn before the token of the dashboard expires, and renew it through the Vercel command line',
  usage: '[--check] [--force] [--deploy]',
  run: async ({ args, settings, print }) =>
    await refreshToken({ args, environment: process.env, folder: join(settings.root, 'dashboard'), now: Date.now(), print }),
}
