/**
 * Reading files that an agent wrote. Their folder is its own, so anything may stand in their place: a link to somebody
 * else's file, a FIFO that nobody writes to, a gigabyte. Only a regular file is read, never more than asked for, and
 * opening never waits.
 */
import { type BigIntStats, closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'

/** What an agent can bring about; each means that there is nothing to read. Others (no descriptors left) are our trouble. */
const ABSENT = new Set([
  'ENOENT',
  'ENOTDIR',
  'EACCES',
  'EPERM',
  'EISDIR',
  'ELOOP',
  'ENXIO',
  'ENODEV',
  'ENAMETOOLONG',
  'EOPNOTSUPP',
])

/** Whether an error of the file system says that there is nothing there for us. */
export const isAbsence = (error: unknown): boolean => ABSENT.has((error as NodeJS.ErrnoException).code ?? '')

/** How files of an agent are opened for reading: a link is not followed, a FIFO is not waited for. */
export const READ_FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK

/** Gives an open regular file to `use`; null where there is none. */
export const withPlainFile = <T>(path: string, use: (fd: number, stats: BigIntStats) => T): T | null => {
  let fd: number
  try {
    fd = openSync(path, READ_FLAGS)
  } catch (error) {
    if (isAbsence(error)) return null
    throw error
  }
  try {
    const stats = fstatSync(fd, { bigint: true })
    return stats.isFile() ? use(fd, stats) : null
  } finally {
    closeSync(fd)
  }
}

/** The first bytes of an open file, at most `maxBytes`. It may grow while it is read. */
export const readBytes = (fd: number, maxBytes: number): Buffer => {
  const size = Number(fstatSync(fd).size)
  const bytes = Buffer.alloc(Math.min(size, maxBytes))
  let filled = 0
  while (filled < bytes.length) {
    const read = readSync(fd, bytes, filled, bytes.length - filled, filled)
    if (read === 0) break
    filled += read
  }
  return bytes.subarray(0, filled)
}

/** A text without its byte order mark; what is not UTF-8 shows as U+FFFD. */
export const toText = (bytes: Buffer): string => new TextDecoder().decode(bytes)

/** A text of at most `chars` UTF-16 units that does not end in half a character. */
const cutAt = (text: string, chars: number): string => {
  const cut = text.slice(0, chars)
  return /[\uD800-\uDBFF]$/.test(cut) ? cut.slice(0, -1) : cut
}

/** Bytes that a UTF-16 unit takes in UTF-8, at most; a few more for a byte order mark and a character cut in two. */
const BYTES_A_CHAR = 3
const SPARE_BYTES = 8

/** The beginning of a file, at most `chars` UTF-16 units, trimmed, with a word where it was cut. Null: nothing to read. */
export const readHead = (path: string, chars: number): string | null =>
  withPlainFile(path, (fd, stats) => {
    const bytes = readBytes(fd, chars * BYTES_A_CHAR + SPARE_BYTES)
    const text = toText(bytes)
    const isCut = text.length > chars || BigInt(bytes.length) < stats.size
    const head = cutAt(text, chars).trim()
    if (head === '') return null
    return isCut ? `${head}\n[cut here, the file goes on]` : head
  })
