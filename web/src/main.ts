/** The panel begins: language and theme before anything is drawn, then the app. */
import './app-shell.ts'
import { startLanguage } from './i18n/language.ts'
import { startTheme } from './theme.ts'

startTheme()
startLanguage()
document.body.append(document.createElement('app-shell'))
