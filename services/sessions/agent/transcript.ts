/** The CLI's own record of a conversation: where it lies and whether it knows a message. */
import { createReadStream, existsSync, readdirSync, realpathSync, rmSync, statSync, utimesSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

/** The longest slug that the CLI writes out; longer ones are cut and get a hash (`claude-cli.md` 4). */
const MAX_SLUG = 200

/** A setting of less than a week nobody has been seen to use. */
const YOUNG_MS = 3 * 86_400_000

/** The name of the CLI's project folder for a working directory: lossy, so different paths may collide. */
export const slugOf = (cwd: string): string => cwd.replace(/[^A-Za-z0-9]/g, '-')

/** The transcripts of one CLI configuration folder. */
export class Transcripts {
  readonly #projects: string

  /** @param configDir CLAUDE_CONFIG_DIR, or `~/.claude` */
  constructor(configDir: string) {
    this.#projects = join(configDir, 'projects')
  }

  /** Where the transcript of a conversation lies, or null when there is none. */
  find(cwd: string, conversationId: string): string | null {
    for (const folder of this.#folders(cwd)) {
      const path = join(folder, `${conversationId}.jsonl`)
      if (existsSync(path)) return path
    }
    return null
  }

  /**
   * Whether the transcript holds the user line with this uuid. The CLI writes that line before it asks the model, so
   * its absence (in the transcript of a process that is dead) proves that the model never saw the message.
   * `unreadable` when there is a file that cannot be read: then nothing is proven.
   */
  async knows(cwd: string, conversationId: string, uuid: string): Promise<'yes' | 'no' | 'unreadable'> {
    const path = this.find(cwd, conversationId)
    if (path === null) return 'no'
    try {
      // A text search per line, not a parse: a torn last line or a lone surrogate must not hide the proof.
      for await (const line of createInterface({ input: createReadStream(path), crlfDelay: Number.POSITIVE_INFINITY })) {
        if (line.includes(uuid)) return 'yes'
      }
      return 'no'
    } catch {
      return 'unreadable'
    }
  }

  /**
   * Makes the record of a conversation look used. Our agents tell the CLI to delete none for its age; one that the owner runs
   * beside them deletes what was not touched for 30 days, ours as well. @param now milliseconds since 1970
   */
  keepYoung(cwd: string, conversationId: string, now: number): void {
    const path = this.find(cwd, conversationId)
    if (path !== null && statSync(path).mtimeMs < now - YOUNG_MS) utimesSync(path, now / 1_000, now / 1_000)
  }

  /** Deletes what the CLI keeps of a conversation. */
  delete(cwd: string, conversationId: string): void {
    for (const folder of this.#folders(cwd)) {
      rmSync(join(folder, `${conversationId}.jsonl`), { force: true })
      rmSync(join(folder, conversationId), { force: true, recursive: true })
    }
  }

  #folders(cwd: string): string[] {
    let real = cwd
    try {
      real = realpathSync(cwd)
    } catch (error) {
      // A deleted working directory: the name it was given by is the best there is.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    }
    const slug = slugOf(real)
    if (slug.length <= MAX_SLUG) return [join(this.#projects, slug)]
    if (!existsSync(this.#projects)) return []
    const stem = `${slug.slice(0, MAX_SLUG)}-`
    return readdirSync(this.#projects)
      .filter((name) => name.startsWith(stem))
      .map((name) => join(this.#projects, name))
  }
}
