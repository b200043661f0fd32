/** What finds again by meaning: Ollama with its model, or the built-in one. */
import { z } from 'zod'
import { takeLogin } from '../../services/runtime/login-url.ts'
import { type Finding, findingsOf } from './finding.ts'
import type { Surroundings } from './surroundings.ts'

const Tags = z.object({ models: z.array(z.object({ name: z.string() })) })

export const checkOllama = async (around: Surroundings): Promise<Finding> => {
  const { ok, warn, fail } = findingsOf('ollama')
  const { EMBEDDINGS: mode, OLLAMA_BASE_URL: url, OLLAMA_EMBED_MODEL: model } = around.env
  if (mode === 'off') return ok('search goes by words, as EMBEDDINGS=off says')
  if (mode === 'embedded') return ok('the built-in model serves, as EMBEDDINGS=embedded says')
  const { address: place } = takeLogin(url)
  const missing = mode === 'ollama' ? fail : warn
  const meanwhile = mode === 'ollama' ? 'search goes by words alone' : 'the built-in model serves, which reads English only'
  let names: string[]
  try {
    names = Tags.parse(await around.fetchJson(`${url}/api/tags`)).models.map(({ name }) => name)
  } catch {
    return missing(
      `no Ollama answers on ${place}: ${meanwhile}`,
      `Install and start it (https://ollama.com), then: ollama pull ${model}. Or, to be content with that: EMBEDDINGS=embedded`,
    )
  }
  const isThere = names.some((name) => name === model || name === `${model}:latest`)
  if (isThere) return ok(`Ollama has ${model}`)
  return missing(`Ollama answers on ${place} and has no ${model}: ${meanwhile}`, `Fetch it: ollama pull ${model}`)
}
