/** Writes the documents that are made from the code. `npm run docs` calls it. */
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { root } from '../source-tree.ts'
import { renderConfiguration } from './configuration.ts'
import { renderReference } from './reference.ts'
import { readSections } from './settings.ts'

const documents = {
  'docs/configuration.md': renderConfiguration(await readSections()),
  'docs/reference.md': renderReference(),
}
for (const [file, text] of Object.entries(documents)) {
  writeFileSync(path.join(root, file), text)
  console.log(`Written: ${file}`)
}
