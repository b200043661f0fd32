/**
 * Reads the CLI's session files, each byte once: `<config>/projects/<folder>/<session>.jsonl`, and those of the agents that a
 * session started, `<folder>/<session>/subagents/*.jsonl`.
 *
 * - **A** The place to read on and what was counted up to there are kept in one transaction, so that a crash at any moment
 *   neither loses nor doubles a message.
 * - **B** The place is always behind a whole line. Half a line at the end waits until it is whole.
 * - **C** A file that is shorter than it was, another one (by its inode), or written anew (other bytes before the place) is
 *   read from its beginning. That costs time and nothing else: what was counted is known by its id and not counted again.
 * - **D** What is held in memory does not grow with the files: one piece at a time, and a line that is longer than
 *   {@link MAX_LINE_BYTES} is left out.
 * - **E** Between two pieces everything else of this process gets its turn, and beyond {@link EAGER_BYTES} of one scan everything
 *   else of the machine: the first scan of gigabytes takes half of a processor, and nobody waits for it.
 */
import { hash } from 'node:crypto'
import { type FileHandle, open, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises'
import type { Log } from '../../runtime/log.ts'
import { createDayOf, type Message, parseLine } from './line.ts'
import type { FileRow, UsageStore } from './store.ts'

/** Read at once: parsing it holds the thread for some milliseconds. */
const PIECE_BYTES = 512 * 1024
const MAX_LINE_BYTES = 32 * 1024 * 1024
const EAGER_BYTES = 128 * 1024 * 1024
/** So much before the place tells whether the file is still the one that was read: enough for the ids of a line. */
const MARK_BYTES = 1_024
const NEWLINE = 10

/** Folders that are not there, or vanish while they are read, hold nothing. */
const list = async (folder: string) => {
  try {
    return await readdir(folder, { withFileTypes: true })
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'EACCES'].includes((error as NodeJS.ErrnoException).code ?? '')) return []
    throw error
  }
}

const markOf = (bytes: Buffer): Buffer => hash('sha1', bytes, 'buffer').subarray(0, 8)

export interface ReaderOptions {
  /** CLAUDE_CONFIG_DIR, or `~/.claude`. */
  readonly config_dir: string
  readonly store: Pick<UsageStore, 'files' | 'take' | 'dropFiles'>
  readonly log: Log
  readonly signal: AbortSignal
  /** A shorter one, for tests. */
  readonly max_line_bytes?: number
}

export interface Scanned {
  readonly files: number
  /** Read in this scan. */
  readonly bytes: number
}

export class Reader {
  readonly #options: ReaderOptions
  readonly #known: Map<string, FileRow>
  readonly #dayOf = createDayOf()
  readonly #maxLine: number
  /** Taken in the present scan. */
  #taken = 0

  constructor(options: ReaderOptions) {
    this.#options = options
    this.#known = new Map(options.store.files().map((row) => [row.path, row]))
    this.#maxLine = options.max_line_bytes ?? MAX_LINE_BYTES
  }

  /** Reads what is new. Files that have gone are forgotten; what was counted of them stays. */
  async scan(): Promise<Scanned> {
    const { signal, store, log } = this.#options
    const found = new Set<string>()
    this.#taken = 0
    for await (const path of this.#paths()) {
      if (signal.aborted) return { files: found.size, bytes: this.#taken }
      found.add(path)
      try {
        await this.#readNew(path)
      } catch (error) {
        const code = (error as NodeJS.ErrnoException).code
        if (code === undefined) throw error
        if (code !== 'ENOENT') log.warn({ err: error }, 'A session file of the CLI could not be read; it is tried again')
      }
    }
    const gone = [...this.#known.keys()].filter((path) => !found.has(path))
    if (gone.length > 0) store.dropFiles(gone)
    for (const path of gone) this.#known.delete(path)
    return { files: found.size, bytes: this.#taken }
  }

  async *#paths(): AsyncGenerator<string> {
    const projects = join(this.#options.config_dir, 'projects')
    for (const project of await list(projects)) {
      if (!project.isDirectory() && !project.isSymbolicLink()) continue
      const folder = join(projects, project.name)
      for (const entry of await list(folder)) {
        if (entry.isFile() && entry.name.endsWith('.jsonl')) yield join(folder, entry.name)
        if (!entry.isDirectory()) continue
        const subagents = join(folder, entry.name, 'subagents')
        for (const sub of await list(subagents)) if (sub.isFile() && sub.name.endsWith('.jsonl')) yield join(subagents, sub.name)
      }
    }
  }

  async #readNew(path: string): Promise<void> {
    const { size, ino } = await stat(path)
    const known = this.#known.get(path)
    if (known?.inode === ino && known.size === size) return
    const file = await open(path)
    try {
      const from = await this.#placeIn(file, known, ino, size)
      await this.#readOn(file, { path, inode: ino, position: from, size }, from)
    } finally {
      await file.close()
    }
  }

  /** Where to read on (C). */
  async #placeIn(file: FileHandle, known: FileRow | undefined, inode: number, size: number): Promise<number> {
    if (known === undefined || known.inode !== inode || size < known.position) return 0
    return (await this.#markAt(file, known.position)).equals(known.mark) ? known.position : 0
  }

  async #markAt(file: FileHandle, position: number): Promise<Buffer> {
    const length = Math.min(MARK_BYTES, position)
    const bytes = Buffer.alloc(length)
    const { bytesRead } = await file.read(bytes, 0, length, position - length)
    return markOf(bytes.subarray(0, bytesRead))
  }

  /** Reads to the end, a piece at a time. */
  async #readOn(file: FileHandle, { path, inode, size }: Omit<FileRow, 'mark'>, from: number): Promise<void> {
    const { store, signal } = this.#options
    let position = from
    let buffer = Buffer.allocUnsafe(Math.min(PIECE_BYTES, Math.max(size - from, 1)))
    /** Within a line that is too long: everything up to its end is left out (D). */
    let skipping = false
    while (!signal.aborted) {
      const began = performance.now()
      const { bytesRead } = await file.read(buffer, 0, buffer.length, position)
      const piece = buffer.subarray(0, bytesRead)
      const isLast = position + bytesRead >= size || bytesRead === 0
      let end = piece.lastIndexOf(NEWLINE) + 1
      let begin = 0
      if (skipping) {
        begin = piece.indexOf(NEWLINE) + 1
        skipping = begin === 0
        if (skipping) end = bytesRead
      }
      const isTooLong = end === 0 && bytesRead >= this.#maxLine
      if (end === 0 && !isLast && !isTooLong) {
        buffer = Buffer.allocUnsafe(Math.min(buffer.length * 4, this.#maxLine))
        continue
      }
      if (isTooLong) {
        skipping = true
        end = bytesRead
      }
      const parsed =
        isTooLong || skipping ? { messages: [], lines: 0, broken: isTooLong ? 1 : 0 } : this.#parse(piece.subarray(begin, end))
      position += end
      this.#taken += end
      const mark = end >= MARK_BYTES ? markOf(piece.subarray(end - MARK_BYTES, end)) : await this.#markAt(file, position)
      // The one exception to (B) is a line that is too long: after a crash amid it its rest counts as one that cannot be read.
      const row = { path, inode, position, size: isLast ? size : position, mark }
      store.take({ file: row, messages: parsed.messages, bytes: end, lines: parsed.lines, skipped_lines: parsed.broken })
      this.#known.set(path, row)
      if (isLast) break
      if (buffer.length > PIECE_BYTES) buffer = Buffer.allocUnsafe(PIECE_BYTES)
      await this.#pause(performance.now() - began)
    }
  }

  /** (E) @param worked_ms how long the piece before took */
  async #pause(worked_ms: number): Promise<void> {
    if (this.#taken < EAGER_BYTES) await turn()
    else await sleep(worked_ms, undefined, { signal: this.#options.signal }).catch(() => undefined)
  }

  #parse(bytes: Buffer): { messages: Message[]; lines: number; broken: number } {
    const messages: Message[] = []
    let lines = 0
    let broken = 0
    for (const text of bytes.toString('utf8').split('\n')) {
      if (text === '') continue
      lines += 1
      const message = parseLine(text, this.#dayOf)
      if (message === 'broken') broken += 1
      else if (message !== null) messages.push(message)
    }
    return { messages, lines, broken }
  }
}
