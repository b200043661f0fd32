/** What a `result` line of the CLI says: how the turn ended and what it took (`claude-cli.md` 2). */
import { asAmount, asCount, asList, asRecord, asText, type Json, jsonText } from './stream-json.ts'

export interface FoldResult {
  /**
   * `answered`, `failed` (an error of the API or a limit), `interrupted` (over the control channel), or `repeated` (the
   * CLI knew the message's uuid from before and did not run it again).
   */
  readonly kind: 'answered' | 'failed' | 'interrupted' | 'repeated'
  /** The answer; for a failure its text. */
  readonly text: string
  readonly input_tokens: number | null
  readonly output_tokens: number | null
  readonly cache_read_tokens: number | null
  readonly cache_creation_tokens: number | null
  /** As the CLI counts it: cumulative for the process, and now and then carried over by `--resume`. */
  readonly total_cost_usd: number | null
  /** What this turn alone has cost, where the CLI says so (2.1.330 does); else the difference of the totals is taken. */
  readonly turn_cost_usd: number | null
  readonly duration_ms: number | null
  readonly first_token_ms: number | null
  readonly model: string | null
}

/** What no turn costs, and no process lives: an agent that names more does not know. */
const MOST_USD = 1_000_000
const MOST_MS = 1e12

/** The result of a message that the CLI did not run, since it knew its uuid. */
export const REPEATED: FoldResult = {
  kind: 'repeated',
  text: '',
  input_tokens: null,
  output_tokens: null,
  cache_read_tokens: null,
  cache_creation_tokens: null,
  total_cost_usd: null,
  turn_cost_usd: null,
  duration_ms: null,
  first_token_ms: null,
  model: null,
}

const turnCostOf = (json: Json): number | null => {
  const models = Object.values(asRecord(json.model_usage_since_last_result))
  if (models.length === 0) return null
  return models.reduce<number>((sum, model) => sum + (asAmount(asRecord(model).costUSD, MOST_USD) ?? 0), 0)
}

const kindOf = (json: Json): FoldResult['kind'] => {
  if (asText(json.terminal_reason)?.startsWith('aborted') === true) return 'interrupted'
  // `subtype: success` does not mean success: API errors come with it and with `is_error`.
  return json.is_error === true || json.subtype !== 'success' ? 'failed' : 'answered'
}

/**
 * @param text what was said in the turn, for the case that the result carries no text of its own
 * @param model the model that answered, as the turn's lines named it
 */
export const resultOf = (json: Json, text: string, model: string | null): FoldResult => {
  const usage = asRecord(json.usage)
  const errors = asList(json.errors).map((error) => asText(error) ?? jsonText(error))
  const said = asText(json.result) || errors.join('\n')
  const kind = kindOf(json)
  return {
    kind,
    text: kind === 'failed' ? said || asText(json.subtype) || 'unknown error' : asText(json.result) || text,
    input_tokens: asCount(usage.input_tokens),
    output_tokens: asCount(usage.output_tokens),
    cache_read_tokens: asCount(usage.cache_read_input_tokens),
    cache_creation_tokens: asCount(usage.cache_creation_input_tokens),
    total_cost_usd: asAmount(json.total_cost_usd, MOST_USD),
    turn_cost_usd: turnCostOf(json),
    duration_ms: asAmount(json.duration_ms, MOST_MS),
    first_token_ms: asAmount(json.ttft_ms, MOST_MS),
    model,
  }
}

/** Whether a line is the result of a turn that the CLI began by itself, e.g. because a background tool ended. */
export const isOwnResult = (json: Json): boolean => json.type === 'result' && json.origin !== undefined
