/**
 * Which characters fonts have: their `cmap` tables (OpenType 1.9, formats 4 and 12). The typesetter shows an empty box for what none
 * of them has and says nothing, so it is looked up here.
 */

type Range = readonly [first: number, last: number]

const tableOf = (font: Buffer, tag: string): Buffer | undefined => {
  const count = font.readUInt16BE(4)
  for (let at = 12; at < 12 + 16 * count; at += 16) {
    if (font.toString('latin1', at, at + 4) !== tag) continue
    const offset = font.readUInt32BE(at + 8)
    return font.subarray(offset, offset + font.readUInt32BE(at + 12))
  }
  return undefined
}

/** Groups of consecutive characters. */
const format12 = (table: Buffer): Range[] => {
  const count = table.readUInt32BE(12)
  return Array.from({ length: count }, (_, index) => [table.readUInt32BE(16 + 12 * index), table.readUInt32BE(20 + 12 * index)])
}

/** Segments: their ends, then their beginnings. */
const format4 = (table: Buffer): Range[] => {
  const count = table.readUInt16BE(6) / 2
  return Array.from(
    { length: count },
    (_, index): Range => [table.readUInt16BE(16 + 2 * (count + index)), table.readUInt16BE(14 + 2 * index)],
  )
}

const rangesOf = (font: Buffer): Range[] => {
  const cmap = tableOf(font, 'cmap')
  if (cmap === undefined) return []
  const count = cmap.readUInt16BE(2)
  const tables = Array.from({ length: count }, (_, index) => cmap.subarray(cmap.readUInt32BE(8 + 8 * index)))
  return tables.flatMap((table) => {
    const format = table.readUInt16BE(0)
    return format === 12 ? format12(table) : format === 4 ? format4(table) : []
  })
}

/** Whether any of these fonts has a character. */
export const coverageOf = (fonts: readonly Buffer[]): ((sign: string) => boolean) => {
  const ranges = fonts.flatMap(rangesOf)
  return (sign) => {
    const code = sign.codePointAt(0) ?? 0
    return ranges.some(([first, last]) => code >= first && code <= last)
  }
}
