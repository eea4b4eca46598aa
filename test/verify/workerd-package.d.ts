declare module 'workerd' {
  /** Path of the program. */
  const program: string
  // biome-ignore lint/style/noDefaultExport: the package has no named export
  export default program
}
