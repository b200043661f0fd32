/** What a bench is: one file each, gathered in `benches.ts`. */
import type { Row } from './row.ts'
import type { Scope } from './scope.ts'

export interface BenchContext {
  /** How often each side is measured. */
  readonly rounds: number
  readonly scope: Scope
}

export interface Bench {
  /** What it tells, in one sentence. */
  readonly summary: string
  run(context: BenchContext): Promise<Row[]>
}
