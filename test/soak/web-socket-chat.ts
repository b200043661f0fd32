/** Chats over one WebSocket: each sends its next message when the answer before has come, which must be whole. */
import { once } from 'node:events'
import WebSocket from 'ws'
import { Findings, type Load } from '../crash/matrix/loads/load.ts'
import type { Surroundings } from '../crash/matrix/surroundings.ts'

const TOKENS = 40
const PAUSE_MS = 700

interface Message {
  readonly id?: number
  readonly method?: string
  readonly error?: unknown
  readonly params?: {
    readonly turn_id?: string
    readonly error?: unknown
    readonly event?: { readonly type: string; readonly content?: string }
  }
  readonly result?: { readonly turn_id?: string }
}

interface Turn {
  readonly chat: string
  readonly message: string
  readonly answer: string
  text: string
  end: string | null
}

export const webSocketChats = async ({ house, promptsWith }: Surroundings, name: string, chats: number): Promise<Load> => {
  const socket = new WebSocket(`${house.url.replace('http', 'ws')}/ws`, { perMessageDeflate: false })
  await once(socket, 'open')
  const calls = new Map<number, Turn>()
  const open = new Map<string, Turn>()
  const all: Turn[] = []
  const problems: string[] = []
  let isEnding = false
  let idle: () => void = () => undefined
  const timers = new Set<NodeJS.Timeout>()

  const send = (chat: string): void => {
    const n = all.length
    const label = `${name}w${n}`
    const message = `{{label=${label} tokens=${TOKENS} delay_ms=10}} go`
    const answer = [label, ...Array.from({ length: TOKENS }, (_, index) => `t${index}`)].join(' ')
    const turn: Turn = { chat, message, answer, text: '', end: null }
    all.push(turn)
    calls.set(n, turn)
    const params = { chat_id: chat, message, follow: true }
    socket.send(JSON.stringify({ jsonrpc: '2.0', id: n, method: 'sessions.send', params }))
  }
  const onEnd = (turn: Turn): void => {
    if (isEnding) return void (calls.size + open.size === 0 && idle())
    const timer = setTimeout(() => {
      timers.delete(timer)
      if (!isEnding) send(turn.chat)
    }, PAUSE_MS)
    timers.add(timer)
  }
  socket.on('message', (bytes) => {
    const { id, method, params, result, error } = JSON.parse(String(bytes)) as Message
    if (error !== undefined) problems.push(String(bytes))
    const begun = id === undefined ? undefined : calls.get(id)
    if (begun !== undefined && id !== undefined) {
      calls.delete(id)
      if (result?.turn_id !== undefined) open.set(result.turn_id, begun)
    }
    const turn = open.get(params?.turn_id ?? '')
    if (turn === undefined) return
    if (params?.event?.type === 'text') turn.text += params.event.content
    if (params?.event?.type === 'end') turn.end = params.event.content ?? ''
    if (method !== 'turn.ended') return
    open.delete(params?.turn_id ?? '')
    onEnd(turn)
  })
  socket.on('error', (error) => problems.push(error.message))
  for (let chat = 0; chat < chats; chat += 1) send(`${name}ws${chat}`)

  return {
    more: () => undefined,
    end: async () => {
      isEnding = true
      for (const timer of timers) clearTimeout(timer)
      const left = new Promise<void>((resolve) => {
        idle = resolve
        if (calls.size + open.size === 0) resolve()
      })
      const patience = new Promise<void>((resolve) => setTimeout(resolve, 60_000).unref())
      await Promise.race([left, patience])
      socket.terminate()
    },
    count: async () => {
      const found = new Findings()
      for (const problem of problems) found.add('lost', 1, `${name}: ${problem}`)
      for (const { message, answer, text, end, chat } of all) {
        const times = promptsWith(message)
        found.add('run_twice', Math.max(0, times - 1), `${chat} over the WebSocket was run ${times} times`)
        found.add('lost', end === answer && text === answer ? 0 : 1, `${chat} over the WebSocket: ${text.slice(0, 80)}, ${end}`)
      }
      return found.faults
    },
  }
}
