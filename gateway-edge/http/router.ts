/** Which target a request is for. Paths are compared as they are sent; what `{names}` stand for stays encoded. */

/** A route found, or why none was. */
export type Match<T> =
  | { readonly kind: 'found'; readonly target: T; readonly params: Readonly<Record<string, string>> }
  /** The same path without its last slash would be one. */
  | { readonly kind: 'redirect'; readonly path: string }
  /** The path is known, the method is not. */
  | { readonly kind: 'method'; readonly allow: string }
  | { readonly kind: 'none' }

interface Node<T> {
  readonly segments: readonly string[]
  readonly targets: Map<string, T>
}

const NO_PARAMS: Readonly<Record<string, string>> = {}

const paramsOf = (pattern: readonly string[], segments: readonly string[]): Record<string, string> | undefined => {
  const params: Record<string, string> = {}
  for (const [index, part] of pattern.entries()) {
    const segment = segments[index] ?? ''
    if (part.startsWith('{')) params[part.slice(1, -1)] = segment
    else if (part !== segment) return undefined
  }
  return params
}

/** Routes by method and path: exact paths first, then patterns in the order in which they were added. */
export class Router<T> {
  readonly #exact = new Map<string, Node<T>>()
  readonly #patterns = new Map<string, Node<T>>()

  /** `add('GET', '/api/chat/sessions/{session_id}', target)`; a second target for the same route is a mistake and throws. */
  add(method: string, path: string, target: T): void {
    const group = path.includes('{') ? this.#patterns : this.#exact
    const node = group.get(path) ?? { segments: path.split('/'), targets: new Map<string, T>() }
    if (node.targets.has(method)) throw new Error(`${method} ${path} is claimed twice`)
    node.targets.set(method, target)
    group.set(path, node)
  }

  find(method: string, path: string): Match<T> {
    const exact = this.#exact.get(path)
    if (exact !== undefined) return this.#pick(exact, method, NO_PARAMS)
    if (path.endsWith('/') && path !== '/') {
      const shorter = path.slice(0, -1)
      if (this.#known(shorter)) return { kind: 'redirect', path: shorter }
    }
    const segments = path.split('/')
    for (const node of this.#patterns.values()) {
      const params = node.segments.length === segments.length ? paramsOf(node.segments, segments) : undefined
      if (params !== undefined) return this.#pick(node, method, params)
    }
    return { kind: 'none' }
  }

  #known(path: string): boolean {
    if (this.#exact.has(path)) return true
    const segments = path.split('/')
    return [...this.#patterns.values()].some(
      (node) => node.segments.length === segments.length && paramsOf(node.segments, segments),
    )
  }

  #pick(node: Node<T>, method: string, params: Readonly<Record<string, string>>): Match<T> {
    const target = node.targets.get(method)
    return target === undefined
      ? { kind: 'method', allow: [...node.targets.keys()].join(', ') }
      : { kind: 'found', target, params }
  }
}
