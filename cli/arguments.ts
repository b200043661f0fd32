/** What followed the name of a command. Whatever it does not know is refused: a misspelt option must not mean the opposite. */
import { type ParseArgsConfig, parseArgs } from 'node:util'

/** The call was not understood; nothing was done. The message says what of it. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/**
 * Reads options (`--to X` and `--to=X` are the same) and words. Throws {@link UsageError} for what is not among `options`, for a value
 * that is missing or empty, and for more than `words` words.
 */
export const readArguments = <const Options extends NonNullable<ParseArgsConfig['options']>>(
  args: readonly string[],
  options: Options,
  words = 0,
) => {
  const read = () => {
    try {
      return parseArgs({ args: [...args], options, allowPositionals: true })
    } catch (error) {
      throw new UsageError((error as Error).message, { cause: error })
    }
  }
  const { values, positionals } = read()
  for (const [name, value] of Object.entries(values)) if (value === '') throw new UsageError(`--${name} needs a value`)
  const left = positionals.slice(words)
  if (left.length > 0) throw new UsageError(`"${left[0]}" is not understood`)
  return { values, words: positionals }
}
