/** What a check of the doctor says: how it is, and where it is not well, what to do. */

/** ok: as it should be; warn: it works, and something is missing or will hurt; fail: it does not work. */
export type State = 'ok' | 'warn' | 'fail'

export interface Finding {
  /** The check's name: a word or two, the same in every run. */
  readonly check: string
  readonly state: State
  /** What was found, in a sentence. Never holds a secret. */
  readonly what: string
  /** What to do, where there is anything to do. */
  readonly advice?: string
}

type Make = (what: string, advice?: string) => Finding

/** Makes findings of one check: `const { ok, warn, fail } = findingsOf('disk')`. */
export const findingsOf = (check: string): Readonly<Record<State, Make>> => {
  const make =
    (state: State): Make =>
    (what, advice) => ({ check, state, what, ...(advice === undefined ? {} : { advice }) })
  return { ok: make('ok'), warn: make('warn'), fail: make('fail') }
}

/** The worst of all states; `ok` where there are none. */
export const worstOf = (findings: readonly Finding[]): State => {
  if (findings.some(({ state }) => state === 'fail')) return 'fail'
  return findings.some(({ state }) => state === 'warn') ? 'warn' : 'ok'
}

const MARK: Readonly<Record<State, string>> = { ok: 'ok  ', warn: 'WARN', fail: 'FAIL' }

/** Findings as lines for a terminal: one each, the advice below it. */
export const toLines = (findings: readonly Finding[]): string[] => {
  const width = Math.max(0, ...findings.map(({ check }) => check.length))
  return findings.flatMap(({ check, state, what, advice }) => [
    `${MARK[state]}  ${check.padEnd(width)}  ${what}`,
    ...(advice === undefined ? [] : [`${' '.repeat(width + 8)}→ ${advice}`]),
  ])
}
