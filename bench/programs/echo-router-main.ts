/** A bare ZeroMQ Router that answers what it was sent, msgpack taken apart and put together again: `echo-router-main.js ADDRESS`. */
import { Packr } from 'msgpackr'
import { Router } from 'zeromq'

const packr = new Packr({ useRecords: false })
const router = new Router()
await router.bind(process.argv[2] ?? '')
process.once('disconnect', () => process.exit(0))
process.send?.('ready')
for await (const [from, bytes] of router) {
  const [kind, id, , value] = packr.unpack(bytes as Buffer) as [string, number, string, unknown]
  await router.send([from as Buffer, packr.pack([kind, id, value])])
}
