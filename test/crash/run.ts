/**
 * `npm run crash`: turns go through a real edge while services, agents, keepers and all of PM2 are killed, and it is counted
 * what was lost, doubled or run twice. Exits with 0 when nothing was and every planned kill fell.
 */
import { parseArgs } from 'node:util'
import { crashRun } from './run/crash-run.ts'
import { BREAKS } from './run/house.ts'
import { MOMENTS, TARGETS } from './run/plan.ts'
import { reportLines } from './run/report.ts'

const USAGE = `Usage: npm run crash -- [--seed N] [--kills N] [--turns N] [--chats N] [--moments A,B] [--targets A,B]
  [--break ${BREAKS.join('|')}] [--legacy] [--keep]`

const readArguments = () => {
  const { values } = parseArgs({
    options: {
      seed: { type: 'string', default: String(Date.now() % 1_000_000) },
      kills: { type: 'string', default: '60' },
      turns: { type: 'string', default: '100' },
      chats: { type: 'string', default: '20' },
      moments: { type: 'string', default: '' },
      targets: { type: 'string', default: '' },
      break: { type: 'string' },
      legacy: { type: 'boolean', default: false },
      keep: { type: 'boolean', default: false },
    },
  })
  const number = (name: 'seed' | 'kills' | 'turns' | 'chats', least: number): number => {
    const value = Number(values[name])
    if (!Number.isSafeInteger(value) || value < least) throw new Error(`--${name} must be a whole number of at least ${least}`)
    return value
  }
  const oneOf = <T extends string>(name: string, list: readonly T[], value: string): T => {
    const found = list.find((each) => each === value)
    if (found === undefined) throw new Error(`--${name} must be of ${list.join(', ')}`)
    return found
  }
  const listOf = <T extends string>(name: 'moments' | 'targets', list: readonly T[]): T[] =>
    values[name]
      .split(',')
      .filter(Boolean)
      .map((value) => oneOf(name, list, value))
  return {
    seed: number('seed', 0),
    kills: number('kills', 0),
    turns: number('turns', 1),
    chats: number('chats', 1),
    moments: listOf('moments', MOMENTS),
    targets: listOf('targets', TARGETS),
    broken: values.break === undefined ? null : oneOf('break', BREAKS, values.break),
    legacy: values.legacy,
    keep: values.keep,
  }
}

const main = async (): Promise<number> => {
  let options: ReturnType<typeof readArguments>
  try {
    options = readArguments()
  } catch (error) {
    console.error(`${(error as Error).message}\n${USAGE}`)
    return 2
  }
  console.log(`seed ${options.seed}`)
  const { plan, hits, tally, took_ms } = await crashRun({ ...options, print: (line) => console.log(line) })
  for (const line of ['', ...reportLines(plan, hits, tally, took_ms)]) console.log(line)
  return Object.values(tally.counts).every((count) => count === 0) ? 0 : 1
}

process.exitCode = await main()
