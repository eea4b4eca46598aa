import type { Mermaid } from 'mermaid'
import { useData, withBase } from 'vitepress'
import { type Component, computed, defineComponent, h, onMounted, ref, watch } from 'vue'

let diagrams = 0

/** A diagram in Mermaid's language. Without scripts the page shows its source. */
export const MermaidDiagram: Component = defineComponent({
  props: { code: { type: String, required: true } },
  setup(props) {
    const { isDark } = useData()
    const code = computed(() => decodeURIComponent(props.code))
    const svg = ref('')
    const id = `diagram-${++diagrams}`
    const draw = async (): Promise<void> => {
      const mermaid = await loadMermaid()
      mermaid.initialize({
        startOnLoad: false,
        theme: isDark.value ? 'dark' : 'neutral',
        fontFamily: 'inherit',
        sequence: { mirrorActors: false, useMaxWidth: false },
        flowchart: { useMaxWidth: false },
        state: { useMaxWidth: false },
      })
      svg.value = (await mermaid.render(id, code.value)).svg
    }
    onMounted(draw)
    watch(isDark, draw)
    return () =>
      svg.value === ''
        ? h('pre', { class: 'diagram', tabindex: 0 }, code.value)
        : // A screen reader reads the steps instead of loose labels.
          h('figure', {
            class: 'diagram',
            role: 'img',
            'aria-label': describe(code.value),
            innerHTML: svg.value,
          })
  },
})

/** The build copies Mermaid's own bundle: to bundle it again would take longer than the whole site. */
async function loadMermaid(): Promise<Mermaid> {
  const url = new URL(withBase('/mermaid/mermaid.esm.min.mjs'), location.href).href
  const { default: mermaid } = import.meta.env.DEV
    ? await import('mermaid')
    : await import(/* @vite-ignore */ url)
  return mermaid
}

/** The lines of the source as a sentence. */
function describe(code: string): string {
  const [, ...lines] = code.trim().split('\n')
  return lines
    .filter((line) => !/^\s*(?:participant|actor|direction)\b/.test(line))
    .map((line) => line.trim().replace(/\s*<?-+[->x)]*>?\s*(?=[\w[])/, ' to '))
    .join('; ')
}
