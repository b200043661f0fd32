/** Every setting there is: from the schemas that read it, and from `.env.example`, which says what it is for. */
import { pathToFileURL } from 'node:url'
import { z } from 'zod'
import { codeOf, root, sourceFiles, textOf } from '../source-tree.ts'

export interface Setting {
  readonly name: string
  /** As `.env.example` shows it; empty: none. */
  readonly fallback: string
  /** Who reads it, by the folders of the programs. */
  readonly readers: readonly string[]
  /** What else than any text it must be. */
  readonly kind: string
}

/** Settings that are told of together. */
export interface Group {
  readonly text: string
  readonly settings: readonly Setting[]
}

export interface Section {
  readonly title: string
  readonly groups: readonly Group[]
}

/** Files that declare variables: those in which a key in capitals has a schema for its value. A main.ts runs when it is imported. */
const declaring = (): string[] =>
  sourceFiles().filter(
    (file) =>
      /^(services|gateway-edge|cli|mcp)\/.*\.ts$/.test(file) &&
      !file.endsWith('/main.ts') &&
      /^\s+[A-Z][A-Z0-9_]{2,}: (z\b|env[A-Z]|Env[A-Z]|[A-Za-z]+[.(])/m.test(codeOf(file)),
  )

/** `services/history/open.ts` → `history`; `services/runtime/…` is read by those that take its schema in. */
const programOf = (file: string): string | null => {
  const [first = '', second = ''] = file.split('/')
  if (first === 'services') return second === 'runtime' ? null : second
  return first === 'gateway-edge' ? 'edge' : first === 'cli' ? 'the command' : first
}

/** What a schema asks of a value, as far as it can be told: from what it refuses. */
const kindOf = (schema: z.ZodType): string => {
  const refusal = (value: string): string => {
    const { error } = schema.safeParse(value)
    const [issue] = error?.issues ?? []
    if (issue === undefined) return ''
    return issue.code === 'invalid_value' ? issue.values.map((each) => `\`${String(each)}\``).join(', ') : issue.message
  }
  return refusal('\u0000 no value \u0000').replace(/^must (be )?/, '')
}

interface Declared {
  readonly readers: Set<string>
  kind: string
}

const declared = async (): Promise<Map<string, Declared>> => {
  const found = new Map<string, Declared>()
  for (const file of declaring()) {
    const compiled = new URL(`dist/${file.replace(/\.ts$/, '.js')}`, pathToFileURL(`${root}/`))
    const schemas = Object.values((await import(compiled.href)) as Record<string, unknown>).filter(
      (value): value is z.ZodObject => value instanceof z.ZodObject,
    )
    for (const [name, schema] of schemas.flatMap(({ shape }) => Object.entries(shape) as [string, z.ZodType][])) {
      if (!/^[A-Z][A-Z0-9_]+$/.test(name)) continue
      const entry = found.get(name) ?? { readers: new Set(), kind: '' }
      const program = programOf(file)
      if (program !== null) entry.readers.add(program)
      const kind = kindOf(schema)
      if (kind.length > entry.kind.length) entry.kind = kind
      found.set(name, entry)
    }
  }
  return found
}

/** The sections of `.env.example`, with what the schemas say of each setting. Order and words are the file's. */
export const readSections = async (): Promise<Section[]> => {
  const known = await declared()
  const everybody = Math.max(...[...known.values()].map(({ readers }) => readers.size))
  const sections: { title: string; groups: { text: string; settings: Setting[] }[] }[] = []
  let text: string[] = []
  for (const line of textOf('.env.example').split('\n')) {
    const title = /^# --- (.*?) -*$/.exec(line)?.[1]
    const [, name, fallback = ''] = /^#? ?([A-Z][A-Z0-9_]+)=(.*)$/.exec(line) ?? []
    const section = sections.at(-1)
    if (title !== undefined) sections.push({ title: title.trim(), groups: [] })
    else if (name !== undefined && section !== undefined) {
      if (text.length > 0 || section.groups.length === 0) section.groups.push({ text: text.join(' '), settings: [] })
      text = []
      const { readers = new Set<string>(), kind = '' } = known.get(name) ?? {}
      const all = readers.size === everybody && everybody > 3 ? ['all'] : [...readers].sort()
      section.groups.at(-1)?.settings.push({ name, fallback, readers: all, kind })
    } else if (line.startsWith('# ') && section !== undefined) text.push(line.slice(2).trim())
    else text = []
  }
  return sections
}
