/** Carrying the messages of a server over standard input and output, of which nothing else is written there. */
import type { Readable, Writable } from 'node:stream'
import type { Server } from '@modelcontextprotocol/sdk/server/index.js'
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js'

export interface Stdio {
  readonly input: Readable
  readonly output: Writable
  /** Ends the conversation before the client does. */
  readonly signal: AbortSignal
}

/**
 * Serves one client until it leaves. What it has asked for and what has begun goes on without it: a turn is not ended by a
 * client that went away.
 */
export const serveStdio = async (server: Server, { input, output, signal }: Stdio): Promise<void> => {
  const over = new Promise<void>((resolve) => {
    const end = (): void => resolve()
    input.once('end', end).once('close', end)
    // A client that is gone cannot be told anything any more.
    output.once('error', end).once('close', end)
    signal.addEventListener('abort', end, { once: true })
  })
  await server.connect(new StdioServerTransport(input, output))
  await over
  await server.close()
}
