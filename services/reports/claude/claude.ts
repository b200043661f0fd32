/**
 * The Claude CLI, asked once: a question by standard input, an answer as JSON in a file. It has no conversation, no settings of the
 * user, no servers, and only the tools that a step names; so a page that it reads on the web cannot make it do more.
 */
import { homedir } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import { agentEnvironment, onPath } from '../../runtime/agent-environment.ts'
import type { Bounds, Ended, OneShot, Program } from '../one-shot/one-shot.ts'
import type { Settings } from '../settings.ts'

/** One question. */
export interface Question {
  readonly prompt: string
  /** The only tools it has. */
  readonly tools: readonly string[]
  /** What the answer must be; a text where absent. */
  readonly schema?: object
}

/** What came of it. */
export type Answer =
  | { readonly text: string; readonly structured: unknown; readonly cost_usd: number }
  | { readonly fault: string; readonly cost_usd: number }

export interface Claude {
  readonly bounds: Bounds
  program(question: Question): Program
  answer(shot: OneShot, ended: Ended): Answer
}

/** The last line that the CLI prints with `--output-format json`. */
const Result = z.object({
  is_error: z.boolean(),
  subtype: z.string(),
  result: z.string().optional(),
  structured_output: z.unknown().optional(),
  errors: z.array(z.string()).optional(),
  total_cost_usd: z.number().optional(),
})

const argumentsOf = ({ tools, schema }: Question, model: string | undefined): string[] => [
  '-p',
  ...['--output-format', 'json'],
  // What exists, and what needs no permission: nobody is there to be asked.
  ...['--tools', tools.join(',')],
  ...(tools.length === 0 ? [] : ['--allowedTools', tools.join(',')]),
  ...['--permission-mode', 'default'],
  ...['--setting-sources', ''],
  '--strict-mcp-config',
  '--disable-slash-commands',
  '--no-session-persistence',
  ...(model === undefined ? [] : ['--model', model]),
  ...(schema === undefined ? [] : ['--json-schema', JSON.stringify(schema)]),
]

/** The JSON in an answer, also where the model put a fence around it. */
const jsonIn = (text: string): unknown => {
  const inner = /```(?:json)?\s*([\s\S]*?)```/.exec(text)?.[1] ?? text
  try {
    return JSON.parse(inner)
  } catch {
    return undefined
  }
}

const toAnswer = (output: string, errors: string, { status, reason }: Ended): Answer => {
  if (reason !== null) return { fault: `Claude was asked, and ${reason}`, cost_usd: 0 }
  const parsed = Result.safeParse(jsonIn(output))
  if (!parsed.success) {
    const words = (errors.trim() || output.trim()).split('\n').at(-1)?.slice(0, 300) ?? ''
    return { fault: `The Claude CLI ended with exit code ${status}${words === '' ? '' : `: ${words}`}`, cost_usd: 0 }
  }
  const { is_error, subtype, result = '', structured_output, errors: faults = [], total_cost_usd: cost_usd = 0 } = parsed.data
  if (is_error || subtype !== 'success')
    return { fault: `Claude could not answer: ${(result || faults.join('; ') || subtype).slice(0, 300)}`, cost_usd }
  return { text: result, structured: structured_output ?? jsonIn(result), cost_usd }
}

/** The CLI by CLAUDE_BIN, else by the PATH; null where there is none, or the demo agent is asked for. */
export const findClaude = (settings: Settings, environment: Readonly<Record<string, string | undefined>>): Claude | null => {
  const passed = settings.AGENT_ENV_PASS.split(',').map((name) => name.trim())
  const env = agentEnvironment(environment, passed.filter(Boolean))
  const command = settings.CLAUDE_BIN ?? onPath('claude', env.PATH ?? '')
  if (command === null || command === 'demo') return null
  return {
    // 300 MB at its start, more with long pages. Addresses are not bounded: its engine reserves many gigabytes.
    bounds: { timeout_ms: settings.REPORT_TIMEOUT * 1_000, cpu_s: settings.REPORT_TIMEOUT, address_mb: 0, resident_mb: 2_048 },
    program: (question) => ({
      command,
      args: argumentsOf(question, settings.CLAUDE_MODEL),
      env: { ...env, CLAUDE_CONFIG_DIR: env.CLAUDE_CONFIG_DIR ?? join(env.HOME ?? homedir(), '.claude') },
      input: question.prompt,
    }),
    answer: (shot, ended) => toAnswer(shot.output('out'), shot.output('err'), ended),
  }
}
