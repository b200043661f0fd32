/**
 * Where in the panel one is: `#/chats/default/1?message=5`. Behind the hash, so that the edge keeps every path for its routes
 * and a link works under any name and behind any prefix.
 */

export interface Route {
  readonly view: string
  /** What follows the view's name, decoded. */
  readonly path: readonly string[]
  readonly query: Readonly<Record<string, string>>
}

const decode = (text: string): string => {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

export const parseRoute = (hash: string): Route => {
  const [path = '', query = ''] = hash.replace(/^#\/?/, '').split('?', 2)
  const [view = '', ...rest] = path.split('/').filter((part) => part !== '')
  return { view: decode(view), path: rest.map(decode), query: Object.fromEntries(new URLSearchParams(query)) }
}

/** The link to a place: `href('chats', ['default', '1'], { message: '5' })`. */
export const href = (
  view: string,
  path: readonly string[] = [],
  query: Readonly<Record<string, string | undefined>> = {},
): string => {
  const given = Object.entries(query).filter((entry): entry is [string, string] => entry[1] !== undefined && entry[1] !== '')
  const search = given.length === 0 ? '' : `?${new URLSearchParams(given)}`
  return `#/${[view, ...path].map(encodeURIComponent).join('/')}${search}`
}

/** Goes there. `replace`: the way back does not lead over the present place. */
export const go = (target: string, { replace = false } = {}): void => {
  if (location.hash === target) return
  if (!replace) location.hash = target
  else {
    history.replaceState(history.state, '', target)
    window.dispatchEvent(new HashChangeEvent('hashchange'))
  }
}
