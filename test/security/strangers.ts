/** Everybody who should not get through a door, and with what they are to be sent away. */
import { basic, bearer } from '../gateway-edge/plain-request.ts'
import type { Door } from './doors.ts'
import type { Gate } from './whole.ts'

export interface Stranger {
  readonly who: string
  readonly headers: Readonly<Record<string, string>>
  /** Sent in the place of the door's own body. */
  readonly body?: string
  /** With which statuses this gate sends them away from this door; null: it is no stranger there. */
  refused(gate: Gate, door: Door): readonly number[] | null
}

/** Wrong in the last character: what is compared must be all of it. */
export const almost = (token: string): string => `${token.slice(0, -1)}${token.endsWith('x') ? 'y' : 'x'}`

const UPGRADE = {
  connection: 'Upgrade',
  upgrade: 'websocket',
  'sec-websocket-version': '13',
  'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
}

/** With a token set: nobody gets in without it. */
const lacking = (who: string, headers: Record<string, string>, statuses: readonly number[]): Stranger => ({
  who,
  headers,
  refused: (gate, door) => (gate.token === undefined || door.isPublic ? null : statuses),
})

/** Ten wrong ones a minute are judged, further ones have to wait. */
const WRONG = [401, 429]

const guessing = (token: string): Stranger[] => [
  lacking('nothing', {}, [401]),
  lacking('a wrong token', bearer(almost(token)), WRONG),
  lacking('half of the token', bearer(token.slice(0, token.length / 2)), WRONG),
  lacking('more than the token', bearer(`${token}x`), WRONG),
  lacking('a wrong password', basic(almost(token)), WRONG),
  lacking('the token as a user', basic('', token), WRONG),
  lacking('the token in another scheme', { authorization: `Digest ${token}` }, WRONG),
  lacking('the token as a cookie', { cookie: `switchboard_session=${token}` }, [401]),
  lacking('the token under a name that proxies use', { 'x-forwarded-authorization': bearer(token).authorization ?? '' }, [401]),
]

/** From a page: the right token, which a browser may add by itself, does not help. */
const paging = (who: string, headers: Record<string, string>, body?: string): Stranger => ({
  who,
  headers,
  ...(body === undefined ? {} : { body }),
  refused: () => [403],
})

const EVIL = 'http://evil.example'

const pages = (port: number): Stranger[] => [
  paging('a page of elsewhere', { origin: EVIL, 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'cors' }),
  paging('a form of elsewhere', { origin: EVIL, 'content-type': 'application/x-www-form-urlencoded' }, 'chat_id=1&message=x'),
  paging('a sandboxed frame', { origin: 'null' }),
  paging('a page on another port', { origin: `http://127.0.0.1:${port + 1}`, 'sec-fetch-site': 'same-site' }),
  paging('a picture of elsewhere', { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors', 'sec-fetch-dest': 'image' }),
  paging('a name pointed at us', { host: `rebound.example:${port}`, origin: `http://rebound.example:${port}` }),
  paging('a name that begins as ours', { host: `localhost.evil.example:${port}` }),
  paging('a WebSocket of a page', { origin: EVIL, ...UPGRADE }),
]

/** Only where no token is set; with one, what a proxy adds changes nothing. */
const proxied = (header: string, value: string): Stranger => ({
  who: `somebody behind a proxy (${header})`,
  headers: { [header]: value },
  refused: ({ token }) => (token === undefined ? [403] : null),
})

const proxies: readonly Stranger[] = [
  proxied('forwarded', 'for=127.0.0.1;host=localhost'),
  proxied('x-forwarded-for', '127.0.0.1'),
  proxied('x-forwarded-host', 'localhost'),
  proxied('x-forwarded-proto', 'https'),
  proxied('x-forwarded-port', '443'),
  proxied('x-real-ip', '127.0.0.1'),
]

/** What any page may send without asking first, from a browser too old to say where it comes from. */
const typed = (type: string, body: string): Stranger => ({
  who: `a body that says ${type}`,
  headers: { 'content-type': type },
  body,
  refused: (_gate, { kind, method }) => (kind === 'contract' && method !== 'GET' ? [415] : null),
})

const bodies: readonly Stranger[] = [
  typed('text/plain', '{"chat_id":"1","message":"x"}'),
  typed('application/x-www-form-urlencoded', 'chat_id=1&message=x'),
  typed('multipart/form-data; boundary=b', '--b\r\ncontent-disposition: form-data; name="message"\r\n\r\nx\r\n--b--\r\n'),
]

/** All of them, for a gate. */
export const strangersOf = (gate: Gate, token: string): Stranger[] => [
  ...guessing(token),
  ...pages(gate.port),
  ...proxies,
  ...bodies,
]

/** Those whom even the right token does not help show it, so that nothing else keeps them out. */
export const shownBy = ({ refused }: Stranger, gate: Gate, door: Door): Record<string, string> =>
  gate.token !== undefined && refused(gate, door)?.some((status) => status === 403 || status === 415) === true
    ? bearer(gate.token)
    : {}
