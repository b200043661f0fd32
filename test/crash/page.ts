/** `docs/reliability.md`: the parts of it that runs write, each between two marks. What stands around them is a person's. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { cpus, totalmem, type } from 'node:os'
import { join } from 'node:path'
import { packageRoot } from '../../services/runtime/package-root.ts'

export type Part = 'crash' | 'soak'

const PATH = join(packageRoot(import.meta.url), 'docs/reliability.md')

const begin = (part: Part): string => `<!-- ${part}: written by npm run ${part} -->`
const end = (part: Part): string => `<!-- ${part}: end -->`

/** The text with another part between its marks; where they are missing, both are added at its end. */
export const withPart = (text: string, part: Part, lines: readonly string[]): string => {
  const block = [begin(part), '', ...lines, '', end(part)].join('\n')
  const from = text.indexOf(begin(part))
  const to = text.indexOf(end(part), from)
  if (from < 0 || to < 0) return `${text.trimEnd()}\n\n${block}\n`
  return text.slice(0, from) + block + text.slice(to + end(part).length)
}

/** Of the machine what a reader can compare with, and nothing that names it. */
export const machine = (): string =>
  `${cpus().length} cores, ${Math.round(totalmem() / 1_073_741_824)} GB, ${type()}, Node.js ${process.versions.node}`

/** Rewrites a part of the page and gives back its path. */
export const writePart = (part: Part, lines: readonly string[], path = PATH): string => {
  writeFileSync(path, withPart(existsSync(path) ? readFileSync(path, 'utf8') : '', part, lines))
  return path
}
