/**
 * When a Switchboard has done what an answer leaves behind: commits, the rows in history, the end of an agent. A yardstick that is
 * measured meanwhile shares the processors and the disk with it (a start by hand took 4 ms longer), and we would look the better for it.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { House } from './house.ts'
import { runState } from './processor.ts'

/** What follows an answer is a chain without pauses of its own: nothing for so long, and it is over. */
const QUIET_MS = 2
const PATIENCE_MS = 10_000
/** Those that have to do with a turn. */
const SERVICES = ['edge', 'sessions', 'history']

/**
 * Gives what resolves once services and agents rest, and whoever else is named. Rejects where they do not come to it. On other
 * systems than Linux nothing tells, and nothing is waited for.
 * @param others process ids
 */
export const openRest = async (
  house: Pick<House, 'pidOf' | 'agents'>,
  others: readonly number[] = [],
): Promise<() => Promise<void>> => {
  const services = await Promise.all(SERVICES.map((service) => house.pidOf(service)))
  return async () => {
    const until = performance.now() + PATIENCE_MS
    let before: string | null = null
    for (;;) {
      const states = [...services, ...others, ...house.agents()].map((pid) => ({ pid, ...runState(pid) }))
      const now = JSON.stringify(states)
      if (states.every(({ isBusy }) => !isBusy) && now === before) return
      if (performance.now() > until) throw new Error(`there was still work ${PATIENCE_MS / 1_000} s after an answer: ${now}`)
      before = now
      await sleep(QUIET_MS)
    }
  }
}
