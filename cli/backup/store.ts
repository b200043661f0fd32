/**
 * What ran at the moment of a backup does not run in what is unpacked from it: it has ended since, or works for the home that the
 * backup was made of. The proof of that lies in folders that no backup holds, so it is written into the unpacked rows; from them alone
 * a command or a report would be begun a second time, and an agent of the other home taken for one's own, and ended.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { openCopy } from '../../services/runtime/sqlite.ts'

/** By service: what says of each piece of work that it had begun and is out of reach. Its columns are there since the first schema. */
const LETTING_GO: Readonly<Record<string, string>> = {
  // Begun in another life of the machine, of which nothing is known: interrupted.
  scheduler: "UPDATE runs SET boot_id = NULL WHERE state = 'running'",
  // Its process is gone; by the nonce it would be found, signalled and ended.
  sessions:
    "UPDATE agents SET nonce = 'let-go-' || lower(hex(randomblob(16))), pid = NULL, pid_start = NULL WHERE state <> 'dead'",
  reports: `UPDATE reports SET ended_at = CAST(unixepoch('subsec') * 1000 AS INTEGER), step = state, state = 'failed', run = NULL,
              reason = 'It was being made when the backup was made that was put back', revision = revision + 1
            WHERE ended_at IS NULL AND run IS NOT NULL AND state <> 'send'`,
}

/** Lets go, in databases that were just unpacked, of everything that ran. @param folder with `db/` in it */
export const letGoOfRunning = (folder: string): void => {
  for (const [service, sql] of Object.entries(LETTING_GO)) {
    const file = join(folder, 'db', `${service}.db`)
    if (!existsSync(file)) continue
    const database = openCopy(file)
    try {
      database.prepare(sql).run()
    } finally {
      database.close()
    }
  }
}
