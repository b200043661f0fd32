/**
 * A bare ZeroMQ Router that gives one answer to everything: `bare-router-main.js ADDRESS ANSWER`, the answer as JSON. Each question is
 * taken apart, each answer is put together, as in a service.
 */
import { Packr } from 'msgpackr'
import { Router } from 'zeromq'

const packr = new Packr({ useRecords: false })
const [address = '', answer = 'null'] = process.argv.slice(2)
const value: unknown = JSON.parse(answer)
const router = new Router()
await router.bind(address)
process.once('disconnect', () => process.exit(0))
process.send?.('ready')
for await (const [from, bytes] of router) {
  const [, id] = packr.unpack(bytes as Buffer) as [string, number, string, unknown]
  await router.send([from as Buffer, packr.pack(['reply', id, value])])
}
