// biome-ignore-all lint/style/noDefaultExport: Next asks for it

export default function StaticPage() {
  return <b>the same for everybody</b>
}
