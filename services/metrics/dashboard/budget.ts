/**
 * How many writes to the store a month may see, and how far apart they must be so that they last until its end.
 *
 * Vercel counts writes by the month and bills what is above the plan. The count is a file a month in which each write is one
 * line, appended before it is made: the length of the file is the number, also when several processes write or one of them
 * dies in between. A line that begins with `-` takes one back.
 */
import { appendFileSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'

const PREFIX = 'writes-'

/** `2026-11`, in UTC. */
const monthOf = (now: number): string => new Date(now).toISOString().slice(0, 7)

/** When the month of this moment ends (UTC), in milliseconds since 1970. */
export const monthEnd = (now: number): number => {
  const date = new Date(now)
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 1)
}

export class Budget {
  readonly #folder: string
  /** Writes a month. */
  readonly limit: number

  /** @param folder is made where it is missing */
  constructor(folder: string, limit: number) {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    this.#folder = folder
    this.limit = limit
  }

  /** Writes of this month. */
  used(now: number): number {
    const lines = this.#read(now).split('\n')
    const count = (sign: string): number => lines.filter((line) => line.startsWith(sign)).length
    return Math.max(0, count('+') - count('-'))
  }

  /** Notes a write before it is made. Throws where that cannot be noted: then it may not be made. */
  take(now: number): void {
    this.#append('+', now)
    this.#dropOld(now)
  }

  /** Takes back a write that certainly was not made. */
  giveBack(taken_at: number): void {
    this.#append('-', taken_at)
  }

  /** How long after a write the next one may follow, so that what is left lasts until the end of the month. */
  pace_ms(now: number, shortest_ms: number): number {
    const left = this.limit - this.used(now)
    return left <= 0 ? monthEnd(now) - now : Math.max(shortest_ms, (monthEnd(now) - now) / left)
  }

  #file(now: number): string {
    return join(this.#folder, `${PREFIX}${monthOf(now)}`)
  }

  #read(now: number): string {
    try {
      return readFileSync(this.#file(now), 'utf8')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return ''
      throw error
    }
  }

  /** A short append is one write to the file: lines of several processes do not mix. */
  #append(sign: '+' | '-', now: number): void {
    appendFileSync(this.#file(now), `${sign}${new Date(now).toISOString()}\n`, { mode: 0o600 })
  }

  #dropOld(now: number): void {
    const oldest = `${PREFIX}${monthOf(now)}`
    for (const name of readdirSync(this.#folder)) {
      if (name.startsWith(PREFIX) && name < oldest) rmSync(join(this.#folder, name), { force: true })
    }
  }
}
