/** How a build is broken on purpose for the losses of power: what is committed is not forced to the disk. */
import Database from 'better-sqlite3'

/** For every database that this process opens from now on. A kill does it no harm; a loss of power takes back what was acknowledged. */
export const forceNothing = (): void => {
  const { pragma } = Database.prototype
  Database.prototype.pragma = function (this: Database.Database, source: string, options?: Database.PragmaOptions) {
    return pragma.call(this, source.startsWith('synchronous = ') ? 'synchronous = OFF' : source, options)
  }
}
