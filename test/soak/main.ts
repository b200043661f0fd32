/**
 * `npm run soak`: a mixed load for a time, and what has grown by it. Exits with 0 when nothing grew that should not, and nothing was
 * lost. Writes its part of `docs/reliability.md`.
 */
import { parseArgs } from 'node:util'
import { writePart } from '../crash/page.ts'
import { isClean, pageLines, terminalLines } from './report.ts'
import { soak } from './soak.ts'

const USAGE = 'Usage: npm run soak -- [--minutes N] [--seed N]'

const readArguments = () => {
  const { values } = parseArgs({
    options: { minutes: { type: 'string', default: '10' }, seed: { type: 'string', default: String(Date.now() % 1_000_000) } },
  })
  const [minutes, seed] = [Number(values.minutes), Number(values.seed)]
  if (!(minutes >= 1 && minutes <= 10_000)) throw new Error('--minutes must be a number of at least 1')
  if (!Number.isSafeInteger(seed) || seed < 0) throw new Error('--seed must be a whole number')
  return { minutes, seed }
}

const main = async (): Promise<number> => {
  let given: ReturnType<typeof readArguments>
  try {
    given = readArguments()
  } catch (error) {
    console.error(`${(error as Error).message}\n${USAGE}`)
    return 2
  }
  if (process.platform !== 'linux') {
    console.error('Not run: what is measured is told by Linux only.')
    return 2
  }
  const { minutes, seed } = given
  console.log(`${minutes} minutes, seed ${seed}`)
  const result = await soak({ minutes, seed, print: (line) => console.log(line) })
  for (const line of ['', ...terminalLines(result)]) console.log(line)
  console.log(`\nWritten: ${writePart('soak', pageLines(result, minutes, seed))}`)
  return isClean(result) ? 0 : 1
}

process.exitCode = await main()
