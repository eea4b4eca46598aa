// biome-ignore-all lint/style/noDefaultExport: Next asks for it

export const metadata = { title: 'A Pawl example' }

export default function Layout({ children }) {
  return (
    <html lang="en">
      <body>{children}</body>
    </html>
  )
}
