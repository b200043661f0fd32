/** Trying out on a copy what the next start will do to the databases. */
import { existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { closeDatabase, openDatabase, schemaOf } from '../../services/runtime/sqlite.ts'
import { faultWithin } from './inspection.ts'
import { unpack } from './restoring.ts'
import type { Backup } from './shelf.ts'

/** What became of one database. */
export interface Rehearsed {
  readonly service: string
  readonly from: number
  readonly to: number
}

/**
 * Applies this code's migrations to a copy of a backup, and looks the result through. Throws at the first that fails, with the
 * reason. Nothing but `folder`, which is deleted again, is touched. @param root the checkout
 */
export const rehearse = async (backup: Backup, folder: string, root: string): Promise<Rehearsed[]> => {
  try {
    rmSync(folder, { recursive: true, force: true })
    await unpack(backup, folder)
    return backup.manifest.files.flatMap(({ service, file, schema_version }) => {
      const migrations_dir = join(root, 'services', service ?? '', 'migrations')
      if (service === null || schema_version === null || !existsSync(migrations_dir)) return []
      const database = openDatabase({ path: join(folder, file), migrations_dir, synchronous: 'NORMAL' })
      try {
        const fault = faultWithin(database)
        if (fault !== null) throw new Error(`after its migrations the database of ${service} is not sound: ${fault}`)
      } finally {
        closeDatabase(database)
      }
      return [{ service, from: schema_version, to: schemaOf(migrations_dir) }]
    })
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
