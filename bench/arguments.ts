/** The bench's command line. */
import { parseArgs } from 'node:util'

export interface Arguments {
  /** None: all of them. */
  readonly names: readonly string[]
  readonly check: boolean
  readonly rounds: number
  readonly json: string | null
}

/** Fewer say little on a machine that does other things as well. */
const ROUNDS = 5

/** Reads `[NAME…] [--check] [--rounds N] [--json FILE]`. Throws a sentence that says what is wrong. */
export const parseArguments = (argv: readonly string[], known: readonly string[]): Arguments => {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: { check: { type: 'boolean' }, rounds: { type: 'string' }, json: { type: 'string' } },
  })
  const unknown = positionals.filter((name) => !known.includes(name))
  if (unknown.length > 0) throw new Error(`There is no bench "${unknown.join('", "')}". There are: ${known.join(', ')}`)
  const rounds = Number(values.rounds ?? ROUNDS)
  if (!Number.isInteger(rounds) || rounds < 1 || rounds > 1_000) throw new Error('--rounds must be a number from 1 to 1,000')
  if (values.check === true && rounds < ROUNDS)
    throw new Error(
      `--check needs at least ${ROUNDS} rounds: fewer neither hold a goal nor miss it. Leave --rounds out, or --check`,
    )
  return { names: positionals, check: values.check === true, rounds, json: values.json ?? null }
}
