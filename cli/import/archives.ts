/** Harness archives: each is copied whole, and then its line is added to our index. */
import { existsSync, readdirSync, readFileSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { syncPath, writeWhole } from '../backup/manifest.ts'
import { copyBeside, tryFiles } from './folder-copy.ts'
import { newTally, type Tally } from './tally.ts'

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

type Line = Readonly<Record<string, unknown>>

/** The lines of an index; none where there is none or it is torn (the predecessor wrote it in place). */
const readIndex = (folder: string): Line[] => {
  const file = join(folder, 'index.json')
  if (!existsSync(file)) return []
  try {
    const lines: unknown = JSON.parse(readFileSync(file, 'utf8'))
    return Array.isArray(lines) ? (lines as Line[]) : []
  } catch (error) {
    if (error instanceof SyntaxError) return []
    throw error
  }
}

/** An archive that no line tells of still is one. */
const strangerLine = (uuid: string): Line => ({
  uuid,
  project_name: 'unknown',
  chat_id: '',
  bot_id: '',
  original_cwd: '',
  archived_at: '',
  status: 'unknown',
  tasks_done: 0,
  tasks_total: 0,
  tasks_blocked: 0,
})

/** Links are none: what they lead to is nobody's archive. */
const archivesIn = (folder: string): string[] =>
  existsSync(folder)
    ? readdirSync(folder, { withFileTypes: true })
        .filter((entry) => entry.isDirectory() && UUID.test(entry.name))
        .map(({ name }) => name)
    : []

/**
 * Copies the archives that are not here. Sessions may run: it goes by its index, which does not tell of them yet.
 * @returns those of which that could not be done, with the reason
 */
export const copyArchives = async (from: string, to: string): Promise<Map<string, string>> => {
  const refused = new Map<string, string>()
  for (const uuid of archivesIn(from)) {
    if (existsSync(join(to, uuid))) continue
    const copied = await tryFiles(() => {
      const partial = join(to, `import-${uuid}`)
      copyBeside(join(from, uuid), partial)
      renameSync(partial, join(to, uuid))
      syncPath(to)
    })
    if ('trouble' in copied) refused.set(uuid, copied.trouble)
  }
  return refused
}

/**
 * Adds to our index what was copied; sessions must not run then. @param to our archives @param uncopied of `copyArchives`
 * @param isDry only looks
 */
export const importArchives = (from: string, to: string, uncopied: ReadonlyMap<string, string>, isDry: boolean): Tally => {
  const tally = newTally('harness archives')
  const told = new Map(readIndex(from).map((line) => [String(line.uuid), line]))
  const lines = readIndex(to)
  const here = new Set(lines.map(({ uuid }) => uuid))
  for (const uuid of archivesIn(from)) {
    tally.found += 1
    const trouble = uncopied.get(uuid)
    if (trouble !== undefined) tally.refused.push(`${uuid}: it cannot be copied (${trouble})`)
    else if (here.has(uuid) && existsSync(join(to, uuid))) tally.known += 1
    else {
      if (!told.has(uuid)) tally.review.push(`${uuid}: its index does not tell what it is`)
      if (isDry) continue
      lines.push(told.get(uuid) ?? strangerLine(uuid))
      writeWhole(to, 'index.json', `${JSON.stringify(lines, null, 2)}\n`)
      tally.taken += 1
    }
  }
  return tally
}
