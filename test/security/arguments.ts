/** What `npm run security` is told on its command line. */
import { parseArgs } from 'node:util'

export const USAGE = 'Usage: npm run security -- [WORD ...] [--runs N] [--seed N]'

export interface Look {
  /** The files that are run. Never none: node's runner would then look for tests itself, and run every program below `test/`. */
  readonly files: readonly string[]
  readonly runs: number
  readonly seed: number
}

const NAME_END = '.test.js'
const RUNS = 20
const MOST_RUNS = 100_000

/** @param names all files of the folder; @param seed of a run that names none. Throws with what is wrong, for a person. */
export const readArguments = (args: readonly string[], names: readonly string[], seed: number): Look => {
  const { values, positionals: words } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { runs: { type: 'string', default: String(RUNS) }, seed: { type: 'string', default: String(seed) } },
  })
  const all = names.filter((name) => name.endsWith(NAME_END))
  const unknown = words.filter((word) => !all.some((name) => name.includes(word)))
  const known = all.map((name) => name.slice(0, -NAME_END.length)).join(', ')
  if (unknown.length > 0 || all.length === 0) throw new Error(`There is no test "${unknown.join('", "')}". There are: ${known}`)
  const look = {
    files: all.filter((name) => words.length === 0 || words.some((word) => name.includes(word))),
    runs: Number(values.runs || Number.NaN),
    seed: Number(values.seed || Number.NaN),
  }
  if (!(Number.isInteger(look.runs) && look.runs >= 1 && look.runs <= MOST_RUNS))
    throw new Error(`--runs must be a whole number from 1 to ${MOST_RUNS.toLocaleString('en-US')}`)
  if (!(Number.isSafeInteger(look.seed) && look.seed >= 0)) throw new Error('--seed must be a whole number')
  return look
}
