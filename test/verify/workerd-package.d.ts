declare module 'workerd' {
  /** Where the program is. */
  const program: string
  // biome-ignore lint/style/noDefaultExport: it has no other
  export default program
}
