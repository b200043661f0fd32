/**
 * Counts differing bits, 128 at once: the one loop that a search of a million vectors spends its time in. JavaScript has no
 * population count; by shifts and masks it takes three times as long, which a million vectors do not have.
 *
 * The module is assembled here from named instructions: 60 of them need no toolchain.
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
const V128_LOAD = [0xfd, 0x00, 0x00, 0x00]
const V128_ZERO = [0xfd, 0x0c, ...new Array<number>(16).fill(0)]
const V128_XOR = [0xfd, 0x51]
const I8X16_POPCNT = [0xfd, 0x62]
const I16X8_ADD_PAIRS_OF_I8 = [0xfd, 0x7d]
const I16X8_ADD = [0xfd, 0x8e, 0x01]
const I32X4_ADD_PAIRS_OF_I16 = [0xfd, 0x7f]
const i32x4Lane = (lane: number): number[] => [0xfd, 0x1b, lane]

const I32 = 0x7f
const V128 = 0x7b

/** `scan(vectors, count, blocks, query, out)`: all but `count` and `blocks` are addresses. `count` and `blocks` are above 0. */
const [VECTORS, COUNT, BLOCKS, QUERY, OUT, BLOCK, AT, SUM] = [0, 1, 2, 3, 4, 5, 6, 7]

const add = (local: number, amount: number): number[] => [LOCAL_GET, local, I32_CONST, amount, I32_ADD, LOCAL_SET, local]
const countDown = (local: number): number[] => [LOCAL_GET, local, I32_CONST, 1, I32_SUB, LOCAL_TEE, local]

const BODY = [
  ...LOOP,
  ...[...V128_ZERO, LOCAL_SET, SUM],
  ...[LOCAL_GET, BLOCKS, LOCAL_SET, BLOCK, LOCAL_GET, QUERY, LOCAL_SET, AT],
  ...LOOP,
  ...[LOCAL_GET, VECTORS, ...V128_LOAD, LOCAL_GET, AT, ...V128_LOAD, ...V128_XOR, ...I8X16_POPCNT],
  ...[...I16X8_ADD_PAIRS_OF_I8, LOCAL_GET, SUM, ...I16X8_ADD, LOCAL_SET, SUM],
  ...[...add(VECTORS, 16), ...add(AT, 16), ...countDown(BLOCK), BR_IF, 0],
  END,
  ...[LOCAL_GET, SUM, ...I32X4_ADD_PAIRS_OF_I16, LOCAL_SET, SUM, LOCAL_GET, OUT],
  ...[0, 1, 2, 3].flatMap((lane) => [LOCAL_GET, SUM, ...i32x4Lane(lane), ...(lane === 0 ? [] : [I32_ADD])]),
  ...I32_STORE16,
  ...[...add(OUT, 2), ...countDown(COUNT), BR_IF, 0],
  END,
  END,
]

/** Lengths as the format writes them: seven bits a byte, lowest first. */
const length = (value: number): number[] => (value < 128 ? [value] : [(value & 127) | 128, ...length(value >> 7)])
const section = (id: number, content: readonly number[]): number[] => [id, ...length(content.length), ...content]
const text = (value: string): number[] => [value.length, ...Buffer.from(value, 'latin1')]

const PAGE_BYTES = 65_536

const assemble = (): Uint8Array<ArrayBuffer> => {
  const code = [2, 2, I32, 1, V128, ...BODY]
  return new Uint8Array([
    ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
    ...section(1, [1, 0x60, 5, I32, I32, I32, I32, I32, 0]),
    ...section(2, [1, ...text('e'), ...text('memory'), 0x02, 0x00, 0x01]),
    ...section(3, [1, 0]),
    ...section(7, [1, ...text('scan'), 0x00, 0x00]),
    ...section(10, [1, ...length(code.length), ...code]),
  ])
}

export interface Kernel {
  readonly memory: Memory
  /** Writes for each of `count` vectors of `blocks` × 16 bytes how many bits differ from the query, as 16-bit numbers. */
  scan(vectors: number, count: number, blocks: number, query: number, out: number): void
}

export const openKernel = (): Kernel => {
  const memory = new WebAssembly.Memory({ initial: 8 })
  const instance = new WebAssembly.Instance(new WebAssembly.Module(assemble()), { e: { memory } })
  return { memory, scan: instance.exports.scan as Kernel['scan'] }
}

/** Makes room for `bytes` in all. Views of the memory made before are void then. */
export const reserve = ({ memory }: Kernel, bytes: number): void => {
  const missing = bytes - memory.buffer.byteLength
  if (missing > 0) memory.grow(Math.ceil(missing / PAGE_BYTES))
}
