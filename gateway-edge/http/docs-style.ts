/** The style sheet of the page at `/docs`. */
export const STYLE = `
:root {
  color-scheme: light dark;
  --ground: #ffffff; --raised: #f6f7f9; --line: #e1e4ea; --text: #1d2330; --soft: #5c6577;
  --link: #2456c7; --code: #eef0f4; --dark: #171c28; --pale: #e8ebf2;
  --get: #0b6b4f; --get-ground: #d9f2e8; --post: #1f4fb4; --post-ground: #dde8fd;
  --put: #8a5300; --put-ground: #fbecd0; --delete: #a3232f; --delete-ground: #fbdde0;
  --sans: system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
  --mono: ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #12151c; --raised: #191d26; --line: #2b313d; --text: #e3e7ef; --soft: #9aa4b5;
    --link: #8db2ff; --code: #232935; --dark: #0b0d12; --pale: #d7dce6;
    --get: #7fe0bd; --get-ground: #123a2e; --post: #a5c3ff; --post-ground: #1a2f5c;
    --put: #f3c577; --put-ground: #45310f; --delete: #ffa3ab; --delete-ground: #4f1b21;
  }
}
* { box-sizing: border-box; }
html { scroll-padding-top: 1rem; }
body { margin: 0; background: var(--ground); color: var(--text); font: 15px/1.55 var(--sans); overflow-wrap: break-word; }
a { color: var(--link); text-decoration: none; }
a:hover { text-decoration: underline; }
:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; border-radius: 4px; }
code, pre { font-family: var(--mono); font-size: .86em; }
p code, td code, li code { background: var(--code); border-radius: 4px; padding: .1em .35em; }
code.literal { white-space: nowrap; }
p { margin: .5rem 0; max-width: 46rem; }
.skip { position: absolute; left: -99rem; }
.skip:focus { left: 1rem; top: 1rem; background: var(--ground); padding: .5rem; z-index: 2; }
main { padding: 1.5rem 1.25rem 6rem; max-width: 62rem; min-width: 0; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 .75rem; letter-spacing: -.02em; }
.version { color: var(--soft); font-size: 1rem; font-weight: 400; letter-spacing: 0; }
header p:first-of-type { font-size: 1.05rem; }
header p { color: var(--soft); }
h2 { font-size: 1.35rem; margin: 3rem 0 .25rem; text-transform: capitalize; letter-spacing: -.01em; }
.about { color: var(--soft); margin-top: 0; }
article { border: 1px solid var(--line); border-radius: 10px; padding: 1rem 1.15rem 1.15rem; margin: 1.1rem 0; background: var(--raised); }
article:target { border-color: var(--link); box-shadow: 0 0 0 1px var(--link); }
h3 { font-size: 1rem; font-weight: 600; margin: 0; overflow-wrap: anywhere; }
h3 a { color: inherit; }
h3 code { font-size: .95em; }
h4 { font-size: .74rem; font-weight: 600; letter-spacing: .06em; text-transform: uppercase; color: var(--soft); margin: 1.1rem 0 .35rem; }
.summary { font-size: 1.02rem; }
.verb { display: inline-block; min-width: 3.6em; padding: .12em .5em; border-radius: 5px; text-align: center; font: 700 .72rem/1.5 var(--mono); }
.verb.get { color: var(--get); background: var(--get-ground); }
.verb.post { color: var(--post); background: var(--post-ground); }
.verb.put { color: var(--put); background: var(--put-ground); }
.verb.delete { color: var(--delete); background: var(--delete-ground); }
.open { margin-left: .5rem; color: var(--soft); font-size: .8rem; font-weight: 400; white-space: nowrap; }
.wide { overflow-x: auto; border: 1px solid var(--line); border-radius: 8px; background: var(--ground); margin: .4rem 0; }
table { border-collapse: collapse; width: 100%; font-size: .88rem; }
th, td { text-align: left; vertical-align: top; padding: .42rem .7rem; border-top: 1px solid var(--line); }
tr:first-child > * { border-top: 0; }
tbody tr:first-child > * { border-top: 0; }
thead + tbody tr:first-child > * { border-top: 1px solid var(--line); }
thead th { color: var(--soft); font-weight: 500; }
th[scope=row] { font-weight: 400; white-space: nowrap; }
.fields th[scope=row] { width: 14rem; }
.type { width: 13rem; color: var(--soft); }
.type code { background: none; padding: 0; color: inherit; }
.pair { display: block; }
.pair code { color: var(--text); }
.optional, .limit { color: var(--soft); font-size: .92em; white-space: nowrap; }
.answer + .answer { margin-top: .8rem; }
.answer p { margin: .2rem 0; }
.status { display: inline-block; font: 600 .8rem/1.5 var(--mono); padding: 0 .4em; border-radius: 5px; color: var(--get); background: var(--get-ground); }
.status.error { color: var(--soft); background: var(--code); font-weight: 400; }
.media { font: .8rem var(--mono); color: var(--soft); }
details { margin-top: .9rem; }
summary { cursor: pointer; color: var(--soft); font-size: .88rem; }
pre { margin: .9rem 0 0; padding: .8rem 1rem; background: var(--dark); color: var(--pale); border-radius: 8px; overflow-x: auto; line-height: 1.5; }
nav ul { list-style: none; margin: .2rem 0 1rem; padding: 0; }
nav li a { display: flex; gap: .5rem; align-items: baseline; padding: .17rem .35rem; border-radius: 6px; color: var(--text); font: .78rem/1.5 var(--mono); }
nav li a span:last-child { overflow-wrap: anywhere; }
nav li a:hover { background: var(--code); text-decoration: none; }
nav p { margin: .2rem .35rem; font-weight: 600; text-transform: capitalize; }
nav p a { color: inherit; }
nav .name { display: none; }
nav .verb { flex: none; font-size: .62rem; min-width: 4.1em; }
.side { display: none; }
.menu { border: 1px solid var(--line); border-radius: 10px; padding: .7rem 1rem; background: var(--raised); }
@media (min-width: 64rem) {
  body { display: grid; grid-template-columns: 21rem minmax(0, 1fr); }
  .side { display: block; position: sticky; top: 0; height: 100vh; overflow-y: auto; padding: 1.4rem .9rem 3rem; border-right: 1px solid var(--line); background: var(--raised); }
  .menu { display: none; }
  main { padding: 2.2rem 2.5rem 6rem; }
}
@media (max-width: 40rem) {
  tr { display: block; padding: .5rem .7rem; border-top: 1px solid var(--line); }
  tr:first-child { border-top: 0; }
  th, td { display: block; width: auto; padding: 0; border: 0; }
  .fields th[scope=row], .fields .type { display: inline; width: auto; white-space: normal; }
  .fields .type { margin-left: .6rem; }
  article { padding: .85rem .8rem 1rem; }
  .errors thead { display: none; }
  thead + tbody tr:first-child > * { border-top: 0; }
  .errors td:first-child, .errors th[scope=row] { display: inline; margin-right: .6rem; }
  .again { color: var(--soft); }
  .again::before { content: "again? "; }
}
@media print {
  .side, .menu { display: none; }
  body { display: block; }
  article { break-inside: avoid; }
}
`
