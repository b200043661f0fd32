/**
 * The token: whether a request shows it, in one of the ways in which clients can. Without a token set everybody who came as
 * far as here is let in.
 *
 * - **A** What was shown and what is right are compared by their hashes in constant time, and neither is repeated in an
 *   answer or a log.
 * - **B** Who showed something wrong ten times has to wait, and is refused meanwhile even with the right one; else there
 *   would be no bound to guessing. A login that holds passes all the same: it cannot be guessed.
 * - **C** On this machine itself B does not refuse the right token: neighbours share one address, and one of them could lock
 *   the others out.
 */
import { createHash, timingSafeEqual } from 'node:crypto'
import { Buckets } from './buckets.ts'
import { HttpError } from './errors.ts'
import type { LoginFile } from './login-file.ts'
import { Logins } from './logins.ts'
import { type Source, schemeOf, sourceOf, type Visitor } from './source.ts'

/** Wrong tokens that may be shown at once, and how many more each minute. */
const WRONG_MAX = 10

/** No browser dialog is asked for, which Basic would do: the panel has its own. */
const CHALLENGE = { 'www-authenticate': 'Bearer realm="switchboard"' }

const NEEDED = 'A token is needed: send Authorization: Bearer <GATEWAY_TOKEN>, or put it into the URL as the password'

const digest = (text: string): Buffer => createHash('sha256').update(text).digest()

/** The token that a request shows: undefined for none, and an empty text for something that cannot be one. */
const shownIn = (authorization: string): string | undefined => {
  if (authorization === '') return undefined
  const [, scheme = '', value = ''] = /^(\S+) +(\S+) *$/.exec(authorization) ?? []
  if (scheme.toLowerCase() === 'bearer') return value
  if (scheme.toLowerCase() !== 'basic') return ''
  const pair = Buffer.from(value, 'base64').toString('utf8')
  const colon = pair.indexOf(':')
  return colon < 0 ? '' : pair.slice(colon + 1)
}

/** An answer to logging in or out. */
export interface LoginAnswer {
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

export interface Access {
  /** Throws 401 or 429 for who shows neither the token nor a login. */
  admit(visitor: Visitor): void
  /**
   * Looks at who wants to log in; what it returns takes what they show, when their body was read, and begins a login or
   * throws as `admit` does. Throws 404 where no token is set.
   */
  prepareLogin(visitor: Visitor): (shown: unknown) => LoginAnswer
  /** Ends the login that is shown. */
  logout(visitor: Visitor): LoginAnswer
}

const DONE = '{"status":"ok"}'

/** Builds the check for a token; `file`: where logins outlive this process; `now` is a clock in milliseconds. */
export const createAccess = (token: string | undefined, file?: LoginFile, now?: () => number): Access => {
  const expected = digest(token ?? '')
  const wrong = new Buckets({ per_second: WRONG_MAX / 60, burst: WRONG_MAX, ...(now && { now }) })
  const logins = new Logins(now, file)

  const isSecure = (visitor: Visitor): boolean => schemeOf(visitor) === 'https'

  const judge = (shown: string, source: Source): void => {
    const right = timingSafeEqual(digest(shown), expected)
    const wait = wrong.wait(source.name)
    if (right && (wait === 0 || source.local)) return
    if (wait > 0) {
      const detail = 'Too many wrong tokens came from this address: wait before the next try'
      throw new HttpError(429, detail, { 'retry-after': String(wait) })
    }
    wrong.take(source.name)
    throw new HttpError(401, 'This token is wrong', CHALLENGE)
  }

  return {
    admit: (visitor) => {
      if (token === undefined || logins.knows(visitor.header('cookie'))) return
      const shown = shownIn(visitor.header('authorization'))
      // Nothing shown is nothing guessed.
      if (shown === undefined) throw new HttpError(401, NEEDED, CHALLENGE)
      judge(shown, sourceOf(visitor))
    },
    prepareLogin: (visitor) => {
      if (token === undefined) throw new HttpError(404, 'No token is set here, so there is nothing to log in to')
      const source = sourceOf(visitor)
      const secure = isSecure(visitor)
      return (shown) => {
        judge(typeof shown === 'string' ? shown : '', source)
        return { headers: { 'set-cookie': logins.begin(secure) }, body: DONE }
      }
    },
    logout: (visitor) => ({
      headers: { 'set-cookie': logins.end(visitor.header('cookie'), isSecure(visitor)) },
      body: DONE,
    }),
  }
}
