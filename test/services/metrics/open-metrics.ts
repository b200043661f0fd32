/** Reads the text format of Prometheus as strictly as promtool does, and finds the faults that `promtool check metrics` finds. */

export interface Series {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

export interface Exposition {
  readonly types: ReadonlyMap<string, string>
  readonly help: ReadonlyMap<string, string>
  readonly series: readonly Series[]
  /** What promtool would object to. */
  readonly faults: readonly string[]
}

const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/
const SAMPLE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (-?(?:[0-9.]+(?:e[+-]?\d+)?|Inf)|NaN|\+Inf)$/
const LABEL = /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)/
/** Units that promtool wants in their base form. */
const WRONG_UNIT = /_(milliseconds|ms|minutes|hours|days|kilobytes|megabytes|gigabytes|kb|mb|gb|percent|celsius_degrees)(_|$)/
const ABBREVIATED = /_(s|sec|b)(_|$)/

const labelsOf = (text: string, faults: string[]): Record<string, string> => {
  const labels: Record<string, string> = {}
  let rest = text
  while (rest !== '') {
    const [whole = '', name = '', value = ''] = LABEL.exec(rest) ?? []
    if (whole === '') {
      faults.push(`labels that cannot be read: ${rest}`)
      return labels
    }
    if (name in labels) faults.push(`the label ${name} stands twice`)
    if (name.startsWith('__') || name === 'le' || name === 'quantile') faults.push(`the label ${name} is reserved`)
    labels[name] = value
    rest = rest.slice(whole.length)
  }
  return labels
}

const lint = ({ types, help, series }: Omit<Exposition, 'faults'>, faults: string[]): void => {
  for (const [name, type] of types) {
    if (!NAME.test(name)) faults.push(`${name} is no name`)
    if (!help.has(name) || help.get(name) === '') faults.push(`${name} has no HELP`)
    if (type === 'counter' && !name.endsWith('_total')) faults.push(`${name} is a counter and does not end with _total`)
    if (type !== 'counter' && name.endsWith('_total')) faults.push(`${name} is no counter and ends with _total`)
    if (WRONG_UNIT.test(name) || ABBREVIATED.test(name)) faults.push(`${name} has a unit that is not a base unit`)
    if (/[A-Z]/.test(name)) faults.push(`${name} is not in snake_case`)
    if (name.includes(':')) faults.push(`${name} has a colon, which is for recording rules`)
    if (/_(gauge|counter|histogram|summary)(_|$)/.test(name)) faults.push(`${name} names its own type`)
    if (/_(bucket|count|sum)$/.test(name)) faults.push(`${name} ends as a part of a histogram`)
  }
  const seen = new Set<string>()
  for (const { name, labels, value } of series) {
    if (!types.has(name)) faults.push(`${name} has no TYPE`)
    if (types.get(name) === 'counter' && value < 0) faults.push(`${name} is a counter and negative`)
    const key = `${name}${JSON.stringify(Object.entries(labels).sort())}`
    if (seen.has(key)) faults.push(`${key} stands twice`)
    seen.add(key)
  }
  const order = series.map(({ name }) => name)
  for (const [index, name] of order.entries())
    if (name !== order[index - 1] && order.indexOf(name) !== index) faults.push(`${name} does not stand together`)
}

export const readExposition = (text: string): Exposition => {
  const faults: string[] = []
  const types = new Map<string, string>()
  const help = new Map<string, string>()
  const series: Series[] = []
  if (!text.endsWith('\n')) faults.push('the last line does not end')
  for (const line of text.split('\n')) {
    if (line === '') continue
    const [, keyword, name = '', rest = ''] = /^# (HELP|TYPE) (\S+) ?(.*)$/.exec(line) ?? []
    if (keyword !== undefined) {
      const map = keyword === 'HELP' ? help : types
      if (map.has(name)) faults.push(`${keyword} of ${name} stands twice`)
      if (keyword === 'TYPE' && !['gauge', 'counter', 'histogram', 'summary', 'untyped'].includes(rest))
        faults.push(`${name}: no type ${rest}`)
      if (series.some((one) => one.name === name)) faults.push(`${keyword} of ${name} comes behind its samples`)
      map.set(name, rest)
      continue
    }
    if (line.startsWith('#')) continue
    const [whole, sample = '', labels = '', value = ''] = SAMPLE.exec(line) ?? []
    if (whole === undefined) faults.push(`a line that cannot be read: ${line}`)
    else series.push({ name: sample, labels: labelsOf(labels, faults), value: Number(value.replace('Inf', 'Infinity')) })
  }
  lint({ types, help, series }, faults)
  return { types, help, series, faults }
}
