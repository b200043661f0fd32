/**
 * Logins that outlive the edge: hashes of their ids, and when each ends. Nobody can log in with what lies there, and a file of
 * another token counts for nothing, so changing GATEWAY_TOKEN logs everybody out.
 */
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { z } from 'zod'
import type { Log } from '../../services/runtime/log.ts'

const Kept = z.object({ token: z.string(), logins: z.array(z.tuple([z.string(), z.number()])) })

/** What is kept of logins: the hash of each id, with its end in milliseconds since 1970, oldest first. */
export type KeptLogins = readonly (readonly [string, number])[]

export interface LoginFile {
  read(): KeptLogins
  write(logins: KeptLogins): void
}

/** @param file its path; @param token the token that logins were made with */
export const openLoginFile = (file: string, token: string, log: Log): LoginFile => {
  const mark = createHash('sha256').update(`logins of ${token}`).digest('base64')
  return {
    read: () => {
      if (!existsSync(file)) return []
      try {
        const kept = Kept.parse(JSON.parse(readFileSync(file, 'utf8')))
        return kept.token === mark ? kept.logins : []
      } catch (error) {
        log.warn({ err: error, file }, 'The logins of before cannot be read; browsers are asked for the token again')
        return []
      }
    },
    write: (logins) => {
      try {
        writeFileSync(`${file}.new`, JSON.stringify({ token: mark, logins }), { mode: 0o600 })
        renameSync(`${file}.new`, file)
      } catch (error) {
        // A login holds all the same, until the edge is started anew.
        log.warn({ err: error, file }, 'A login could not be kept; it ends with the next restart of the edge')
      }
    },
  }
}
