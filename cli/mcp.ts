/** `switchboard mcp`: the MCP server over standard input and output, with the settings of this installation. */
import { EnvError, readEnvironment } from '../services/runtime/env.ts'
import type { Command } from './command.ts'
import { readSettings } from './settings.ts'

/** What the MCP server reads. */
const NAMES = /^(MCB_|META_LOOP_BASE$|GATEWAY_TOKEN$)/

/** Adds to the environment what the `.env` files say, and where this installation's edge listens. */
export const prepareMcp = (environment: NodeJS.ProcessEnv): void => {
  try {
    const given = readEnvironment({ environment })
    for (const [name, value] of Object.entries(given)) if (NAMES.test(name) && value !== undefined) environment[name] = value
    environment.MCB_API_BASE ??= `${readSettings(environment).url}/api`
  } catch (error) {
    if (!(error instanceof EnvError)) throw error
    console.error(error.message)
    process.exit(1)
  }
}

/** For the help: the program hands over to the server before commands are looked at. */
export const mcp: Command = {
  summary: 'The MCP server, to be started by an MCP client: docs/mcp.md',
  run: async ({ print }) => {
    print('Start it as: node cli/switchboard.mjs mcp')
    return 0
  },
}
