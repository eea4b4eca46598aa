// biome-ignore-all lint/style/noDefaultExport: required by Next

export const metadata = { title: 'A Pawl example' }

export default function Layout({ children }) {
  return (
    <html lang="en">
      <body>{children}</body>
    </html>
  )
}
