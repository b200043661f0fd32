/** Runs benches one after the other and tells what they have found. */
import { writeFileSync } from 'node:fs'
import { cpus, loadavg, platform, release, totalmem } from 'node:os'
import type { Arguments } from './arguments.ts'
import { BENCHES } from './benches.ts'
import { PREDECESSOR } from './predecessor.ts'
import { isHeld, type Row } from './row.ts'
import { Scope } from './scope.ts'
import { renderTable } from './table.ts'

const machine = () => ({
  processors: cpus().length,
  model: cpus()[0]?.model ?? 'unknown',
  memory_mb: Math.round(totalmem() / 1_048_576),
  system: `${platform()} ${release()}`,
  node: process.versions.node,
})

const runOne = async (name: string, rounds: number, signal: AbortSignal): Promise<Row[]> => {
  const scope = new Scope()
  const broken = new Promise<never>((_, reject) => {
    if (signal.aborted) reject(signal.reason)
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
  try {
    return await Promise.race([BENCHES[name]?.run({ rounds, scope }) ?? [], broken])
  } finally {
    await scope.end()
  }
}

/** Resolves with the exit code: 1 when a bench failed or, where that is asked for, when a goal was missed. */
export const runBenches = async (args: Arguments, print: (line: string) => void, signal: AbortSignal): Promise<number> => {
  const about = machine()
  print(`${new Date().toISOString()} · ${about.processors} × ${about.model} · ${about.system} · Node.js ${about.node}`)
  print(`load before: ${(loadavg()[0] ?? 0).toFixed(1)} · ${args.rounds} rounds`)
  const found: { bench: string; rows: Row[] }[] = []
  const failed: string[] = []
  for (const name of args.names.length > 0 ? args.names : Object.keys(BENCHES)) {
    print(`\n== ${name}: ${BENCHES[name]?.summary}`)
    try {
      const rows = await runOne(name, args.rounds, signal)
      found.push({ bench: name, rows })
      renderTable(rows).forEach(print)
    } catch (error) {
      if (signal.aborted) throw error
      failed.push(name)
      print(`It failed: ${(error as Error).stack}`)
    }
    for (const line of PREDECESSOR[name] ?? []) print(`the predecessor, in another run: ${line}`)
  }
  if (args.json !== null)
    writeFileSync(args.json, `${JSON.stringify({ at: new Date().toISOString(), machine: about, found }, null, 2)}\n`)
  const rows = found.flatMap((bench) => bench.rows)
  const missed = rows.filter((row) => isHeld(row) === false).map(({ what }) => what)
  print(
    `\n${rows.filter((row) => isHeld(row)).length} goals held, ${missed.length} missed${failed.length > 0 ? `, ${failed.length} benches failed` : ''}`,
  )
  for (const what of missed) print(`missed: ${what}`)
  return failed.length > 0 || (args.check && missed.length > 0) ? 1 : 0
}
