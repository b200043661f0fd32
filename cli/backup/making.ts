/** Making a backup: copies of all databases, each looked through, then the manifest, then a name. */
import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { openCopy } from '../../services/runtime/sqlite.ts'
import type { Settings } from '../settings.ts'
import { type Copied, copyAll } from './copies.ts'
import { faultWithin, schemaIn } from './inspection.ts'
import { IMPORT_NOTE } from './journal.ts'
import { type BackupFile, type Manifest, sumOf, syncPath, writeManifest } from './manifest.ts'
import { type Backup, clearHalves, nameOf, PARTIAL, shelfFault, shelfOf } from './shelf.ts'

/** What is the owner's own beside the databases. Secrets (.env, the tokens of bots) stay where they are. */
const PLAIN_FILES = ['global-memory.md', IMPORT_NOTE] as const

const versionIn = (root: string): string =>
  (JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }).version

const takeIn = async (folder: string, { service, file, made_at }: Copied): Promise<BackupFile> => {
  const path = join(folder, file)
  const database = openCopy(path)
  let schema_version: number
  try {
    schema_version = schemaIn(database)
    const fault = faultWithin(database)
    if (fault !== null)
      throw new Error(
        `The database of ${service} is damaged (${fault}). No backup was made; the last sound ones are kept. Put one back: npx switchboard restore`,
      )
  } finally {
    database.close()
  }
  const kept = join('db', file)
  renameSync(path, join(folder, kept))
  syncPath(join(folder, kept))
  return {
    file: kept,
    service,
    schema_version,
    bytes: statSync(join(folder, kept)).size,
    sha256: await sumOf(join(folder, kept)),
    made_at,
  }
}

const takePlainFiles = async (home: string, folder: string, made_at: number): Promise<BackupFile[]> => {
  const files: BackupFile[] = []
  for (const file of PLAIN_FILES.filter((name) => existsSync(join(home, name)))) {
    copyFileSync(join(home, file), join(folder, file))
    syncPath(join(folder, file))
    const { size: bytes } = statSync(join(folder, file))
    files.push({ file, service: null, schema_version: null, bytes, sha256: await sumOf(join(folder, file)), made_at })
  }
  return files
}

/** Makes a backup; the caller holds the lock of backups. Whatever fails, nothing with a backup's name is left. */
export const makeBackup = async (settings: Settings, now: number = Date.now()): Promise<Backup> => {
  const name = nameOf(now)
  const partial = join(shelfOf(settings.home), `${name}${PARTIAL}`)
  const folder = join(shelfOf(settings.home), name)
  const fault = shelfFault(settings.home)
  if (fault !== null) throw new Error(`No backup was made: ${fault}.`)
  // Also when this one will fail as well: a disk that halves have filled would stay full.
  clearHalves(settings.home)
  mkdirSync(join(partial, 'db'), { recursive: true, mode: 0o700 })
  try {
    const files: BackupFile[] = []
    // Before the databases: a job that the note of an import lacks is known by its looks, one that is noted and not there is lost.
    const plain = await takePlainFiles(settings.home, partial, now)
    const copied = await copyAll(settings, `${name}${PARTIAL}`, partial)
    if (copied.length === 0) throw new Error(`There is nothing to back up: no database in ${join(settings.home, 'db')} yet.`)
    for (const copy of copied) files.push(await takeIn(partial, copy))
    files.push(...plain)
    const manifest: Manifest = { format: 1, switchboard: versionIn(settings.root), made_at: now, files }
    syncPath(join(partial, 'db'))
    writeManifest(partial, manifest)
    renameSync(partial, folder)
    syncPath(shelfOf(settings.home))
    return { name, folder, manifest }
  } catch (error) {
    rmSync(partial, { recursive: true, force: true })
    throw error
  }
}
