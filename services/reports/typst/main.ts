/** The typesetter's process: `node main.js chinese.typ` in a folder with the template, its data and fonts. Says what it made as JSON. */
import { compilePaper } from './compile.ts'

try {
  process.stdout.write(JSON.stringify(compilePaper(process.cwd(), process.argv[2] ?? '')))
} catch (error) {
  process.stderr.write((error as Error).message)
  process.exitCode = 1
}
