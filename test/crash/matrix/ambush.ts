/** Inside a service: waits at its named points for an order of the run, and carries it out on the spot. */
import { appendFileSync } from 'node:fs'
import { everybody, filesOf, type Hit, killAll, type Order, readOrder, servicePid, takeBackOrder } from '../run/orders.ts'

/** @param root the folder of the run; @param name of the service that we are */
export const lieInAmbush = (root: string, name: NonNullable<Order['by']>): ((point: string) => void) => {
  const files = filesOf(root)
  return (point) => {
    const order = readOrder(files)
    if (order?.by !== name || order.point !== point) return
    const pids =
      order.target === 'pm2' ? everybody(files) : [order.target === name ? process.pid : servicePid(files, order.target)]
    // Somebody is between two lives: at the next passing.
    if (pids.includes(null)) return
    const hit: Hit = { kill: order.kill, at: Date.now(), pids: pids as number[], chat: null }
    takeBackOrder(files)
    appendFileSync(files.hits, `${JSON.stringify(hit)}\n`)
    killAll(hit.pids)
  }
}
