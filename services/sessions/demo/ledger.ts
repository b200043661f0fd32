/** What the answers of this process have cost: made-up figures in the CLI's shape, the same for the same answer. */
export type Ledger = {
  /** Books one model call; returns its usage as the API would say it. */
  book(outputTokens: number, durationMs: number): Usage
  /** The cost fields of a result line, and a fresh page for the next one. */
  close(): object
  /** Dollars so far, what was carried over from earlier processes included. */
  cost(): number
}

export type Usage = {
  input_tokens: number
  cache_creation_input_tokens: number
  cache_read_input_tokens: number
  output_tokens: number
}

const INPUT_TOKENS = 100
const CACHE_CREATION_TOKENS = 7
const CACHE_READ_TOKENS = 11
const DOLLARS_PER_INPUT_TOKEN = 5e-6
const DOLLARS_PER_OUTPUT_TOKEN = 25e-6

export function createLedger(model: string, carried: number): Ledger {
  const total = { calls: 0, output: 0, durationMs: 0 }
  let turn = { calls: 0, output: 0 }
  const price = (page: { calls: number; output: number }) =>
    page.calls * INPUT_TOKENS * DOLLARS_PER_INPUT_TOKEN + page.output * DOLLARS_PER_OUTPUT_TOKEN
  const usage = (page: { calls: number; output: number }): Usage => ({
    input_tokens: page.calls * INPUT_TOKENS,
    cache_creation_input_tokens: page.calls * CACHE_CREATION_TOKENS,
    cache_read_input_tokens: page.calls * CACHE_READ_TOKENS,
    output_tokens: page.output,
  })
  const byModel = (page: { calls: number; output: number }, costUSD: number) => ({
    [model]: {
      inputTokens: page.calls * INPUT_TOKENS,
      outputTokens: page.output,
      cacheReadInputTokens: page.calls * CACHE_READ_TOKENS,
      cacheCreationInputTokens: page.calls * CACHE_CREATION_TOKENS,
      webSearchRequests: 0,
      costUSD,
      contextWindow: 200_000,
      maxOutputTokens: 64_000,
    },
  })
  return {
    book: (output, durationMs) => {
      total.calls += 1
      total.output += output
      total.durationMs += durationMs
      turn.calls += 1
      turn.output += output
      return usage({ calls: 1, output })
    },
    close: () => {
      const page = turn
      turn = { calls: 0, output: 0 }
      const cost = carried + price(total)
      return {
        duration_api_ms: total.durationMs,
        total_cost_usd: cost,
        usage: usage(page),
        modelUsage: byModel(total, cost),
        model_usage_since_last_result: byModel(page, price(page)),
      }
    },
    cost: () => carried + price(total),
  }
}
