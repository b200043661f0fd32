/** Secrets that are found again: each is unlike anything else, and is looked for in every form in which text travels. */
import { randomBytes } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'

/** By the name under which a leak is told. */
export type Canaries = Readonly<Record<string, string>>

/** Long enough to be found nowhere by chance; with signs that each encoding writes in another way. */
export const makeCanary = (name: string): string => `${name.toLowerCase()}+~${randomBytes(15).toString('hex')}/=.end`

/** The token of a bot, as Telegram gives them. */
export const makeBotToken = (): string =>
  `${100_000_000 + (randomBytes(4).readUInt32BE() % 900_000_000)}:AA${randomBytes(17).toString('hex')}`

/** What a text becomes within base64, wherever in it the text begins: the characters that no neighbour changes. */
const inBase64 = (text: string): string[] =>
  [0, 1, 2].flatMap((before) => {
    const coded = Buffer.from(`${'x'.repeat(before)}${text}`)
      .toString('base64')
      .replace(/=+$/, '')
    const own = coded.slice(before === 0 ? 0 : before + 1, -2)
    return [own, own.replaceAll('+', '-').replaceAll('/', '_')]
  })

/** Every form of a secret: as it is, in a URL, in JSON, in HTML, in hexadecimal, in base64. */
export const formsOf = (secret: string): string[] => [
  ...new Set([
    secret,
    encodeURIComponent(secret),
    encodeURI(secret),
    new URLSearchParams({ x: secret }).toString().slice(2),
    JSON.stringify(secret).slice(1, -1),
    secret.replaceAll('/', '\\/'),
    Buffer.from(secret).toString('hex'),
    ...inBase64(secret),
  ]),
]

export interface Leak {
  readonly canary: string
  readonly place: string
}

/** Where a text or bytes hold a secret. */
export const createSearch = (canaries: Canaries) => {
  const needles = Object.entries(canaries).flatMap(([canary, secret]) =>
    formsOf(secret).map((form) => ({ canary, bytes: Buffer.from(form) })),
  )
  const inBytes = (bytes: Buffer, place: string): Leak[] => {
    const found = needles.filter((needle) => bytes.includes(needle.bytes)).map(({ canary }) => canary)
    return [...new Set(found)].map((canary) => ({ canary, place }))
  }
  return {
    inBytes,
    inText: (text: string, place: string): Leak[] => inBytes(Buffer.from(text), place),
    /** In each file of a folder, and in their names; told by the path from `base`. */
    inFolder: (folder: string, base = folder): Leak[] =>
      readdirSync(folder, { recursive: true, withFileTypes: true }).flatMap((entry) => {
        const path = join(entry.parentPath, entry.name)
        const place = `file ${relative(base, path)}`
        return [
          ...inBytes(Buffer.from(entry.name), `name of ${place}`),
          ...(entry.isFile() ? inBytes(readFileSync(path), place) : []),
        ]
      }),
  }
}

export type Search = ReturnType<typeof createSearch>

const SELF = String(process.pid)

export interface Seen {
  readonly pid: number
  readonly cmdline: Buffer
  readonly environ: Buffer
}

/** Every other process that may be looked at; none where the system does not show them as files. */
export const seenProcesses = (): Seen[] =>
  (existsSync('/proc/self/environ') ? readdirSync('/proc') : []).flatMap((pid) => {
    if (!/^\d+$/.test(pid) || pid === SELF) return []
    try {
      const environ = readFileSync(`/proc/${pid}/environ`)
      return [{ pid: Number(pid), environ, cmdline: readFileSync(`/proc/${pid}/cmdline`) }]
    } catch {
      // Gone meanwhile, or another user's.
      return []
    }
  })
