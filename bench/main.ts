/** `npm run bench`: measures us beside yardsticks. */
import { parseArguments } from './arguments.ts'
import { BENCHES } from './benches.ts'
import { runBenches } from './run.ts'

const print = (line: string): void => console.log(line)
const stop = new AbortController()
// What was started has to be ended, also when somebody has seen enough.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort(new Error(`stopped by ${signal}`)))

try {
  process.exitCode = await runBenches(parseArguments(process.argv.slice(2), Object.keys(BENCHES)), print, stop.signal)
} catch (error) {
  print((error as Error).message)
  process.exitCode = 2
}
