/** The benches by name, in the order in which they are run. */
import type { Bench } from './bench.ts'
import { chats } from './chats.ts'
import { cold } from './cold.ts'
import { fanout } from './fanout.ts'
import { health } from './health.ts'
import { memory } from './memory.ts'
import { realCli } from './real-cli.ts'
import { restart } from './restart.ts'
import { scheduler } from './scheduler.ts'
import { search } from './search.ts'
import { searchQuality } from './search-quality.ts'
import { tasks } from './tasks.ts'
import { usage } from './usage.ts'
import { warm } from './warm.ts'
import { wire } from './wire.ts'

export const BENCHES: Readonly<Record<string, Bench>> = {
  memory,
  health,
  wire,
  warm,
  cold,
  'real-cli': realCli,
  chats,
  fanout,
  restart,
  tasks,
  scheduler,
  search,
  'search-quality': searchQuality,
  usage,
}
