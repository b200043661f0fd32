/** Looking through a copy: whether it is whole, of which schema, and the same as when it was made. */
import { existsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Database } from 'better-sqlite3'
import { openForReading, schemaOf } from '../../services/runtime/sqlite.ts'
import { type BackupFile, sumOf } from './manifest.ts'
import type { Backup } from './shelf.ts'

/** The first thing that is wrong within a database, or null. Reads all of it. */
export const faultWithin = (database: Database): string | null => {
  const [first] = database.pragma('integrity_check(1)') as { integrity_check: string }[]
  if (first?.integrity_check !== 'ok') return first?.integrity_check ?? 'it does not answer'
  const orphans = database.pragma('foreign_key_check') as unknown[]
  return orphans.length === 0 ? null : `${orphans.length} rows refer to nothing`
}

export const schemaIn = (database: Database): number => database.pragma('user_version', { simple: true }) as number

/** What is wrong with one file of a backup, or null. */
const faultOf = async (folder: string, { file, service, bytes, sha256, schema_version }: BackupFile): Promise<string | null> => {
  const path = join(folder, file)
  if (!existsSync(path)) return `${file} is missing`
  const { size } = statSync(path)
  if (size !== bytes) return `${file} has ${size} bytes instead of ${bytes}`
  if ((await sumOf(path)) !== sha256) return `${file} is not as it was made: its SHA-256 is another`
  if (service === null) return null
  const database = openForReading(path)
  try {
    const version = schemaIn(database)
    if (version !== schema_version) return `${file} has schema ${version} instead of ${schema_version}`
    const fault = faultWithin(database)
    return fault === null ? null : `${file}: ${fault}`
  } finally {
    database.close()
  }
}

/** Everything that is wrong with a backup; empty where it is sound. */
export const faultsOf = async ({ folder, manifest }: Backup): Promise<string[]> => {
  const faults: string[] = []
  for (const file of manifest.files) {
    const fault = await faultOf(folder, file).catch((error: unknown) => `${file.file}: ${(error as Error).message}`)
    if (fault !== null) faults.push(fault)
  }
  return faults
}

/** What of a backup this code cannot read, since a newer one wrote it; empty where it can. @param root the checkout */
export const fromTheFuture = ({ manifest }: Backup, root: string): string[] =>
  manifest.files.flatMap(({ service, schema_version }) => {
    if (service === null || schema_version === null) return []
    const migrations = join(root, 'services', service, 'migrations')
    const known = existsSync(migrations) ? schemaOf(migrations) : 0
    return schema_version > known ? [`${service} has schema ${schema_version}, this Switchboard knows ${known}`] : []
  })
