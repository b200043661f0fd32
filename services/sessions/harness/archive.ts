/**
 * Keeping finished harness projects. A copy goes to `<archives>/<uuid>/.harness`, and a line about it into
 * `<archives>/index.json`, which clients of the predecessor read.
 *
 * A copy is made under another name, is on disk with its own `entry.json`, and then gets its name in one step: so a folder
 * with that name is whole. The index is made from these: what a crash kept out of it is taken in at the next call, and a
 * half copy is removed. The same content of the same folder is kept once, however often it is asked for, so a caller that
 * was killed before it removed the original may just ask again.
 *
 * All of it is synchronous: nobody gets between a look, the copy and the removal, and no two writers meet. The price is
 * that the process stands still meanwhile, some milliseconds for a plan and its notes, hence the limits.
 */
import { createHash, randomUUID } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { force } from '../../runtime/forced.ts'
import { writeAtomically } from './atomic-file.ts'
import { copyFolder } from './folder-copy.ts'
import { HARNESS_FOLDER, harnessFolderOf } from './place.ts'
import { isAllDone, readTasks } from './progress.ts'

/** What the index says of one archive. */
export const ArchiveEntry = z.object({
  uuid: z.uuid(),
  project_name: z.string(),
  chat_id: z.string(),
  bot_id: z.string(),
  original_cwd: z.string(),
  /** Like `2026-11-22T17:48:16.520+00:00`. */
  archived_at: z.string(),
  status: z.enum(['complete', 'incomplete', 'unknown']),
  tasks_done: z.number().int(),
  tasks_total: z.number().int(),
  tasks_blocked: z.number().int(),
})
export type ArchiveEntry = z.output<typeof ArchiveEntry>

/** What lies beside a copy: its line of the index, and what tells equal content. */
const Kept = z.object({ entry: ArchiveEntry, content: z.string() })
type Kept = z.output<typeof Kept>

export interface ArchiveOrder {
  readonly cwd: string
  readonly archives_dir: string
  readonly bot_id: string
  readonly chat_id: string
  /** Milliseconds since 1970. */
  readonly now: number
  /** Hears when the copy is whole and the index does not know it yet; crash tests stop there. */
  readonly at?: (point: 'harness_copied') => void
}

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
const PARTIAL = '.partial'
/** So many are let go of at a time. */
const FORGET = 50

const readJson = (path: string): unknown => {
  try {
    return JSON.parse(readFileSync(path, 'utf8'))
  } catch (error) {
    if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

const keptIn = (archives: string, uuid: string): Kept | null => {
  const parsed = Kept.safeParse(readJson(join(archives, uuid, 'entry.json')))
  return parsed.success && parsed.data.entry.uuid === uuid ? parsed.data : null
}

/** The lines of the index. What is in it and not ours (the predecessor's) stays as it is. */
const readIndex = (archives: string): unknown[] => {
  const path = join(archives, 'index.json')
  const index = readJson(path)
  if (Array.isArray(index)) return index
  // The predecessor wrote in place, so a torn index may be all there is of its lines: it is kept.
  if (existsSync(path)) renameSync(path, `${path}.${randomUUID()}.unreadable`)
  return []
}

const uuidOf = (line: unknown): unknown => (line as { uuid?: unknown } | null)?.uuid

/** Takes in what a crash kept out of the index, and removes half copies. */
const mendIndex = (archives: string): unknown[] => {
  const lines = readIndex(archives)
  const known = new Set(lines.map(uuidOf))
  const names = readdirSync(archives)
  for (const name of names.filter((name) => name.endsWith(PARTIAL) && UUID.test(name.slice(0, -PARTIAL.length)))) {
    rmSync(join(archives, name), { recursive: true, force: true })
  }
  const missing = names
    .filter((name) => UUID.test(name) && !known.has(name))
    .flatMap((name) => keptIn(archives, name)?.entry ?? [])
    .sort((a, b) => (a.archived_at < b.archived_at ? -1 : 1))
  if (missing.length === 0) return lines
  const mended = [...lines, ...missing]
  writeIndex(archives, mended)
  return mended
}

const writeIndex = (archives: string, lines: readonly unknown[]): void =>
  writeAtomically(join(archives, 'index.json'), `${JSON.stringify(lines, null, 2)}\n`)

/** An earlier archive of the same content of the same folder. */
const findEqual = (archives: string, lines: readonly unknown[], entry: ArchiveEntry, content: string): ArchiveEntry | null => {
  for (const line of lines) {
    const { data: old } = ArchiveEntry.safeParse(line)
    if (old?.original_cwd !== entry.original_cwd || old.bot_id !== entry.bot_id || old.chat_id !== entry.chat_id) continue
    if (keptIn(archives, old.uuid)?.content === content) return old
  }
  return null
}

const toEntry = ({ cwd, bot_id, chat_id, now }: ArchiveOrder, uuid: string, folder: string): ArchiveEntry => {
  // Counted in the copy: it is the copy that the line is about.
  const counts = readTasks(folder)
  return {
    uuid,
    project_name: counts?.project_name ?? 'unknown',
    chat_id,
    bot_id,
    original_cwd: cwd,
    archived_at: new Date(now).toISOString().replace('Z', '+00:00'),
    status: counts === null ? 'unknown' : isAllDone(counts) ? 'complete' : 'incomplete',
    tasks_done: counts?.done ?? 0,
    tasks_total: counts?.total ?? 0,
    tasks_blocked: counts?.blocked ?? 0,
  }
}

/**
 * Archives `<cwd>/.harness`, never the project that a pointer names; links in it are left out. On disk when it returns.
 * Null when there is no such folder. Throws `too_large` when it is no plan any more, `conflict` when not all
 * of it can be read; then nothing was archived.
 */
export const archiveHarness = (order: ArchiveOrder): ArchiveEntry | null => {
  const { cwd, archives_dir: archives } = order
  mkdirSync(archives, { recursive: true, mode: 0o700 })
  const lines = mendIndex(archives)
  const source = harnessFolderOf(cwd)
  if (source === null) return null
  const uuid = randomUUID()
  const partial = join(archives, `${uuid}${PARTIAL}`)
  try {
    mkdirSync(partial, { mode: 0o700 })
    const hash = createHash('sha256')
    copyFolder(source, join(partial, HARNESS_FOLDER), hash)
    const entry = toEntry(order, uuid, partial)
    const content = hash.digest('hex')
    const equal = findEqual(archives, lines, entry, content)
    if (equal) return equal
    writeAtomically(join(partial, 'entry.json'), `${JSON.stringify({ entry, content } satisfies Kept, null, 2)}\n`)
    renameSync(partial, join(archives, uuid))
    force(archives)
    order.at?.('harness_copied')
    writeIndex(archives, [...lines, entry])
    return entry
  } finally {
    rmSync(partial, { recursive: true, force: true })
  }
}

const archivedAt = (line: unknown): number => Date.parse(String((line as { archived_at?: unknown } | null)?.archived_at))

/**
 * Deletes archives of before a moment (milliseconds since 1970), some at a time; how many. What the index tells no moment of
 * stays. Cut off in the middle, the rest is found again: a folder goes before its line.
 */
export const forgetArchives = (archives: string, before: number): number => {
  if (!existsSync(archives)) return 0
  const lines = mendIndex(archives)
  const isAged = (line: unknown): boolean => UUID.test(String(uuidOf(line))) && archivedAt(line) < before
  const aged = new Set(lines.filter(isAged).slice(0, FORGET))
  for (const line of aged) rmSync(join(archives, String(uuidOf(line))), { recursive: true, force: true })
  if (aged.size > 0)
    writeIndex(
      archives,
      lines.filter((line) => !aged.has(line)),
    )
  return aged.size
}

/** Deletes `<cwd>/.harness`; of a link, the link. */
export const removeHarness = (cwd: string): void => {
  rmSync(join(cwd, HARNESS_FOLDER), { recursive: true, force: true })
}
