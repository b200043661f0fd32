/** Opens a database when told `go`; with the word `write` it then commits row after row and tells each, until it is killed. */
import { once } from 'node:events'
import { setImmediate as breathe } from 'node:timers/promises'
import { closeDatabase, openDatabase } from '../../services/runtime/sqlite.ts'

const [file = '', migrations_dir = '', write] = process.argv.slice(2)
process.send?.('here')
await once(process, 'message')
const database = openDatabase({ path: file, migrations_dir, synchronous: 'FULL' })
const insert = database.prepare('INSERT INTO notes (text) VALUES (?)')
for (let number = 1; write === 'write'; number += 1) {
  insert.run(`row ${number}`)
  process.send?.(number)
  await breathe()
}
closeDatabase(database)
process.disconnect()
