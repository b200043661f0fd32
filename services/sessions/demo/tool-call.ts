import { randomBytes } from 'node:crypto'
import type { Directives } from './directives.ts'
import type { Block } from './script.ts'
import { type Speech, speak } from './speech.ts'
import { runCommand } from './tool.ts'
import type { Turn } from './turn.ts'
import { Interrupted, wait } from './wait.ts'

/** One tool call and its result. Interrupted, it says so and throws `Interrupted('tool')`. */
export async function useTool(turn: Turn, speech: Speech): Promise<void> {
  const { agent, wish, signal } = turn
  const { out, transcript } = agent
  const toolId = `toolu_${randomBytes(12).toString('hex')}`
  const background = wish.has('background')
  const name = wish.text('tool', 'Bash')
  const wanted = name === 'AskUserQuestion' ? questionOf(wish) : commandOf(wish, background)
  const call: Block = { kind: 'tool', id: toolId, name, input: wanted }
  const { message } = await speak(speech, [call], 'tool_use')
  transcript.assistant(message)
  const showResult = (content: string, is_error: boolean) =>
    out.user([{ type: 'tool_result', tool_use_id: toolId, content, is_error }])
  try {
    const verdict = await agent.asking.permission({ id: toolId, name, input: wanted }, signal)
    const command = verdict.behavior === 'allow' ? String(verdict.updatedInput.command ?? 'true') : ''
    if (verdict.behavior === 'deny') showResult(verdict.message, true)
    else if (name === 'AskUserQuestion') {
      showResult(`The user has answered: ${JSON.stringify(verdict.updatedInput.answers ?? {})}`, false)
    } else if (background) {
      const task = agent.tasks.start(wish.has('tool_ms') ? wish.number('tool_ms', 0) : command, toolId, turn.text)
      showResult(`Command running in background with ID: ${task.task_id}.`, false)
    } else if (call.name === 'Bash' && !wish.has('tool_ms')) {
      const { content, is_error } = await runCommand(command, signal)
      showResult(content, is_error)
    } else {
      await wait(wish.number('tool_ms', 0), signal)
      showResult('done', false)
    }
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error
    showResult('The user does not want to proceed with this tool use.', true)
    out.user([{ type: 'text', text: '[Request interrupted by user for tool use]' }])
    throw new Interrupted('tool')
  }
  takeInSteering(turn)
  out.requesting(turn.uuids)
}

/** A message that came while the tool ran, and did not say `later`, joins this turn: it gets no result of its own. */
function takeInSteering(turn: Turn): void {
  const { agent } = turn
  const steering = agent.inbox.steer()
  for (const message of steering) {
    if (message.named) agent.out.lifecycle(message.uuid, 'started')
    agent.out.replay(message.uuid, message.text)
    agent.transcript.user({ uuid: message.uuid, text: message.text })
    turn.messages.push(message)
    if (message.named) turn.uuids.push(message.uuid)
  }
  if (steering.length > 0) agent.journal(steering)
}

function commandOf(wish: Directives, background: boolean): Record<string, unknown> {
  return { command: wish.text('command', 'true'), ...(background && { run_in_background: true }) }
}

/** `question="…" choices="one|other"`, as the CLI's tool asks it. */
function questionOf(wish: Directives): Record<string, unknown> {
  const options = wish
    .text('choices', 'yes|no')
    .split('|')
    .map((label) => ({ label, description: `choose ${label}` }))
  return { questions: [{ question: wish.text('question', 'Which?'), header: 'Demo', options, multiSelect: false }] }
}
