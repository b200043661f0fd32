/** What `npm run soak` is told on its command line. */
import { parseArgs } from 'node:util'

export const USAGE = 'Usage: npm run soak -- [--minutes N] [--seed N]'

/** Throws with what is wrong, for a person. */
export const readArguments = (args: readonly string[]): { readonly minutes: number; readonly seed: number } => {
  const { values } = parseArgs({
    args: [...args],
    options: { minutes: { type: 'string', default: '10' }, seed: { type: 'string', default: String(Date.now() % 1_000_000) } },
  })
  const [minutes, seed] = [Number(values.minutes), Number(values.seed)]
  if (!(minutes >= 1 && minutes <= 10_000)) throw new Error('--minutes must be a number of at least 1')
  if (!Number.isSafeInteger(seed) || seed < 0) throw new Error('--seed must be a whole number')
  return { minutes, seed }
}
