import { type Html, html } from './html.ts'

export interface Page {
  readonly title: string
  readonly styles: readonly string[]
  readonly script: string
  readonly body: Html
}

export function layout({ title, styles, script, body }: Page): string {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
<link rel="icon" href="/assets/icon.svg" type="image/svg+xml">
${styles.map((name) => html`<link rel="stylesheet" href="/assets/${name}">`)}
<script type="module" src="/assets/${script}"></script>
</head>
<body>
${body}
</body>
</html>
`.markup
}
