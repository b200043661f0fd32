/** Tools that need a permission, and somebody who gives it: what was allowed runs once, whoever is killed in between. */
import { setTimeout as sleep } from 'node:timers/promises'
import { ask, type Begin, Findings, type Load } from './load.ts'

interface Asked {
  readonly approval_id: string
  readonly chat_id: string
}

interface Turn {
  readonly chat: string
  readonly label: string
  readonly reply: Promise<string>
}

const LOOK_MS = 100
/** As an end tells it that a loss of power brought about. */
const INTERRUPTED = /^\[ERROR\] Claude was interrupted /

export const approvals: Begin = async ({ house, commands, promptsWith }, name): Promise<Load> => {
  const { url } = house
  const turns: Turn[] = []
  const decided = new Set<string>()
  const messageOf = (label: string): string =>
    `{{label=${label} tokens=1 tool=Bash command="echo ${label} >>${commands.file}"}} go`
  const begin = (): void => {
    const label = `${name}p${turns.length}`
    const body = { chat_id: label, message: messageOf(label) }
    const reply = ask<{ response: string }>(url, '/api/gateway/send', { method: 'POST', body, key: label }).then(
      ({ response }) => response,
    )
    reply.catch(() => undefined)
    turns.push({ chat: label, label, reply })
  }
  let isEnding = false
  const decide = async ({ approval_id }: Asked): Promise<void> => {
    const body = { decision: 'allow' }
    await ask(url, `/api/gateway/approvals/${approval_id}`, { method: 'POST', body })
    decided.add(approval_id)
  }
  const deciding = (async () => {
    for (; !isEnding; await sleep(LOOK_MS)) {
      const { approvals: waiting } = await ask<{ approvals: Asked[] }>(url, '/api/gateway/approvals?state=waiting')
      const mine = waiting.filter(({ chat_id, approval_id }) => chat_id.startsWith(name) && !decided.has(approval_id))
      // One that was withdrawn meanwhile is refused.
      await Promise.allSettled(mine.map(decide))
    }
  })()
  for (let turn = 0; turn < 3; turn += 1) begin()
  return {
    more: begin,
    end: async () => {
      await Promise.allSettled(turns.map(({ reply }) => reply))
      isEnding = true
      await deciding
    },
    count: async (losses) => {
      const found = new Findings()
      for (const { label, reply } of turns) {
        const answer = await reply.catch((error: Error) => error.message)
        const wasCut = losses.length > 0 && INTERRUPTED.test(answer)
        const times = commands.lines().filter((line) => line === label).length
        found.add('lost', answer === `${label} t0` || wasCut ? 0 : 1, `${label} ended with ${answer}`)
        found.add('lost', times === 0 && !wasCut ? 1 : 0, `${label}: what was allowed did not run`)
        found.add('run_twice', Math.max(0, times - 1), `${label}: what was allowed ran ${times} times`)
        const prompts = promptsWith(messageOf(label))
        found.add('run_twice', Math.max(0, prompts - 1), `${label} was given to the model ${prompts} times`)
      }
      return found.faults
    },
  }
}
