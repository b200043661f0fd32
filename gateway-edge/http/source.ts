/** Who a request is counted for: limits need one name for whoever may use many addresses, and none for a proxy's own. */
import { isIP } from 'node:net'
import type { Exchange } from '../server/server.ts'

/** What of a request, or of the request for an upgrade, is judged before anything is awaited. */
export type Visitor = Pick<Exchange, 'method' | 'path' | 'remote' | 'header'>

export const PROXY_HEADERS = [
  'forwarded',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
  'x-forwarded-port',
  'x-real-ip',
]

/** Whether any proxy says that it passed this on. */
export const isForwarded = (visitor: Visitor): boolean => PROXY_HEADERS.some((name) => visitor.header(name) !== '')

/** An IPv4 address at the end of an IPv6 one, as two groups. */
const withoutDots = (text: string): string =>
  text.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_all, ...parts: string[]) => {
    const [a = 0, b = 0, c = 0, d = 0] = parts.slice(0, 4).map(Number)
    return `${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`
  })

const groupsOf = (text: string): readonly number[] => {
  const [head = '', tail] = withoutDots(text.split('%')[0] ?? '').split('::')
  const first = head === '' ? [] : head.split(':')
  const last = tail === undefined || tail === '' ? [] : tail.split(':')
  const gap = tail === undefined ? 0 : Math.max(0, 8 - first.length - last.length)
  return [...first, ...Array<string>(gap).fill('0'), ...last].map((group) => Number.parseInt(group, 16))
}

/**
 * One spelling for each address (servers differ in theirs), and one name for a whole IPv6 network of 64 bits, which is
 * what one subscriber has.
 */
export const toSource = (address: string): string => {
  if (isIP(address) !== 6) return address
  const groups = groupsOf(address)
  const [a = 0, b = 0] = groups.slice(6)
  if (groups.slice(0, 5).every((group) => group === 0)) {
    if (groups[5] === 0xffff) return [a >> 8, a & 255, b >> 8, b & 255].join('.')
    if (groups[5] === 0 && a === 0 && b === 1) return '::1'
  }
  return `${groups
    .slice(0, 4)
    .map((group) => group.toString(16))
    .join(':')}::/64`
}

const isLoopbackAddress = (source: string): boolean => source === '::1' || source.startsWith('127.')

/** Where a request comes from. `local`: from this machine, through no proxy. */
export interface Source {
  readonly name: string
  readonly local: boolean
}

/**
 * Through a proxy on this machine the client is who that proxy says, the last entry of `X-Forwarded-For`: those before it
 * are the client's own words. Nobody else is believed.
 */
export const sourceOf = (visitor: Visitor): Source => {
  const remote = toSource(visitor.remote)
  if (!isLoopbackAddress(remote)) return { name: remote, local: false }
  if (!isForwarded(visitor)) return { name: remote, local: true }
  const said = visitor.header('x-forwarded-for') || visitor.header('x-real-ip')
  const last = said.slice(said.lastIndexOf(',') + 1).trim()
  return { name: isIP(last) === 0 ? 'a proxy that does not say for whom' : toSource(last), local: false }
}

/** The scheme under which the client sees us; a proxy that ends TLS says so. */
export const schemeOf = (visitor: Visitor): 'http' | 'https' =>
  visitor.header('x-forwarded-proto').toLowerCase() === 'https' ? 'https' : 'http'
