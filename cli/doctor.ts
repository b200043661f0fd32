/** `switchboard doctor`: looks at everything that Switchboard stands on, and says what to do. */
import { readArguments } from './arguments.ts'
import type { Command } from './command.ts'
import { examine } from './doctor/examination.ts'
import { toLines, worstOf } from './doctor/finding.ts'
import { surroundingsOf } from './doctor/surroundings.ts'

const VERDICT = { ok: 'All is well.', warn: 'It works; see the warnings.', fail: 'Something is wrong.' } as const

export const doctor: Command = {
  summary: 'Look at everything that Switchboard stands on and say what to do; exit code 1 when something is wrong',
  usage: '[--json]',
  opensHome: false,
  run: async (context) => {
    const { args, print } = context
    const { values } = readArguments(args, { json: { type: 'boolean' } })
    const findings = await examine(surroundingsOf(context, process.env))
    const state = worstOf(findings)
    if (values.json === true) print(JSON.stringify({ state, findings }, null, 2))
    else for (const line of [...toLines(findings), '', VERDICT[state]]) print(line)
    return state === 'fail' ? 1 : 0
  },
}
