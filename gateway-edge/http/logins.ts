/**
 * Who has logged in with a browser. A login is a random id that the browser shows as a cookie; it is never the token, and
 * only its hash is kept.
 */
import { createHash, randomBytes } from 'node:crypto'
import type { LoginFile } from './login-file.ts'

export const COOKIE = 'switchboard_session'

const LIFE_MS = 7 * 24 * 3_600_000

/** Logins at one time; the oldest one goes when there is one more. */
const LOGINS_MAX = 1_000

/** A browser may hold several cookies of one name, for paths that are not ours; further ones are not looked at. */
const LOOKS_MAX = 5

const ATTRIBUTES = 'Path=/; HttpOnly; SameSite=Strict'

const keyOf = (id: string): string => createHash('sha256').update(id).digest('base64')

/** All values of our cookie among those of a request. */
const idsIn = (cookies: string): string[] =>
  cookies
    .split(';')
    .map((cookie) => cookie.trim())
    .filter((cookie) => cookie.startsWith(`${COOKIE}=`))
    .slice(0, LOOKS_MAX)
    .map((cookie) => cookie.slice(COOKIE.length + 1))

export class Logins {
  readonly #expiries: Map<string, number>
  readonly #now: () => number
  readonly #file: LoginFile | undefined

  /** @param file where logins outlive this process; absent: they end with it */
  constructor(now: () => number = Date.now, file?: LoginFile) {
    this.#now = now
    this.#file = file
    this.#expiries = new Map(file?.read().filter(([, expiry]) => expiry > now()))
  }

  get size(): number {
    return this.#expiries.size
  }

  /** Begins a login; returns the `Set-Cookie` for it. `secure`: the browser may show it over HTTPS only. */
  begin(secure: boolean): string {
    const id = randomBytes(32).toString('base64url')
    this.#expiries.set(keyOf(id), this.#now() + LIFE_MS)
    if (this.#expiries.size > LOGINS_MAX) {
      for (const oldest of this.#expiries.keys()) {
        this.#expiries.delete(oldest)
        break
      }
    }
    this.#keep()
    return `${COOKIE}=${id}; ${ATTRIBUTES}; Max-Age=${LIFE_MS / 1_000}${secure ? '; Secure' : ''}`
  }

  #keep(): void {
    this.#file?.write([...this.#expiries].filter(([, expiry]) => expiry > this.#now()))
  }

  /** Whether a `Cookie` header shows a login that holds. */
  knows(cookies: string): boolean {
    return idsIn(cookies).some((id) => {
      const key = keyOf(id)
      const expiry = this.#expiries.get(key)
      if (expiry !== undefined && expiry <= this.#now()) this.#expiries.delete(key)
      return expiry !== undefined && expiry > this.#now()
    })
  }

  /** Ends the logins that a `Cookie` header shows; returns the `Set-Cookie` that takes the cookie away. */
  end(cookies: string, secure: boolean): string {
    for (const id of idsIn(cookies)) this.#expiries.delete(keyOf(id))
    this.#keep()
    return `${COOKIE}=; ${ATTRIBUTES}; Max-Age=0${secure ? '; Secure' : ''}`
  }
}
