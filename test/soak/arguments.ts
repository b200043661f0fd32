/** What `npm run soak` is told on its command line. */
import { parseArgs } from 'node:util'

export const USAGE = 'Usage: npm run soak -- [--minutes N] [--seed N] [--break edge-keeps-answers]'

/** What can be broken on purpose. */
const BREAK = 'edge-keeps-answers'

export interface SoakArguments {
  readonly minutes: number
  readonly seed: number
  /** The edge keeps a copy of all that it is told: the run must find that. */
  readonly isBroken: boolean
}

/** Throws with what is wrong, for a person. */
export const readArguments = (args: readonly string[]): SoakArguments => {
  const { values } = parseArgs({
    args: [...args],
    options: {
      minutes: { type: 'string', default: '10' },
      seed: { type: 'string', default: String(Date.now() % 1_000_000) },
      break: { type: 'string' },
    },
  })
  const [minutes, seed] = [Number(values.minutes), Number(values.seed)]
  if (values.break !== undefined && values.break !== BREAK) throw new Error(`--break must be ${BREAK}`)
  if (!(minutes >= 1 && minutes <= 10_000)) throw new Error('--minutes must be a number of at least 1')
  if (!Number.isSafeInteger(seed) || seed < 0) throw new Error('--seed must be a whole number')
  return { minutes, seed, isBroken: values.break !== undefined }
}
