/** A whole Switchboard with a secret in each setting that may hold one, and what it has to do with outside: stand-ins that tell on it. */
import { spawn } from 'node:child_process'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import type { TestContext } from 'node:test'
import { openHouse } from '../cli/house.ts'
import { startBotApi } from '../fakes/bot-api.ts'
import { atEnd, type Scope, tempDir } from '../harness.ts'
import { openMailServer } from '../services/reports/mail-server.ts'
import { root } from '../source-tree.ts'
import { openPanelHouse } from '../web/house.ts'
import { type Asker, openAsker } from './asker.ts'
import { type Canaries, createSearch, type Leak, makeBotToken, makeCanary, type Search, seenProcesses } from './canaries.ts'
import { isLong } from './runs.ts'

/** Settings that are secret, of ours and of those that may stand beside them in an environment. */
export const SECRET_SETTINGS: readonly string[] = [
  'GATEWAY_TOKEN',
  'METRICS_SECRET',
  'MCB_TOKEN',
  'SMTP_URL',
  'ANTHROPIC_API_KEY',
  'CLAUDE_CODE_OAUTH_TOKEN',
  'VERCEL_API_TOKEN',
  'AWS_SECRET_ACCESS_KEY',
  'GITHUB_TOKEN',
  'OLLAMA_BASE_URL',
  'DASHBOARD_PUSH_URL',
]

export interface Planted extends Asker {
  readonly canaries: Canaries
  readonly home: string
  /** What everything lies in that is written: the home, and the folders of the chats. */
  readonly folder: string
  /** Where every process puts what it keeps for a moment. */
  readonly temporary: string
  readonly url: string
  /** Where webhooks are answered with an error that repeats all that came. */
  readonly webhook: string
  /** `switchboard <args>` as a process. */
  command(...args: string[]): Promise<void>
  /** A program of ours, with what is written into it; what it says is kept. */
  program(file: string, args: readonly string[], input?: string, env?: Readonly<Record<string, string>>): Promise<void>
  /** What processes have written, and what the WebSocket was told. */
  outputs(): { readonly name: string; readonly text: string }[]
  /** Secrets in the command lines and environments that processes have had since it began. */
  seenOfProcesses(): readonly Leak[]
}

/** Answers everything with an error that repeats what was shown to it, as badly written servers do. */
const openTelltale = async (t: Scope): Promise<string> => {
  const textOf = async (request: IncomingMessage): Promise<string> => {
    let text = ''
    for await (const piece of request) text += piece
    return text
  }
  const server = createServer(async (request, response) => {
    const said = JSON.stringify([request.url, request.headers, await textOf(request)])
    response.writeHead(500, { 'x-you-said': encodeURIComponent(said.slice(0, 2_000)), 'content-type': 'text/plain' }).end(said)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  atEnd(t, async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  return `127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** What a process is, by its command line: one of ours, an agent, or what the line says. */
const kindOf = (cmdline: string): string => {
  if (/\/dist\/(services|gateway-edge|mcp|cli)\/(?!.*demo-agent)|\/cli\/switchboard\.mjs/.test(cmdline))
    return 'a program of ours'
  if (/\/node_modules\/pm2\/|^PM2 v[\d.]+: God Daemon/.test(cmdline)) return 'PM2'
  if (/demo-agent|\/agents\/\d+/.test(cmdline)) return 'an agent'
  return cmdline.trim().slice(0, 200)
}

const LOOK_MS = 40

/** Looks at all processes again and again, since some of them live for a moment only. */
const watchProcesses = (t: Scope, search: Search): (() => readonly Leak[]) => {
  const leaks = new Map<string, Leak>()
  const keep = (found: readonly Leak[]): void => {
    for (const leak of found) leaks.set(JSON.stringify(leak), leak)
  }
  const look = (): void => {
    for (const { cmdline, environ } of seenProcesses()) {
      keep(search.inBytes(cmdline, 'command line'))
      const line = cmdline.toString().replaceAll('\0', ' ')
      // Without one it becomes another program at this very moment: it is looked at again.
      if (line !== '') keep(search.inBytes(environ, `environment of ${kindOf(line)}`))
    }
  }
  const timer = setInterval(look, LOOK_MS)
  atEnd(t, () => clearInterval(timer))
  return () => {
    look()
    return [...leaks.values()]
  }
}

interface Running {
  readonly home: string
  readonly folder: string
  readonly url: string
  output(): string
}

/** As a user starts it: PM2, its own files and its daemon are part of what is searched. */
const startUnderPm2 = async (t: TestContext, env: Readonly<Record<string, string>>): Promise<Running> => {
  const house = await openHouse(t)
  const { code, output } = await house.run(['up'], { ...env })
  if (code !== 0) throw new Error(`it did not start: ${output}`)
  // What the services write goes to files in the home.
  return { home: house.home, folder: path.dirname(house.home), url: house.url, output: () => output }
}

const startPlainly = async (t: Scope, env: Readonly<Record<string, string>>): Promise<Running> => {
  const { home, url, output } = await openPanelHouse(t, { env })
  return { home, folder: home, url, output }
}

/** Opens it, for a long look under PM2; everything ends with the test. */
export const openPlanted = async (t: TestContext): Promise<Planted> => {
  const canaries: Record<string, string> = {
    ...Object.fromEntries(SECRET_SETTINGS.map((name) => [name, makeCanary(name)])),
    BOT_OF_TASK: makeBotToken(),
    BOT_OF_JOB: makeBotToken(),
    WEBHOOK: makeCanary('webhook'),
  }
  const of = (name: string): string => canaries[name] ?? ''
  const inUrl = (name: string): string => encodeURIComponent(of(name))
  const mail = await openMailServer(t)
  const telltale = await openTelltale(t)
  // Telegram repeats the token in its refusals.
  const telegram = await startBotApi({
    script: ({ token, text }) => (text.includes('fine') ? 'ok' : { status: 401, description: `Unauthorized: bot${token}` }),
  })
  atEnd(t, () => telegram.close())
  const temporary = tempDir(t)
  const env: Record<string, string> = {
    TMPDIR: temporary,
    ...Object.fromEntries(SECRET_SETTINGS.map((name) => [name, of(name)])),
    SMTP_URL: mail.url.replace('//', `//paper:${inUrl('SMTP_URL')}@`),
    OLLAMA_BASE_URL: `http://u:${inUrl('OLLAMA_BASE_URL')}@${telltale}`,
    DASHBOARD_PUSH_URL: `http://${telltale}/push?key=${inUrl('DASHBOARD_PUSH_URL')}`,
    TELEGRAM_API_BASE: telegram.url,
    EMBEDDINGS: 'ollama',
    CRON_WEBHOOK_PRIVATE: 'on',
    REPORT_MAIL: 'smtp',
    REPORT_ENGINE: 'typst',
    REPORT_SENDER: 'paper@example.org',
    REPORT_TO_PRIMARY: 'reader@example.org',
    LOG_LEVEL: 'trace',
  }
  const said: { name: string; text: string }[] = []
  const seenOfProcesses = watchProcesses(t, createSearch(canaries))
  const { home, folder, url, output } = await (isLong ? startUnderPm2 : startPlainly)(t, env)
  const asker = await openAsker(t, url, of('GATEWAY_TOKEN'))

  const program: Planted['program'] = (file, args, input = '', more = {}) =>
    new Promise((resolve, reject) => {
      const { PATH = '', HOME = '' } = process.env
      const surroundings = {
        PATH,
        HOME,
        ...env,
        SWITCHBOARD_HOME: home,
        GATEWAY_PORT: new URL(url).port,
        CLAUDE_BIN: 'demo',
        ...more,
      }
      const call = `const { main } = await import(${JSON.stringify(path.join(root, 'dist/cli/main.js'))}); process.exitCode = await main(process.argv.slice(1), process.env)`
      const flags = file === 'switchboard' ? ['--input-type=module', '-e', call, '--'] : [path.join(root, 'dist', file)]
      const child = spawn(process.execPath, [...flags, ...args], {
        cwd: root,
        env: surroundings,
        stdio: ['pipe', 'pipe', 'pipe'],
      })
      let text = ''
      for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (part: string) => (text += part))
      child.stdin.on('error', () => undefined)
      child.stdin.end(input)
      child.once('error', reject)
      child.once('close', () => {
        said.push({ name: `${file} ${args.join(' ')}`, text })
        resolve()
      })
    })

  return {
    ...asker,
    canaries,
    home,
    folder,
    temporary,
    url,
    webhook: `http://${telltale}/hook?key=${inUrl('WEBHOOK')}`,
    program,
    command: (...args) => program('switchboard', args),
    outputs: () => [...said, { name: 'the services', text: output() }, { name: 'the WebSocket', text: asker.told() }],
    seenOfProcesses,
  }
}
