/** Harness archives: each is copied whole, and its line is added to our index. */
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { syncPath, writeWhole } from '../backup/manifest.ts'
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

/** Copies what is not here. Links are copied as links and never followed. @param to our archives; sessions must not run */
export const importArchives = (from: string, to: string, isDry: boolean): Tally => {
  const tally = newTally('harness archives')
  const names = existsSync(from) ? readdirSync(from).filter((name) => UUID.test(name)) : []
  const told = new Map(readIndex(from).map((line) => [String(line.uuid), line]))
  const lines = readIndex(to)
  const here = new Set(lines.map(({ uuid }) => uuid))
  for (const uuid of names) {
    tally.found += 1
    const isHere = existsSync(join(to, uuid))
    if (isHere && here.has(uuid)) {
      tally.known += 1
      continue
    }
    if (!told.has(uuid)) tally.review.push(`${uuid}: its index does not tell what it is`)
    if (isDry) continue
    if (!isHere) {
      mkdirSync(to, { recursive: true, mode: 0o700 })
      const partial = join(to, `import-${uuid}`)
      rmSync(partial, { recursive: true, force: true })
      cpSync(join(from, uuid), partial, { recursive: true, verbatimSymlinks: true, preserveTimestamps: true })
      renameSync(partial, join(to, uuid))
      syncPath(to)
    }
    lines.push(told.get(uuid) ?? strangerLine(uuid))
    writeWhole(to, 'index.json', `${JSON.stringify(lines, null, 2)}\n`)
    tally.taken += 1
  }
  return tally
}
