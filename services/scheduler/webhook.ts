/**
 * Results by HTTP. An address inside the house is refused, whatever name leads there: the check stands where the
 * connection is made, so that no second answer of the name service gets around it, and redirects are not followed.
 */
import { type LookupAddress, lookup } from 'node:dns'
import http from 'node:http'
import https from 'node:https'
import { BlockList, isIP, type LookupFunction } from 'node:net'
import { ServiceError } from '../../protocol/errors.ts'
import { withDeadline } from '../runtime/deadline.ts'

const TIMEOUT_MS = 30_000
/** Of an answer that is no success, for the reason; and how much of it is looked through for what it must not repeat. */
const REASON_CHARACTERS = 200
const READ_CHARACTERS = 4_096
/** Shorter parts of an address would be found by chance. */
const MIN_SECRET_CHARACTERS = 6

const subnets = (list: BlockList, nets: readonly (readonly [net: string, prefix: number])[]): BlockList => {
  for (const [net, prefix] of nets) list.addSubnet(net, prefix, net.includes(':') ? 'ipv6' : 'ipv4')
  return list
}

/** Never: link-local addresses, under which clouds hand out credentials, what means everybody, and what means nobody. */
const FORBIDDEN = subnets(new BlockList(), [
  ['0.0.0.0', 8],
  ['169.254.0.0', 16],
  ['224.0.0.0', 3],
  ['fe80::', 10],
  ['fd00:ec2::', 32],
  ['ff00::', 8],
])

/** This machine and its neighbours: only where CRON_WEBHOOK_PRIVATE=on. */
const PRIVATE = subnets(new BlockList(), [
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['::', 127],
  ['64:ff9b::', 96],
  ['2002::', 16],
  ['fc00::', 7],
])

/** Why an address may not be called; null when it may. */
export const refusalOf = (address: string, allowPrivate: boolean): string | null => {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1]
  const plain = mapped ?? address
  // The other spelling of an IPv4 address in IPv6 (::ffff:7f00:1) is not taken apart: nobody needs it.
  if (mapped === undefined && /^::ffff:/i.test(plain)) return `${address} is not an ordinary address`
  const family = isIP(plain) === 6 ? 'ipv6' : 'ipv4'
  if (FORBIDDEN.check(plain, family)) return `${address} is an address that webhooks may not call`
  if (!allowPrivate && PRIVATE.check(plain, family))
    return `${address} is on this machine or its network; CRON_WEBHOOK_PRIVATE=on allows that`
  return null
}

/** What is wrong with the address of a webhook; null when nothing is. Names are looked up at each delivery, not here. */
export const webhookFault = (text: string, allowPrivate: boolean): string | null => {
  if (!URL.canParse(text)) return 'is not an address; write one such as https://example.org/hook'
  const url = new URL(text)
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return 'must begin with http:// or https://'
  if (url.username !== '' || url.password !== '') return 'may not hold a user name or a password'
  const host = url.hostname.replace(/^\[|\]$/g, '')
  const refusal = isIP(host) === 0 ? null : refusalOf(host, allowPrivate)
  return refusal === null ? null : `cannot be used: ${refusal}`
}

const guardedLookup =
  (allowPrivate: boolean): LookupFunction =>
  (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (error, found) => {
      if (error !== null) return callback(error, '')
      const addresses = found as LookupAddress[]
      const refused = addresses.map(({ address }) => refusalOf(address, allowPrivate)).find((refusal) => refusal !== null)
      if (refused !== undefined) return callback(new Error(refused), '')
      if (options.all) return callback(null, addresses)
      const first = addresses[0]
      return first === undefined
        ? callback(new Error('the name has no address'), '')
        : callback(null, first.address, first.family)
    })
  }

/** How an attempt went. `again`: it may go better later. */
export type Posted = { readonly ok: true } | { readonly ok: false; readonly reason: string; readonly again: boolean }

/** What a server says may repeat the address, and in an address lie secrets. */
const withoutAddress = (text: string, { pathname, search, searchParams }: URL): string =>
  [`${pathname}${search}`, search, pathname, ...searchParams.values(), ...pathname.split('/')]
    .flatMap((part) => [part, encodeURIComponent(part)])
    .filter((part) => part.length >= MIN_SECRET_CHARACTERS)
    .reduce((rest, part) => rest.replaceAll(part, '…'), text)

const post = async (
  url: URL,
  body: string,
  key: string,
  { allowPrivate, signal }: { allowPrivate: boolean; signal: AbortSignal },
): Promise<Posted> =>
  await new Promise<Posted>((resolve, reject) => {
    const request = (url.protocol === 'https:' ? https : http).request(
      url,
      {
        method: 'POST',
        lookup: guardedLookup(allowPrivate),
        signal,
        agent: false,
        headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body), 'idempotency-key': key },
      },
      (response) => {
        const status = response.statusCode ?? 0
        let text = ''
        response.setEncoding('utf8')
        response.on('data', (piece: string) => {
          text = `${text}${piece}`.slice(0, READ_CHARACTERS)
        })
        response.on('error', reject)
        response.on('end', () => {
          if (status >= 200 && status < 300) return resolve({ ok: true })
          const again = status >= 500 || [408, 425, 429].includes(status)
          const said = withoutAddress(text, url).slice(0, REASON_CHARACTERS)
          resolve({ ok: false, reason: `${url.host} answered ${status}${said === '' ? '' : `: ${said}`}`, again })
        })
      },
    )
    request.on('error', reject)
    request.end(body)
  })

/** Posts a JSON text once. Never throws, and no part of the address but its host is in a reason. */
export const postWebhook = async (
  address: string,
  body: string,
  key: string,
  { allowPrivate, signal, timeout_ms = TIMEOUT_MS }: { allowPrivate: boolean; signal?: AbortSignal; timeout_ms?: number },
): Promise<Posted> => {
  const fault = webhookFault(address, allowPrivate)
  if (fault !== null) return { ok: false, reason: `The address ${fault}`, again: false }
  const url = new URL(address)
  try {
    return await withDeadline([signal], timeout_ms, (until) => post(url, body, key, { allowPrivate, signal: until }))
  } catch (error) {
    const isLate = error instanceof ServiceError && error.code === 'timeout'
    const why = isLate ? `no answer within ${timeout_ms / 1_000} s` : (error as Error).message
    return { ok: false, reason: `${url.host} could not be called: ${why}`, again: true }
  }
}
