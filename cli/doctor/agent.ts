/** The agent program: is there one, is it new enough, may it do what it is told, is somebody logged in. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { type Finding, findingsOf } from './finding.ts'
import { isAtLeast } from './node.ts'
import type { Surroundings } from './surroundings.ts'

/** Before it a stream could be cut at its end, and a passing 401 replaced a long-lived token until the next start. */
const MIN_CLI = [2, 1, 225] as const

const CLI_PATIENCE_MS = 2_000

/** Which program answers, its version, and whether it refuses to serve this user. */
export const checkAgent = async (around: Surroundings): Promise<Finding> => {
  const { ok, warn, fail } = findingsOf('claude')
  const { CLAUDE_BIN, CLAUDE_PERMISSION_MODE: mode } = around.env
  if (CLAUDE_BIN === 'demo') return ok('the built-in demo agent answers, as CLAUDE_BIN=demo says')
  const command = CLAUDE_BIN ?? around.onPath('claude')
  if (command === null)
    return warn(
      'there is no claude on the PATH: the built-in demo agent answers, which is not a model',
      'Install Claude Code (npm install -g @anthropic-ai/claude-code), run claude once to log in, then: npm run restart',
    )
  const answer = await around.run(command, ['--version'], CLI_PATIENCE_MS)
  const version = answer?.code === 0 ? (answer.output.trim().split(/\s/)[0] ?? '') : ''
  if (version === '')
    return fail(`${command} --version gave no answer`, 'Run it by hand to see why, or correct CLAUDE_BIN; then: npm run restart')
  if (around.uid === 0 && mode === 'bypassPermissions' && around.environment.IS_SANDBOX !== '1')
    return fail(
      `Claude Code ${version} refuses to skip permission prompts as root`,
      'Run Switchboard as an ordinary user, or set CLAUDE_PERMISSION_MODE=acceptEdits, or, only on a throw-away machine, IS_SANDBOX=1.',
    )
  if (!isAtLeast(version, MIN_CLI))
    return warn(
      `Claude Code ${version}; since ${MIN_CLI.join('.')} it loses nothing at its end`,
      'Bring it up to date: claude update',
    )
  return ok(`Claude Code ${version} (${command}), permission mode ${mode}`)
}

const CREDENTIAL_VARIABLES = [
  'ANTHROPIC_API_KEY',
  'ANTHROPIC_AUTH_TOKEN',
  'CLAUDE_CODE_OAUTH_TOKEN',
  'CLAUDE_CODE_USE_BEDROCK',
  'CLAUDE_CODE_USE_VERTEX',
] as const

/**
 * Whether there is a sign of a login. Signs only: credentials are the CLI's own, and nothing of them is read. On macOS the
 * keychain is asked whether it has the entry, without its secret.
 */
export const checkLogin = async (around: Surroundings): Promise<Finding> => {
  const { ok, warn } = findingsOf('login')
  const { CLAUDE_BIN } = around.env
  if (CLAUDE_BIN === 'demo' || (CLAUDE_BIN ?? around.onPath('claude')) === null) return ok('the demo agent needs none')
  const variable = CREDENTIAL_VARIABLES.find((name) => around.environment[name])
  if (variable !== undefined) return ok(`by ${variable}`)
  const folder = around.environment.CLAUDE_CONFIG_DIR ?? join(around.user_home, '.claude')
  if (existsSync(join(folder, '.credentials.json'))) return ok(`kept in ${folder}`)
  if (around.platform === 'darwin') {
    const entry = await around.run('security', ['find-generic-password', '-s', 'Claude Code-credentials'])
    if (entry?.code === 0) return ok('kept in the keychain')
  }
  return warn(
    `there is no sign of a login: no ${CREDENTIAL_VARIABLES[0]}, nothing in ${folder}`,
    'Run claude once as the user that runs Switchboard and log in, or set ANTHROPIC_API_KEY in .env.',
  )
}
