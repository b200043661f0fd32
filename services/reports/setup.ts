/** What this machine has for making and mailing reports: which typesetters, which way for mail, whether a Claude. */
import { execFile } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import type { MailWay, ReportEngine } from '../../protocol/reports.ts'
import { onPath } from '../runtime/agent-environment.ts'
import { packageRoot } from '../runtime/package-root.ts'
import type { Claude } from './claude/claude.ts'
import type { Engine } from './engine/engine.ts'
import { createTypst } from './engine/typst.ts'
import { createXelatex } from './engine/xelatex.ts'
import { createFiles } from './mail/files.ts'
import { createMailApp } from './mail/mail-app.ts'
import { recipientsOf } from './mail/recipients.ts'
import { createSmtp } from './mail/smtp.ts'
import type { Way } from './mail/way.ts'
import type { Settings } from './settings.ts'

type Environment = Readonly<Record<string, string | undefined>>

const VERSION_MS = 20_000

export interface Engines {
  /** First choice first. */
  readonly engines: readonly Engine[]
  readonly version: string | null
}

/** @param cache a folder of ours for what TeX and fontconfig remember */
export const findEngines = async (settings: Settings, environment: Environment, cache: string): Promise<Engines> => {
  const typst = createTypst()
  // Where MacTeX puts it, which a service that was not started from a terminal does not have on its PATH.
  const path = [environment.PATH, '/Library/TeX/texbin'].filter(Boolean).join(delimiter)
  const command = settings.REPORT_ENGINE === 'typst' ? null : onPath('xelatex', path)
  if (command === null) return { engines: [typst], version: null }
  try {
    const { stdout } = await promisify(execFile)(command, ['--version'], { env: { PATH: path }, timeout: VERSION_MS })
    mkdirSync(cache, { recursive: true, mode: 0o700 })
    return { engines: [createXelatex(command, path, cache), typst], version: stdout.split('\n')[0]?.trim() ?? null }
  } catch {
    // A broken installation is as good as none; `missing` says that it does not run.
    return { engines: [typst], version: null }
  }
}

/** The way that mail takes where nothing else was chosen. */
export const chooseWay = (settings: Settings, platform: NodeJS.Platform): MailWay => {
  if (settings.REPORT_MAIL !== 'auto')
    return settings.REPORT_MAIL === 'smtp' && settings.SMTP_URL === undefined ? 'files' : settings.REPORT_MAIL
  if (settings.SMTP_URL !== undefined) return 'smtp'
  const isNamed = settings.REPORT_TO_PRIMARY.length + settings.REPORT_TO_SECONDARY.length + settings.REPORT_CC.length > 0
  return platform === 'darwin' && isNamed ? 'mail-app' : 'files'
}

/** All ways: a mail that was written down for one is sent by that one, also after a change of the settings. */
export const createWays = (
  settings: Settings,
  environment: Environment,
  folders: { readonly outbox: string; readonly reports: string },
): Readonly<Record<MailWay, Way>> => {
  const env = Object.fromEntries(
    Object.entries(environment).filter(
      (entry): entry is [string, string] =>
        ['HOME', 'USER', 'LOGNAME', 'PATH', 'LANG', 'TMPDIR'].includes(entry[0]) && entry[1] !== undefined,
    ),
  )
  const reason = 'SMTP_URL is not set any more, and this mail was to go that way'
  const noServer: Way = {
    name: 'smtp',
    repeatable: false,
    send: async () => ({ ok: false, known: true, reason, again: false }),
  }
  return {
    files: createFiles(folders.outbox),
    smtp: settings.SMTP_URL === undefined ? noServer : createSmtp(settings.SMTP_URL),
    'mail-app': createMailApp({
      script: join(packageRoot(import.meta.url), 'reports/send-mail.js'),
      folder: folders.reports,
      env,
    }),
  }
}

/** What is not set up, and what to do. */
export const missingOf = (
  settings: Settings,
  has: { readonly claude: Claude | null; readonly engine: ReportEngine; readonly way: MailWay },
): string[] => {
  const missing: string[] = []
  if (has.claude === null)
    missing.push(
      'No Claude CLI: reports are examples. Install it (npm install -g @anthropic-ai/claude-code), run claude once to log in, restart',
    )
  if (has.engine === 'typst' && settings.REPORT_ENGINE !== 'typst')
    missing.push(
      'No XeLaTeX: the built-in Typst typesets. Debian: apt install texlive-xetex texlive-lang-chinese; macOS: MacTeX; or leave it',
    )
  if (settings.REPORT_MAIL === 'smtp' && settings.SMTP_URL === undefined)
    missing.push('REPORT_MAIL is smtp and SMTP_URL is not set: mails are written to the outbox folder')
  else if (has.way === 'files')
    missing.push('No way for mail: mails are files in the outbox folder. Set SMTP_URL, or use Mail.app on macOS')
  if (has.way === 'smtp' && settings.REPORT_SENDER === undefined)
    missing.push('REPORT_SENDER, the address that mails come from, is not set: nothing is mailed')
  if (has.way !== 'files') {
    for (const [lang, name] of [
      ['cn', 'REPORT_TO_PRIMARY'],
      ['en', 'REPORT_TO_SECONDARY'],
    ] as const)
      if (recipientsOf(settings, lang, false).to.length === 0)
        missing.push(`Nobody gets the ${lang} edition: set ${name} or REPORT_CC`)
    if (settings.REPORT_CC.length === 0)
      missing.push('REPORT_CC is not set: previews have no reader, and failures are told to the first one')
  }
  return missing
}
