/** The machine: processor, memory, disk, load. Linux and macOS alike, through systeminformation. */
import { statfs } from 'node:fs/promises'
import os from 'node:os'
import si from 'systeminformation'
import type { SystemMetrics } from '../../protocol/metrics.ts'
import { openUsedShare } from '../runtime/processors.ts'

const GIGABYTE = 1024 ** 3
const DAY_S = 86_400

const gigabytes = (bytes: number): number => Math.round((bytes / GIGABYTE) * 100) / 100
const percent = (part: number, whole: number): number => (whole > 0 ? Math.round((part / whole) * 1_000) / 10 : 0)

/** `3 days, 4:05`, as `uptime` writes it. */
export const uptimeText = (seconds: number): string => {
  const days = Math.floor(seconds / DAY_S)
  const hours = Math.floor((seconds % DAY_S) / 3_600)
  const minutes = String(Math.floor((seconds % 3_600) / 60)).padStart(2, '0')
  return `${days === 0 ? '' : `${days} ${days === 1 ? 'day' : 'days'}, `}${hours}:${minutes}`
}

/** Reads the machine. The use of the processor counts from one reading to the next; the first one from the start of the machine. */
export class System {
  readonly #folder: string
  readonly #usedShare = openUsedShare()

  /** @param folder the disk on which it lies is the one that is told of */
  constructor(folder: string) {
    this.#folder = folder
  }

  async read(now: number): Promise<SystemMetrics> {
    const [memory, disk] = await Promise.all([si.mem(), statfs(this.#folder)])
    const usage = percent(this.#usedShare(), 1)
    const total = disk.blocks * disk.bsize
    // What only root may still use counts as used.
    const free = disk.bavail * disk.bsize
    return {
      cpu: os.cpus()[0]?.model.trim() || os.arch(),
      memory_total_gb: gigabytes(memory.total),
      cpu_usage_percent: usage,
      cpu_idle_percent: Math.round((100 - usage) * 10) / 10,
      memory_used_gb: gigabytes(memory.total - memory.available),
      memory_free_gb: gigabytes(memory.available),
      memory_active_gb: gigabytes(memory.active),
      memory_inactive_gb: process.platform === 'darwin' ? gigabytes(memory.reclaimable) : null,
      // The predecessor's page has them; systeminformation does not tell them apart.
      memory_wired_gb: null,
      memory_compressed_gb: null,
      memory_purgeable_gb: null,
      load_avg: os.loadavg().map((load) => Math.round(load * 100) / 100),
      disk_total_gb: gigabytes(total),
      disk_used_gb: gigabytes(total - free),
      disk_free_gb: gigabytes(free),
      disk_used_percent: percent(total - free, total),
      uptime: uptimeText(os.uptime()),
      hostname: os.hostname(),
      cpu_cores: os.cpus().length,
      uptime_seconds: Math.round(os.uptime()),
      platform: `${os.platform()} ${os.release()}`,
      sampled_at: now,
    }
  }
}
