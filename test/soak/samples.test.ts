/** What is judged of a run, on samples as a sound Switchboard gives them, and as broken ones would. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SERVICES } from '../crash/run/orders.ts'
import { createRandom } from '../crash/run/random.ts'
import { restarted, type Sample, verdictsOf } from './samples.ts'

/** As in a run of twenty minutes: a sample every three seconds, in which twenty pieces of work are done. */
const SAMPLES = 400
const WORK = 20

interface Faults {
  /** KB that the edge keeps of each piece of work. */
  readonly leak_kb?: number
  /** KB that a piece of work adds to the disk, by its number. */
  readonly disk_kb?: (piece: number) => number
  /** The sample with which another process of sessions begins. */
  readonly restart?: number
}

const samplesWith = ({ leak_kb = 0, disk_kb = () => 48, restart = SAMPLES }: Faults = {}): Sample[] => {
  const random = createRandom(7)
  let disk_mb = 30
  return Array.from({ length: SAMPLES }, (_, at) => {
    const work = (at + 1) * WORK
    disk_mb += (disk_kb(work) * WORK) / 1_024
    const serviceOf = (name: string) => {
      const database_mb = name === 'edge' ? 0 : work * 0.004
      // The teeth of the collector, and the pages of the database.
      const pss_mb = 50 + random.below(7) + Math.min(16, database_mb) + (name === 'edge' ? (work * leak_kb) / 1_024 : 0)
      const pid = name === 'sessions' && at >= restart ? 2 : 1
      return { pid, pss_mb, database_mb, descriptors: 40 + random.below(4), lag_ms: random.below(9) }
    }
    const services = Object.fromEntries(SERVICES.map((name) => [name, serviceOf(name)]))
    return { services, processes: 50 + random.below(6), disk_mb, work }
  })
}

const missed = (faults?: Faults): string[] => verdictsOf(samplesWith(faults)).flatMap(({ name, holds }) => (holds ? [] : [name]))

test('soak samples - of a sound run all holds, and each service has its rows', () => {
  assert.deepEqual(missed(), [])
  const names = verdictsOf(samplesWith()).map(({ name }) => name)
  for (const service of SERVICES)
    assert.equal(names.filter((name) => name.includes(` ${service} `) || name.endsWith(` ${service}`)).length, 4)
})

test('soak samples - a service that keeps a copy of what passes through it is found, by its name and no other', () => {
  assert.deepEqual(missed({ leak_kb: 4 }), ['kept by edge of 1,000 pieces of work'])
})

test('soak samples - a piece of work that costs more disk than before is found, and one that cost too much from the beginning', () => {
  assert.deepEqual(missed({ disk_kb: (piece) => (piece < (SAMPLES * WORK) / 2 ? 48 : 65) }), ['disk for a piece of work'])
  assert.deepEqual(missed({ disk_kb: () => 96 }), ['disk for a piece of work'])
})

test('soak samples - a service that became another process is told', () => {
  assert.deepEqual(restarted(samplesWith()), [])
  assert.deepEqual(restarted(samplesWith({ restart: 100 })), ['sessions'])
})
