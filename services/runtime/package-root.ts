/** Where the checkout is. Source and compiled code lie at different depths below it, so it is looked for. */
import { existsSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

/** The nearest folder with a package.json at or above the file of `moduleUrl` (`import.meta.url`). */
export const packageRoot = (moduleUrl: string): string => {
  const start = path.dirname(fileURLToPath(moduleUrl))
  for (let folder = start; ; folder = path.dirname(folder)) {
    if (existsSync(path.join(folder, 'package.json'))) return folder
    if (folder === path.dirname(folder)) throw new Error(`There is no package.json at or above ${start}`)
  }
}
