import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Choice, EMBEDDED, type Look, type Mode, type Model, ollamaModel } from '../../../../services/memory/embedder/choice.ts'
import fc from '../../../property.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const HERE: Look = { ok: true, dimensions: 768 }
const AWAY: Look = { ok: false }
const NOMIC = ollamaModel('nomic-embed-text', 768)

const choose = (kept: Model | null = null, mode: Mode = 'auto', changed_at: number[] = []) =>
  new Choice({ mode, ollama_name: 'nomic-embed-text', kept, changed_at })

/** Looks every half minute from `from` on; gives the moments of changes. */
const watch = (choice: Choice, from: number, ms: number, lookAt: (at: number) => Look): number[] => {
  const changes: number[] = []
  for (let at = from; at < from + ms; at += MINUTE / 2) if (choice.saw(lookAt(at), at)?.isChange) changes.push(at)
  return changes
}

test('choice - the first look decides at once, and is no change', () => {
  assert.deepEqual(choose().saw(HERE, 0), { model: NOMIC, isChange: false })
  assert.deepEqual(choose().saw(AWAY, 0), { model: EMBEDDED, isChange: false })
  assert.equal(choose(null, 'ollama').saw(AWAY, 0), null)
  assert.equal(choose(null, 'embedded').current, EMBEDDED)
  assert.equal(choose(null, 'embedded').saw(HERE, 0), null)
})

test('choice - Ollama that is away for a moment is waited for; away for good, it is left, and come back to', () => {
  const choice = choose(NOMIC)
  assert.deepEqual(
    watch(choice, 0, 4 * MINUTE, () => AWAY),
    [],
  )
  assert.equal(choice.leaning(4 * MINUTE)?.until, 5 * MINUTE)
  assert.equal(choice.saw(HERE, 4 * MINUTE), null)
  assert.equal(choice.leaning(4 * MINUTE), null)
  assert.equal(watch(choice, 5 * MINUTE, 20 * MINUTE, () => AWAY).length, 1)
  assert.equal(choice.current, EMBEDDED)
  assert.equal(watch(choice, 25 * MINUTE, 20 * MINUTE, () => HERE).length, 1)
  assert.equal(choice.current?.name, NOMIC.name)
})

test('choice - what the settings no longer allow is left at the first look that knows better', () => {
  const renamed = new Choice({ mode: 'auto', ollama_name: 'other', kept: NOMIC, changed_at: [] })
  assert.equal(renamed.current, null)
  assert.equal(renamed.saw(HERE, 0)?.model.name, 'ollama:other:768')
  assert.equal(choose(EMBEDDED, 'ollama').current, null)
  assert.equal(choose(NOMIC, 'embedded').current, EMBEDDED)
  assert.equal(choose(NOMIC, 'auto').current, NOMIC)
})

test('choice - other dimensions are another model, taken only when they stay', () => {
  const choice = choose(NOMIC, 'ollama')
  assert.equal(choice.saw({ ok: true, dimensions: 384 }, 0), null)
  assert.equal(choice.saw(HERE, MINUTE), null)
  assert.equal(choice.saw({ ok: true, dimensions: 384 }, 2 * MINUTE), null)
  assert.equal(choice.saw({ ok: true, dimensions: 384 }, 3 * MINUTE), null)
  assert.equal(choice.saw({ ok: true, dimensions: 384 }, 4 * MINUTE)?.model.name, 'ollama:nomic-embed-text:384')
})

test('choice - two looks with a night between them say nothing of the night', () => {
  const choice = choose(NOMIC)
  assert.equal(choice.saw(AWAY, 0), null)
  assert.equal(choice.saw(AWAY, 8 * HOUR), null)
  assert.equal(choice.saw(AWAY, 8 * HOUR + MINUTE), null)
  assert.equal(choice.current, NOMIC)
})

test('choice - Ollama that is there every other minute causes no change, every other hour few', () => {
  const everyOther =
    (ms: number) =>
    (at: number): Look =>
      Math.floor(at / ms) % 2 === 0 ? HERE : AWAY
  assert.deepEqual(watch(choose(), 0, 24 * HOUR, everyOther(MINUTE)), [])
  assert.deepEqual(watch(choose(EMBEDDED), 0, 24 * HOUR, everyOther(MINUTE)), [])
  for (const ms of [5 * MINUTE, 10 * MINUTE, 30 * MINUTE, HOUR])
    assert.ok(watch(choose(), 0, 24 * HOUR, everyOther(ms)).length < 10, `every ${ms}`)
})

test('choice - whatever Ollama does, a day has fewer than ten changes', () => {
  const phase = fc.record({ here: fc.boolean(), minutes: fc.integer({ min: 1, max: 90 }) })
  fc.assert(
    fc.property(fc.array(phase, { minLength: 1, maxLength: 40 }), (phases) => {
      const looks = phases.flatMap(({ here, minutes }) => Array.from({ length: minutes * 2 }, () => (here ? HERE : AWAY)))
      const choice = choose(NOMIC)
      const changes = watch(choice, 0, 30 * HOUR, (at) => looks[(at / (MINUTE / 2)) % looks.length] ?? AWAY)
      for (const [index, at] of changes.entries()) {
        const day = changes.slice(index).filter((other) => other < at + 24 * HOUR)
        assert.ok(day.length < 10, `${day.length} changes`)
      }
    }),
  )
})

test('choice - a restart does not forget how often it was changed', () => {
  const often = choose(NOMIC, 'auto', [1 * MINUTE, 2 * MINUTE, 3 * MINUTE])
  assert.deepEqual(
    watch(often, 4 * MINUTE, 39 * MINUTE, () => AWAY),
    [],
  )
  assert.equal(watch(often, 43 * MINUTE, 5 * MINUTE, () => AWAY).length, 1)
})
