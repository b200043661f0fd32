/** Addresses that carry a name and a password, as `http://name:password@host`: `fetch` refuses them, and logs must not show them. */

export interface PlainAddress {
  /** Without the login and without slashes at its end. */
  readonly address: string
  /** What asks with the login that stood in it (RFC 7617); empty where none did. */
  readonly headers: Readonly<Record<string, string>>
}

const loginOf = ({ username, password }: URL): string => `${decodeURIComponent(username)}:${decodeURIComponent(password)}`

/** Whether the login of an address can be read: in one, a `%` begins the code of a character. */
export const isLoginReadable = (address: string): boolean => {
  try {
    loginOf(new URL(address))
    return true
  } catch {
    return false
  }
}

/** Takes the login out of an address. Throws what `URL` throws for one that is none, and a `URIError` for an unreadable login. */
export const takeLogin = (address: string): PlainAddress => {
  const url = new URL(address)
  const login = loginOf(url)
  url.username = ''
  url.password = ''
  return {
    address: url.href.replace(/\/+$/, ''),
    headers: login === ':' ? {} : { Authorization: `Basic ${Buffer.from(login).toString('base64')}` },
  }
}
