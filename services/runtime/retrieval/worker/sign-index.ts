/**
 * The signs of all vectors of one model, in memory: which passages are worth a look into the database. Nothing is built and
 * nothing is balanced; what was removed from the database stays here until the index is made anew, and is not found there.
 *
 * Memory: a bit a dimension and 27 bytes for each vector; 124 MB for a million of 768 dimensions.
 */
import type { Filter } from '../retrieval.ts'
import { signBytes } from '../signs.ts'
import { type Kernel, openKernel, reserve } from './kernel.ts'

/** Vectors that are counted in one call, whose counts fit between query and vectors. */
const CHUNK = 65_536
const MAX_QUERY_BYTES = 8_192
const COUNTS_AT = MAX_QUERY_BYTES
const VECTORS_AT = COUNTS_AT + CHUNK * 2

/** A count that no vector has: it does not pass the filter. */
const OUT = 65_535

const FIRST_CAPACITY = 4_096

export interface Entry {
  readonly passage_id: number
  readonly signs: Uint8Array
  readonly bot_id: string
  readonly scope: string
  readonly role: string
  readonly created_at: number
}

/** Names as small numbers. */
class Names {
  readonly #known = new Map<string, number>()

  add(name: string): number {
    const known = this.#known.get(name)
    if (known !== undefined) return known
    this.#known.set(name, this.#known.size)
    return this.#known.size - 1
  }

  /** -1 asks for nothing; a name that nobody has is one that nobody has. */
  wanted(name: string | undefined): number {
    return name === undefined ? -1 : (this.#known.get(name) ?? this.#known.size)
  }
}

const grown = <T extends Float64Array | Uint32Array | Uint16Array>(array: T, made: T): T => {
  made.set(array)
  return made
}

export class SignIndex {
  readonly #bytes: number
  readonly #kernel: Kernel
  readonly #bots = new Names()
  readonly #scopes = new Names()
  readonly #roles = new Names()
  #size = 0
  #ids = new Float64Array(FIRST_CAPACITY)
  #created = new Float64Array(FIRST_CAPACITY)
  #bot = new Uint32Array(FIRST_CAPACITY)
  #scope = new Uint32Array(FIRST_CAPACITY)
  #role = new Uint16Array(FIRST_CAPACITY)
  #apart = new Uint16Array(FIRST_CAPACITY)
  readonly #histogram: Uint32Array

  /** Throws for more than 65,534 dimensions: no model has them. */
  constructor(dimensions: number) {
    if (!(dimensions > 0 && dimensions < OUT)) throw new Error(`A model of ${dimensions} dimensions cannot be searched`)
    this.#bytes = signBytes(dimensions)
    this.#kernel = openKernel(this.#bytes / 16)
    this.#histogram = new Uint32Array(this.#bytes * 8 + 1)
  }

  get size(): number {
    return this.#size
  }

  add({ passage_id, signs, bot_id, scope, role, created_at }: Entry): void {
    if (signs.length !== this.#bytes) return
    const slot = this.#size
    if (slot === this.#ids.length) this.#grow()
    const at = VECTORS_AT + slot * this.#bytes
    reserve(this.#kernel, at + this.#bytes)
    new Uint8Array(this.#kernel.memory.buffer, at, this.#bytes).set(signs)
    this.#ids[slot] = passage_id
    this.#created[slot] = created_at
    this.#bot[slot] = this.#bots.add(bot_id)
    this.#scope[slot] = this.#scopes.add(scope)
    this.#role[slot] = this.#roles.add(role)
    this.#size += 1
  }

  /** The numbers of the passages that pass the filter and whose signs differ least, at most `count`, in no order. */
  nearest(signs: Uint8Array, filter: Filter, count: number): number[] {
    this.#measure(signs)
    this.#takeOut(filter)
    const last = this.#farthest(count)
    const apart = this.#apart.subarray(0, this.#size)
    const near: number[] = []
    const border: number[] = []
    for (let slot = 0; slot < apart.length; slot += 1) {
      const bits = apart[slot] as number
      if (bits > last) continue
      if (bits < last) near.push(this.#ids[slot] as number)
      else if (border.length < count) border.push(this.#ids[slot] as number)
    }
    return [...near, ...border.slice(0, count - near.length)]
  }

  #measure(signs: Uint8Array): void {
    const { memory, scan } = this.#kernel
    new Uint8Array(memory.buffer, 0, this.#bytes).set(signs)
    const counts = new Uint16Array(memory.buffer, COUNTS_AT, CHUNK)
    for (let first = 0; first < this.#size; first += CHUNK) {
      const here = Math.min(CHUNK, this.#size - first)
      scan(VECTORS_AT + first * this.#bytes, here, 0, COUNTS_AT)
      this.#apart.set(counts.subarray(0, here), first)
    }
  }

  /** Marks what does not pass the filter. */
  #takeOut({ bot_id, scope, role, since, until }: Filter): void {
    const apart = this.#apart.subarray(0, this.#size)
    const out = (column: Uint32Array | Uint16Array, wanted: number): void => {
      if (wanted < 0) return
      for (let slot = 0; slot < apart.length; slot += 1) if (column[slot] !== wanted) apart[slot] = OUT
    }
    out(this.#bot, this.#bots.wanted(bot_id))
    out(this.#scope, this.#scopes.wanted(scope))
    out(this.#role, this.#roles.wanted(role))
    if (since === undefined && until === undefined) return
    const created = this.#created
    const from = since ?? Number.NEGATIVE_INFINITY
    const to = until ?? Number.POSITIVE_INFINITY
    for (let slot = 0; slot < apart.length; slot += 1) {
      const at = created[slot] as number
      if (at < from || at >= to) apart[slot] = OUT
    }
  }

  /** How many bits the farthest of the nearest `count` has apart; -1 where nothing passes. */
  #farthest(count: number): number {
    const histogram = this.#histogram.fill(0)
    const apart = this.#apart.subarray(0, this.#size)
    for (let slot = 0; slot < apart.length; slot += 1) {
      const bits = apart[slot] as number
      if (bits !== OUT) histogram[bits] = (histogram[bits] as number) + 1
    }
    let last = -1
    for (let bits = 0, found = 0; bits < histogram.length && found < count; bits += 1) {
      if (histogram[bits] === 0) continue
      found += histogram[bits] as number
      last = bits
    }
    return last
  }

  #grow(): void {
    const capacity = Math.ceil(this.#ids.length * 1.5)
    this.#ids = grown(this.#ids, new Float64Array(capacity))
    this.#created = grown(this.#created, new Float64Array(capacity))
    this.#bot = grown(this.#bot, new Uint32Array(capacity))
    this.#scope = grown(this.#scope, new Uint32Array(capacity))
    this.#role = grown(this.#role, new Uint16Array(capacity))
    this.#apart = grown(this.#apart, new Uint16Array(capacity))
  }
}
