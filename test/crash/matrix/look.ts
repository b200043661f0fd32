/** What a kill may leave behind: databases that are not whole, and processes that nobody knows any more. */
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import type { RunFiles } from '../run/orders.ts'
import { processesOfRun } from '../run/processes.ts'

/** What is wrong with the databases of a home, each fault in words. They may be in use. */
export const brokenDatabases = (home: string): string[] => {
  const folder = join(home, 'db')
  const names = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.db')) : []
  return names.flatMap((name) => {
    try {
      const db = new Database(join(folder, name), { readonly: true, timeout: 10_000 })
      try {
        const integrity = db.pragma('integrity_check') as { integrity_check: string }[]
        const foreign = db.pragma('foreign_key_check') as unknown[]
        return [
          ...integrity.flatMap(({ integrity_check: said }) => (said === 'ok' ? [] : [`${name}: ${said}`])),
          ...(foreign.length === 0 ? [] : [`${name}: ${foreign.length} rows refer to nothing`]),
        ]
      } finally {
        db.close()
      }
    } catch (error) {
      return [`${name}: ${(error as Error).message}`]
    }
  })
}

/** The nonces of agents that live by their rows. */
const livingNonces = (home: string): ReadonlySet<string> => {
  const path = join(home, 'db', 'sessions.db')
  if (!existsSync(path)) return new Set()
  const db = new Database(path, { readonly: true, timeout: 10_000 })
  try {
    const rows = db.prepare(`SELECT nonce FROM agents WHERE state <> 'dead'`).all() as { nonce: string }[]
    return new Set(rows.map(({ nonce }) => nonce))
  } finally {
    db.close()
  }
}

/** Processes that belong to no agent that lives, and to no work that goes on. To be asked when nothing is being worked at. */
export const orphansOf = (files: RunFiles): string[] => {
  const living = livingNonces(files.home)
  return processesOfRun(files)
    .filter(({ isOurs, nonce }) => !isOurs && (nonce === null || !living.has(nonce)))
    .map(({ pid, command }) => `${pid} ${command}`)
}
