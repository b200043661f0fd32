/**
 * Who is let in. Loopback alone keeps nobody out: any page open in a browser on this machine may send requests here, under
 * our own address or under a name that it has pointed at us. So Host and Origin are checked on every request, token or not.
 */
import { isIP } from 'node:net'
import os from 'node:os'
import { type Access, createAccess } from './access.ts'
import { Buckets } from './buckets.ts'
import { HttpError } from './errors.ts'
import type { LoginFile } from './login-file.ts'
import { OWN_ROUTES, type OwnSpec } from './own-routes.ts'
import { isForwarded, sourceOf, type Visitor } from './source.ts'

const LOOPBACK_NAMES = ['127.0.0.1', 'localhost', '[::1]']

/** Whether a host may be listened on while there is no token. */
export const isLoopback = (host: string): boolean => LOOPBACK_NAMES.includes(host) || host === '::1'

export interface GuardOptions {
  readonly port: number
  /** The address that is listened on; loopback where absent. */
  readonly host?: string | undefined
  readonly token?: string | undefined
  /** Names (`name`, `name:port`) under which we are reached beside our own addresses, plainly or through a proxy. */
  readonly allowed_hosts?: readonly string[] | undefined
  /** Requests a second from one address other than this machine's own; 0 or absent: as many as they like. */
  readonly rate_limit?: number | undefined
  /** Where logins outlive the edge. */
  readonly logins?: LoginFile | undefined
  /** What needs no token beside the routes that say so. */
  readonly isOpen?: ((visitor: Visitor) => boolean) | undefined
}

/** Looks at a request, or at the request for an upgrade, before anything is awaited. */
export interface Guard extends Omit<Access, 'admit'> {
  /** Throws 401, 403 or 429, with the reason, for what is not let in. */
  (visitor: Visitor): void
  /** Whether it comes from where it may come from; all that is asked of who only wants to know whether we live. */
  readonly admits: (visitor: Visitor) => boolean
}

/** What needs no token: whether we live, and the way to log in, which asks for it by itself. */
const OPEN: ReadonlySet<string> = new Set(
  Object.entries<OwnSpec>(OWN_ROUTES).flatMap(([route, spec]) =>
    spec.public === true ? [route, route.replace(/^GET /, 'HEAD ')] : [],
  ),
)

const bracketed = (address: string): string => (isIP(address) === 6 ? `[${address}]` : address)

/** Our addresses may change while we run; they are looked up again after so long. */
const ADDRESSES_AGE_MS = 10_000

/** Whether an address is one of this machine's. */
const createOwnAddresses = (): ((address: string) => boolean) => {
  let addresses = new Set<string>()
  let read_at = Number.NEGATIVE_INFINITY
  return (address) => {
    if (performance.now() - read_at > ADDRESSES_AGE_MS) {
      const all = Object.values(os.networkInterfaces()).flatMap((list) => list ?? [])
      addresses = new Set(all.map((entry) => bracketed(entry.address)))
      read_at = performance.now()
    }
    return addresses.has(address)
  }
}

/** Builds the guard of a port. */
export const createGuard = (options: GuardOptions): Guard => {
  const { port, host = '127.0.0.1', token, allowed_hosts = [], rate_limit = 0, isOpen = () => false, logins } = options
  const hosts = new Set<string>()
  const origins = new Set<string>()
  const addOwn = (name: string): void => {
    // A client leaves out the port that the scheme implies.
    for (const own of port === 80 ? [name, `${name}:80`] : [`${name}:${port}`]) {
      hosts.add(own)
      origins.add(`http://${own}`)
    }
  }
  for (const name of LOOPBACK_NAMES) addOwn(name)
  addOwn(bracketed(host))
  for (const name of allowed_hosts) {
    const withPort = /:\d+$/.test(name.replace(/^\[.*\]/, '')) ? [] : [`${name}:${port}`]
    for (const allowed of [name, ...withPort]) {
      hosts.add(allowed)
      origins.add(`http://${allowed}`).add(`https://${allowed}`)
    }
  }
  const isOwnAddress = createOwnAddresses()
  const isEverywhere = host === '0.0.0.0' || host === '::'
  /** A number, unlike a name, cannot be pointed at us by somebody else. */
  const isOurNumber = (name: string): boolean => {
    const withPort = port === 80 && !name.endsWith(':80') ? `${name}:80` : name
    return isEverywhere && withPort.endsWith(`:${port}`) && isOwnAddress(withPort.slice(0, -`:${port}`.length))
  }

  const access = createAccess(token, logins)
  const buckets = rate_limit > 0 ? new Buckets({ per_second: rate_limit, burst: 2 * rate_limit }) : undefined

  const objection = (visitor: Visitor): string | undefined => {
    const name = visitor.header('host').toLowerCase()
    if (!hosts.has(name) && !isOurNumber(name))
      return 'This Host is not ours: use 127.0.0.1 or localhost with our port, or add the name to GATEWAY_ALLOWED_HOSTS'
    const origin = visitor.header('origin').toLowerCase()
    if (origin !== '' && !origins.has(origin) && !(origin.startsWith('http://') && isOurNumber(origin.slice(7))))
      return 'Pages of another origin may not send requests here'
    if (visitor.header('sec-fetch-site') === 'cross-site') {
      const reads = visitor.method === 'GET' || visitor.method === 'HEAD'
      // A link that somebody follows is no harm; what a page loads unseen is.
      if (!reads || (origin === '' && !['', 'navigate'].includes(visitor.header('sec-fetch-mode'))))
        return 'Pages of another site may not send requests here'
    }
    if (token === undefined && isForwarded(visitor))
      return 'Requests through a proxy are refused while no GATEWAY_TOKEN is set: to us, every stranger behind it would look local'
    return undefined
  }

  const guard = (visitor: Visitor): void => {
    const reason = objection(visitor)
    if (reason !== undefined) throw new HttpError(403, reason)
    if (buckets !== undefined) {
      const source = sourceOf(visitor)
      const wait = source.local ? 0 : buckets.take(source.name)
      if (wait > 0) throw new HttpError(429, 'Too many requests come from this address', { 'retry-after': String(wait) })
    }
    if (!OPEN.has(`${visitor.method} ${visitor.path}`) && !isOpen(visitor)) access.admit(visitor)
  }
  return Object.assign(guard, {
    admits: (visitor: Visitor) => objection(visitor) === undefined,
    prepareLogin: access.prepareLogin,
    logout: access.logout,
  })
}

/** Whether a body of this content type may be read: only JSON, since forms and plain text can be sent from any page unasked. */
export const isJson = (contentType: string): boolean => {
  const type = (contentType.split(';')[0] ?? '').trim().toLowerCase()
  return type === '' || /^[\w.+-]+\/([\w.-]+\+)?json$/.test(type)
}
