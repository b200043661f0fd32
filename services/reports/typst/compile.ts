/** Compiles one paper: the folder it runs in has the template, the data and the fonts. Only the typesetter's process loads this. */
import { existsSync, readdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { NodeCompiler, type NodeError } from '@myriaddreamin/typst-ts-node-compiler'
import { coverageOf } from './coverage.ts'

interface Diagnostic {
  readonly message?: string
}

const wordsOf = (compiler: NodeCompiler, error: NodeError): string =>
  (compiler.fetchDiagnostics(error) as readonly Diagnostic[]).map(({ message }) => message ?? 'unknown').join('; ')

/** Every character of the data, once. */
const charactersOf = (value: unknown): Set<string> => new Set(JSON.stringify(value, null, 0).replace(/\\[nrtu"\\]/g, ''))

/** Writes `paper.pdf`. Throws with what the typesetter says. */
export const compilePaper = (folder: string, edition: string): { pages: number; lacking: string[] } => {
  const fonts = join(folder, 'fonts')
  const files = existsSync(fonts) ? readdirSync(fonts).map((name) => realpathSync(join(fonts, name))) : []
  const compiler = NodeCompiler.create({
    workspace: folder,
    fontArgs: [{ fontBlobs: files.map((file) => readFileSync(file)) }],
  })
  const compiled = compiler.compile({ mainFilePath: join(folder, edition) })
  const error = compiled.takeError()
  if (error !== null) throw new Error(wordsOf(compiler, error))
  const document = compiled.result
  if (document === null) throw new Error('there is no document')
  writeFileSync(join(folder, 'paper.pdf'), compiler.pdf(document))
  const covers = coverageOf(files.map((file) => readFileSync(file)))
  const data: unknown = JSON.parse(readFileSync(join(folder, 'paper.json'), 'utf8'))
  const lacking = [...charactersOf(data)].filter((sign) => (sign.codePointAt(0) ?? 0) > 0x7e && !covers(sign))
  return { pages: document.numOfPages, lacking }
}
