/**
 * Directives: how a test tells a stand-in what to do, inside the text of the message it sends.
 *
 *     {{tokens=50 delay_ms=20 label="a b" hang}} the rest of the text
 *
 * Any number of `{{…}}` groups, each a list of `name`, `name=value` or `name="value with spaces, \" and \n"`. A later name
 * wins. What a name means is said by whoever reads it (`script.ts` of the demo agent, `messages-api.ts` of the tests).
 */
export type Directives = {
  /** The text without its groups, trimmed. */
  rest: string
  /** True when the name was given, with or without a value. */
  has(name: string): boolean
  /** The value as given, else `otherwise`. */
  text(name: string, otherwise?: string): string
  /** The value as a number, else `otherwise`. Throws on a value that is none: a test with a slip must not pass. */
  number(name: string, otherwise: number): number
}

const GROUP = /\{\{([^{}]*)\}\}/g
const WORD = /([a-z_]+)(?:=(?:"((?:[^"\\]|\\.)*)"|([^\s"]*)))?(?=\s|$)/gy

/** Reads all groups of a text. Text without any gives an empty set. Throws on a group that does not parse. */
export function parseDirectives(text: string): Directives {
  const values = new Map<string, string>()
  for (const [, group = ''] of text.matchAll(GROUP)) readGroup(group, values)
  return {
    rest: text.replace(GROUP, '').trim(),
    has: (name) => values.has(name),
    text: (name, otherwise = '') => values.get(name) ?? otherwise,
    number: (name, otherwise) => {
      const value = values.get(name)
      if (value === undefined) return otherwise
      if (value === '' || Number.isNaN(Number(value))) throw new Error(`directive ${name}=${value} is not a number`)
      return Number(value)
    },
  }
}

function readGroup(group: string, into: Map<string, string>): void {
  const source = group.trim()
  let at = 0
  while (at < source.length) {
    WORD.lastIndex = at
    const word = WORD.exec(source)
    if (!word) throw new Error(`directives do not parse: {{${group}}} at ${JSON.stringify(source.slice(at, at + 20))}`)
    const [whole, name = '', quoted, bare = ''] = word
    into.set(name, quoted === undefined ? bare : unquote(quoted))
    at += whole.length
    while (/\s/.test(source[at] ?? '')) at += 1
  }
}

function unquote(quoted: string): string {
  return quoted.replace(/\\(.)/g, (_, character: string) => (character === 'n' ? '\n' : character))
}
