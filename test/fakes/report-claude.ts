/**
 * A stand-in of the Claude CLI for reports: asked once, it answers as `--output-format json` does. Each time it is asked it writes a
 * line to the file `REPORT_CLAUDE_JOURNAL`: `gather` or `write`. To be started by a script that a test makes (`claudeScript`).
 */
import { appendFileSync, chmodSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { packageRoot } from '../../services/runtime/package-root.ts'
import { contentFor, NOTES } from '../services/reports/notes.ts'

/** Long enough to be killed in. */
const THINKS_MS = 200

/** Makes a program in a folder that starts this file, and gives back its path. */
export const claudeScript = (folder: string): string => {
  const file = join(folder, 'claude')
  const module = join(packageRoot(import.meta.url), 'dist/test/fakes/report-claude.js')
  writeFileSync(file, `#!/bin/sh\nexec '${process.execPath}' '${module}' "$@"\n`)
  chmodSync(file, 0o755)
  return file
}

const main = async (): Promise<void> => {
  const isWrite = process.argv.includes('--json-schema')
  appendFileSync(process.env.REPORT_CLAUDE_JOURNAL ?? '/dev/null', isWrite ? 'write\n' : 'gather\n')
  const prompt = readFileSync(0, 'utf8')
  await sleep(THINKS_MS)
  const lang = prompt.includes('simplified Chinese.') ? 'cn' : 'en'
  const answer = isWrite ? { result: '', structured_output: contentFor(lang) } : { result: NOTES }
  process.stdout.write(JSON.stringify({ type: 'result', subtype: 'success', is_error: false, total_cost_usd: 0.01, ...answer }))
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await main()
