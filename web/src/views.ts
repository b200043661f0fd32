/** The views, in the order of the navigation. Adding one is adding a row; each is loaded when somebody goes there. */
import { html, type TemplateResult } from 'lit'
import type { IconName } from './components/icon.ts'
import type { Route } from './router.ts'
import { shellWords } from './shell-words.ts'

export interface View {
  /** The first part of its links. */
  readonly name: string
  readonly icon: IconName
  readonly title: () => string
  /** Defines its element. */
  readonly load: () => Promise<unknown>
  readonly render: (route: Route) => TemplateResult
}

export const VIEWS: readonly View[] = [
  {
    name: 'overview',
    icon: 'overview',
    title: () => shellWords().views.overview,
    load: () => import('./views/overview/overview-view.ts'),
    render: () => html`<overview-view></overview-view>`,
  },
  {
    name: 'chats',
    icon: 'chats',
    title: () => shellWords().views.chats,
    load: () => import('./views/chats/chats-view.ts'),
    render: (route) => html`<chats-view .route=${route}></chats-view>`,
  },
  {
    name: 'tasks',
    icon: 'tasks',
    title: () => shellWords().views.tasks,
    load: () => import('./views/tasks/tasks-view.ts'),
    render: (route) => html`<tasks-view .route=${route}></tasks-view>`,
  },
  {
    name: 'jobs',
    icon: 'jobs',
    title: () => shellWords().views.jobs,
    load: () => import('./views/jobs/jobs-view.ts'),
    render: (route) => html`<jobs-view .route=${route}></jobs-view>`,
  },
  {
    name: 'memory',
    icon: 'memory',
    title: () => shellWords().views.memory,
    load: () => import('./views/memory/memory-view.ts'),
    render: (route) => html`<memory-view .route=${route}></memory-view>`,
  },
  {
    name: 'metrics',
    icon: 'metrics',
    title: () => shellWords().views.metrics,
    load: () => import('./views/metrics/metrics-view.ts'),
    render: (route) => html`<metrics-view .route=${route}></metrics-view>`,
  },
  {
    name: 'reports',
    icon: 'reports',
    title: () => shellWords().views.reports,
    load: () => import('./views/reports/reports-view.ts'),
    render: (route) => html`<reports-view .route=${route}></reports-view>`,
  },
  {
    name: 'settings',
    icon: 'settings',
    title: () => shellWords().views.settings,
    load: () => import('./views/settings/settings-view.ts'),
    render: () => html`<settings-view></settings-view>`,
  },
]

/** Where one is without a path. */
export const HOME = 'overview'

export const viewOf = (route: Route): View | undefined => {
  const name = route.view === '' ? HOME : route.view
  return VIEWS.find((view) => view.name === name)
}
