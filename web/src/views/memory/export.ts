/** Memories as a file of JSON lines. */
import type { Connection } from '../../connection/connection.ts'

const PIECE_TIMEOUT_MS = 20_000

/** Reads all memories of a bot, piece by piece, and gives them to the browser as a download. Resolves with how many there were. */
export const exportMemories = async (connection: Connection, bot_id: string): Promise<number> => {
  const parts: string[] = []
  let count = 0
  for (let after_id: number | null = 0; after_id !== null; ) {
    const piece: { lines: string; count: number; next_after_id: number | null } = await connection.call(
      'memory.export',
      { bot_id, after_id },
      { timeout_ms: PIECE_TIMEOUT_MS },
    )
    // Whether a piece ends with a line break is its own affair.
    parts.push(piece.lines === '' || piece.lines.endsWith('\n') ? piece.lines : `${piece.lines}\n`)
    count += piece.count
    after_id = piece.next_after_id
  }
  const address = URL.createObjectURL(new Blob(parts, { type: 'application/x-ndjson' }))
  const link = document.createElement('a')
  link.href = address
  link.download = `memories-${bot_id}.jsonl`
  link.click()
  // The browser has taken hold of it by the next beat.
  window.setTimeout(() => URL.revokeObjectURL(address), 10_000)
  return count
}
