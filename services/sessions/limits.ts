/** What the machine has left: memory and disk. */
import { execFileSync } from 'node:child_process'
import { statfsSync } from 'node:fs'

const MB = 1024 * 1024
/** What one warm agent takes, measured (`claude-cli.md` 11: 157 to 277 MB, 303 MB while it starts). */
const AGENT_MB = 300
const MAX_WARM_AGENTS = 20

/** Memory that can be had without swapping, in MB. */
export const availableMemoryMb = (): number => {
  if (process.platform !== 'darwin') return Math.floor(process.availableMemory() / MB)
  // macOS counts as free only what is in no use at all; what is inactive or purgeable can be had at once, too.
  const text = execFileSync('vm_stat', { encoding: 'utf8' })
  const pageSize = Number(/page size of (\d+)/.exec(text)?.[1] ?? 4096)
  const pages = (name: string): number => Number(new RegExp(`Pages ${name}:\\s+(\\d+)`).exec(text)?.[1] ?? 0)
  return Math.floor(((pages('free') + pages('inactive') + pages('purgeable') + pages('speculative')) * pageSize) / MB)
}

/** Free disk under a folder for an ordinary user, in MB. */
export const freeDiskMb = (folder: string): number => {
  const { bavail, bsize } = statfsSync(folder)
  return Math.floor((bavail * bsize) / MB)
}

/** How many idle agents may stay where the owner said nothing. */
export const defaultWarmAgents = (): number => Math.max(1, Math.min(MAX_WARM_AGENTS, Math.floor(availableMemoryMb() / AGENT_MB)))
