/** What a batch is told. The markers that it may end with are taught in one place; a test reads them back. */

/** How a batch has to end, for the model. */
export const HOW_TO_END = `End with exactly one of these markers, alone on the last line, outside of any code block:
[HARNESS_BATCH_DONE:<phase>:<done>/<total>]  when the batch is done and tasks are left (the counts are those of tasks.json)
[HARNESS_COMPLETE]  when every task of tasks.json is done
[HARNESS_BLOCKED:<task_id>:<reason>]  when only a person can help on; the reason says in one line what is needed
Do not write a marker anywhere else.`

const WHERE = `The plan is in .harness/tasks.json, with .harness/config.json and .harness/progress.md beside it. They lie in this working
directory, or in the project folder that the file .harness_project_dir names.`

const INTERRUPTED = `The batch before this one was interrupted in the middle of its work: it may have changed files without noting it down, and
tasks that are marked in_progress may be done, half done or not begun. Look at the state of the files first and set tasks.json and
progress.md right before you begin.

`

/** The order to do the next batch. @param isInterrupted whether the batch before was broken off, by a crash or a reboot */
export const chainPrompt = ({ isInterrupted }: { readonly isInterrupted: boolean }): string =>
  `Go on with the harness loop: do its next batch.

${isInterrupted ? INTERRUPTED : ''}${WHERE}

1. Read the three files.
2. Choose the next batch: the pending tasks of the current phase that belong together and wait for nothing else, no more than
   you can finish and check now.
3. Do exactly this batch. Set the "status" of each task in tasks.json to in_progress when you begin it, and to done once you have
   checked it, or to blocked. Note in progress.md what was done and what the next batch has to know.
4. Stop there, and tell in a few lines what was done.

Nobody can answer questions while you work. ${HOW_TO_END}`

/** The order to make a plan first, for a `tasks.json` without tasks. */
export const decomposePrompt = (): string =>
  `Go on with the harness loop: its plan has no tasks yet, so cut the work into tasks first.

${WHERE}

1. Read what there is of the goal: config.json, progress.md, the files of the project, this conversation.
2. Write tasks.json: {"metadata":{"project_name":"…","current_phase":"…"},"tasks":[{"id":"t1","title":"…","phase":"…",
   "status":"pending"}, …]}. Each task is small enough for one sitting and says how one sees that it is done.
3. Then do the first batch of them. Set the "status" of each to in_progress, done or blocked as you go, and note in progress.md
   what was done.

Nobody can answer questions while you work. ${HOW_TO_END}`
