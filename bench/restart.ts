/** Sessions goes away while an agent speaks: how long its client hears nothing. */
import type { Bench } from './bench.ts'
import { openHouse } from './house.ts'
import { atMost, toRow } from './row.ts'
import { Scope } from './scope.ts'
import { interleave } from './statistics.ts'
import { ask } from './stream.ts'

const TOKENS = 400
const EACH_MS = 10
/** The word at which it goes. */
const AT = 100
const EXPECTED = ['hello', ...Array.from({ length: TOKENS }, (_, index) => `t${index}`)].join(' ')

/** The longest silence of a stream during which sessions went, in milliseconds. */
const measure = async (outer: Scope, how: 'killed' | 'restarted'): Promise<number> => {
  // A house of its own: PM2 waits ever longer before it starts again what ends often.
  const scope = new Scope()
  outer.after(() => scope.end())
  try {
    const house = await openHouse(scope)
    await ask(house.port, 'one', 'hello')
    const pid = await house.pidOf('sessions')
    let going: Promise<unknown> | undefined
    const answer = await ask(house.port, 'one', `{{label=hello tokens=${TOKENS} delay_ms=${EACH_MS}}}`, (words) => {
      if (words !== AT) return
      if (how === 'killed') process.kill(pid, 'SIGKILL')
      else going = house.context.pm2.startOrRestart('sessions')
    })
    await going
    const said = answer.words.map(({ text }) => text).join('')
    if (said !== EXPECTED) throw new Error(`the answer was not whole: ${said}`)
    if ((await house.pidOf('sessions')) === pid) throw new Error('sessions did not go')
    return Math.max(...answer.words.slice(1).map(({ at }, index) => at - (answer.words[index]?.at ?? at)))
  } finally {
    await scope.end()
  }
}

export const restart: Bench = {
  summary: 'The pause that a client sees when sessions is killed, or restarted, in the middle of a stream',
  run: async ({ rounds, scope }) => {
    const { killed, restarted } = await interleave(rounds, {
      killed: () => measure(scope, 'killed'),
      restarted: () => measure(scope, 'restarted'),
    })
    const goal = atMost(1_500)
    return [
      toRow({ what: 'sessions killed in mid-stream: pause for the client', unit: 'ms', rounds: killed, n: rounds, goal }),
      toRow({ what: 'sessions restarted in mid-stream: pause for the client', unit: 'ms', rounds: restarted, n: rounds, goal }),
    ]
  },
}
