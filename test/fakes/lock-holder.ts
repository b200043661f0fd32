/** Takes a lock, says so, and holds it until it is killed or told to let go. */
import { once } from 'node:events'
import { takeLock } from '../../services/runtime/lock.ts'

const [run_dir = '', name = ''] = process.argv.slice(2)
const lock = await takeLock({ run_dir, name, wait_ms: 0 })
process.send?.('held')
await once(process, 'message')
lock.release()
process.send?.('released')
await once(process, 'message')
