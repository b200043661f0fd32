/** From what a person wrote to what the CLI is given. */
import { readFileSync } from 'node:fs'
import { botModeOf } from './context/bot-mode.ts'
import type { HarnessFiles } from './harness/files.ts'

/** Commands of the CLI that make sense in a chat. `/clear` is not among them: it is our own reset of the conversation. */
const COMMANDS = new Set(['/compact', '/context', '/cost'])
/** The predecessor's limit for the global memory file, in characters. */
const MEMORY_CHARS = 2_000

export const isClear = (message: string): boolean => message.trim() === '/clear'

const firstWord = (message: string): string => /^\S+/.exec(message)?.[0] ?? ''

/**
 * The first of these files that exists, cut, or null. An unreadable file is no reason to refuse a message: it counts
 * as absent, as it did in the predecessor.
 */
export const readGlobalMemory = (paths: readonly string[]): string | null => {
  for (const path of paths) {
    try {
      const text = readFileSync(path, 'utf8').slice(0, MEMORY_CHARS).trim()
      if (text !== '') return text
    } catch (error) {
      if (!['ENOENT', 'EACCES', 'EISDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error
    }
  }
  return null
}

/** What may stand before a prompt. */
export interface PromptContext {
  /** {@link readGlobalMemory} */
  readonly globalMemory: string | null
  /** What was recalled for this message; null when nothing was. */
  readonly memories: string | null
  /** The beginnings of the harness files; null when the session has no harness folder. */
  readonly harness: HarnessFiles | null
  /** Whether it is a run in the background, which nobody watches. */
  readonly background: boolean
  /** GATEWAY_HARNESS_AUTO_MODE: whether a message may ask for a plan without questions. */
  readonly autoMode: boolean
}

/** What separates the context from the message. A file that holds it must not pass for the person. */
const LABEL = '[User Message]:'

const block = (name: string, text: string | null): string | null =>
  text === null ? null : `[${name}]:\n${text.replaceAll(LABEL, '(User Message):')}`

const blocksFor = (message: string, { globalMemory, memories, harness, background, autoMode }: PromptContext): string[] =>
  [
    block('Global Memory', globalMemory),
    block('Memories', memories),
    block('.harness/config.json', harness?.config ?? null),
    block('.harness/progress.md', harness?.progress ?? null),
    block('.harness/tasks.json', harness?.tasks ?? null),
    botModeOf(message, { hasHarness: harness !== null, background, autoMode }),
  ].filter((text) => text !== null)

/** The prompt for a message. A leading `/word` that is no command of ours is text, which a space in front makes it. */
export const promptOf = (message: string, context: PromptContext): string => {
  if (COMMANDS.has(firstWord(message))) return message
  const blocks = blocksFor(message, context)
  if (blocks.length > 0) return `[Context]\n${blocks.join('\n\n')}\n\n---\n${LABEL} ${message}`
  return message.startsWith('/') ? ` ${message}` : message
}
