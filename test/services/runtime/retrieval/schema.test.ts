import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import Database from 'better-sqlite3'
import { packageRoot } from '../../../../services/runtime/package-root.ts'

const SERVICES = path.join(packageRoot(import.meta.url), 'services')

const schemaOf = (files: readonly string[]): Map<string, string> => {
  const db = new Database(':memory:')
  for (const file of files) db.exec(readFileSync(file, 'utf8'))
  const rows = db.prepare("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%'").all()
  db.close()
  // Comments and blanks may differ.
  const plain = (sql: string): string =>
    sql
      .replace(/--.*$/gm, '')
      .replace(/\s+/g, ' ')
      .replace(/\( | \)/g, '')
      .trim()
  return new Map((rows as { name: string; sql: string }[]).map(({ name, sql }) => [name, plain(sql)]))
}

test('retrieval schema - every service that uses it has its tables as they are written down', () => {
  const wanted = schemaOf([path.join(SERVICES, 'runtime/retrieval/schema.sql')])
  assert.ok(wanted.size > 8)
  const folders = readdirSync(SERVICES).map((service) => path.join(SERVICES, service, 'migrations'))
  const migrations = (folder: string): string[] =>
    readdirSync(folder)
      .sort()
      .map((file) => path.join(folder, file))
  const users = folders.filter((folder) => {
    try {
      return migrations(folder).some((file) => readFileSync(file, 'utf8').includes('passage_signs'))
    } catch (error) {
      assert.equal((error as NodeJS.ErrnoException).code, 'ENOENT')
      return false
    }
  })
  assert.ok(users.length > 0)
  for (const folder of users) {
    const there = schemaOf(migrations(folder))
    for (const [name, sql] of wanted) assert.equal(there.get(name), sql, `${name} in ${folder}`)
  }
})
