/** How far a harness project is: the counts of its `tasks.json`, which the model writes and anybody may have spoilt. */
import { join } from 'node:path'
import { harnessFolderOf, projectDirOf } from './place.ts'
import { readBytes, toText, withPlainFile } from './plain-file.ts'

/** What is counted. A status that is none of these four counts in the total only. */
export interface TaskCounts {
  readonly total: number
  readonly done: number
  readonly in_progress: number
  readonly blocked: number
  readonly pending: number
}

/** The `harness` of a job, as clients know it. */
export interface HarnessStatus extends TaskCounts {
  readonly project_name: string
  readonly current_phase: string
  readonly phases: Readonly<Record<string, TaskCounts>>
}

export interface Harness extends HarnessStatus {
  /** The project folder, which holds `.harness`. */
  readonly dir: string
}

/** The largest file that is read: some 20,000 tasks with a paragraph each. */
const MAX_BYTES = 4 * 1024 * 1024
/** Phases and characters of a name that are told on. Real projects have four phases; clients show no others. */
const MAX_PHASES = 100
const MAX_NAME_CHARS = 200
const UNKNOWN = 'unknown'

const STATUSES = ['done', 'in_progress', 'blocked', 'pending'] as const
type Tally = Record<'total' | (typeof STATUSES)[number], number>

const newTally = (): Tally => ({ total: 0, done: 0, in_progress: 0, blocked: 0, pending: 0 })

const count = (tally: Tally, status: unknown): void => {
  tally.total += 1
  const known = STATUSES.find((name) => name === status)
  if (known) tally[known] += 1
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const nameOf = (value: unknown): string => (typeof value === 'string' && value !== '' ? value.slice(0, MAX_NAME_CHARS) : UNKNOWN)

/** The counts of the text of a `tasks.json`, or null when it is not one. */
export const countTasks = (text: string): HarnessStatus | null => {
  let file: unknown
  try {
    file = JSON.parse(text)
  } catch {
    return null
  }
  if (!isRecord(file) || !Array.isArray(file.tasks)) return null
  const all = newTally()
  const phases = new Map<string, Tally>()
  for (const task of file.tasks as unknown[]) {
    if (!isRecord(task)) return null
    const { status = 'pending', phase } = task
    count(all, status)
    const name = nameOf(phase)
    let tally = phases.get(name)
    if (!tally) {
      if (phases.size >= MAX_PHASES) continue
      tally = newTally()
      phases.set(name, tally)
    }
    count(tally, status)
  }
  const metadata = isRecord(file.metadata) ? file.metadata : {}
  return {
    project_name: nameOf(metadata.project_name),
    current_phase: nameOf(metadata.current_phase),
    ...all,
    // A phase may be called `__proto__`: entries become properties of its own, assignments would not.
    phases: Object.fromEntries(phases),
  }
}

/** What was counted in a file that has not changed since. */
interface Known {
  readonly stamp: string
  readonly status: HarnessStatus | null
}

/** Clients poll every few seconds, and counting a file of 4 MB takes 30 ms. */
const known = new Map<string, Known>()
const MAX_KNOWN = 256
/**
 * A file that changed this recently may change again without another time or size (`pending` and `blocked` are equally
 * long, the clock of a file system ticks every 4 ms, or every 2 s): what was read of it is not remembered.
 */
const SETTLED_MS = 3_000

const remember = (path: string, entry: Known): void => {
  known.delete(path)
  known.set(path, entry)
  if (known.size <= MAX_KNOWN) return
  const oldest = known.keys().next().value
  if (oldest !== undefined) known.delete(oldest)
}

/** The counts of the project in a folder, or null: no harness, or none that can be read. */
export const readTasks = (dir: string): HarnessStatus | null => {
  const folder = harnessFolderOf(dir)
  if (folder === null) return null
  const path = join(folder, 'tasks.json')
  return withPlainFile(path, (fd, { dev, ino, size, mtimeNs, ctimeNs, ctimeMs }) => {
    const stamp = [dev, ino, size, mtimeNs, ctimeNs].join(' ')
    const entry = known.get(path)
    if (entry?.stamp === stamp) return entry.status
    const bytes = readBytes(fd, MAX_BYTES + 1)
    const status = bytes.length > MAX_BYTES ? null : countTasks(toText(bytes))
    if (Date.now() - Number(ctimeMs) > SETTLED_MS) remember(path, { stamp, status })
    else known.delete(path)
    return status
  })
}

/**
 * The harness of a session, or null: there is none, or its `tasks.json` cannot be read or is not of the shape.
 *
 * @param base the session base: a pointer into another chat's folder is not followed
 */
export const readHarness = (cwd: string, base: string): Harness | null => {
  const dir = projectDirOf(cwd, base)
  const status = readTasks(dir)
  return status && { dir, ...status }
}

/** What clients are told of a harness. */
export const toHarnessStatus = ({ dir: _, ...status }: Harness): HarnessStatus => status

/** Whether all that was planned is done; never true of a plan without tasks. */
export const isAllDone = ({ total, done }: Pick<TaskCounts, 'total' | 'done'>): boolean => total > 0 && done >= total
