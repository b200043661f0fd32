/** The real Claude CLI behind us, with a stand-in of the model: a warm agent against one that has to be started. */
import { join } from 'node:path'
import { ClaudeUnavailable, realClaude } from '../test/fakes/claude-cli.ts'
import { startMessagesApi } from '../test/fakes/messages-api.ts'
import type { Bench } from './bench.ts'
import { openHandFed } from './hand-fed.ts'
import { openHouse } from './house.ts'
import { openRest } from './rest.ts'
import { atLeast, toRow } from './row.ts'
import { interleave, median } from './statistics.ts'
import { ask, post } from './stream.ts'

const STARTS = 2
const TURNS = 8
const GOAL = { what: 'real CLI, first token: cold ÷ warm', unit: '', goal: atLeast(10) }

export const realCli: Bench = {
  summary: 'First words of the real Claude CLI, warm and cold, through us and by hand',
  run: async ({ rounds, scope }) => {
    const claude = await realClaude().catch((error: unknown) => {
      if (error instanceof ClaudeUnavailable) return error
      throw error
    })
    if (claude instanceof ClaudeUnavailable) return [toRow({ ...GOAL, rounds: [], n: 0, note: claude.message })]
    const api = await startMessagesApi()
    scope.after(() => api.close())
    const env = { ...claude.env({ api_url: api.url, config_dir: join(scope.folder(), 'claude') }), CLAUDE_BIN: claude.bin }
    const house = await openHouse(scope, env)
    const kit = await openHandFed(scope, house.env)
    const atRest = await openRest(house)
    const message = '{{tokens=3 label=hello}}'
    let chat = 0
    const throughUs = async () => {
      chat += 1
      const chat_id = `real${chat}`
      const cold = (await ask(house.port, chat_id, message)).first_ms
      const warm: number[] = []
      for (let turn = 0; turn < TURNS; turn += 1) warm.push((await ask(house.port, chat_id, message)).first_ms)
      await post(house.port, '/api/gateway/stop', { chat_id })
      return { cold, warm }
    }
    const byHand = async () => {
      const began = performance.now()
      const agent = kit.spawn()
      const asked = performance.now()
      const cold = asked - began + (await agent.ask(message)).first_ms
      const warm: number[] = []
      for (let turn = 0; turn < TURNS; turn += 1) warm.push((await agent.ask(message)).first_ms)
      await agent.close()
      return { cold, warm }
    }
    const measure = async (once: typeof throughUs) => {
      const found = []
      for (let start = 0; start < STARTS; start += 1) {
        await atRest()
        found.push(await once())
      }
      return { cold: median(found.map(({ cold }) => cold)), warm: median(found.flatMap(({ warm }) => warm)) }
    }
    await throughUs()
    const { ours, hand } = await interleave(rounds, { ours: () => measure(throughUs), hand: () => measure(byHand) })
    const n = rounds * STARTS
    return [
      toRow({ ...GOAL, rounds: ours.map(({ cold, warm }) => cold / warm), n }),
      toRow({ what: 'real CLI, cold first token through the edge, p50', unit: 'ms', rounds: ours.map(({ cold }) => cold), n }),
      toRow({
        what: 'real CLI, warm first token through the edge, p50',
        unit: 'ms',
        rounds: ours.map(({ warm }) => warm),
        n: n * TURNS,
      }),
      toRow({
        what: 'real CLI, cold first token by hand, p50',
        unit: 'ms',
        rounds: hand.map(({ cold }) => cold),
        n,
        note: 'yardstick',
      }),
      toRow({
        what: 'real CLI, warm first token by hand, p50',
        unit: 'ms',
        rounds: hand.map(({ warm }) => warm),
        n: n * TURNS,
        note: 'yardstick',
      }),
    ]
  },
}
