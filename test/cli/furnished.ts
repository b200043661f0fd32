/** A home with memories in it, for tests of what is done with its databases while nothing runs. */
import path from 'node:path'
import type { Settings } from '../../cli/settings.ts'
import { closeDatabase, openDatabase, openForReading } from '../../services/runtime/sqlite.ts'
import type { Scope } from '../harness.ts'
import { root, surroundings } from './doctored.ts'

export const openOf = (settings: Settings, service: string) =>
  openDatabase({
    path: path.join(settings.home, 'db', `${service}.db`),
    migrations_dir: path.join(root, 'services', service, 'migrations'),
    synchronous: 'NORMAL',
  })

export const addMemory = (settings: Settings, ...keys: string[]): void => {
  const database = openOf(settings, 'memory')
  const insert = database.prepare(
    `INSERT INTO memories (bot_id, key, content, category, created_at, updated_at, digest) VALUES ('default', ?, ?, 'general', 0, 0, x'00')`,
  )
  database.transaction(() => keys.map((key) => insert.run(key, 'y'.repeat(500))))()
  closeDatabase(database)
}

export const keysIn = (file: string): string[] => {
  const database = openForReading(file)
  try {
    return (database.prepare('SELECT key FROM memories ORDER BY id').all() as { key: string }[]).map(({ key }) => key)
  } finally {
    database.close()
  }
}

/** A home with a memory in it, and nothing that runs. */
export const furnished = (t: Scope): Settings => {
  const { settings } = surroundings(t)
  addMemory(settings, 'first')
  return settings
}

export const memoryFile = ({ home }: Settings): string => path.join(home, 'db', 'memory.db')
