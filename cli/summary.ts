/** What a person is told about a running Switchboard. */
import type { Health } from './edge.ts'
import type { Settings } from './settings.ts'

/** Which agent answers, in one sentence, and a second one when it cannot. */
export const agentLines = (health: Health): string[] => {
  const { agent } = health
  const who =
    agent.kind === 'demo'
      ? 'the built-in demo agent (no `claude` on the PATH, or CLAUDE_BIN=demo); it is not a model and says so in every reply'
      : `the Claude CLI ${agent.version ?? '(version unknown)'}`
  return [`Answers come from ${who}.`, ...(agent.problem === null ? [] : [`It cannot answer yet: ${agent.problem}`])]
}

/** A line to paste that sends a message and prints the answer. */
export const curlLine = (url: string, withToken = false): string => {
  // By its name: what is printed may be kept where a secret should not be.
  const token = withToken ? ' -H "Authorization: Bearer $GATEWAY_TOKEN"' : ''
  return `curl -s ${url}/api/gateway/send${token} -H 'Content-Type: application/json' -d '{"chat_id":"1","message":"Hello"}'`
}

/** Where it listens, how to try it, what answers and how to stop. */
export const runningLines = (settings: Settings, health: Health): string[] => [
  `Listening on ${settings.url}. ${agentLines(health).join(' ')}`,
  `The panel: ${settings.url}/`,
  '',
  'Send a message:',
  `  ${curlLine(settings.url, settings.token !== undefined)}`,
  '',
  'Look:  npm run status, npm run logs, npm run monit',
  'Stop:  npm stop',
]
