/**
 * Who is let in. Loopback alone keeps nobody out: any page open in a browser on this machine may send requests here, under
 * our own address or under a name that it has pointed at us. So Host and Origin are checked on every request.
 */
import type { Exchange } from '../server/server.ts'
import { HttpError } from './errors.ts'

const LOOPBACK_NAMES = ['127.0.0.1', 'localhost', '[::1]']

const PROXY_HEADERS = ['forwarded', 'x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto', 'x-forwarded-port', 'x-real-ip']

/** Whether a host may be listened on while there is no token. */
export const isLoopback = (host: string): boolean => LOOPBACK_NAMES.includes(host) || host === '::1'

/** Looks at a request before anything is awaited. */
export interface Guard {
  /** Throws 403, with the reason, for what is not let in. */
  (exchange: Exchange): void
  readonly admits: (exchange: Exchange) => boolean
}

/** Builds the guard of a port. */
export const createGuard = (port: number): Guard => {
  const hosts = new Set(LOOPBACK_NAMES.map((name) => `${name}:${port}`))
  // A client leaves out the port that the scheme implies.
  if (port === 80) for (const name of LOOPBACK_NAMES) hosts.add(name)
  const origins = new Set([...hosts].map((host) => `http://${host}`))

  const objection = (exchange: Exchange): string | undefined => {
    if (!hosts.has(exchange.header('host').toLowerCase()))
      return 'This Host is not ours: use 127.0.0.1 or localhost with our port'
    const origin = exchange.header('origin')
    if (origin !== '' && !origins.has(origin.toLowerCase())) return 'Pages of another origin may not send requests here'
    if (!PROXY_HEADERS.some((name) => exchange.header(name) !== '')) return undefined
    return 'Requests through a proxy are refused: to us, every stranger behind it would look local'
  }

  const guard = (exchange: Exchange): void => {
    const reason = objection(exchange)
    if (reason !== undefined) throw new HttpError(403, reason)
  }
  return Object.assign(guard, { admits: (exchange: Exchange) => objection(exchange) === undefined })
}

/** Whether a body of this content type may be read: only JSON, since forms and plain text can be sent from any page unasked. */
export const isJson = (contentType: string): boolean => {
  const type = (contentType.split(';')[0] ?? '').trim().toLowerCase()
  return type === '' || /^[\w.+-]+\/([\w.-]+\+)?json$/.test(type)
}
