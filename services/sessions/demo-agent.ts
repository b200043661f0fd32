/**
 * The demo agent: a program that speaks the Claude CLI's persistent stream-json protocol without a model behind it. It answers
 * when no `claude` is found, and says so in every reply. It has no dependencies, so that it starts fast and from anywhere.
 *
 *     node demo-agent.js -p --input-format stream-json --output-format stream-json --verbose
 *       --include-partial-messages --replay-user-messages (--session-id U | --resume U) [--model M] [--permission-mode X] …
 *
 * Its lines, their order, its transcript, exit codes and complaints follow CLI 2.1.330 (without `command_lifecycle`: 2.1.197):
 * a message is `queued`, then `started` when its turn comes; what waits is merged into one turn; a uuid that was seen before
 * is not run again; transcript lines reach the disk 100 ms late, and all of a turn's before its result. A malformed line
 * ends it with status 1; end of file lets it finish what it has; SIGTERM ends it with 143 and leaves its tools running.
 *
 * For tests, and only with these variables set:
 * - `DEMO_AGENT_SCRIPT=1`: messages may hold directives (`demo/script.ts`)
 * - `DEMO_AGENT_LEGACY=1`: behaves as 2.1.197
 * - `DEMO_AGENT_JOURNAL=<file>`: gets one JSON line `{uuid, session_id, text, pid, at, merged}` for each message, at the moment a
 *   model would see it; `merged` is the number of messages in that request
 */
import { realpathSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { openAgent, type Settings } from './demo/agent.ts'
import { parseArguments } from './demo/arguments.ts'
import { writeAll } from './demo/output.ts'
import { leave, serve } from './demo/serve.ts'

function main(argv: readonly string[], settings: Settings): void {
  const options = parseArguments(argv)
  if (typeof options === 'string') leave(1, options)
  if (options.version) {
    writeAll(1, 'demo (Switchboard demo agent)\n')
    return
  }
  const serving: { lookForWork?: () => void } = {}
  const agent = openAgent(options, settings, () => serving.lookForWork?.())
  if (typeof agent === 'string') leave(1, agent)
  serving.lookForWork = serve(agent)
}

/** The one place where this program reads its environment. It has no schema library at hand. */
function readSettings(env: NodeJS.ProcessEnv): Settings {
  return {
    configDir: env.CLAUDE_CONFIG_DIR || join(env.HOME || homedir(), '.claude'),
    scripted: env.DEMO_AGENT_SCRIPT === '1',
    legacy: env.DEMO_AGENT_LEGACY === '1',
    journal: env.DEMO_AGENT_JOURNAL || null,
  }
}

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  main(process.argv.slice(2), readSettings(process.env))
}
