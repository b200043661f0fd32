/** Addresses that carry a name and a password, as `http://name:password@host`: `fetch` refuses them, and logs must not show them. */

export interface PlainAddress {
  /** Without the login and without slashes at its end. */
  readonly address: string
  /** What asks with the login that stood in it (RFC 7617); empty where none did. */
  readonly headers: Readonly<Record<string, string>>
}

/** Takes the login out of an address. Throws what `URL` throws for one that is none. */
export const takeLogin = (address: string): PlainAddress => {
  const url = new URL(address)
  const login = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`
  url.username = ''
  url.password = ''
  return {
    address: url.href.replace(/\/+$/, ''),
    headers: login === ':' ? {} : { Authorization: `Basic ${Buffer.from(login).toString('base64')}` },
  }
}
