/** Copying a folder that an agent wrote: what is in it is copied, nothing that it points to. */
import { createHash, type Hash } from 'node:crypto'
import { closeSync, fsyncSync, mkdirSync, openSync, readdirSync, readSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { ServiceError } from '../../../protocol/errors.ts'
import { force } from '../../runtime/forced.ts'
import { withPlainFile } from './plain-file.ts'

/** What is copied at most: the process stands still meanwhile, and a file costs a millisecond or two to be on disk. */
const MAX_BYTES = 64 * 1024 * 1024
const MAX_FILES = 2_000
const MAX_DEPTH = 32
const PIECE_BYTES = 256 * 1024

interface Budget {
  bytes: number
  files: number
}

const spend = (budget: Budget, source: string, { bytes = 0, files = 0 }: Partial<Budget>): void => {
  budget.bytes -= bytes
  budget.files -= files
  if (budget.bytes >= 0 && budget.files >= 0) return
  const limit = `${MAX_FILES} files and ${MAX_BYTES / (1024 * 1024)} MB`
  throw new ServiceError(
    'too_large',
    `${source} holds more than ${limit}; move away what does not belong to the plan, or delete it`,
  )
}

/** Copies a file and gives its digest. One that cannot be read is not passed over: the original may be deleted next. */
const copyFile = (from: string, to: string, budget: Budget, source: string): string => {
  const copied = withPlainFile(from, (input) => {
    const digest = createHash('sha256')
    const output = openSync(to, 'wx', 0o600)
    try {
      const piece = Buffer.alloc(PIECE_BYTES)
      for (;;) {
        const read = readSync(input, piece, 0, piece.length, null)
        if (read === 0) break
        spend(budget, source, { bytes: read })
        digest.update(piece.subarray(0, read))
        for (let written = 0; written < read; ) written += writeSync(output, piece, written, read - written)
      }
      fsyncSync(output)
    } finally {
      closeSync(output)
    }
    return digest.digest('hex')
  })
  if (copied === null) throw new ServiceError('conflict', `${from} cannot be read, so ${source} was not archived`)
  return copied
}

const copyLevel = (from: string, to: string, way: string, depth: number, budget: Budget, hash: Hash, source: string): void => {
  if (depth > MAX_DEPTH) throw new ServiceError('too_large', `${source} holds folders more than ${MAX_DEPTH} deep`)
  mkdirSync(to, { mode: 0o700 })
  const entries = readdirSync(from, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1))
  for (const entry of entries) {
    const inner = join(way, entry.name)
    spend(budget, source, { files: 1 })
    if (entry.isDirectory()) copyLevel(join(from, entry.name), join(to, entry.name), inner, depth + 1, budget, hash, source)
    if (!entry.isFile()) continue
    const digest = copyFile(join(from, entry.name), join(to, entry.name), budget, source)
    hash.update(`${JSON.stringify(inner)} ${digest}\n`)
  }
  force(to)
}

/**
 * Copies a folder's regular files and folders, on disk when it returns, and adds their names and contents to `hash`.
 * Links, FIFOs and devices are left out. Throws `too_large` past the limits and `conflict` on what cannot be read; what was
 * copied by then is the caller's to remove.
 */
export const copyFolder = (source: string, target: string, hash: Hash): void =>
  copyLevel(source, target, '', 0, { bytes: MAX_BYTES, files: MAX_FILES }, hash, source)
