/**
 * Asks one path over and over on keep-alive connections, one request at a time on each: `load-main.js PORT PATH CONNECTIONS MS`.
 * It counts answers by their bytes, as each is as long as the first, so that little of the machine goes into the client.
 */
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

export interface LoadReport {
  readonly answers: number
  readonly ms: number
  readonly p50_ms: number
  readonly p99_ms: number
}

const [port = '', path = '/', connections = '', ms = ''] = process.argv.slice(2)
const request = Buffer.from(`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`)

/** What one answer takes, in bytes: the head and as much as it says that follows. */
const lengthOf = (text: string): number => {
  const head = text.indexOf('\r\n\r\n')
  const length = Number(/content-length: *(\d+)/i.exec(text)?.[1])
  if (!text.startsWith('HTTP/1.1 200') || !(length >= 0)) throw new Error(`not a plain answer: ${text}`)
  return head + 4 + length
}

const taken: number[] = []
let isOver = false

const run = (): Promise<void> =>
  new Promise((resolve, reject) => {
    let asked = 0
    let length = 0
    let got = 0
    const socket = connect({
      port: Number(port),
      host: '127.0.0.1',
      noDelay: true,
      onread: {
        buffer: Buffer.alloc(4_096),
        callback: (size, buffer) => {
          if (length === 0) length = lengthOf(Buffer.from(buffer).toString('latin1', 0, size))
          got += size
          if (got < length) return true
          got = 0
          taken.push(performance.now() - asked)
          if (isOver) socket.end()
          else send()
          return true
        },
      },
    })
    const send = (): void => {
      asked = performance.now()
      socket.write(request)
    }
    socket.once('connect', send)
    socket.once('error', reject)
    socket.once('close', () => (isOver ? resolve() : reject(new Error('the server closed a connection'))))
  })

const all = Array.from({ length: Number(connections) }, run)
const began = performance.now()
await sleep(Number(ms))
isOver = true
await Promise.all(all)
const elapsed = performance.now() - began
taken.sort((a, b) => a - b)
const at = (share: number): number => taken[Math.ceil(share * taken.length) - 1] ?? Number.NaN
const report: LoadReport = { answers: taken.length, ms: elapsed, p50_ms: at(0.5), p99_ms: at(0.99) }
process.send?.(report, () => process.exit(0))
