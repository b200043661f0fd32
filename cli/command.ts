/** What a command of `switchboard` is: one file each, gathered in `commands.ts`. */
import type { Pm2 } from './pm2.ts'
import type { Settings } from './settings.ts'

export interface Context {
  /** What followed the command's name. */
  readonly args: readonly string[]
  readonly settings: Settings
  readonly pm2: Pm2
  /** One line for the user. */
  print(line: string): void
}

export interface Command {
  /** One sentence for `switchboard help`. */
  readonly summary: string
  /** What may follow the name, where anything may; the command reads it, and refuses the rest (`arguments.ts`). */
  readonly usage?: string
  /** False: it only looks, and makes no data folder where there is none (it may just have been deleted). */
  readonly opensHome?: false
  /** Resolves with the exit code. */
  run(context: Context): Promise<number>
}
