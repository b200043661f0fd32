/**
 * Putting a backup back. What is there now is moved aside, never deleted.
 *
 * 1. The backup is verified, copied beside the databases, and the copy is verified: *staged*.
 * 2. A journal says that the swap has begun.
 * 3. `agents`, the note of an import, and what the backup has a copy of, are moved to `replaced/<moment>`; the staged copies take their place.
 * 4. The journal is deleted.
 *
 * - **A** Nobody runs: the locks of all services are held from the first step to the last.
 * - **B** With a journal the swap is finished before anything else (`finishRestore`): `up` refuses to start, or services would
 *   begin with empty databases. Without one nothing has been moved.
 * - **C** Agents' folders go aside with the databases that number them: their numbers would be given again.
 * - **D** What ran when the backup was made is not begun again (store.ts), and nothing of this home runs on beside what is put back.
 */
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import { z } from 'zod'
import { SERVICE_NAMES } from '../../protocol/contract.ts'
import { ServiceError } from '../../protocol/errors.ts'
import { type Lock, takeLock } from '../../services/runtime/lock.ts'
import type { Settings } from '../settings.ts'
import { processesOf } from '../uninstall/processes.ts'
import { faultsOf, fromTheFuture } from './inspection.ts'
import { IMPORT_NOTE, isRestoreUnfinished, JOURNAL } from './journal.ts'
import { syncPath, writeWhole } from './manifest.ts'
import { type Backup, nameOf } from './shelf.ts'
import { letGoOfRunning } from './store.ts'

const STAGED = 'restore.partial'

/** `names`: what the backup brings; `replaced`: where goes what lay in its place. */
const Journal = z.object({ backup: z.string(), replaced: z.string(), names: z.array(z.string()) })

/** Moves aside what lies here. If that was done before the swap was cut off, what lies here now came since and is kept as well. */
const moveAside = (here: string, aside: string): void => {
  const there = statSync(here, { throwIfNoEntry: false })
  if (there === undefined) return
  if (!existsSync(aside)) renameSync(here, aside)
  else if (!there.isDirectory() || readdirSync(here).length > 0) renameSync(here, `${aside}-since`)
}

/** Finishes a swap that the journal tells of. Returns where what was replaced lies, or null where there is no journal. */
export const finishRestore = (home: string): string | null => {
  if (!isRestoreUnfinished(home)) return null
  const { replaced, names } = Journal.parse(JSON.parse(readFileSync(join(home, JOURNAL), 'utf8')))
  mkdirSync(replaced, { recursive: true, mode: 0o700 })
  moveAside(join(home, 'agents'), join(replaced, 'agents'))
  if (!names.includes(IMPORT_NOTE)) moveAside(join(home, IMPORT_NOTE), join(replaced, IMPORT_NOTE))
  for (const name of names) {
    const staged = join(home, STAGED, name)
    // Gone from there: it is in its place.
    if (!existsSync(staged)) continue
    moveAside(join(home, name), join(replaced, name))
    renameSync(staged, join(home, name))
  }
  syncPath(home)
  mkdirSync(join(home, 'agents'), { recursive: true, mode: 0o700 })
  rmSync(join(home, JOURNAL))
  rmSync(join(home, STAGED), { recursive: true, force: true })
  syncPath(home)
  return replaced
}

/** Holds the locks of all services, so that none can begin. Throws where one runs. */
export const holdStill = async (run_dir: string): Promise<Lock> => {
  const locks: Lock[] = []
  const release = (): void => {
    for (const lock of locks) lock.release()
  }
  try {
    for (const name of ['edge', ...SERVICE_NAMES]) locks.push(await takeLock({ run_dir, name, wait_ms: 0 }))
    return { release }
  } catch (error) {
    release()
    if (!(error instanceof ServiceError) || error.code !== 'conflict') throw error
    throw new Error('Switchboard is running. Stop it first: npm stop (or, as a service: npx switchboard service stop)', {
      cause: error,
    })
  }
}

/** Refuses a backup that is damaged or that this code cannot read. */
export const assertUsable = async (backup: Backup, root: string): Promise<void> => {
  const future = fromTheFuture(backup, root)
  if (future.length > 0)
    throw new Error(
      `${backup.name} was made by a newer Switchboard (${backup.manifest.switchboard}): ${future.join('; ')}. Install that version, or choose an older backup.`,
    )
  const faults = await faultsOf(backup)
  if (faults.length > 0)
    throw new Error(
      `${backup.name} is damaged, and nothing was changed: ${faults.join('; ')}. Choose another: npx switchboard verify --all`,
    )
}

/** Copies the databases of a backup into a folder that is new, and verifies the copies. */
export const unpack = async (backup: Backup, folder: string): Promise<void> => {
  mkdirSync(join(folder, 'db'), { recursive: true, mode: 0o700 })
  for (const { file } of backup.manifest.files) {
    copyFileSync(join(backup.folder, file), join(folder, file))
    syncPath(join(folder, file))
  }
  syncPath(join(folder, 'db'))
  const faults = await faultsOf({ ...backup, folder })
  if (faults.length > 0)
    throw new Error(`The copy in ${folder} is not as it should be, and nothing was changed: ${faults.join('; ')}`)
}

/** Unpacks a backup into a home of its own, to look at it beside the one that runs. Throws where something lies there. */
export const restoreTo = async (backup: Backup, folder: string, root: string): Promise<void> => {
  if (existsSync(folder) && readdirSync(folder).length > 0) throw new Error(`${folder} is not empty. Name a folder that is new.`)
  await assertUsable(backup, root)
  await unpack(backup, folder)
  letGoOfRunning(folder)
}

/** Puts a backup in the place of what is there. Returns where that lies now. Throws, with nothing changed, where it cannot be. */
export const restore = async (settings: Settings, backup: Backup, now: number = Date.now()): Promise<string> => {
  const { home, root, run_dir } = settings
  const still = await holdStill(run_dir)
  try {
    finishRestore(home)
    // D
    const alive = processesOf(home)
    if (alive.length > 0)
      throw new Error(
        `Agents, jobs or reports are still at work (processes ${alive.join(', ')}). They end with their answer or command; wait for them, or end them.`,
      )
    await assertUsable(backup, root)
    const staged = join(home, STAGED)
    rmSync(staged, { recursive: true, force: true })
    try {
      await unpack(backup, staged)
      letGoOfRunning(staged)
    } catch (error) {
      // Of a disk that is full now, say; without a journal nobody looks at it.
      rmSync(staged, { recursive: true, force: true })
      throw error
    }
    const replaced = join(home, 'replaced', nameOf(now))
    writeWhole(home, JOURNAL, JSON.stringify({ backup: basename(backup.folder), replaced, names: readdirSync(staged) }))
    finishRestore(home)
    return replaced
  } finally {
    still.release()
  }
}
