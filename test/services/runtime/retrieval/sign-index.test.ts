import assert from 'node:assert/strict'
import { test } from 'node:test'
import { toSigns, toUnit } from '../../../../services/runtime/retrieval/signs.ts'
import { SignIndex } from '../../../../services/runtime/retrieval/worker/sign-index.ts'
import fc from '../../../property.ts'

const bits = (left: Uint8Array, right: Uint8Array): number =>
  left.reduce((sum, byte, at) => sum + [...(byte ^ (right[at] as number)).toString(2)].filter((bit) => bit === '1').length, 0)

test('sign index - gives the nearest of those that pass, as counting by hand does, at any number of dimensions', () => {
  const vectors = (dimensions: number) =>
    fc.array(fc.array(fc.integer({ min: -3, max: 3 }), { minLength: dimensions, maxLength: dimensions }), {
      minLength: 1,
      maxLength: 60,
    })
  const given = fc
    .constantFrom(1, 8, 127, 128, 129, 512, 768)
    .chain((dimensions) => fc.tuple(fc.constant(dimensions), vectors(dimensions), fc.integer({ min: 1, max: 70 })))
  fc.assert(
    fc.property(given, fc.constantFrom('a', 'b', 'nobody', undefined), ([dimensions, all, count], bot_id) => {
      const index = new SignIndex(dimensions)
      const signs = all.map((vector) => toSigns(Float32Array.from(vector)))
      for (const [id, sign] of signs.entries())
        index.add({ passage_id: id, signs: sign, bot_id: id % 3 === 0 ? 'a' : 'b', scope: 's', role: 'user', created_at: id })
      const query = signs[0] as Uint8Array
      const passes = [...signs.keys()].filter((id) => bot_id === undefined || (id % 3 === 0 ? 'a' : 'b') === bot_id)
      const apart = (ids: readonly number[]) => ids.map((id) => bits(signs[id] as Uint8Array, query)).sort((x, y) => x - y)
      const found = index.nearest(query, { bot_id }, count)
      assert.deepEqual(apart(found), apart(passes).slice(0, count))
      assert.ok(found.every((id) => passes.includes(id)))
      assert.equal(new Set(found).size, found.length)
    }),
    { numRuns: 200 },
  )
})

test('sign index - grows past what one call counts and past its first room', () => {
  const index = new SignIndex(128)
  const far = toSigns(new Float32Array(128).fill(1))
  const near = toSigns(new Float32Array(128).fill(-1))
  for (let id = 0; id < 70_000; id += 1)
    index.add({
      passage_id: id,
      signs: id === 69_999 || id === 3 ? near : far,
      bot_id: 'a',
      scope: `s${id}`,
      role: 'user',
      created_at: id,
    })
  assert.equal(index.size, 70_000)
  assert.deepEqual(index.nearest(near, {}, 2), [3, 69_999])
  assert.deepEqual(index.nearest(near, { scope: 's69999' }, 2), [69_999])
  assert.deepEqual(index.nearest(near, { since: 4, until: 69_999 }, 1).length, 1)
  assert.deepEqual(index.nearest(near, { since: 69_999 }, 5), [69_999])
})

test('signs - a vector without direction or with something that is no number has no unit', () => {
  assert.equal(toUnit(new Float32Array(4)), null)
  assert.equal(toUnit(Float32Array.of(1, Number.NaN)), null)
  assert.equal(toUnit(Float32Array.of(1, Number.POSITIVE_INFINITY)), null)
  assert.deepEqual(toUnit(Float32Array.of(3, 4)), Float32Array.of(0.6, 0.8))
})
