/** The style sheet of every page. */
export const STYLES = `:root {
  color-scheme: light dark;
  --page: #f7f7f5;
  --card: #fff;
  --raised: #f1f1ee;
  --line: #e3e3de;
  --line-strong: #8b8d88;
  --text: #1e2124;
  --quiet: #5b6167;
  --accent: #1f5f57;
  --accent-text: #fff;
  --accent-soft: #e3efec;
  --good: #1d6b41;
  --good-soft: #e1f1e7;
  --warn: #855400;
  --warn-soft: #faeed6;
  --bad: #a8261f;
  --bad-soft: #fbe6e3;
  --c-main: #3f8379;
  --c-reuse: #c0392f;
  --c-revoked: #d9902f;
  --c-logout: #5b86a8;
  --c-replaced: #93aebf;
  --c-expired: #b5b6ae;
  --c-other: #8a6ca3;
  --radius: 10px;
  --mono: ui-monospace, SFMono-Regular, Menlo, Consolas, monospace;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #141618;
    --card: #1c1f22;
    --raised: #25292d;
    --line: #2f3439;
    --line-strong: #7c848b;
    --text: #e6e7e5;
    --quiet: #a2a8ad;
    --accent: #7cc4b8;
    --accent-text: #10211e;
    --accent-soft: #1e3733;
    --good: #7fcf9f;
    --good-soft: #1a3325;
    --warn: #e8b765;
    --warn-soft: #3a2d14;
    --bad: #f1948a;
    --bad-soft: #42201d;
    --c-main: #62aa9f;
    --c-reuse: #e06a5f;
    --c-revoked: #dfa04d;
    --c-logout: #6c9cc1;
    --c-replaced: #4e6b7f;
    --c-expired: #70757a;
    --c-other: #a98bc2;
  }
}
*, ::before, ::after { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; scroll-padding-top: 1rem; }
body { margin: 0; background: var(--page); color: var(--text); font: 400 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
h1, h2, p, dl, dd, ul, ol, figure, pre { margin: 0; padding: 0; }
ul, ol { list-style: none; }
a { color: var(--accent); text-underline-offset: .18em; text-decoration-thickness: 1px; }
a:hover { text-decoration-thickness: 2px; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; border-radius: 4px; }
main:focus { outline: none; }
h1 { font-size: 1.6rem; line-height: 1.25; font-weight: 650; letter-spacing: -.012em; overflow-wrap: anywhere; }
h2 { font-size: 1rem; font-weight: 650; line-height: 1.4; }
h1 .id, h1.id { font-family: inherit; font-size: 1em; }
h2 small { font-weight: 400; color: var(--quiet); margin-inline-start: .35rem; }
small { font-size: .8125rem; }
code, .id, pre { font-family: var(--mono); font-size: .875em; overflow-wrap: anywhere; }
time { white-space: nowrap; }
svg { display: block; }
.hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.skip { position: absolute; left: -100vw; top: .5rem; background: var(--card); padding: .5rem 1rem; border-radius: 6px; z-index: 2; }
.skip:focus { left: .5rem; }

.top { display: flex; flex-wrap: wrap; align-items: center; gap: .5rem clamp(.6rem, 1.8vw, 1.5rem); padding: .7rem clamp(1rem, 3vw, 2rem); background: var(--card); border-bottom: 1px solid var(--line); }
.brand { display: flex; align-items: center; gap: .45rem; font-weight: 700; font-size: 1.06rem; letter-spacing: -.01em; color: var(--text); text-decoration: none; }
.logo { width: 1.5rem; height: 1.5rem; fill: none; stroke: var(--accent); stroke-width: 2; stroke-linecap: round; stroke-linejoin: round; }
.top nav { display: flex; gap: .15rem; }
.top nav a, .tabs a { padding: .35rem .7rem; border-radius: 7px; color: var(--quiet); text-decoration: none; font-weight: 500; }
.top nav a:hover, .tabs a:hover { background: var(--raised); color: var(--text); }
.top nav a[aria-current], .tabs a[aria-current] { background: var(--accent-soft); color: var(--accent); }
.search { display: flex; flex: 1 1 9rem; max-width: 26rem; margin-inline-start: auto; position: relative; }
.search input { width: 100%; font: inherit; color: inherit; background: var(--page); border: 1px solid var(--line-strong); border-radius: 8px; padding: .38rem 2.3rem .38rem .75rem; }
.search input::placeholder { color: var(--quiet); opacity: 1; }
.hidden-button { position: absolute; inset-block: 2px; inset-inline-end: 2px; width: 2.1rem; border: 0; border-radius: 6px; background: none; color: var(--quiet); cursor: pointer; display: grid; place-items: center; }
.hidden-button:hover { background: var(--raised); color: var(--text); }
.hidden-button svg { width: 1.1rem; fill: none; stroke: currentColor; stroke-width: 1.8; stroke-linecap: round; }
.who { color: var(--quiet); font-size: .875rem; max-width: 16rem; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.tag { display: inline-block; font-size: .75rem; font-weight: 600; padding: .05rem .5rem; border-radius: 99px; background: var(--raised); color: var(--quiet); vertical-align: .08em; }

main { max-width: 78rem; margin: 0 auto; padding: clamp(1.25rem, 3vw, 2.25rem) clamp(1rem, 3vw, 2rem) 2rem; display: grid; gap: 1.5rem; }
main > *, .columns > * { min-width: 0; }
footer { max-width: 78rem; margin: 0 auto; padding: 0 clamp(1rem, 3vw, 2rem) 2.5rem; color: var(--quiet); font-size: .8125rem; }
.lead { color: var(--quiet); max-width: 44rem; margin-top: .3rem; }
.eyebrow { color: var(--quiet); font-size: .875rem; margin-bottom: .15rem; }
.note { color: var(--quiet); font-size: .8125rem; max-width: 52rem; }
.head { display: flex; flex-wrap: wrap; align-items: flex-start; justify-content: space-between; gap: .75rem 2rem; }
.head > div:first-child { min-width: 0; flex: 1 1 24rem; }
.actions { display: flex; flex-wrap: wrap; gap: .5rem; }
.columns { display: grid; gap: 1.5rem; grid-template-columns: repeat(auto-fit, minmax(min(100%, 25rem), 1fr)); align-items: start; }
.column { display: grid; gap: 1.5rem; min-width: 0; }
.column > * { min-width: 0; }
.columns.three { gap: 1rem; grid-template-columns: repeat(auto-fit, minmax(min(100%, 14rem), 1fr)); align-items: stretch; }
section > h2 { margin-bottom: .75rem; }
section > .columns, section > .note { margin-top: 1rem; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: var(--radius); padding: 1.15rem 1.25rem; }
.card.flush { padding: 0; overflow: hidden; }
.empty { padding: 1.5rem 1.25rem; color: var(--quiet); }
.card:not(.flush) > .empty { padding: .25rem 0; }

.button { display: inline-block; font: inherit; font-size: .9rem; font-weight: 550; line-height: 1.3; padding: .5rem .9rem; border-radius: 8px; border: 1px solid var(--line-strong); background: var(--card); color: var(--text); text-decoration: none; cursor: pointer; }
.button:hover { background: var(--raised); }
.button.small { padding: .25rem .65rem; font-size: .8125rem; }
.button.primary { background: var(--accent); border-color: var(--accent); color: var(--accent-text); }
.button.danger { border-color: var(--bad); color: var(--bad); }
.button.button.danger:hover { background: var(--bad-soft); }
button.button.danger { background: var(--bad); color: var(--card); }
button.button.danger:hover { background: var(--bad); filter: brightness(.92); }
.more { text-align: center; }
.flush .more { padding: 1rem; border-top: 1px solid var(--line); }

.state { display: inline-block; font-size: .78rem; font-weight: 600; line-height: 1.5; padding: .06rem .55rem; border-radius: 99px; background: var(--raised); color: var(--quiet); white-space: nowrap; }
.state.active { background: var(--good-soft); color: var(--good); }
.state.warn { background: var(--warn-soft); color: var(--warn); }
.state.bad { background: var(--bad-soft); color: var(--bad); }
.calm { color: var(--quiet); display: flex; flex-wrap: wrap; align-items: baseline; gap: .35rem .7rem; }
.verdict { display: flex; gap: .5rem 1rem; align-items: baseline; border-inline-start: 4px solid var(--line-strong); }
.verdict p { max-width: 60rem; }
.verdict.active { border-inline-start-color: var(--good); }
.verdict.bad { border-inline-start-color: var(--bad); }
.notice { background: var(--accent-soft); color: var(--text); border: 1px solid var(--accent); border-radius: var(--radius); padding: .7rem 1.1rem; font-weight: 550; }
.findings { display: grid; gap: .9rem; }
.findings li { display: grid; grid-template-columns: 5.2rem 1fr; gap: .25rem .75rem; align-items: baseline; }
.findings .state { justify-self: start; }
.remedy { color: var(--quiet); }

.figures { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fit, minmax(min(100%, 10.5rem), 1fr)); }
.figure { background: var(--card); border: 1px solid var(--line); border-radius: var(--radius); padding: .9rem 1.1rem; }
.figure dt { color: var(--quiet); font-size: .875rem; }
.figure strong { display: block; font-size: 1.7rem; line-height: 1.3; font-weight: 620; letter-spacing: -.02em; font-variant-numeric: tabular-nums; }
.figure small { color: var(--quiet); }
.spark { width: 100%; height: 1.75rem; margin-top: .3rem; overflow: visible; }
.spark polyline { fill: none; stroke: var(--c-main); stroke-width: 1.6; vector-effect: non-scaling-stroke; stroke-linejoin: round; }
.live.stopped { opacity: .55; }

figcaption { font-weight: 600; margin-bottom: .9rem; font-size: .9375rem; }
figure.card { display: flex; flex-direction: column; }
figure details { margin-top: auto; }
.plot { position: relative; padding-top: 1.1rem; }
.plot .top { all: unset; position: absolute; top: -.2rem; left: 0; color: var(--quiet); font-size: .75rem; font-variant-numeric: tabular-nums; }
.bars { width: 100%; height: 7.5rem; border-bottom: 1px solid var(--line-strong); background: linear-gradient(var(--line), var(--line)) 0 0 / 100% 1px no-repeat, linear-gradient(var(--line), var(--line)) 0 50% / 100% 1px no-repeat; }
.bars rect:hover { opacity: .8; }
.axis { display: flex; justify-content: space-between; color: var(--quiet); font-size: .75rem; margin-top: .3rem; }
.legend { display: flex; flex-wrap: wrap; gap: .15rem .8rem; margin-top: .6rem; font-size: .78rem; color: var(--quiet); }
.legend li { display: flex; align-items: center; gap: .35rem; }
.legend svg { width: .65rem; height: .65rem; }
.c-main { fill: var(--c-main); } .c-reuse { fill: var(--c-reuse); } .c-revoked { fill: var(--c-revoked); } .c-logout { fill: var(--c-logout); }
.c-replaced { fill: var(--c-replaced); } .c-expired { fill: var(--c-expired); } .c-other { fill: var(--c-other); } .unknown { fill: var(--line-strong); }
details { margin-top: .8rem; font-size: .8125rem; }
figure details { padding-top: .8rem; }
summary { color: var(--quiet); cursor: pointer; width: fit-content; border-radius: 4px; }
summary:hover { color: var(--text); }
.scroll { overflow: auto; max-height: 17rem; margin-top: .5rem; }

table { width: 100%; border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { text-align: start; padding: .6rem .9rem; vertical-align: top; }
.scroll th, .scroll td { padding: .2rem .5rem; white-space: nowrap; }
thead th { color: var(--quiet); font-size: .8125rem; font-weight: 550; border-bottom: 1px solid var(--line); white-space: nowrap; }
tbody tr + tr > * { border-top: 1px solid var(--line); }
tbody th { font-weight: 500; }
.stack td:first-child, .stack th:first-child { padding-inline-start: 1.25rem; }
.stack tbody tr:hover { background: color-mix(in srgb, var(--raised) 45%, transparent); }
td small { display: block; color: var(--quiet); margin-top: .15rem; max-width: 19rem; }
td.device { min-width: 13rem; font-weight: 550; }
td .ip { display: block; min-width: 7.6rem; }
td a { text-decoration: none; }
td small a, td a:hover { text-decoration: underline; }
td.device a { color: var(--text); }
td.device .icon, .party .icon { color: var(--quiet); }
td.device a, .party { display: grid; grid-template-columns: auto 1fr; gap: 0 .55rem; align-items: start; overflow-wrap: anywhere; }
.party small { grid-column: 2; }
.icon { width: 1.2rem; height: 1.2rem; margin-top: .14rem; fill: none; stroke: currentColor; stroke-width: 1.5; stroke-linecap: round; stroke-linejoin: round; flex: none; }
h1.device { display: flex; gap: .6rem; align-items: flex-start; }
h1 .icon { width: 1.7rem; height: 1.7rem; margin-top: .18rem; color: var(--quiet); }
.over td.device a { color: var(--quiet); }
.none { color: var(--quiet); }
.tabs { display: flex; gap: .15rem; margin-bottom: -.75rem; }

.facts { display: grid; }
.facts > div { display: grid; grid-template-columns: minmax(8rem, 11.5rem) 1fr; gap: .15rem 1rem; padding: .5rem 0; border-top: 1px solid var(--line); }
.facts > div:first-child { border-top: 0; padding-top: 0; }
.facts > div:last-child { padding-bottom: 0; }
.facts dt { color: var(--quiet); }
.facts dd { overflow-wrap: anywhere; }
.rows > li { display: flex; flex-wrap: wrap; align-items: baseline; gap: .2rem .75rem; padding: .5rem 0; border-top: 1px solid var(--line); }
.rows > li:first-child { border-top: 0; }
.rows > li > span:not(.state) { color: var(--quiet); }
.rows .state { margin-inline-start: auto; }
.flush .rows { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 17rem), 1fr)); }
.flush .rows > li { padding: 0; border-top: 0; border-bottom: 1px solid var(--line); margin-bottom: -1px; }
.flush .rows a { flex: 1; padding: .6rem 1.25rem; text-decoration: none; }
.flush .rows a:hover { background: var(--raised); }
.rows + .note, .facts + .note, .timeline + .note { margin-top: .8rem; padding-top: .8rem; border-top: 1px solid var(--line); }
.card > .head { margin-bottom: .4rem; align-items: center; flex-wrap: nowrap; }
.card > .head h2 { flex: 1; }
.flush > .note { padding: 1rem 1.25rem; }

.timeline { position: relative; padding-inline-start: 1.35rem; display: grid; gap: 1rem; }
.timeline li { position: relative; }
.timeline li:not(:last-child)::after { content: ""; position: absolute; inset-inline-start: calc(-1rem - 1px); top: 1.3rem; bottom: -1.25rem; width: 2px; background: var(--line); }
.timeline li::before { content: ""; position: absolute; inset-inline-start: -1.35rem; top: .42rem; width: .7rem; height: .7rem; border-radius: 50%; background: var(--card); border: 2px solid var(--line-strong); }
.timeline .good::before { border-color: var(--good); background: var(--good); }
.timeline .bad::before { border-color: var(--bad); background: var(--bad); }
.timeline .future { color: var(--quiet); }
.timeline .future::before { border-style: dotted; }
.timeline span { display: block; overflow-wrap: anywhere; }
.timeline small { color: var(--quiet); }
pre { background: var(--raised); border-radius: 7px; padding: .8rem 1rem; overflow: auto; max-height: 24rem; white-space: pre-wrap; line-height: 1.55; }
section > h2 + pre { margin-top: 0; }

.events li { padding: .5rem 0 .5rem .8rem; border-top: 1px solid var(--line); position: relative; overflow-wrap: anywhere; }
.events li:first-child { border-top: 0; }
.events li::before { content: ""; position: absolute; inset-inline-start: 0; top: .75rem; bottom: .75rem; width: 3px; border-radius: 2px; background: var(--line); }
.events p::first-letter { text-transform: uppercase; }
.events .warn::before { background: var(--warn); }
.events .error::before { background: var(--bad); }
.events small { color: var(--quiet); }
.fields { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 11rem), 1fr)); gap: .8rem 1rem; align-items: end; }
.field label { display: block; color: var(--quiet); font-size: .8125rem; margin-bottom: .2rem; }
.field input { width: 100%; font: inherit; color: inherit; background: var(--page); border: 1px solid var(--line-strong); border-radius: 8px; padding: .42rem .7rem; min-width: 0; }
.field input::placeholder { color: var(--quiet); opacity: 1; }
.question { max-width: 42rem; }
.question h1 { font-size: 1.35rem; margin-bottom: .9rem; }
.effects { display: grid; gap: .55rem; margin-bottom: 1.4rem; padding-inline-start: 1.1rem; list-style: disc; overflow-wrap: anywhere; }
.effects li::marker { color: var(--line-strong); }
.question form { display: flex; flex-wrap: wrap; gap: .6rem; }
.question > p { margin-bottom: 1rem; overflow-wrap: anywhere; }

@media (max-width: 56rem) {
  .stack thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  .stack, .stack tbody, .stack tr { display: block; }
  .stack tr { padding: .85rem 1.25rem; display: grid; gap: .3rem 1.5rem; grid-template-columns: repeat(auto-fill, minmax(min(100%, 19rem), 1fr)); }
  .stack tbody tr + tr { border-top: 1px solid var(--line); }
  .stack tbody tr + tr > * { border-top: 0; }
  .stack td, .stack td:first-child { padding: 0; display: grid; grid-template-columns: 7.5rem 1fr; gap: 0 .75rem; }
  .stack td[data-label]::before { content: attr(data-label); color: var(--quiet); font-size: .8125rem; padding-top: .1rem; }
  .stack td > * { justify-self: start; }
  .stack td small { grid-column: 2; }
  .stack td.device, .stack td.first { display: block; grid-column: 1 / -1; font-size: 1.03rem; margin-bottom: .2rem; font-weight: 550; }
}
@media (max-width: 40rem) {
  .top { gap: .4rem 1rem; }
  .search { order: 3; flex-basis: 100%; max-width: none; }
  .who { margin-inline-start: auto; max-width: 10rem; }
  .top nav { order: 2; flex-basis: 100%; margin-inline: -.4rem; }
  .verdict, .findings li { display: block; }
  .verdict p { margin-top: .5rem; }
  .findings p { margin-top: .3rem; }
  .facts > div { grid-template-columns: 1fr; }
  .head .actions { flex: 1 1 100%; }
  .actions .button { padding-inline: .7rem; font-size: .875rem; }
  .search input { font-size: 16px; }
}
@media (prefers-reduced-motion: no-preference) {
  .button, .top nav a, .tabs a { transition: background-color .12s; }
}
@media (forced-colors: active) {
  .top nav a[aria-current], .tabs a[aria-current] { text-decoration: underline; text-decoration-thickness: 2px; }
  .state, .tag { outline: 1px solid; }
  .events li::before, .timeline li::before, .timeline li::after { forced-color-adjust: none; }
}
@media print {
  .top nav, .search, .actions, .more, .tabs { display: none; }
}
`
