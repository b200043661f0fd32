/** Mails as files: what happens where no mail is set up. Any mail program opens them. */
import { renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { toMessage } from './message.ts'
import type { Way } from './way.ts'

/** Whether this is a mail of ours, or one that was not finished. */
export const isMailFile = (name: string): boolean => /\.eml(\.new)?$/.test(name)

/** @param folder the outbox of our home */
export const createFiles = (folder: string): Way => ({
  name: 'files',
  // The name is made of the mail's own: a second time it is the same file.
  repeatable: true,
  send: async (mail, attachment, onHanding) => {
    const id = mail.message_id.replace(/^<|@.*$/g, '')
    const file = join(folder, `${id}.eml`)
    try {
      const message = await toMessage(mail, attachment)
      writeFileSync(`${file}.new`, message, { mode: 0o600, flush: true })
      onHanding()
      renameSync(`${file}.new`, file)
      return { ok: true, file }
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code
      if (code === undefined) throw error
      return { ok: false, known: true, reason: `${file} could not be written (${code})`, again: true }
    }
  },
})
