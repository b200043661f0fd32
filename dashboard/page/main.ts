/** The page as a browser starts it. */
import { DashboardPage } from './dashboard-page.ts'
import { applyTheme, readTheme } from './theme.ts'

applyTheme(readTheme())
customElements.define('dashboard-page', DashboardPage)
