/**
 * `npm run soak`: a mixed load for a time, and what has grown by it. Exits with 0 when nothing grew that should not, and nothing was
 * lost. Writes its part of `docs/reliability.md`, unless something was broken on purpose.
 */
import { writePart } from '../crash/page.ts'
import { readArguments, type SoakArguments, USAGE } from './arguments.ts'
import { isClean, pageLines, terminalLines } from './report.ts'
import { soak } from './soak.ts'

const main = async (): Promise<number> => {
  let given: SoakArguments
  try {
    given = readArguments(process.argv.slice(2))
  } catch (error) {
    console.error(`${(error as Error).message}\n${USAGE}`)
    return 2
  }
  if (process.platform !== 'linux') {
    console.error('Not run: what is measured is told by Linux only.')
    return 2
  }
  const { minutes, seed, isBroken } = given
  console.log(`${minutes} minutes, seed ${seed}`)
  const result = await soak({ ...given, print: (line) => console.log(line) })
  for (const line of ['', ...terminalLines(result)]) console.log(line)
  if (!isBroken) console.log(`\nWritten: ${writePart('soak', pageLines(result, minutes, seed))}`)
  return isClean(result) ? 0 : 1
}

process.exitCode = await main()
