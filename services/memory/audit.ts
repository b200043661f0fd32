/** What of a bot's memories is worth tidying up. Looks and changes nothing. */
import type { z } from 'zod'
import type { memory } from '../../protocol/memory.ts'
import { meanVectors, nearPairs } from './duplicates.ts'
import { toMoment } from './presentation.ts'
import type { AuditRow, MemoryStore, NameRow } from './store.ts'

const DAY_MS = 86_400_000
/** Each row is compared with so many vectors behind it: 40 MB of them. */
const MAX_VECTORS = 20_000

type Input = z.output<typeof memory.methods.audit.input>
type Report = z.output<typeof memory.methods.audit.output>

const nameOf = ({ id, key }: NameRow): NameRow => ({ id, key })

/** Groups of rows with the same content whose first member is one of these. */
const groupsOf = (rows: readonly AuditRow[], looked: ReadonlySet<number>): NameRow[][] => {
  const groups = new Map<string, AuditRow[]>()
  for (const row of rows) {
    const digest = row.digest.toString('base64')
    const group = groups.get(digest)
    if (group === undefined) groups.set(digest, [row])
    else group.push(row)
  }
  return [...groups.values()]
    .filter((group) => group.length > 1 && looked.has(group[0]?.id ?? -1))
    .map((group) => group.map(nameOf))
}

/**
 * Looks at the next memories of a bot. Everything is compared with all that come later, so that asking on and on tells each
 * pair once. @param model whose vectors are compared
 */
export const auditOf = async (
  store: MemoryStore,
  { bot_id, after_id, limit, unused_days, oversized_chars }: Input,
  { model, now, signal }: { readonly model: string | null; readonly now: number; readonly signal: AbortSignal },
): Promise<Report> => {
  const rows = store.audit(bot_id)
  const later = rows.filter(({ id }) => id > after_id)
  const looked = later.slice(0, limit)
  const last = looked.at(-1)
  const ids = new Set(looked.map(({ id }) => id))
  const byId = new Map(later.map((row) => [row.id, row]))
  const vectors = model === null ? new Map() : meanVectors(store.vectors(bot_id, model, after_id, MAX_VECTORS))
  const pairs = last === undefined ? [] : await nearPairs(vectors, { from: looked[0]?.id ?? 0, to: last.id }, signal)
  const near = pairs.flatMap(({ a, b, distance }) => {
    const [first, second] = [byId.get(a), byId.get(b)]
    if (first === undefined || second === undefined || first.digest.equals(second.digest)) return []
    return [{ a: nameOf(first), b: { ...nameOf(second), distance } }]
  })
  return {
    checked: looked.length,
    exact: groupsOf(rows, ids),
    near,
    never_used: looked
      .filter((row) => row.use_count === 0 && row.created_at <= now - unused_days * DAY_MS)
      .map((row) => ({ ...nameOf(row), created_at: toMoment(row.created_at) })),
    oversized: looked
      .filter(({ chars }) => chars > oversized_chars)
      .sort((a, b) => b.chars - a.chars)
      .map(({ id, key, chars }) => ({ id, key, chars })),
    without_vector: looked.filter(({ id }) => !vectors.has(id)).length,
    next_after_id: last === undefined || later.length === looked.length ? null : last.id,
  }
}
