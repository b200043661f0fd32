/**
 * Mail by Mail.app: a script for macOS's own automation (`reports/send-mail.js`), which answers with what it knows. Mail gives
 * the message an id of its own, so threads go by their subject there.
 */
import { execFile } from 'node:child_process'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import type { Handed, Way } from './way.ts'

const TIMEOUT_MS = 120_000

const Answer = z.union([
  z.object({ sent: z.literal(true) }),
  z.object({ sent: z.literal(false), stage: z.enum(['compose', 'send']), error: z.string() }),
])

/** What the script's answer means. Anything else than its one line means that nobody knows. */
export const toHanded = (stdout: string): Handed => {
  let given: unknown
  try {
    given = JSON.parse(stdout)
  } catch {
    given = undefined
  }
  const { data: answer } = Answer.safeParse(given)
  if (answer === undefined) return { ok: false, known: false, reason: 'Mail.app did not say whether it sent the mail' }
  if (answer.sent) return { ok: true }
  const reason = `Mail.app could not send it: ${answer.error}`
  return answer.stage === 'compose' ? { ok: false, known: true, reason, again: true } : { ok: false, known: false, reason }
}

/** Whether this is the name of an order: a crash may leave one. */
export const isMailOrder = (name: string): boolean => /^mail-\d+\.json$/.test(name)

export interface MailAppOptions {
  /** The script: `reports/send-mail.js`. */
  readonly script: string
  /** Where the order lies while it runs. */
  readonly folder: string
  /** What the program finds in its environment. */
  readonly env: Readonly<Record<string, string>>
  /** `osascript`; another program in tests. */
  readonly command?: string
}

export const createMailApp = ({ script, folder, env, command = 'osascript' }: MailAppOptions): Way => ({
  name: 'mail-app',
  repeatable: false,
  send: async (mail, attachment, onHanding, signal) => {
    const { sender, to, cc, subject, body } = mail
    const order = join(folder, `mail-${mail.mail_id}.json`)
    const reply_to_subject = mail.reply_to?.subject ?? null
    const text = JSON.stringify({ sender, to, cc, subject, body, attachment: attachment?.path ?? null, reply_to_subject })
    try {
      writeFileSync(order, text, { mode: 0o600 })
      onHanding()
      return await new Promise<Handed>((resolve) => {
        const options = { env: { ...env }, timeout: TIMEOUT_MS, killSignal: 'SIGKILL', signal } as const
        execFile(command, ['-l', 'JavaScript', script, order], options, (error, stdout) => {
          if ((error as NodeJS.ErrnoException | null)?.code === 'ENOENT')
            resolve({ ok: false, known: true, reason: `${command} is not there: Mail.app needs macOS`, again: false })
          else resolve(toHanded(stdout))
        })
      })
    } finally {
      rmSync(order, { force: true })
    }
  },
})
