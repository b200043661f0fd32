/** What a bench has opened, to be undone at its end, last opened first, however it ended. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export class Scope {
  readonly #undo: (() => unknown)[] = []

  after(undo: () => unknown): void {
    this.#undo.push(undo)
  }

  /** A folder of its own, whose path is short enough for sockets in it. */
  folder(): string {
    const path = mkdtempSync(join(tmpdir(), 'sb-bench-'))
    this.after(() => rmSync(path, { recursive: true, force: true, maxRetries: 5 }))
    return path
  }

  /** Undoes everything, once; what fails does not keep the rest. Throws the first failure. */
  async end(): Promise<void> {
    const failures: unknown[] = []
    for (let undo = this.#undo.pop(); undo !== undefined; undo = this.#undo.pop()) {
      try {
        await undo()
      } catch (error) {
        failures.push(error)
      }
    }
    if (failures.length > 0) throw failures[0]
  }
}
