import { randomUUID } from 'node:crypto'
import type { Agent } from './agent.ts'
import type { Message } from './inbox.ts'

const COMMANDS = ['compact', 'context', 'cost'] as const
type Name = (typeof COMMANDS)[number]

/** A message that the CLI answers by itself, without asking a model. */
export type LocalCommand = { name: Name | 'unknown'; word: string }

/**
 * Whether a message is such a command. An unknown one is a message like any other since 2.1.330; 2.1.197 answered `Unknown command`.
 */
export function readCommand(text: string, legacy: boolean): LocalCommand | null {
  const word = /^\/([A-Za-z][\w:-]*)(?=\s|$)/.exec(text)?.[1]
  if (word === undefined) return null
  const name = COMMANDS.find((known) => known === word)
  if (name) return { name, word }
  return legacy ? { name: 'unknown', word } : null
}

/** Answers it: no request, no deltas, `num_turns` 0. */
export function runLocalCommand(agent: Agent, message: Message, { name, word }: LocalCommand): void {
  const { out } = agent
  const began = Date.now()
  const uuids = message.named ? [message.uuid] : []
  if (message.named) out.lifecycle(message.uuid, 'started')
  if (name === 'compact') {
    out.system('status', { status: 'compacting' })
    out.system('status', { status: null, compact_result: 'success' })
  }
  out.init(uuids)
  if (name === 'compact')
    out.system('compact_boundary', { compact_metadata: { trigger: 'manual', pre_tokens: 121, post_tokens: 31 } })
  const text = textOf(agent, name, word)
  if (text !== '') {
    const content = [{ type: 'text', text }]
    out.assistant({
      id: randomUUID(),
      type: 'message',
      role: 'assistant',
      model: '<synthetic>',
      stop_reason: 'end_turn',
      content,
    })
  }
  out.replay(message.uuid, `<command-name>/${word}</command-name>`)
  const about = out.options.legacy ? {} : { ...out.answered(uuids), local_command: word }
  const cost = { duration_api_ms: 0, total_cost_usd: agent.ledger.cost(), permission_denials: [] }
  const fields = { is_error: false, num_turns: 0, stop_reason: null, subtype: 'success', result: text }
  out.emit({ ...fields, ...cost, ...about, type: 'result', duration_ms: Date.now() - began })
  agent.results += 1
  if (message.named) out.lifecycle(message.uuid, 'completed')
}

function textOf(agent: Agent, name: LocalCommand['name'], word: string): string {
  if (name === 'unknown') return `Unknown command: /${word}`
  if (name === 'compact') return ''
  if (name === 'context')
    return `## Context Usage\n\n**Model:** ${agent.out.options.model}\n**Messages:** ${agent.transcript.count()}`
  return `Estimated cost:        $${agent.ledger.cost().toFixed(4)}\nTotal code changes:    0 lines added, 0 lines removed`
}
