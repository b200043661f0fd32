/** What the steps of a report leave behind: their folders, and programs that nobody follows any more. */
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { basename, join } from 'node:path'
import { signalAll } from '../../runtime/marked-processes.ts'
import { isRunner, processesOf } from './processes.ts'

/** The name of a step's folder begins with the report's id. */
const STEP = /^([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})-/
/** What is being ended may start something between a look and the signal. */
const LOOKS = 10

const endAll = (nonce: string, root: number | null): void => {
  for (let looks = 0; looks < LOOKS; looks += 1) {
    const left = processesOf(nonce, root)
    if (left.length === 0) return
    signalAll(left, 'SIGKILL')
  }
}

const numberIn = (file: string): number => (existsSync(file) ? Number.parseInt(readFileSync(file, 'utf8'), 10) : Number.NaN)

const clearStep = (folder: string): void => {
  const nonce = basename(folder)
  const isOver = existsSync(join(folder, 'exit'))
  const [runner, pid] = ['runner', 'pid'].map((name) => numberIn(join(folder, name))) as [number, number]
  // Where only numbers tell, after a restart of the machine they may be a stranger's: its runner is the witness.
  const root = runner > 0 && pid > 0 && isRunner(runner, nonce, folder) ? pid : null
  const end = (): void => endAll(nonce, root)
  if (!isOver) end()
  rmSync(folder, { recursive: true, force: true, maxRetries: 3 })
  // Whoever comes now finds no folder and starts nothing (run.sh); this is for whoever came in between.
  if (!isOver) end()
}

/** Ends what still works in the folder of a report for reports that are over, and removes it; their papers stay. */
export const clearSteps = (folder: string, isOver: (report_id: string) => boolean): void => {
  for (const name of existsSync(folder) ? readdirSync(folder) : []) {
    const [, report_id] = STEP.exec(name) ?? []
    if (report_id !== undefined && isOver(report_id)) clearStep(join(folder, name))
  }
}
