/** How every database is opened and closed. One process owns a file: nobody else opens it, not even to read. */
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import Database from 'better-sqlite3'
import { ServiceError } from '../../protocol/errors.ts'
import type { Log } from './log.ts'

/** Beyond it the write-ahead log is cut back at the next checkpoint. */
const WAL_LIMIT_BYTES = 64 * 1024 * 1024

const BUSY_TIMEOUT_MS = 5_000

interface Migration {
  readonly version: number
  readonly name: string
  readonly sql: string
}

/** `001-begin.sql`, `002-….sql`: numbered from one without a hole, so that `user_version` tells which were applied. */
const readMigrations = (folder: string): Migration[] => {
  const names = readdirSync(folder)
    .filter((name) => name.endsWith('.sql'))
    .sort()
  return names.map((name, index) => {
    const version = Number(/^(\d{3})-/.exec(name)?.[1])
    if (version !== index + 1) throw new Error(`${path.join(folder, name)}: migrations are numbered 001, 002, … without a hole`)
    return { version, name, sql: readFileSync(path.join(folder, name), 'utf8') }
  })
}

/** The schema that this code writes: the number of the last migration in the folder. */
export const schemaOf = (migrations_dir: string): number => readMigrations(migrations_dir).length

const versionOf = (database: Database.Database): number => database.pragma('user_version', { simple: true }) as number

/** Each migration is one transaction, which looks at the version again: two processes that open at once apply it once. */
const migrate = (database: Database.Database, migrations: readonly Migration[], log: Log | undefined): void => {
  for (const { version, name, sql } of migrations) {
    if (versionOf(database) >= version) continue
    const apply = database.transaction(() => {
      if (versionOf(database) >= version) return
      database.exec(sql)
      const broken = database.pragma('foreign_key_check') as unknown[]
      if (broken.length > 0) throw new Error(`${name} leaves ${broken.length} rows that refer to nothing`)
      database.pragma(`user_version = ${version}`)
      log?.info({ database: database.name, migration: name }, 'A migration was applied')
    })
    apply.immediate()
  }
}

/** Switching a new file to WAL, alone of all, does not wait for another that does the same; so stand in line and try again. */
const switchToWal = (database: Database.Database): void => {
  const until = performance.now() + BUSY_TIMEOUT_MS
  for (;;) {
    try {
      database.pragma('journal_mode = WAL')
      return
    } catch (error) {
      if ((error as { code?: string }).code !== 'SQLITE_BUSY' || performance.now() >= until) throw error
      database.exec('BEGIN IMMEDIATE; COMMIT')
    }
  }
}

/**
 * Whether SQLite could not do what it may be able to do later: the disk is full, say. Data that breaks a constraint will always do; a
 * trigger refuses for reasons of its own.
 */
export const isDatabaseTrouble = (error: unknown): boolean =>
  error instanceof Database.SqliteError &&
  (!error.code.startsWith('SQLITE_CONSTRAINT') || error.code === 'SQLITE_CONSTRAINT_TRIGGER')

/** What this process has open by `openDatabase`; a backup asks for it (backup.ts). */
const opened = new Set<Database.Database>()

/** The databases that this process owns at the moment. */
export const openDatabases = (): readonly Database.Database[] => [...opened].filter((database) => database.open)

/**
 * Opens a copy, or a database whose owner does not run, to look at it; what is there is not changed. Throws where it is none. Another
 * process may ask the database of a running owner a single question with it.
 */
export const openForReading = (file: string): Database.Database =>
  new Database(file, { readonly: true, fileMustExist: true, timeout: BUSY_TIMEOUT_MS })

/** Opens a fresh copy of our own and makes it one file: without a log beside it, it may lie where nobody can write. */
export const openCopy = (file: string): Database.Database => {
  const database = new Database(file, { fileMustExist: true, timeout: BUSY_TIMEOUT_MS })
  try {
    database.pragma('journal_mode = DELETE')
    return database
  } catch (error) {
    database.close()
    throw error
  }
}

export interface DatabaseOptions {
  readonly path: string
  readonly migrations_dir: string
  /** FULL where a message, a claim or a delivery is recorded (design §6); NORMAL may lose the last commits with the power. */
  readonly synchronous: 'FULL' | 'NORMAL'
  readonly log?: Log
}

/** Opens or makes the database and brings it up to date. Throws `conflict` for one that a newer version has written. */
export const openDatabase = ({ path: file, migrations_dir, synchronous, log }: DatabaseOptions): Database.Database => {
  const migrations = readMigrations(migrations_dir)
  const database = new Database(file, { timeout: BUSY_TIMEOUT_MS })
  try {
    const version = versionOf(database)
    if (version > migrations.length) {
      throw new ServiceError(
        'conflict',
        `${file} was written by a newer version (schema ${version}, this one knows ${migrations.length}); install that version, or put back a backup`,
      )
    }
    switchToWal(database)
    database.pragma(`synchronous = ${synchronous}`)
    // macOS acknowledges an ordinary fsync before the data is on the disk. Elsewhere these two change nothing.
    database.pragma(`fullfsync = ${synchronous === 'FULL' ? 'ON' : 'OFF'}`)
    database.pragma(`checkpoint_fullfsync = ${synchronous === 'FULL' ? 'ON' : 'OFF'}`)
    database.pragma(`journal_size_limit = ${WAL_LIMIT_BYTES}`)
    // Off while migrating, or rebuilding a table would delete what refers to it; checked after each migration.
    database.pragma('foreign_keys = OFF')
    migrate(database, migrations, log)
    database.pragma('foreign_keys = ON')
    opened.add(database)
    return database
  } catch (error) {
    database.close()
    throw error
  }
}

/** Writes the log back into the file and closes. Safe to call twice. */
export const closeDatabase = (database: Database.Database): void => {
  opened.delete(database)
  if (!database.open) return
  try {
    database.pragma('wal_checkpoint(TRUNCATE)')
  } finally {
    database.close()
  }
}
