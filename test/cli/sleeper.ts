/** Processes that do nothing for a minute, ended with the test. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { atEnd, type Scope } from '../harness.ts'

/** @param args what stands in its command line, too */
export const startSleeper = (t: Scope, env: NodeJS.ProcessEnv = process.env, ...args: string[]): number => {
  const child = spawn(process.execPath, ['-e', 'setTimeout(() => undefined, 60_000)', ...args], { stdio: 'ignore', env })
  const gone = once(child, 'exit')
  atEnd(t, async () => {
    child.kill('SIGKILL')
    await gone
  })
  return child.pid ?? 0
}

/** Makes the folder of an agent that lives, with the marks of one. Returns its pid. */
export const startAgent = (t: Scope, folder: string): number => {
  mkdirSync(folder)
  const pid = startSleeper(t, { ...process.env, SWITCHBOARD_TURN_FILE: path.join(folder, 'turn') }, folder)
  // The keeper is what is looked for where environments cannot be read.
  for (const file of ['pid', 'keeper']) writeFileSync(path.join(folder, file), `${pid}\n`)
  return pid
}
