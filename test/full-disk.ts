/** A disk that is full for some writes: a trigger that a second connection makes refuses them while a real service runs. */
import { randomUUID } from 'node:crypto'
import Database from 'better-sqlite3'

const change = (file: string, sql: string): void => {
  const db = new Database(file)
  try {
    db.exec(sql)
  } finally {
    db.close()
  }
}

/**
 * From now on SQLite refuses what matches, until the answer is called.
 * @param file the database @param writes as in `CREATE TRIGGER`: "UPDATE OF state ON turns"
 */
export const fillDisk = (file: string, writes: string): (() => void) => {
  const name = `full_${randomUUID().replaceAll('-', '')}`
  change(file, `CREATE TRIGGER ${name} BEFORE ${writes} BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END`)
  return () => change(file, `DROP TRIGGER ${name}`)
}

/** Whether something was refused since there were `from` lines: a test in which nothing was has shown nothing. */
export const wasRefused = (lines: readonly string[], from = 0): boolean =>
  lines.slice(from).some((line) => line.includes('database or disk is full'))

/** An error as SQLite throws it when the disk is full. */
export const diskFull = (): Error => new Database.SqliteError('database or disk is full', 'SQLITE_FULL')
