/** `npm run security`: the tests of this folder, which `npm test` runs briefly, for long and with another seed each time. */
import { spawn } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { type Look, readArguments, USAGE } from './arguments.ts'

const main = async (): Promise<number> => {
  let look: Look
  try {
    look = readArguments(process.argv.slice(2), readdirSync(import.meta.dirname), randomInt(2 ** 31))
  } catch (error) {
    console.error(`${(error as Error).message}\n${USAGE}`)
    return 2
  }
  const { files, runs, seed } = look
  console.log(`Seed ${seed}: the same look again with --seed ${seed} --runs ${runs}`)
  const paths = files.map((name) => join(import.meta.dirname, name))
  const child = spawn(process.execPath, ['--test', '--enable-source-maps', '--test-concurrency=1', ...paths], {
    env: { ...process.env, SECURITY_RUNS: String(runs), SECURITY_SEED: String(seed) },
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  const [code] = await once(child, 'exit')
  return code ?? 1
}

process.exitCode = await main()
