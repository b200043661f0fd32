/**
 * The lines with which a batch says how it ended, printed by the model at the end of its answer:
 *
 *     [HARNESS_COMPLETE]
 *     [HARNESS_BATCH_DONE:<phase>:<done>/<total>]
 *     [HARNESS_BLOCKED:<task_id>:<reason>]
 *
 * A marker stands on a line of its own, outside of code fences, in the last 2,000 characters. White space and the signs
 * with which models dress things up (`*`, `_`, a backtick) may stand around it, backslashes before its own. A sentence that quotes one
 * does not count, nor does a quotation (`> …`) or a list item.
 *
 * The last marker counts, of whatever kind: an answer is written from front to back, so the last line is what it ended
 * with. By rank instead, a batch that says *complete* of a phase and *blocked* of the next would pass as complete.
 */

export type Marker =
  | { readonly kind: 'complete' }
  | { readonly kind: 'batch_done'; readonly phase: string; readonly done: number; readonly total: number }
  | { readonly kind: 'blocked'; readonly task_id: string; readonly reason: string }

/** The predecessor's window, in UTF-16 units: what stands further up was not said at the end. */
const WINDOW_CHARS = 2_000

/**
 * A line that opens or closes a code fence. A fence of backticks has none of them behind it in its line. What may stand
 * before it is bounded, here and below: replies are long, and the steps of a regular expression are kept on a stack.
 */
const FENCE = /^[^\S\r\n]{0,100}(`{3,}(?=[^`\r\n]*$)|~{3,})([^\r\n]*)$/gm
/** A line that may be a marker. */
const CANDIDATE = /^[ \t\u00a0\u3000*_`]{0,100}\\?\[HARNESS\\?_(?:COMPLETE|BATCH|BLOCKED)[^\r\n]*$/gm
/** What is taken off a line at both ends. */
const DRESS = /[\s*_`]/

const COUNTS = /^\s*(\d{1,9})\s*\/\s*(\d{1,9})\s*$/

const undress = (line: string): string => {
  let start = 0
  let end = line.length
  while (start < end && DRESS.test(line[start] as string)) start += 1
  while (start < end && DRESS.test(line[end - 1] as string)) end -= 1
  return line.slice(start, end).replace(/\\(?=[[\]_*])/g, '')
}

/** A text before and behind a colon. */
const splitAt = (text: string, colon: number): [string, string] =>
  colon === -1 ? [text.trim(), ''] : [text.slice(0, colon).trim(), text.slice(colon + 1).trim()]

const toBatchDone = (body: string): Marker | null => {
  const [phase, counts] = splitAt(body, body.lastIndexOf(':'))
  const [, done, total] = COUNTS.exec(counts) ?? []
  return phase === '' || done === undefined ? null : { kind: 'batch_done', phase, done: Number(done), total: Number(total) }
}

const toBlocked = (body: string): Marker | null => {
  const [task_id, reason] = splitAt(body, body.indexOf(':'))
  return task_id === '' ? null : { kind: 'blocked', task_id, reason }
}

/** The marker that a line is, or null. */
const parseLine = (line: string): Marker | null => {
  if (line.length > WINDOW_CHARS) return null
  const plain = undress(line)
  if (plain === '[HARNESS_COMPLETE]') return { kind: 'complete' }
  if (!plain.endsWith(']')) return null
  const bodyBehind = (name: string): string | null => (plain.startsWith(name) ? plain.slice(name.length, -1) : null)
  const batch = bodyBehind('[HARNESS_BATCH_DONE:')
  if (batch !== null) return toBatchDone(batch)
  const blocked = bodyBehind('[HARNESS_BLOCKED:')
  return blocked === null ? null : toBlocked(blocked)
}

interface Range {
  readonly start: number
  readonly end: number
}

/** Where code stands. A fence that nobody closes goes on to the end. */
const codeIn = (text: string): Range[] => {
  const code: Range[] = []
  let open: { readonly sign: string; readonly start: number } | null = null
  for (const { 0: line, 1: sign = '', 2: rest = '', index } of text.matchAll(FENCE)) {
    if (open === null) open = { sign, start: index }
    else if (sign.startsWith(open.sign) && rest.trim() === '') {
      code.push({ start: open.start, end: index + line.length })
      open = null
    }
  }
  return open === null ? code : [...code, { start: open.start, end: text.length }]
}

const markersIn = (text: string): (Range & { readonly marker: Marker })[] => {
  const candidates = [...text.matchAll(CANDIDATE)]
  if (candidates.length === 0) return []
  const code = codeIn(text)
  let next = 0
  return candidates.flatMap(({ 0: line, index: start }) => {
    // Both lists are in order: one walk, however many there are.
    while ((code[next]?.end ?? text.length) < start) next += 1
    const isCode = (code[next]?.start ?? text.length) <= start
    const marker = isCode ? null : parseLine(line)
    return marker ? [{ marker, start, end: start + line.length }] : []
  })
}

/** What a reply says at its end of how its batch ended, or null. */
export const findMarker = (reply: string): Marker | null => {
  const last = markersIn(reply).at(-1)
  return last && last.start >= reply.trimEnd().length - WINDOW_CHARS ? last.marker : null
}

/** A reply as a person reads it: without the lines that are markers, wherever they stand. */
export const withoutMarkers = (reply: string): string => {
  const markers = markersIn(reply)
  if (markers.length === 0) return reply
  const kept: string[] = []
  let isGap = true
  let at = 0
  for (const { start, end } of [...markers, { start: reply.length, end: reply.length }]) {
    // One empty line is left of the two around a marker.
    const piece: string = isGap ? reply.slice(at, start).replace(/^\n+/, '') : reply.slice(at, start)
    if (piece !== '') {
      kept.push(piece)
      isGap = piece.endsWith('\n\n')
    }
    at = reply[end] === '\r' && reply[end + 1] === '\n' ? end + 2 : end + 1
  }
  return kept.join('').trimEnd()
}
