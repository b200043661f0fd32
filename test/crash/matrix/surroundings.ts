/** What stands around a Switchboard that is killed, and is itself never killed: Telegram, a mail server, a receiver of webhooks, journals. */
import { existsSync, readFileSync, statSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { dirname, join } from 'node:path'
import type { Scope } from '../../../bench/scope.ts'
import { createClient } from '../../../protocol/client.ts'
import type { Client } from '../../../protocol/method.ts'
import type { scheduler } from '../../../protocol/scheduler.ts'
import { openLink } from '../../../protocol/wire/link.ts'
import { type BotApiFake, startBotApi } from '../../fakes/bot-api.ts'
import { claudeScript } from '../../fakes/report-claude.ts'
import { type MailServer, openMailServer } from '../../services/reports/mail-server.ts'
import { type Equipment, type House, openHouse } from '../run/house.ts'
import { linesOf, type RunFiles } from '../run/orders.ts'

export interface Surroundings {
  readonly house: House
  readonly telegram: BotApiFake
  readonly mail: MailServer
  /** Where webhooks go, and what came under a key. */
  readonly hook: { readonly url: string; got(key: string): readonly string[] }
  readonly scheduler: Client<typeof scheduler>
  /** How often a model was given exactly this message; how often the turn of this name. */
  promptsWith(text: string): number
  promptsOf(uuid: string): number
  /** Where commands of jobs write the names of their runs, and what they wrote. */
  readonly commands: { readonly file: string; lines(): string[] }
  /** What the Claude of the reports was asked so far: `gather` or `write`. */
  questions(): string[]
}

const openHook = async (scope: Scope): Promise<Surroundings['hook']> => {
  const got = new Map<string, string[]>()
  const server = createServer((request, response) => {
    let text = ''
    request.setEncoding('utf8').on('data', (piece: string) => (text += piece))
    request.on('end', () => {
      const key = String(request.headers['idempotency-key'])
      got.set(key, [...(got.get(key) ?? []), text])
      response.writeHead(204).end()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  scope.after(() => new Promise<void>((resolve) => void server.close(() => resolve())))
  const { port } = server.address() as AddressInfo
  return { url: `http://127.0.0.1:${port}/hook`, got: (key) => got.get(key) ?? [] }
}

const textLines = (path: string): string[] => (existsSync(path) ? readFileSync(path, 'utf8').split('\n').filter(Boolean) : [])

/** How often a text, or the name of a turn, stands in the journal of the agents. Read anew only where it has grown: a soak asks thousands of times. */
const promptsIn = (journal: string): (() => ReadonlyMap<string, number>) => {
  let size = -1
  let counts = new Map<string, number>()
  return () => {
    const now = statSync(journal, { throwIfNoEntry: false })?.size ?? 0
    if (now === size) return counts
    size = now
    counts = new Map()
    for (const { text, uuid } of linesOf<{ readonly text: string; readonly uuid: string }>(journal))
      for (const key of [text, uuid]) counts.set(key, (counts.get(key) ?? 0) + 1)
    return counts
  }
}

const besideHome = (files: RunFiles, name: string): string => join(dirname(files.home), name)

/** What passes its variables on to what it starts, so that all of a run is known by them. */
const PASSED = ['DEMO_AGENT_JOURNAL', 'REPORT_CLAUDE_JOURNAL', 'DEMO_AGENT_SCRIPT']

/** Scheduler and reports lie in ambush, too; reports have a Claude that answers. */
const equipment = (files: RunFiles, more: Equipment, passed: readonly string[]): Equipment => ({
  apps: {
    scheduler: { script: 'test/crash/matrix/scheduler-main.js' },
    reports: {
      script: 'test/crash/matrix/reports-main.js',
      env: { CLAUDE_BIN: claudeScript(dirname(files.home)) },
    },
    ...more.apps,
  },
  env: {
    AGENT_ENV_PASS: [...PASSED, ...passed].join(','),
    CRON_ENV_PASS: [...PASSED, ...passed].join(','),
    REPORT_CLAUDE_JOURNAL: besideHome(files, 'questions'),
    ...more.env,
  },
})

export interface SurroundingsOptions {
  readonly env?: Readonly<Record<string, string>>
  readonly equip?: (files: RunFiles) => Equipment
  /** Variables that agents and commands get, too. */
  readonly passed?: readonly string[]
}

/** Everything but the services, which are not started yet. */
export const openSurroundings = async (scope: Scope, options: SurroundingsOptions = {}): Promise<Surroundings> => {
  const { env = {}, equip = () => ({}), passed = [] } = options
  const telegram = await startBotApi()
  scope.after(() => telegram.close())
  const mail = await openMailServer(scope)
  const hook = await openHook(scope)
  const house = await openHouse({
    broken: null,
    legacy: false,
    env: {
      TELEGRAM_API_BASE: telegram.url,
      GATEWAY_MAX_BACKGROUND_TASKS: '20',
      TELEGRAM_MAX_MESSAGES: '50',
      CRON_WEBHOOK_PRIVATE: 'on',
      REPORT_ENGINE: 'typst',
      REPORT_MAIL: 'smtp',
      SMTP_URL: mail.url,
      REPORT_SENDER: 'paper@example.org',
      REPORT_TO_PRIMARY: 'reader@example.org',
      REPORT_CC: 'owner@example.org',
      ...env,
    },
    equip: (files) => equipment(files, equip(files), passed),
  })
  scope.after(() => house.close(false))
  const { files } = house
  const link = openLink({ run_dir: join(files.home, 'run'), service: 'scheduler' })
  scope.after(() => link.close())
  const prompts = promptsIn(files.journal)
  const commands = besideHome(files, 'commands')
  return {
    house,
    telegram,
    mail,
    hook,
    scheduler: createClient('scheduler', link.call),
    promptsWith: (wanted) => prompts().get(wanted) ?? 0,
    promptsOf: (wanted) => prompts().get(wanted) ?? 0,
    commands: { file: commands, lines: () => textLines(commands) },
    questions: () => textLines(besideHome(files, 'questions')),
  }
}
