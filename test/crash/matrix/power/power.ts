/** The cells in which the power is lost: a house whose services tell what they have forced to the disk, and the loss itself. */
import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { RunFiles } from '../../run/orders.ts'
import { processesOfRun } from '../../run/processes.ts'
import type { Random } from '../../run/random.ts'
import { type Group, groupsOf } from '../cells.ts'
import { type Row, runCells } from '../matrix.ts'
import { atTheEnd, type PartOptions, SETTLE_MS, within } from '../part.ts'
import { openSurroundings } from '../surroundings.ts'
import { Disk, type Taken, WAYS, type Way } from './disk.ts'
import { compileShim } from './shim.ts'

export interface PowerRun {
  /** Why nothing was run; null where it was. */
  readonly skipped: string | null
  readonly rows: readonly Row[]
  readonly taken: readonly Taken[]
}

const LOOK_MS = 10

const signalAll = (pids: readonly number[], signal: NodeJS.Signals): void => {
  for (const pid of pids) {
    try {
      process.kill(pid, signal)
    } catch (error) {
      // Gone by itself.
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
    }
  }
}

/** All at once: everybody is stopped before the first one is killed. */
const switchOff = async (files: RunFiles): Promise<void> => {
  for (;;) {
    const pids = processesOfRun(files).map(({ pid }) => pid)
    if (pids.length === 0) return
    signalAll(pids, 'SIGSTOP')
    signalAll(pids, 'SIGKILL')
    await sleep(LOOK_MS)
  }
}

export interface PowerOptions extends PartOptions {
  /** In which ways the power is lost, in turn. */
  readonly ways?: readonly Way[]
  /** A sessions service that forces nothing to the disk: it must be found out. */
  readonly unforced?: boolean
}

/** All groups one after the other, as one run. */
export const runPower = async (options: PowerOptions): Promise<PowerRun> => {
  const runs: PowerRun[] = []
  for (const group of groupsOf(options.cells)) runs.push(await runGroup(group, options))
  return {
    skipped: runs.find(({ skipped }) => skipped !== null)?.skipped ?? null,
    rows: runs.flatMap(({ rows }) => rows),
    taken: runs.flatMap(({ taken }) => taken),
  }
}

const runGroup = ({ cells, env }: Group, { ways = WAYS, unforced: isBroken = false, ...options }: PowerOptions) =>
  within(async (scope): Promise<PowerRun> => {
    const folder = mkdtempSync(join(tmpdir(), 'power-'))
    scope.after(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }))
    const library = join(folder, 'forced.so')
    const skipped = compileShim(library)
    if (skipped !== null) return { skipped, rows: [], taken: [] }
    const bootFile = join(folder, 'boot-id')
    const store = join(folder, 'store')
    const newBoot = (): void => writeFileSync(bootFile, `${randomUUID()}\n`)
    newBoot()
    const rootsOf = (files: RunFiles): string[] => [files.home, join(dirname(files.home), 'work')]
    // Agents and commands are given none of it: they force nothing to the disk.
    const at = await openSurroundings(scope, {
      env,
      equip: (files) => ({
        ...(isBroken && { apps: { sessions: { script: 'test/crash/matrix/power/unforced-main.js' } } }),
        env: {
          LD_PRELOAD: library,
          POWER_ROOTS: rootsOf(files).join(':'),
          POWER_STORE: store,
          POWER_BOOT_ID: bootFile,
          UV_USE_IO_URING: '0',
        },
      }),
    })
    const { house } = at
    const disk = new Disk(rootsOf(house.files), store)
    // Folders and databases are made, and lie there since long ago.
    disk.settle()
    await house.start()
    await house.down(SETTLE_MS)
    disk.settle()
    await house.start()
    const taken: Taken[] = []
    const blackout = async (random: Random): Promise<number> => {
      await switchOff(house.files)
      const moment = Date.now()
      const loss = disk.lose(ways[taken.length % ways.length] ?? 'torn', random)
      taken.push(loss)
      options.print(`the power was lost (${loss.way}): ${loss.names} names are gone, ${loss.files} files are older`)
      disk.settle()
      newBoot()
      return moment
    }
    const rows = await runCells(at, { ...options, cells, blackout })
    const left = await house.down(SETTLE_MS)
    return { skipped, rows: [...rows, atTheEnd(left)], taken }
  })
