/** `switchboard push-metrics`: tells the public dashboard now, whatever its pace, and says what came of it. */
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { createClient } from '../protocol/client.ts'
import { ServiceError } from '../protocol/errors.ts'
import { readArguments } from './arguments.ts'
import type { Command, Context } from './command.ts'
import { withLink } from './links.ts'

const PATIENCE_MS = 30_000
const PRESENCE_MS = 3_000
const DAY_MS = 86_400_000
/** Of which the page draws the last day. */
const SERIES = 'system.cpu_percent,system.memory_used_percent'

/** The numbers as they are now; as they were known last where a look at everything takes too long. */
const measure = async (settings: Context['settings']): Promise<unknown> =>
  await withLink(settings, 'metrics', async (link) => {
    const metrics = createClient('metrics', link)
    // Whoever is not there is found out soon; a look at everything takes its time.
    await metrics.alerts({}, { timeout_ms: PRESENCE_MS })
    await metrics.refresh({}, { timeout_ms: PATIENCE_MS })
    const [current, { series }] = await Promise.all([
      metrics.current({}, { timeout_ms: PATIENCE_MS }),
      metrics.series({ names: SERIES, step: 'hour', from: Date.now() - 2 * DAY_MS }, { timeout_ms: PATIENCE_MS }),
    ])
    return { current, series }
  })

/** Runs the program that pushes, with the numbers on its standard input, and prints what it says. */
const runPush = async ({ settings, print }: Context, args: readonly string[], input: unknown): Promise<number> =>
  await new Promise((resolve, reject) => {
    const program = join(settings.root, 'dist/services/metrics/dashboard/main.js')
    const env = { ...process.env, SWITCHBOARD_HOME: settings.home }
    const child = spawn(process.execPath, [program, ...args], { env, stdio: ['pipe', 'pipe', 'inherit'] })
    let said = ''
    child.stdout.setEncoding('utf8').on('data', (piece: string) => (said += piece))
    child.once('error', reject)
    // A program that has nothing to push does not read what it is given.
    child.stdin.on('error', () => undefined)
    child.once('close', (code) => {
      for (const line of said.split('\n').filter(Boolean)) print(line)
      resolve(code ?? 1)
    })
    child.stdin.end(JSON.stringify(input))
  })

export const pushMetrics: Command = {
  summary: 'Push the numbers to the public dashboard now; --status tells how pushing goes',
  usage: '[--status]',
  run: async (context) => {
    const { values } = readArguments(context.args, { status: { type: 'boolean' } })
    if (values.status === true) return await runPush(context, ['status'], null)
    try {
      return await runPush(context, [], await measure(context.settings))
    } catch (error) {
      if (!(error instanceof ServiceError)) throw error
      context.print(
        `Nothing was pushed: the numbers could not be read (${error.message}). Is Switchboard running? npm run status`,
      )
      await runPush(context, ['status'], null)
      return 1
    }
  },
}
