/** The checkout as tests that look at the source see it: files, their text, and what they import. */
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { packageRoot } from '../services/runtime/package-root.ts'

export const root = packageRoot(import.meta.url)

/** Folders that are made by tools and are no part of the source. */
const MADE = new Set(['node_modules', 'dist', '.git', '.cache', '.vercel'])

const walk = (folder: string): string[] =>
  readdirSync(path.join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const name = folder === '' ? entry.name : `${folder}/${entry.name}`
    if (entry.isDirectory()) return MADE.has(entry.name) ? [] : walk(name)
    return entry.isFile() ? [name] : []
  })

/** Every file of the source by its path from the root, with `/` between folders; the user's own `.env` is left out. */
export const sourceFiles = (): string[] =>
  walk('')
    .filter((file) => path.basename(file) !== '.env')
    .sort()

/** The folders at the top of the checkout. An empty one does not exist, as in a fresh clone. */
export const topFolders = (): string[] => [
  ...new Set(sourceFiles().flatMap((file) => (file.includes('/') ? [file.slice(0, file.indexOf('/'))] : []))),
]

export const textOf = (file: string): string => readFileSync(path.join(root, file), 'utf8')

/** The text without comments (and without what looks like one in a string: good enough to look for words). */
export const codeOf = (file: string): string =>
  textOf(file)
    .replace(/\/\*[\s\S]*?\*\//g, '')
    .replace(/(^|[^:'"`])\/\/.*$/gm, '$1')

export interface Import {
  readonly file: string
  /** As written. */
  readonly specifier: string
  /** The path from the root when it is a file of ours, else null. */
  readonly target: string | null
  /** Vanishes when compiled. */
  readonly typeOnly: boolean
}

const IMPORT = /(?:^|\n)\s*(?:import|export)\s+(type\s)?(?:[^'";]*?\sfrom\s+)?['"]([^'"]+)['"]/g
const DYNAMIC = /\bimport\(\s*['"]([^'"]+)['"]\s*\)/g

/** What a TypeScript file imports, in order. */
export const importsOf = (file: string): Import[] => {
  const code = codeOf(file)
  const found = [
    ...[...code.matchAll(IMPORT)].map(([, type, specifier = '']) => ({ specifier, typeOnly: type !== undefined })),
    ...[...code.matchAll(DYNAMIC)].map(([, specifier = '']) => ({ specifier, typeOnly: false })),
  ]
  return found.map(({ specifier, typeOnly }) => ({
    file,
    specifier,
    typeOnly,
    target: specifier.startsWith('.') ? path.posix.normalize(path.posix.join(path.posix.dirname(file), specifier)) : null,
  }))
}
