/** The predecessor's `.env`: what it says and we understand is written into ours, where ours says nothing yet. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseEnv } from 'node:util'
import { writeWhole } from '../backup/manifest.ts'
import { refusedSettings } from './settings-check.ts'
import type { Source } from './source.ts'
import { newTally, type Tally } from './tally.ts'

/** Names that mean a place of the predecessor's, or that decide where this very import goes. */
const ITS_OWN = new Set(['DATABASE_PATH', 'GATEWAY_SESSION_DIR', 'METRICS_CACHE_PATH', 'SWITCHBOARD_HOME', 'PM2_HOME'])

/** The settings that `.env.example` has, with their defaults. */
export const knownSettings = (root: string): Map<string, string> => {
  const lines = readFileSync(join(root, '.env.example'), 'utf8').split('\n')
  return new Map(
    lines.flatMap((line) => {
      const [, name, value] = /^# ([A-Z][A-Z0-9_]+)=(.*)$/.exec(line) ?? []
      return name === undefined ? [] : [[name, value ?? ''] as const]
    }),
  )
}

/**
 * The line that is read as this value, whatever stands around it; null where there is none. Quotes cannot be escaped in such a file, each kind
 * has rules of its own, and those of double quotes differ by version of Node.js: so it is read back.
 */
export const settingLine = (name: string, value: string): string | null => {
  const isPlain = /^[\w./:@%+,-]*$/.test(value)
  const quotes = isPlain ? [''] : ["'", '`', '"'].filter((quote) => !value.includes(quote))
  const lines = quotes.map((quote) => `${name}=${quote}${value}${quote}`)
  return lines.find((line) => (parseEnv(`${line}\n`) as Record<string, string>)[name] === value) ?? null
}

/** Takes settings over. Values are never told, since they may be secret. @param places our home and checkout */
export const importSettings = async (source: Source, places: { home: string; root: string }, isDry: boolean): Promise<Tally> => {
  const tally = newTally('settings')
  const ours = join(places.home, '.env')
  const text = existsSync(ours) ? readFileSync(ours, 'utf8') : ''
  const there = parseEnv(text) as Record<string, string>
  const known = knownSettings(places.root)
  const lines = new Map<string, string>()
  const given: Record<string, string> = {}
  for (const [name, value] of Object.entries(source.env)) {
    tally.found += 1
    if (ITS_OWN.has(name)) tally.refused.push(`${name}: it names a place of mini-claude-bot`)
    else if (!known.has(name)) tally.refused.push(`${name}: Switchboard has no such setting`)
    else if (value.includes('\n')) tally.refused.push(`${name}: it has more than one line`)
    else if (there[name] !== undefined || value === '' || value === known.get(name)) tally.known += 1
    else {
      const line = settingLine(name, value)
      if (line === null) {
        tally.refused.push(`${name}: it has quotes of every kind and cannot be written as one line; write it yourself`)
        continue
      }
      lines.set(name, line)
      given[name] = value
    }
  }
  for (const [name, problem] of await refusedSettings(given, places)) {
    lines.delete(name)
    tally.refused.push(`${name}: ${problem}; write a better one into ${ours} yourself`)
  }
  tally.review.push(...[...lines.keys()].map((name) => `${name}: written into ${ours}; it holds after npm run restart`))
  if (!isDry && lines.size > 0) {
    const gap = text === '' || text.endsWith('\n') ? '' : '\n'
    writeWhole(places.home, '.env', `${text}${gap}# From ${source.env_file}\n${[...lines.values()].join('\n')}\n`)
    tally.taken = lines.size
  }
  return tally
}
