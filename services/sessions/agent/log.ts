/**
 * Follows an agent's log: whole lines, in order, each once, with the byte offset at which it begins. The offset names
 * the line for ever (design §5), so bytes are counted and text is decoded only when a line is whole.
 */
import { closeSync, existsSync, type FSWatcher, fdatasync, openSync, readSync, watch } from 'node:fs'
import { open } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import { promisify } from 'node:util'

export interface LogLine {
  readonly offset: number
  /** Where the next line begins. */
  readonly next: number
  /** Null for a line above {@link MAX_LINE_BYTES}: it is passed over, not held in memory. */
  readonly text: string | null
}

/** The longest line that is read: above the CLI's largest answers (a 9 MB line was seen), far below our memory limit. */
export const MAX_LINE_BYTES = 64 * 1024 * 1024

const CHUNK_BYTES = 256 * 1024
const NEWLINE = 0x0a
/** Read at one go before others get their turn. */
const PORTION_BYTES = 4 * 1024 * 1024
/** One for all followers: a read is over before the next one begins, and lines are copied out of it. */
const BUFFER = Buffer.allocUnsafe(CHUNK_BYTES)
/** The safety net under `fs.watch`. */
const POLL_MS = 1_000
/** Without it this is how soon a line is seen. */
const UNWATCHED_POLL_MS = 20

/** Cuts a byte stream that begins at `position` into lines. */
export class LineCutter {
  #position: number
  #parts: Buffer[] = []
  #held = 0

  constructor(position: number) {
    this.#position = position
  }

  /** Where the first line not yet whole begins. */
  get position(): number {
    return this.#position
  }

  /** The lines that `chunk` completes. The chunk is copied where it must be kept. */
  *push(chunk: Buffer): Generator<LogLine> {
    let from = 0
    for (let end = chunk.indexOf(NEWLINE, from); end !== -1; end = chunk.indexOf(NEWLINE, from)) {
      const length = this.#held + (end - from)
      const offset = this.#position
      this.#position = offset + length + 1
      let text: string | null = null
      if (length <= MAX_LINE_BYTES) {
        text =
          this.#parts.length === 0
            ? chunk.toString('utf8', from, end)
            : Buffer.concat([...this.#parts, chunk.subarray(from, end)]).toString('utf8')
      }
      this.#parts = []
      this.#held = 0
      from = end + 1
      yield { offset, next: this.#position, text }
    }
    if (from === chunk.length) return
    this.#held += chunk.length - from
    if (this.#held > MAX_LINE_BYTES) this.#parts = []
    else this.#parts.push(Buffer.from(chunk.subarray(from)))
  }
}

/** Reads the whole lines of a file from `from` up to (not including) a line that begins at or behind `until`. */
export async function* readLines(path: string, from: number, until = Number.POSITIVE_INFINITY): AsyncGenerator<LogLine> {
  const file = await open(path, 'r')
  try {
    const cutter = new LineCutter(from)
    const buffer = Buffer.allocUnsafe(CHUNK_BYTES)
    for (let at = from; ; ) {
      const { bytesRead } = await file.read(buffer, 0, buffer.length, at)
      if (bytesRead === 0) return
      at += bytesRead
      for (const line of cutter.push(buffer.subarray(0, bytesRead))) {
        if (line.offset >= until) return
        yield line
      }
    }
  } finally {
    await file.close()
  }
}

/** The whole lines of a file before the offset `until` that hold `needle`, read at once. None where there is no such file. */
export function* linesWith(path: string, needle: string, until: number): Generator<LogLine> {
  if (until === 0 || !existsSync(path)) return
  const fd = openSync(path, 'r')
  try {
    const cutter = new LineCutter(0)
    for (let at = 0; at < until; ) {
      const bytes = readSync(fd, BUFFER, 0, Math.min(BUFFER.length, until - at), at)
      if (bytes === 0) return
      at += bytes
      for (const line of cutter.push(BUFFER.subarray(0, bytes))) if (line.text?.includes(needle)) yield line
    }
  } finally {
    closeSync(fd)
  }
}

export interface LogFollowerOptions {
  readonly path: string
  /** A line boundary. */
  readonly from: number
  readonly onLine: (line: LogLine) => void
  /** Something beside the log changed in its folder (the exit status may have come), or it is time to look (null). */
  readonly onFolderChange?: (name: string | null) => void
  readonly onError: (error: unknown) => void
  /** The safety net under `fs.watch`, in milliseconds. */
  readonly poll_ms?: number
}

/**
 * A live follower. It reads when the kernel says that the folder changed and, as a safety net, once in a while. `onLine` is
 * called synchronously, one line after the other, never again after `close`.
 *
 * Reads are synchronous: what was just written comes from memory in about 2 µs, where the way over a thread takes 90 and
 * queues behind the forced writes of other turns. A long backlog is read in portions.
 */
export class LogFollower {
  readonly #options: LogFollowerOptions
  readonly #cutter: LineCutter
  readonly #watcher: FSWatcher | null
  readonly #timer: NodeJS.Timeout
  #fd: number | null = null
  #at: number
  #next: NodeJS.Immediate | null = null
  #isClosed = false

  constructor(options: LogFollowerOptions) {
    this.#options = options
    this.#cutter = new LineCutter(options.from)
    this.#at = options.from
    this.#watcher = this.#watch()
    const poll_ms = this.#watcher === null ? UNWATCHED_POLL_MS : (options.poll_ms ?? POLL_MS)
    this.#timer = setInterval(() => {
      options.onFolderChange?.(null)
      this.poke()
    }, poll_ms)
    this.#timer.unref()
    // Not now: whoever makes a follower does not yet know it when the first lines come.
    this.#later()
  }

  /** The offset of the first line that `onLine` has not been given. Always a line boundary. */
  get position(): number {
    return this.#cutter.position
  }

  /** Looks for news now. */
  poke(): void {
    if (this.#isClosed || this.#next !== null) return
    try {
      if (!this.#readPortion()) this.#later()
    } catch (error) {
      this.#options.onError(error)
    }
  }

  /** Resolves once everything that was in the file when it was called has been given to `onLine`. */
  async drain(): Promise<void> {
    if (this.#next !== null) clearImmediate(this.#next)
    this.#next = null
    while (!this.#isClosed && !this.#readPortion()) await new Promise((resolve) => setImmediate(resolve))
  }

  /** Forces what has been read to the disk: an end must not be remembered longer than the words it rests on. */
  async sync(): Promise<void> {
    if (this.#fd !== null) await promisify(fdatasync)(this.#fd)
  }

  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    clearInterval(this.#timer)
    if (this.#next !== null) clearImmediate(this.#next)
    this.#watcher?.close()
    if (this.#fd !== null) closeSync(this.#fd)
    this.#fd = null
  }

  #later(): void {
    this.#next = setImmediate(() => {
      this.#next = null
      this.poke()
    })
  }

  /** Null where the kernel has no watch left to give: then the log is polled. */
  #watch(): FSWatcher | null {
    const { path, onFolderChange, onError } = this.#options
    const log = basename(path)
    try {
      const watcher = watch(dirname(path), (_event, name) => {
        // A line was written: no reason to look at all else, 50 times a second and agent.
        if (name !== log) onFolderChange?.(name)
        this.poke()
      })
      watcher.on('error', onError)
      return watcher
    } catch (error) {
      if (!['ENOSPC', 'EMFILE'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error
      return null
    }
  }

  /** True when the end of the file was reached; what is written behind it raises an event of its own. */
  #readPortion(): boolean {
    this.#fd ??= openSync(this.#options.path, 'r')
    for (let read = 0; read < PORTION_BYTES; ) {
      const bytes = readSync(this.#fd, BUFFER, 0, BUFFER.length, this.#at)
      this.#at += bytes
      read += bytes
      for (const line of this.#cutter.push(BUFFER.subarray(0, bytes))) {
        if (this.#isClosed) return true
        // One line that cannot be dealt with (the disk is full) costs no other line, and no later one its place.
        try {
          this.#options.onLine(line)
        } catch (error) {
          this.#options.onError(error)
        }
      }
      if (bytes < BUFFER.length) return true
    }
    return false
  }
}
