/**
 * The sessions service broken on purpose, so that the run shows that it would notice: what is committed is not forced to the disk. A
 * kill does it no harm; a loss of power takes back what was acknowledged.
 */
import Database from 'better-sqlite3'

const { pragma } = Database.prototype
Database.prototype.pragma = function (this: Database.Database, source: string, options?: Database.PragmaOptions) {
  return pragma.call(this, source.startsWith('synchronous = ') ? 'synchronous = OFF' : source, options)
}

await import('../../run/sessions-main.ts')
