/** The predecessor's moments: `2026-01-31 08:15:00` (UTC), ISO 8601 with or without a zone, or seconds since 1970. */

/** Milliseconds since 1970; null for what is no moment. */
export const toMoment = (value: unknown): number | null => {
  if (typeof value === 'number') return Number.isFinite(value) && value >= 0 ? Math.round(value * 1_000) : null
  if (typeof value !== 'string') return null
  const text = value.trim().replace(/^(\d{4}-\d\d-\d\d) /, '$1T')
  const isBare = !/(Z|[+-]\d\d:?\d\d)$/i.test(text)
  const moment = Date.parse(isBare && text.includes('T') ? `${text}Z` : text)
  return Number.isSafeInteger(moment) && moment >= 0 ? moment : null
}
