/** The agent program: which one, with which arguments and environment, and what would keep it from working. */
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { AgentProgram } from '../../protocol/sessions.ts'
import { agentEnvironment, type Environment, onPath } from '../runtime/agent-environment.ts'
import { packageRoot } from '../runtime/package-root.ts'
import type { Settings } from './settings.ts'

/** Raised when what we say to the CLI, or make of what it says, changes in a way that an agent of before must not keep. */
const ADAPTER_VERSION = 1

/** How an agent comes to its conversation: it goes on with one, begins an empty one, or a copy of another. */
export type Begin = 'resume' | 'new' | { readonly fork_of: string }

export interface Conversation {
  readonly id: string
  readonly begin: Begin
}

/** A program ready to be started for any conversation. */
export interface Program {
  readonly about: AgentProgram
  readonly command: string
  readonly env: Readonly<Record<string, string>>
  /** Where the program keeps its transcripts: the parent of `projects/`. */
  readonly config_dir: string
  /** A hash of all that shapes an agent: one with another hash keeps rights or settings of the past. */
  readonly fingerprint: string
  args(conversation: Conversation): string[]
}

const versionOf = async (command: string, env: Readonly<Record<string, string>>): Promise<string | null> => {
  try {
    const { stdout } = await promisify(execFile)(command, ['--version'], { env: { ...env }, timeout: 20_000 })
    return stdout.trim().split(/\s/)[0] ?? null
  } catch {
    return null
  }
}

const ROOT_PROBLEM =
  'Claude Code refuses to skip permission prompts as root. Run Switchboard as an ordinary user, or set ' +
  'CLAUDE_PERMISSION_MODE=acceptEdits, or, only if this machine is a throw-away sandbox, set IS_SANDBOX=1; then npm start again.'

const problemOf = (command: string, version: string | null, settings: Settings, env: Environment): string | null => {
  if (!existsSync(command))
    return `CLAUDE_BIN names ${command}, which does not exist. Correct it, or unset it to use the claude on the PATH.`
  if (version === null) return `${command} --version gave no answer. Run it by hand to see what is wrong, then npm start again.`
  const isRoot = process.getuid?.() === 0
  return isRoot && settings.CLAUDE_PERMISSION_MODE === 'bypassPermissions' && env.IS_SANDBOX !== '1' ? ROOT_PROBLEM : null
}

/** The CLI's arguments. The message comes by standard input: no prompt is ever an argument or seen in `ps`. */
const beginArguments = ({ id, begin }: Conversation): string[] => {
  if (begin === 'resume') return ['--resume', id]
  return begin === 'new' ? ['--session-id', id] : ['--resume', begin.fork_of, '--fork-session', '--session-id', id]
}

/** `stdio`: the CLI asks over its own channel, where `Approvals` answers. */
const permissionArguments = (mode: Settings['CLAUDE_PERMISSION_MODE']): string[] =>
  mode === 'ask' ? ['--permission-mode', 'default', '--permission-prompt-tool', 'stdio'] : ['--permission-mode', mode]

const argumentsOf = (settings: Settings, conversation: Conversation): string[] => [
  '-p',
  '--input-format',
  'stream-json',
  '--output-format',
  'stream-json',
  '--verbose',
  '--include-partial-messages',
  '--replay-user-messages',
  ...beginArguments(conversation),
  // The CLI deletes transcripts older than 30 days by itself; ours live until somebody deletes the conversation.
  '--settings',
  JSON.stringify({ cleanupPeriodDays: 36_500 }),
  ...permissionArguments(settings.CLAUDE_PERMISSION_MODE),
  // Where prompts are not bypassed, a folder must not bring hooks or servers of its own.
  ...(settings.CLAUDE_PERMISSION_MODE === 'bypassPermissions' ? [] : ['--setting-sources', 'user', '--strict-mcp-config']),
  ...(settings.CLAUDE_MODEL === undefined ? [] : ['--model', settings.CLAUDE_MODEL]),
]

/**
 * V8's options for the demo agent. It speaks word by word and has no hot loop: optimized code, and tidying up while it waits, cost it
 * 30 and 10 ms of a processor some seconds after it began to speak, and many that began together take them at the same moment.
 */
const DEMO_OPTIONS = ['--no-opt', '--no-memory-reducer']

/**
 * Finds the agent program: CLAUDE_BIN, else `claude` on the PATH, else the demo agent. What is wrong with it is noticed
 * here, before the first message, and said in `about.problem`.
 *
 * @param source our environment; @param demoDir where the demo agent keeps its transcripts
 */
export const findProgram = async (settings: Settings, source: Environment, demoDir: string): Promise<Program> => {
  const env = agentEnvironment(
    source,
    settings.AGENT_ENV_PASS.split(',')
      .map((name) => name.trim())
      .filter(Boolean),
  )
  const found = settings.CLAUDE_BIN ?? onPath('claude', env.PATH ?? '')
  const isDemo = found === null || found === 'demo'
  const demo = join(packageRoot(import.meta.url), 'dist/services/sessions/demo-agent.js')
  const command = isDemo ? process.execPath : found
  const configDir = isDemo ? demoDir : (env.CLAUDE_CONFIG_DIR ?? join(env.HOME ?? homedir(), '.claude'))
  const version = isDemo ? null : await versionOf(command, env)
  const problem = isDemo ? null : problemOf(command, version, settings, source)
  const args: Program['args'] = (conversation) => [
    ...(isDemo ? [...DEMO_OPTIONS, demo] : []),
    ...argumentsOf(settings, conversation),
  ]
  const fullEnv = isDemo ? { ...env, CLAUDE_CONFIG_DIR: configDir } : env
  const shape = { ADAPTER_VERSION, command, version, args: args({ id: '', begin: 'new' }), env: Object.entries(fullEnv).sort() }
  return {
    about: { kind: isDemo ? 'demo' : 'claude', version, problem },
    command,
    env: fullEnv,
    config_dir: configDir,
    fingerprint: createHash('sha256').update(JSON.stringify(shape)).digest('hex').slice(0, 16),
    args,
  }
}
