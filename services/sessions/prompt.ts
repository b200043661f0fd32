/** From what a person wrote to what the CLI is given. */
import { readFileSync } from 'node:fs'

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

/** The prompt for a message. A leading `/word` that is no command of ours is text, which a space in front makes it. */
export const promptOf = (message: string, globalMemory: string | null): string => {
  if (COMMANDS.has(firstWord(message))) return message
  if (globalMemory !== null) return `[Context]\n[Global Memory]:\n${globalMemory}\n\n---\n[User Message]: ${message}`
  return message.startsWith('/') ? ` ${message}` : message
}
