import type { Theme } from 'vitepress'
import DefaultTheme from 'vitepress/theme'
import { h } from 'vue'
import { MermaidDiagram } from './mermaid-diagram.ts'
import { VersionMenu } from './version-menu.ts'
import './style.css'

const theme: Theme = {
  extends: DefaultTheme,
  Layout: () =>
    h(DefaultTheme.Layout, null, {
      'nav-bar-content-after': () => h(VersionMenu),
      'nav-screen-content-after': () => h(VersionMenu),
    }),
  enhanceApp: ({ app }) => void app.component('MermaidDiagram', MermaidDiagram),
}

export default theme
