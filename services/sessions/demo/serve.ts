import type { Agent } from './agent.ts'
import { readCommand, runLocalCommand } from './command.ts'
import { answerControl } from './control.ts'
import type { Work } from './inbox.ts'
import { BadLine, createLineCutter, readHostLine } from './input.ts'
import { writeAll } from './output.ts'
import { reach, readScript } from './script.ts'
import { runTurn } from './turn.ts'
import { waitForever } from './wait.ts'

/** How long open background tasks hold up the exit after end of file, as with the CLI. */
const BACKGROUND_GRACE_MS = 5_000

/** Ends the process with a complaint. */
export function leave(status: number, complaint: string): never {
  writeAll(2, `${complaint}\n`)
  process.exit(status)
}

/**
 * Serves until standard input ends: reads lines, runs one turn at a time, and exits with the status the CLI would have (1 when the
 * last result was an error). Returns a function that makes it look for work.
 */
export function serve(agent: Agent): () => void {
  const { inbox, tasks, transcript, ledger } = agent
  /** What a script has told it not to react to; the first only in the running turn. */
  const deaf = { interrupt: false, term: false, eof: false }
  let running: AbortController | null = null
  let failed = false
  let ended = false
  let graceBegan = false

  const next = () => {
    if (running) return
    const work = inbox.take()
    if (!work) return ended ? finish() : undefined
    const stop = new AbortController()
    running = stop
    void run(agent, work, stop.signal).then((isError) => {
      failed = isError
      running = null
      deaf.interrupt = false
      next()
    })
  }
  const finish = () => {
    if (deaf.eof) return void waitForever(new AbortController().signal)
    if (tasks.open().length > 0) {
      if (!graceBegan) setTimeout(() => tasks.killAll(), BACKGROUND_GRACE_MS)
      graceBegan = true
      return
    }
    transcript.close(ledger.cost())
    process.exit(failed ? 1 : 0)
  }
  const receive = (line: string) => {
    const read = readHostLine(line)
    if (read?.kind === 'control') answerControl(agent, read.control, () => !deaf.interrupt && running?.abort())
    if (read?.kind === 'answer') agent.asking.answer(read.request_id, read.verdict)
    if (read?.kind !== 'message' || !inbox.offer(read.message)) return
    const wish = readScript(read.message.text, agent.scripted)
    deaf.interrupt ||= wish.has('ignore_interrupt')
    deaf.term ||= wish.has('ignore_term')
    deaf.eof ||= wish.has('ignore_eof')
    reach('queued', wish)
    next()
  }
  const cutter = createLineCutter((line) => {
    try {
      receive(line)
    } catch (error) {
      if (error instanceof BadLine) leave(1, error.message)
      throw error
    }
  })
  process.stdin.on('data', (chunk: Buffer) => cutter.push(chunk))
  process.stdin.on('end', () => {
    cutter.end()
    agent.asking.close()
    ended = true
    next()
  })
  process.on('SIGTERM', () => deaf.term || process.exit(143))
  process.on('SIGHUP', () => process.exit(129))
  process.on('SIGINT', () => process.exit(0))
  return next
}

async function run(agent: Agent, work: Work, signal: AbortSignal): Promise<boolean> {
  const [message] = work.messages
  const command = message && work.messages.length === 1 ? readCommand(message.text, agent.out.options.legacy) : null
  if (message && command) {
    runLocalCommand(agent, message, command)
    return false
  }
  const { isError } = await runTurn(agent, work, signal)
  return isError
}
