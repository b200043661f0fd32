/** `npm run security`: the tests of this folder, which `npm test` runs briefly, for long and with another seed each time. */
import { spawn } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { runs: { type: 'string', default: '20' }, seed: { type: 'string', default: String(randomInt(2 ** 31)) } },
})
const files = readdirSync(import.meta.dirname)
  .filter((name) => name.endsWith('.test.js') && (positionals.length === 0 || positionals.some((word) => name.includes(word))))
  .map((name) => join(import.meta.dirname, name))
console.log(`Seed ${values.seed}: the same look again with --seed ${values.seed} --runs ${values.runs}`)
const child = spawn(process.execPath, ['--test', '--enable-source-maps', '--test-concurrency=1', ...files], {
  env: { ...process.env, SECURITY_RUNS: values.runs, SECURITY_SEED: values.seed },
  stdio: ['ignore', 'inherit', 'inherit'],
})
child.once('exit', (code) => {
  process.exitCode = code ?? 1
})
