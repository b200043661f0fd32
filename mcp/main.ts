/** The MCP server over standard input and output, started by its client. Standard output carries the protocol and nothing else. */
import { readFileSync } from 'node:fs'
import { createBackend } from './backend.ts'
import { createChain } from './chain.ts'
import { createMcpServer } from './server.ts'
import { parseSettings } from './settings.ts'
import { serveStdio } from './stdio.ts'

const warn = (line: string): void => void process.stderr.write(`${line}\n`)

// Whatever a library prints must not come between two messages.
console.log = console.info = console.debug = console.error

const stopping = new AbortController()
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.once(signal, () => stopping.abort())

try {
  const settings = parseSettings(process.env)
  const { api_base, token } = settings
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string }
  const server = createMcpServer({
    backend: createBackend({ api_base, headers: token === undefined ? {} : { authorization: `Bearer ${token}` } }),
    chain: createChain(settings.chat, settings.turn_file, warn),
    settings,
    version,
    warn,
  })
  await serveStdio(server, { input: process.stdin, output: process.stdout, signal: stopping.signal })
  // What still runs (an answer being waited for) has nobody left to tell.
  process.exit(0)
} catch (error) {
  warn((error as Error).message)
  process.exitCode = 1
}
