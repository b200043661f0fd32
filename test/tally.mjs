/** A reporter for `node --test`: one line of JSON for each test that ended, for `run.mjs` to count. */
import { isAbsolute } from 'node:path'

export default async function* tally(source) {
  for await (const { type, data } of source) {
    if (type !== 'test:pass' && type !== 'test:fail') continue
    if (data.details?.type === 'suite') continue
    const { name, file, skip, todo } = data
    // Where a file declares no test, Node.js reports the file itself as one that passed.
    const empty = type === 'test:pass' && name.endsWith('.test.js') && isAbsolute(name)
    yield `${JSON.stringify({ name, file, passed: type === 'test:pass', empty, skip: skip !== undefined, todo: todo !== undefined })}\n`
  }
}
