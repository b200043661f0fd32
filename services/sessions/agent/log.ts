/**
 * Follows an agent's log: whole lines, in order, each once, with the byte offset at which it begins. The offset names
 * the line for ever (design §5), so bytes are counted and text is decoded only when a line is whole.
 */
import { type FSWatcher, watch } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { basename, dirname } from 'node:path'

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

export interface LogFollowerOptions {
  readonly path: string
  /** A line boundary. */
  readonly from: number
  readonly onLine: (line: LogLine) => void
  /** Something beside the log changed in its folder (the exit status may have come), or it is time to look. */
  readonly onFolderChange?: () => void
  readonly onError: (error: unknown) => void
  /** The safety net under `fs.watch`, in milliseconds. */
  readonly poll_ms?: number
}

/**
 * A live follower. It reads when the kernel says that the folder changed and, as a safety net, once in a while.
 * `onLine` is called synchronously, one line after the other, never again after `close`.
 */
export class LogFollower {
  readonly #options: LogFollowerOptions
  readonly #cutter: LineCutter
  readonly #buffer = Buffer.allocUnsafe(CHUNK_BYTES)
  readonly #watcher: FSWatcher | null
  readonly #timer: NodeJS.Timeout
  #file: FileHandle | undefined
  #at: number
  #reading: Promise<void> | undefined
  #again = false
  #closed = false

  constructor(options: LogFollowerOptions) {
    this.#options = options
    this.#cutter = new LineCutter(options.from)
    this.#at = options.from
    this.#watcher = this.#watch()
    const poll_ms = this.#watcher === null ? UNWATCHED_POLL_MS : (options.poll_ms ?? POLL_MS)
    this.#timer = setInterval(() => {
      options.onFolderChange?.()
      this.poke()
    }, poll_ms)
    this.#timer.unref()
    this.poke()
  }

  /** The offset of the first line that `onLine` has not been given. Always a line boundary. */
  get position(): number {
    return this.#cutter.position
  }

  /** Looks for news now. */
  poke(): void {
    if (this.#closed) return
    if (this.#reading !== undefined) {
      this.#again = true
      return
    }
    this.#reading = this.#read()
      .catch(this.#options.onError)
      .finally(() => {
        this.#reading = undefined
        if (this.#again) {
          this.#again = false
          this.poke()
        }
      })
  }

  /** Resolves once everything that was in the file when it was called has been given to `onLine`. */
  async drain(): Promise<void> {
    // A read already under way may have looked before the last bytes came: wait for it, then for one of our own.
    while (this.#reading !== undefined) await this.#reading
    this.poke()
    while (this.#reading !== undefined) await this.#reading
  }

  /** Forces what has been read to the disk: an end must not be remembered longer than the words it rests on. */
  async sync(): Promise<void> {
    await this.#file?.datasync()
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    clearInterval(this.#timer)
    this.#watcher?.close()
    await this.#reading
    await this.#file?.close()
  }

  /** Null where the kernel has no watch left to give: then the log is polled. */
  #watch(): FSWatcher | null {
    const { path, onFolderChange, onError } = this.#options
    const log = basename(path)
    try {
      const watcher = watch(dirname(path), (_event, name) => {
        // A line was written: no reason to look at all else, 50 times a second and agent.
        if (name !== log) onFolderChange?.()
        this.poke()
      })
      watcher.on('error', onError)
      return watcher
    } catch (error) {
      if (!['ENOSPC', 'EMFILE'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error
      return null
    }
  }

  async #read(): Promise<void> {
    this.#file ??= await open(this.#options.path, 'r')
    while (!this.#closed) {
      const { bytesRead } = await this.#file.read(this.#buffer, 0, this.#buffer.length, this.#at)
      if (bytesRead === 0) return
      this.#at += bytesRead
      for (const line of this.#cutter.push(this.#buffer.subarray(0, bytesRead))) {
        if (this.#closed) return
        this.#options.onLine(line)
      }
    }
  }
}
