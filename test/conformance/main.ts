/** `npm run conformance`: every zone that Node.js knows, every transition of ten years, every hour and minute it touches. */
import { checkTransition, createFindings } from './check.ts'
import { allZones, FIRST_YEAR, transitionsByZone, YEARS } from './zones.ts'

const began = performance.now()
const zones = allZones()
const findings = createFindings()
let withTransitions = 0
for (const zone of zones) {
  for (const transitions of transitionsByZone([zone]).values()) {
    withTransitions += 1
    for (const transition of transitions) checkTransition(transition, findings)
  }
}
const { transitions, times, wrong, otherwise } = findings
const print = (line: string): void => void process.stdout.write(`${line}\n`)
print(`Time zone data ${process.versions.tz}, Node.js ${process.versions.node}, ${FIRST_YEAR} to ${FIRST_YEAR + YEARS - 1}`)
print(`${zones.length} zones, ${withTransitions} of them set their clocks: ${transitions} transitions, ${times} times of the day`)
print(`croner answers otherwise in ${otherwise.length} cases${otherwise[0] === undefined ? '' : `, the first: ${otherwise[0]}`}`)
print(`against the rule: ${wrong.length} (${Math.round((performance.now() - began) / 1_000)} s)`)
for (const line of wrong.slice(0, 50)) print(line)
process.exitCode = wrong.length === 0 && transitions > 0 ? 0 : 1
