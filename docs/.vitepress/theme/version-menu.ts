import { useData } from 'vitepress'
import { type Component, defineComponent, h, onMounted, ref } from 'vue'
import { ROOT } from '../places.ts'

/** An entry of `versions.json`, which the workflow writes. */
interface Version {
  readonly name: string
  /** The folder of its site: '' or like '0.2/'. */
  readonly folder: string
}

/** Leads to the sites of other releases, newer ones too: it reads their list when the page is shown. */
export const VersionMenu: Component = defineComponent(() => {
  const { site } = useData()
  const versions = ref<readonly Version[]>([])
  onMounted(async () => {
    const response = await fetch(`${ROOT}versions.json`).catch(() => null)
    if (response?.ok) versions.value = await response.json()
  })
  const open = ({ target }: Event): void => location.assign((target as HTMLSelectElement).value)
  return () =>
    versions.value.length < 2
      ? null
      : h(
          'select',
          { class: 'versions', 'aria-label': 'Version of Pawl', onChange: open },
          versions.value.map(({ name, folder }) => {
            const path = ROOT + folder
            return h('option', { value: path, selected: path === site.value.base }, name)
          }),
        )
})
