/**
 * Archives the harness in a folder again and again, each time with other content, and tells each when it is done. With the
 * word `stop` it says when the copy is whole and the index does not know it yet, and stands still there until it is killed.
 */
import { archiveHarness } from '../../../../services/sessions/harness/archive.ts'
import { writeHarness } from './project.ts'

const [cwd = '', archives_dir = '', stop] = process.argv.slice(2)

const standStill = (): void => {
  process.send?.('copied')
  if (stop !== 'stop') return
  const cell = new Int32Array(new SharedArrayBuffer(4))
  Atomics.wait(cell, 0, 0)
}

for (let number = 1; ; number += 1) {
  writeHarness(cwd, `round ${number} of ${process.pid}`, 'progress.md')
  const entry = archiveHarness({ cwd, archives_dir, bot_id: 'bot', chat_id: '1', now: Date.now(), at: standStill })
  process.send?.(entry?.uuid)
  // Messages leave in between.
  await new Promise((resolve) => setImmediate(resolve))
}
