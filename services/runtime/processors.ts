/** How busy the processors are, all of them together, whoever keeps them so. */
import { cpus } from 'node:os'

/** The share of processor time in use since the last call, 0 to 1; the first time since the start of the machine. */
export type UsedShare = () => number

/** Begins to count. Each counter has a past of its own. The system counts in steps of some 10 ms a processor. */
export const openUsedShare = (): UsedShare => {
  let before = { busy: 0, all: 0 }
  return () => {
    let busy = 0
    let all = 0
    for (const { times } of cpus()) {
      const used = times.user + times.nice + times.sys + times.irq
      busy += used
      all += used + times.idle
    }
    const passed = all - before.all
    const share = passed > 0 ? (busy - before.busy) / passed : 0
    before = { busy, all }
    return share
  }
}
