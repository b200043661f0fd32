/** Writes the documents that are made from the code. `npm run docs` calls it. */
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { root } from '../source-tree.ts'
import { renderConfiguration } from './configuration.ts'
import { readSections } from './settings.ts'

const file = path.join(root, 'docs/configuration.md')
writeFileSync(file, renderConfiguration(await readSections()))
console.log(`Written: ${file}`)
