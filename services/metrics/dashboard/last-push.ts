/** What the last push said and promised, kept in a file so that a restart neither repeats nor forgets it. */
import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'

const Kept = z.object({
  pushed_at: z.number(),
  /** The page calls the payload stale after this moment. */
  next_push_by: z.number(),
  /** Of what was said, without the moments. */
  fingerprint: z.string(),
})
export type LastPush = z.output<typeof Kept>

const FILE = 'last-push.json'

/** Null where there was none, or where the file cannot be read: then it is as after the first start. */
export const readLastPush = (folder: string): LastPush | null => {
  try {
    return Kept.parse(JSON.parse(readFileSync(join(folder, FILE), 'utf8')))
  } catch {
    return null
  }
}

/** Whoever reads meanwhile finds the old one or the new one, whole. */
export const keepLastPush = (folder: string, last: LastPush): void => {
  const file = join(folder, FILE)
  const draft = `${file}.${process.pid}`
  writeFileSync(draft, `${JSON.stringify(last)}\n`, { mode: 0o600 })
  renameSync(draft, file)
}
