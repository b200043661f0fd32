/**
 * What of some folders is on the disk, and what they are after a loss of power.
 *
 * Known are the state at rest (`settle`), the contents of each file as they were last forced, and the entries of each folder as they
 * were last forced (kept by forced.c, by inode). What else was written may be there afterwards or not; POSIX promises nothing. So
 * the power is lost in one of three ways:
 *
 * - `forgetful`: nothing but what was forced. A name that was made, renamed or removed without forcing its folder is as before; a
 *   file that was never forced is empty.
 * - `orderly`: names are as they were at the last moment, as a file system with a journal has them; contents only as forced.
 * - `torn`: names as at the last moment; of each file some blocks are as forced and some as last written, and of what was added to it
 *   a part is there.
 *
 * FIFOs and sockets do not come back.
 */
import {
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import type { Random } from '../../run/random.ts'

export const WAYS = ['forgetful', 'orderly', 'torn'] as const
export type Way = (typeof WAYS)[number]

/** What a loss has taken. */
export interface Taken {
  readonly way: Way
  /** Files and folders whose names are gone. */
  readonly names: number
  /** Files that are older than they were, or empty. */
  readonly files: number
}

type Kind = 'f' | 'd' | 'o'

interface Entry {
  readonly kind: Kind
  readonly key: string
  readonly name: string
}

const BLOCK = 4_096
const NOTHING = Buffer.alloc(0)

/** As forced.c names it: numbers of inodes are given again. */
const keyOf = (path: string): string => {
  const { ino, birthtimeNs } = lstatSync(path, { bigint: true })
  return `${ino}-${birthtimeNs}`
}

/** What somebody removes while we look is not there. */
const present = <T>(look: () => T): T[] => {
  try {
    return [look()]
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    return []
  }
}

const entriesOf = (folder: string): Entry[] =>
  readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const kind: Kind = entry.isFile() ? 'f' : entry.isDirectory() ? 'd' : 'o'
    return present(() => ({ kind, name: entry.name, key: keyOf(join(folder, entry.name)) }))
  })

const countOf = (folder: string): number =>
  entriesOf(folder).reduce(
    (sum, { kind, name }) => sum + (kind === 'd' ? 1 + countOf(join(folder, name)) : kind === 'f' ? 1 : 0),
    0,
  )

/** A part of what was added, and of each block before it the one or the other. */
const tear = (forced: Buffer, last: Buffer, random: Random): Buffer => {
  const [shorter, longer] = forced.length < last.length ? [forced, last] : [last, forced]
  const size = shorter.length + random.below(longer.length - shorter.length + 1)
  const torn = Buffer.from(longer.subarray(0, size))
  for (let at = 0; at < shorter.length; at += BLOCK) {
    const source = random.chance(0.5) ? forced : last
    source.copy(torn, at, at, Math.min(at + BLOCK, shorter.length))
  }
  return torn
}

export class Disk {
  readonly #roots: readonly string[]
  readonly #store: string
  readonly #folders = new Map<string, readonly Entry[]>()
  #changed = 0

  /** @param store a folder of its own, which forced.c knows as POWER_STORE */
  constructor(roots: readonly string[], store: string) {
    this.#roots = roots
    this.#store = store
  }

  /** All that is there now is on the disk. To be called while nobody writes. */
  settle(): void {
    rmSync(this.#store, { recursive: true, force: true })
    for (const name of ['data', 'folders', 'fresh', 'rest']) mkdirSync(join(this.#store, name), { recursive: true })
    this.#folders.clear()
    for (const root of this.#roots) {
      mkdirSync(root, { recursive: true, mode: 0o700 })
      this.#remember(root)
    }
  }

  /** Makes of the folders what they are after a loss of power. To be called when nobody lives who writes there. */
  lose(way: Way, random: Random): Taken {
    this.#changed = 0
    let names = 0
    for (const root of this.#roots) {
      const after = `${root}.after`
      const before = countOf(root)
      this.#rebuild(keyOf(root), root, after, way, random)
      names += Math.max(0, before - countOf(after))
      rmSync(root, { recursive: true, force: true })
      renameSync(after, root)
    }
    return { way, names, files: this.#changed }
  }

  #remember(folder: string): void {
    const entries = entriesOf(folder)
    this.#folders.set(keyOf(folder), entries)
    for (const { kind, key, name } of entries) {
      if (kind === 'd') this.#remember(join(folder, name))
      if (kind === 'f') copyFileSync(join(folder, name), join(this.#store, 'rest', key))
    }
  }

  /** @param last where the folder was at the last moment; null where it had gone */
  #rebuild(key: string, last: string | null, to: string, way: Way, random: Random): void {
    mkdirSync(to, { mode: 0o700 })
    const paths = new Map(last === null ? [] : entriesOf(last).map((entry) => [entry.key, join(last, entry.name)]))
    const entries = way === 'forgetful' || last === null ? this.#forcedEntries(key) : entriesOf(last)
    for (const entry of entries) {
      const path = paths.get(entry.key) ?? null
      const target = join(to, entry.name)
      if (entry.kind === 'd') this.#rebuild(entry.key, path, target, way, random)
      else if (entry.kind === 'f') this.#writeFile(entry.key, path, target, way, random)
      else if (path !== null && lstatSync(path).isSymbolicLink()) symlinkSync(readlinkSync(path), target)
    }
  }

  #writeFile(key: string, path: string | null, target: string, way: Way, random: Random): void {
    const forced = this.#forced(key)
    const last = path === null ? forced : readFileSync(path)
    const contents = way === 'torn' ? tear(forced, last, random) : forced
    if (!contents.equals(last)) this.#changed += 1
    writeFileSync(target, contents, { mode: path === null ? 0o600 : lstatSync(path).mode & 0o777 })
  }

  #forced(key: string): Buffer {
    const path = ['data', 'rest'].map((name) => join(this.#store, name, key)).find((each) => existsSync(each))
    return path === undefined ? NOTHING : readFileSync(path)
  }

  #forcedEntries(key: string): readonly Entry[] {
    const path = join(this.#store, 'folders', key)
    if (!existsSync(path)) return this.#folders.get(key) ?? []
    return readFileSync(path, 'utf8')
      .split('\n')
      .filter(Boolean)
      .map((line) => {
        const [, kind, name_key = '', name = ''] = /^([fdo]) (\S+) (.*)$/.exec(line) ?? []
        return { kind: kind as Kind, key: name_key, name }
      })
  }
}
