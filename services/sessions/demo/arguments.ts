/** What the demo agent understands of the CLI's command line. */
export type Arguments = {
  version: boolean
  sessionId: string | null
  resume: string | null
  /** `--fork-session`: what is resumed stays as it is, and a copy of it, under `sessionId`, goes on. */
  fork: boolean
  model: string
  permissionMode: string
  /** `--permission-prompt-tool stdio`: the host is asked before a tool is used. */
  asks: boolean
  /** `--include-partial-messages`: `stream_event` lines are wanted. */
  partial: boolean
  /** `--replay-user-messages` */
  replay: boolean
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i

/**
 * Reads the command line. Options it does not know are passed over, with the value behind them when that is no option.
 * Returns the text for standard error where the CLI would refuse to start.
 */
export function parseArguments(argv: readonly string[]): Arguments | string {
  const values = new Map<string, string>()
  for (let at = 0; at < argv.length; at += 1) {
    const word = argv[at] ?? ''
    if (!word.startsWith('-')) continue
    const [name = word, inline] = word.startsWith('--') ? splitOnce(word) : [word]
    const next = argv[at + 1]
    const value = inline ?? (next !== undefined && !next.startsWith('-') ? next : '')
    values.set(name, value)
    if (inline === undefined && value !== '') at += 1
  }
  const text = (...names: string[]) => names.map((name) => values.get(name)).find((value) => value !== undefined) ?? null
  const sessionId = text('--session-id')
  if (sessionId !== null && !UUID.test(sessionId)) return 'Error: Invalid session ID. Must be a valid UUID.'
  return {
    version: values.has('--version') || values.has('-v'),
    sessionId,
    resume: text('--resume', '-r'),
    fork: values.has('--fork-session'),
    model: text('--model') ?? 'demo',
    permissionMode: values.has('--dangerously-skip-permissions') ? 'bypassPermissions' : (text('--permission-mode') ?? 'default'),
    asks: text('--permission-prompt-tool') === 'stdio',
    partial: values.has('--include-partial-messages'),
    replay: values.has('--replay-user-messages'),
  }
}

function splitOnce(word: string): [string, string?] {
  const at = word.indexOf('=')
  return at < 0 ? [word] : [word.slice(0, at), word.slice(at + 1)]
}
