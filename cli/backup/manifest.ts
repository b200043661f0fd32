/** What a backup says of itself: its files with their sizes and sums. Written last, so a folder without one is no backup. */
import { createHash } from 'node:crypto'
import { closeSync, createReadStream, fsyncSync, openSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'

const FILE = 'manifest.json'

const BackupFile = z.object({
  /** Below the backup's folder. */
  file: z.string().regex(/^(db\/)?[a-z0-9_-]+\.[a-z]+$/),
  /** Whose database it is; null: a plain file. */
  service: z.string().nullable(),
  /** The number of the last migration that was applied. */
  schema_version: z.number().int().nullable(),
  bytes: z.number().int(),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  /** Milliseconds since 1970. */
  made_at: z.number().int(),
})
export type BackupFile = z.output<typeof BackupFile>

export const Manifest = z.object({
  format: z.literal(1),
  /** The version of Switchboard that made it. */
  switchboard: z.string(),
  made_at: z.number().int(),
  files: z.array(BackupFile).min(1),
})
export type Manifest = z.output<typeof Manifest>

/** The SHA-256 of a file, in hexadecimal, whatever its size. */
export const sumOf = async (file: string): Promise<string> => {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer)
  return hash.digest('hex')
}

/** Has a file or a folder on the disk before anything is said about it. */
export const syncPath = (path: string): void => {
  const fd = openSync(path, 'r')
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}

/** Writes a small file so that it is there as a whole or not at all, also after a power cut. */
export const writeWhole = (folder: string, name: string, text: string): void => {
  const partial = join(folder, `${name}.partial`)
  writeFileSync(partial, text, { mode: 0o600 })
  syncPath(partial)
  renameSync(partial, join(folder, name))
  syncPath(folder)
}

export const writeManifest = (folder: string, manifest: Manifest): void =>
  writeWhole(folder, FILE, `${JSON.stringify(manifest, null, 2)}\n`)

/** The manifest of a backup. Null: there is none, so it is none; throws for one that cannot be understood. */
export const readManifest = (folder: string): Manifest | null => {
  let text: string
  try {
    text = readFileSync(join(folder, FILE), 'utf8')
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return null
    throw error
  }
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch (error) {
    throw new Error(`${join(folder, FILE)} is damaged: it is no JSON`, { cause: error })
  }
  const parsed = Manifest.safeParse(json)
  if (parsed.success) return parsed.data
  throw new Error(`${join(folder, FILE)} is damaged, or of a newer Switchboard:\n${z.prettifyError(parsed.error)}`)
}
