import { randomUUID } from 'node:crypto'
import type { Output } from './output.ts'
import { Interrupted } from './wait.ts'

/** What the host says to a question. */
export type Verdict =
  | { behavior: 'allow'; updatedInput: Record<string, unknown>; updatedPermissions?: { rules?: unknown }[] }
  | { behavior: 'deny'; message: string }

/** A tool call that may need a permission. */
export type Call = { id: string; name: string; input: Record<string, unknown> }

/** Asks the host over the control channel, as the CLI does with `--permission-prompt-tool stdio`. */
export type Asking = ReturnType<typeof createAsking>

const CLOSED: Verdict = { behavior: 'deny', message: 'Tool permission request failed: Error: Stream closed' }

/** @param isWanted whether tools need a permission at all */
export function createAsking(out: Output, isWanted: boolean) {
  const open = new Map<string, (verdict: Verdict) => void>()
  /** Rules that were allowed for the rest of the conversation. */
  const known = new Set<string>()
  let isClosed = false
  const ask = (call: Call, signal: AbortSignal): Promise<Verdict> =>
    new Promise((resolve, reject) => {
      const request_id = randomUUID()
      const settle = () => {
        signal.removeEventListener('abort', stop)
        open.delete(request_id)
      }
      const stop = () => {
        settle()
        out.line({ type: 'control_cancel_request', request_id })
        reject(new Interrupted())
      }
      open.set(request_id, (verdict) => {
        settle()
        if (verdict.behavior === 'allow')
          for (const { rules } of verdict.updatedPermissions ?? []) known.add(JSON.stringify(rules))
        resolve(verdict)
      })
      signal.addEventListener('abort', stop, { once: true })
      const suggestion = { type: 'addRules', rules: rulesOf(call), behavior: 'allow', destination: 'localSettings' }
      out.line({
        type: 'control_request',
        request_id,
        request: {
          subtype: 'can_use_tool',
          tool_name: call.name,
          display_name: call.name,
          input: call.input,
          description: 'a tool of the demo agent',
          permission_suggestions: call.name === 'AskUserQuestion' ? [] : [suggestion],
          tool_use_id: call.id,
        },
      })
    })
  return {
    /** The host's verdict; at once where none is needed. Throws `Interrupted`. */
    permission: async (call: Call, signal: AbortSignal): Promise<Verdict> => {
      if (!isWanted || known.has(JSON.stringify(rulesOf(call)))) return { behavior: 'allow', updatedInput: call.input }
      return isClosed ? CLOSED : await ask(call, signal)
    },
    /** An answer of the host; one to no open question is passed over. */
    answer: (requestId: string, verdict: Verdict): void => open.get(requestId)?.(verdict),
    /** Nothing comes from the host any more. */
    close: (): void => {
      isClosed = true
      for (const settle of [...open.values()]) settle(CLOSED)
    },
  }
}

function rulesOf({ name, input }: Call): object[] {
  return [{ toolName: name, ...(typeof input.command === 'string' && { ruleContent: input.command }) }]
}
