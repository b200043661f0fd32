/** Vectors as they are stored: of length 1, and as one bit a dimension. */

/** The vector scaled to length 1; null where it has no direction or holds what is no number. */
export const toUnit = (vector: ArrayLike<number>): Float32Array | null => {
  let square = 0
  for (let index = 0; index < vector.length; index += 1) square += (vector[index] as number) ** 2
  if (!Number.isFinite(square) || square === 0) return null
  const length = Math.sqrt(square)
  return Float32Array.from(vector, (value) => value / length)
}

/** Bytes that the signs of a vector take: whole blocks of 16, since the scan reads 128 bits at once. */
export const signBytes = (dimensions: number): number => Math.ceil(dimensions / 128) * 16

/** A bit for each dimension, set where it is above zero. Two vectors differ in about angle ÷ π of their signs. */
export const toSigns = (vector: Float32Array): Uint8Array => {
  const signs = new Uint8Array(signBytes(vector.length))
  for (let index = 0; index < vector.length; index += 1) {
    if ((vector[index] as number) > 0) signs[index >> 3] = (signs[index >> 3] as number) | (1 << (index & 7))
  }
  return signs
}

/** As SQLite keeps it. */
export const toBlob = (vector: Float32Array): Buffer => Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength)
