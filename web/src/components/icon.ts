/** Icons, drawn with lines on a grid of 24. They are ornaments: whoever shows one names the thing in words, too. */
import { html, type SVGTemplateResult, svg, type TemplateResult } from 'lit'

const DRAWINGS = {
  overview: svg`<rect x="3.5" y="3.5" width="7" height="8" rx="1.5"/><rect x="3.5" y="15" width="7" height="5.5" rx="1.5"/><rect x="13.5" y="3.5" width="7" height="5.5" rx="1.5"/><rect x="13.5" y="12.5" width="7" height="8" rx="1.5"/>`,
  chats: svg`<path d="M4 6.5A2.5 2.5 0 0 1 6.5 4h11A2.5 2.5 0 0 1 20 6.5v7A2.5 2.5 0 0 1 17.5 16H11l-4.5 4v-4A2.5 2.5 0 0 1 4 13.5z"/><path d="M8 8.5h8M8 11.7h5"/>`,
  tasks: svg`<path d="m4 6.5 1.7 1.7L8.8 5M4 13l1.7 1.7 3.1-3.2M12 7h8M12 13.5h8M12 19.5h8M5 19.5h2.5"/>`,
  jobs: svg`<circle cx="12" cy="12" r="8.5"/><path d="M12 7v5.2l3.4 2"/>`,
  memory: svg`<path d="M5 4.5h10.5L19 8v11.5H5z"/><path d="M8.5 4.5V9h6V4.7M8.5 13.5h7M8.5 16.5h4.5"/>`,
  metrics: svg`<path d="M4 4v16h16"/><path d="m7.5 15 3.5-4.5 3 2.5L19 7"/>`,
  reports: svg`<path d="M6 3.5h8L18.5 8v12.5H6z"/><path d="M13.5 3.5V8.5h5M9 12.5h6.5M9 16h6.5"/>`,
  settings: svg`<path d="M4 7h9M17.5 7H20M4 17h2.5M11 17h9"/><circle cx="15.2" cy="7" r="2.3"/><circle cx="8.7" cy="17" r="2.3"/>`,
  search: svg`<circle cx="10.8" cy="10.8" r="6.3"/><path d="m15.5 15.5 4.5 4.5"/>`,
  plus: svg`<path d="M12 5v14M5 12h14"/>`,
  close: svg`<path d="m6 6 12 12M18 6 6 18"/>`,
  check: svg`<path d="m5 12.5 4.5 4.5L19 7.5"/>`,
  more: svg`<path d="M5 12h.01M12 12h.01M19 12h.01" stroke-width="2.6"/>`,
  send: svg`<path d="M12 19V5.5M6 11.5l6-6 6 6"/>`,
  stop: svg`<rect x="6.5" y="6.5" width="11" height="11" rx="2"/>`,
  back: svg`<path d="M19 12H5.5M11.5 6l-6 6 6 6"/>`,
  down: svg`<path d="M12 5v13.5M6 12.5l6 6 6-6"/>`,
  chevron: svg`<path d="m9 6 6 6-6 6"/>`,
  refresh: svg`<path d="M19.5 12a7.5 7.5 0 1 1-2.3-5.4"/><path d="M19.8 3.5v4h-4"/>`,
  play: svg`<path d="M7.5 5.5v13l11-6.5z"/>`,
  pause: svg`<path d="M8.5 5.5v13M15.5 5.5v13"/>`,
  edit: svg`<path d="M5 19l.8-3.8L16 5l3 3L8.8 18.2z"/><path d="m13.7 7.3 3 3"/>`,
  trash: svg`<path d="M5 7h14M10 7V4.5h4V7M7 7l.8 12.5h8.4L17 7M10.3 10.5v5.5M13.7 10.5v5.5"/>`,
  copy: svg`<rect x="8.5" y="8.5" width="11" height="11.5" rx="2"/><path d="M15.5 8.5V6a2 2 0 0 0-2-2H6.5a2 2 0 0 0-2 2v8a2 2 0 0 0 2 2h2"/>`,
  download: svg`<path d="M12 4v11M7 10.5l5 5 5-5M5 19.5h14"/>`,
  upload: svg`<path d="M12 15.5V4.5M7 9l5-5 5 5M5 19.5h14"/>`,
  warning: svg`<path d="M12 4 2.8 19.5h18.4z"/><path d="M12 10v4.5M12 17v.01"/>`,
  bad: svg`<circle cx="12" cy="12" r="8.5"/><path d="m9 9 6 6M15 9l-6 6"/>`,
  info: svg`<circle cx="12" cy="12" r="8.5"/><path d="M12 11v5M12 8v.01"/>`,
  ok: svg`<circle cx="12" cy="12" r="8.5"/><path d="m8.5 12.3 2.4 2.4 4.6-5"/>`,
  offline: svg`<path d="M4 4l16 16M8.5 16a5 5 0 0 1 6.6-.4M5 12.5a10 10 0 0 1 3.5-2.2M19 12.5a10 10 0 0 0-6-2.900M12 19.5v.01"/>`,
  tool: svg`<path d="M14.5 6.2a4.3 4.3 0 0 1 5.3 5.3 4.3 4.3 0 0 1-4.7 1L8.5 19a2.1 2.1 0 0 1-3-3l6.5-6.6a4.3 4.3 0 0 1 1-4.7 4.3 4.3 0 0 1 4.2-1l-3 2.900z"/>`,
  thinking: svg`<path d="M9 17.5a6 6 0 1 1 6 0V19a1.5 1.5 0 0 1-1.5 1.5h-3A1.5 1.5 0 0 1 9 19zM9.3 17h5.4"/>`,
  theme: svg`<circle cx="12" cy="12" r="8"/><path d="M12 4a8 8 0 0 1 0 16z" fill="currentColor"/>`,
  language: svg`<circle cx="12" cy="12" r="8.5"/><path d="M3.5 12h17M12 3.5c5 5.5 5 11.5 0 17M12 3.5c-5 5.5-5 11.5 0 17"/>`,
  leave: svg`<path d="M14 4.5H5.5v15H14M10.5 12H20M16.5 8.5 20 12l-3.5 3.5"/>`,
  key: svg`<circle cx="8.5" cy="15.5" r="4"/><path d="m11.5 12.5 7.5-7.5M16 8l2.5 2.5"/>`,
  external: svg`<path d="M18 13.5v5H5.5V6h5M13.5 4.5h6v6M19 5l-8 8"/>`,
  bell: svg`<path d="M6.5 16.5V11a5.5 5.5 0 0 1 11 0v5.5l1.5 1.5H5zM10 20.5h4"/>`,
} as const satisfies Record<string, SVGTemplateResult>

export type IconName = keyof typeof DRAWINGS

/** `icon('search')`, in the colour of the text around it. */
export const icon = (name: IconName, size = 18): TemplateResult =>
  html`<svg
    width=${size}
    height=${size}
    viewBox="0 0 24 24"
    fill="none"
    stroke="currentColor"
    stroke-width="1.7"
    stroke-linecap="round"
    stroke-linejoin="round"
    aria-hidden="true"
    focusable="false"
  >${DRAWINGS[name]}</svg>`
