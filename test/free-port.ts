/** Ports for what has to be told its port before it listens. */
import { once } from 'node:events'
import { createServer } from 'node:net'

/**
 * Below what Linux (32768) and macOS (49152) give to those who ask for any port: a port of that range that was free a moment
 * ago may be a stranger's by the time it is listened on.
 */
const FIRST = 20_000
const COUNT = 12_000

let given = 0

const isFree = async (port: number): Promise<boolean> => {
  const server = createServer()
  try {
    await once(server.listen(port, '127.0.0.1'), 'listening')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') return false
    throw error
  }
  server.close()
  await once(server, 'close')
  return true
}

/** A port of 127.0.0.1 that nobody listens on, and that no test beside this one is given: each process has a stretch of its own. */
export const freePort = async (): Promise<number> => {
  for (;;) {
    const port = FIRST + ((process.pid * 61 + given++) % COUNT)
    if (await isFree(port)) return port
  }
}
