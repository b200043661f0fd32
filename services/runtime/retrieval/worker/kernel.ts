/**
 * Counts differing bits, 128 at once: the one loop that a search of a million vectors spends its time in. JavaScript has no
 * population count; by shifts and masks it takes three times as long, which a million vectors do not have.
 *
 * The module is assembled here from named instructions, for the length of the vectors that are searched: so few need no toolchain.
 */

interface Memory {
  readonly buffer: ArrayBuffer
  grow(pages: number): number
}

/** The part of it that is used here; the types of Node.js leave it to those of browsers. */
declare const WebAssembly: {
  readonly Memory: new (about: { initial: number }) => Memory
  readonly Module: new (bytes: Uint8Array<ArrayBuffer>) => object
  readonly Instance: new (module: object, imports: object) => { readonly exports: Record<string, unknown> }
}

/** Lengths and numbers from 0 as the format writes them: seven bits a byte, lowest first. */
const unsigned = (value: number): number[] => (value < 128 ? [value] : [(value & 127) | 128, ...unsigned(value >> 7)])
/** As an operand, where bit 6 of the last byte is a sign. */
const signed = (value: number): number[] => (value < 64 ? [value] : [(value & 127) | 128, ...signed(value >> 7)])

/** Instructions of the WebAssembly specification (core 1 and fixed-width SIMD) by their names there. */
const LOCAL_GET = 0x20
const LOCAL_SET = 0x21
const LOCAL_TEE = 0x22
const I32_CONST = 0x41
const I32_ADD = 0x6a
const I32_SUB = 0x6b
const I32_STORE16 = [0x3b, 0x01, 0x00]
const LOOP = [0x03, 0x40]
const BR_IF = 0x0d
const END = 0x0b
const v128Load = (offset: number): number[] => [0xfd, 0x00, 0x00, ...unsigned(offset)]
const V128_XOR = [0xfd, 0x51]
const I8X16_POPCNT = [0xfd, 0x62]
const I8X16_ADD = [0xfd, 0x6e]
const I16X8_ADD_PAIRS_OF_I8 = [0xfd, 0x7d]
const I16X8_ADD = [0xfd, 0x8e, 0x01]
const I32X4_ADD_PAIRS_OF_I16 = [0xfd, 0x7f]
const i32x4Lane = (lane: number): number[] => [0xfd, 0x1b, lane]

const I32 = 0x7f
const V128 = 0x7b

/** `scan(vectors, count, query, out)`: all but `count`, which is above 0, are addresses. */
const [VECTORS, COUNT, QUERY, OUT, SUM] = [0, 1, 2, 3, 4]

const BLOCK_BYTES = 16
/** A byte of 8 bits that differ can be counted so often before it is full. */
const BYTE_ROUNDS = 31

const add = (local: number, amount: number): number[] => [
  LOCAL_GET,
  local,
  I32_CONST,
  ...signed(amount),
  I32_ADD,
  LOCAL_SET,
  local,
]
const countDown = (local: number): number[] => [LOCAL_GET, local, I32_CONST, 1, I32_SUB, LOCAL_TEE, local]

/** How many bits of one block of the vector differ, byte for byte, added to what stands on the stack unless it is the first. */
const countBlock = (block: number, isFirst: boolean): number[] => {
  const at = v128Load(block * BLOCK_BYTES)
  return [LOCAL_GET, VECTORS, ...at, LOCAL_GET, QUERY, ...at, ...V128_XOR, ...I8X16_POPCNT, ...(isFirst ? [] : I8X16_ADD)]
}

/** All blocks of one vector, written out: eight 16-bit sums on the stack. */
const countVector = (blocks: number): number[] =>
  Array.from({ length: Math.ceil(blocks / BYTE_ROUNDS) }, (_, round) => {
    const first = round * BYTE_ROUNDS
    const here = Math.min(BYTE_ROUNDS, blocks - first)
    const bytes = Array.from({ length: here }, (_, index) => countBlock(first + index, index === 0)).flat()
    return [...bytes, ...I16X8_ADD_PAIRS_OF_I8, ...(round === 0 ? [] : I16X8_ADD)]
  }).flat()

const bodyFor = (blocks: number): number[] => [
  ...LOOP,
  ...[...countVector(blocks), ...I32X4_ADD_PAIRS_OF_I16, LOCAL_SET, SUM, LOCAL_GET, OUT],
  ...[0, 1, 2, 3].flatMap((lane) => [LOCAL_GET, SUM, ...i32x4Lane(lane), ...(lane === 0 ? [] : [I32_ADD])]),
  ...I32_STORE16,
  ...[...add(VECTORS, blocks * BLOCK_BYTES), ...add(OUT, 2), ...countDown(COUNT), BR_IF, 0],
  END,
  END,
]

const section = (id: number, content: readonly number[]): number[] => [id, ...unsigned(content.length), ...content]
const text = (value: string): number[] => [value.length, ...Buffer.from(value, 'latin1')]

const PAGE_BYTES = 65_536

const assemble = (blocks: number): Uint8Array<ArrayBuffer> => {
  const code = [1, 1, V128, ...bodyFor(blocks)]
  return new Uint8Array([
    ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
    ...section(1, [1, 0x60, 4, I32, I32, I32, I32, 0]),
    ...section(2, [1, ...text('e'), ...text('memory'), 0x02, 0x00, 0x01]),
    ...section(3, [1, 0]),
    ...section(7, [1, ...text('scan'), 0x00, 0x00]),
    ...section(10, [1, ...unsigned(code.length), ...code]),
  ])
}

export interface Kernel {
  readonly memory: Memory
  /** Writes for each of `count` vectors how many bits differ from the query, as 16-bit numbers. */
  scan(vectors: number, count: number, query: number, out: number): void
}

/** For vectors of `blocks` × 16 bytes. */
export const openKernel = (blocks: number): Kernel => {
  const memory = new WebAssembly.Memory({ initial: 8 })
  const instance = new WebAssembly.Instance(new WebAssembly.Module(assemble(blocks)), { e: { memory } })
  return { memory, scan: instance.exports.scan as Kernel['scan'] }
}

/** Makes room for `bytes` in all. Views of the memory made before are void then. */
export const reserve = ({ memory }: Kernel, bytes: number): void => {
  const missing = bytes - memory.buffer.byteLength
  if (missing > 0) memory.grow(Math.ceil(missing / PAGE_BYTES))
}
